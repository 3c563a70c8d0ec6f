// SPDX-License-Identifier: GPL-3.0-or-later
// Someone logged out here while the server was away: says so, and tells the server again and again.
import { useEffect, useState } from 'react';
import { api, useSession } from '../api/session';
import { useTexts } from '../i18n/context';
import { Notice } from './ui';

// An answer within this time is not worth a word. Unit: ms.
const quietFor = 1500;
const retryEvery = 5000;

export function LogOutNotice() {
  const { t } = useTexts();
  const { isLogOutPending } = useSession();
  const [shown, setShown] = useState(false);
  useEffect(() => {
    if (!isLogOutPending) {
      setShown(false);
      return undefined;
    }
    const again = () => void api.finishLogOut();
    const show = setTimeout(() => setShown(true), quietFor);
    const retry = setInterval(again, retryEvery);
    window.addEventListener('online', again);
    again(); // also what an earlier visit left behind
    return () => {
      clearTimeout(show);
      clearInterval(retry);
      window.removeEventListener('online', again);
    };
  }, [isLogOutPending]);
  return shown ? (
    <div className="frame-notice" data-testid="log-out-pending">
      <Notice kind="error">{t('nav.log_out_pending')}</Notice>
    </div>
  ) : null;
}
