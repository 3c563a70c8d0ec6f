// SPDX-License-Identifier: GPL-3.0-or-later
// What the forms of the account page share.
import { useState, type ReactNode } from 'react';
import { ApiError } from '../api/client';
import { Field } from '../components/ui';
import { useTexts } from '../i18n/context';
import type { TextKey } from '../i18n/translate';

/** A form that changes something only with the password, and with a code when the account has one. */
export function useProof() {
  const [password, setPassword] = useState('');
  const [otp, setOtp] = useState('');
  const [needsCode, setNeedsCode] = useState(false);
  const [code, setCode] = useState<string | null>(null);
  const [working, setWorking] = useState(false);
  const [done, setDone] = useState(false);

  const run = async (work: (otp: string | undefined) => Promise<unknown>) => {
    setWorking(true);
    setCode(null);
    setDone(false);
    try {
      await work(otp.trim() === '' ? undefined : otp.trim());
      setDone(true);
      setPassword('');
      setOtp('');
      setNeedsCode(false);
    } catch (error) {
      const said = error instanceof ApiError ? error.code : 'network';
      setCode(said);
      setOtp('');
      if (said === 'second_factor_required' || said === 'invalid_otp') {
        setNeedsCode(true);
      }
    }
    setWorking(false);
  };
  return { password, setPassword, otp, setOtp, needsCode, setNeedsCode, code, working, done, run };
}

export function CodeField({ value, onChange, error = null, autoFocus = false, hint = 'settings.code_hint' }: { value: string; onChange: (value: string) => void; error?: string | null; autoFocus?: boolean; hint?: TextKey }) {
  const { t } = useTexts();
  return <Field label={t('settings.code')} name="otp" hint={t(hint)} error={error} value={value} onChange={onChange} autoComplete="one-time-code" maxLength={20} required autoFocus={autoFocus} />;
}

export function Panel({ id, title, children }: { id: string; title: TextKey; children: ReactNode }) {
  const { t } = useTexts();
  return (
    <section className="panel" aria-labelledby={id} data-testid={id}>
      <h2 id={id}>{t(title)}</h2>
      {children}
    </section>
  );
}
