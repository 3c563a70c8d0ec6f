// SPDX-License-Identifier: GPL-3.0-or-later
// What the drawer's lists have in common.
import { useCallback, useEffect, useState, type ReactNode } from 'react';
import { Notice } from '../components/ui';
import { useTexts } from '../i18n/context';
import type { TextKey } from '../i18n/translate';
import { useCall } from './use_call';

export function Listing({ code, count, none, children }: { code: string | null; count: number | null; none: TextKey; children: ReactNode }) {
  const { t, errorText } = useTexts();
  return (
    <>
      {code && <Notice kind="error">{errorText(code)}</Notice>}
      {count === 0 && <p className="hint">{t(none)}</p>}
      {count !== null && count > 0 && <ul className="mod-list">{children}</ul>}
    </>
  );
}

/** A list that comes in pages. */
export function usePages<T>(load: (cursor: string | null) => Promise<{ items: T[]; next: string | null }>) {
  const [items, setItems] = useState<T[] | null>(null);
  const [next, setNext] = useState<string | null>(null);
  const { working, code, run } = useCall();
  const more = useCallback(
    (cursor: string | null) =>
      void run(async () => {
        const page = await load(cursor);
        setItems((before) => (cursor === null ? page.items : [...(before ?? []), ...page.items]));
        setNext(page.next);
      }),
    [load, run],
  );
  useEffect(() => more(null), [more]);
  return { items, setItems, next, more, working, code, run };
}

export function More({ next, more, working }: { next: string | null; more: (cursor: string) => void; working: boolean }) {
  const { t } = useTexts();
  return next === null ? null : (
    <button type="button" className="button button-quiet button-small" disabled={working} onClick={() => more(next)}>
      {t('home.more')}
    </button>
  );
}
