// SPDX-License-Identifier: GPL-3.0-or-later
// New messages for people who hear the page: a few at a time, never faster than they can be read out.
import { useEffect, useRef, useState } from 'react';
import { useTexts } from '../i18n/context';
import type { ChatState } from './chat_state';
import { announcementOf } from './announcement';

const every = 4000;

export function Announcer({ state }: { state: ChatState }) {
  const { t, plural } = useTexts();
  const [said, setSaid] = useState('');
  const upTo = useRef<number | null>(null);
  const latest = useRef(state);
  latest.current = state;
  const texts = useRef({ t, plural });
  texts.current = { t, plural };

  // What was there on joining is not news.
  const { joined } = state;
  useEffect(() => {
    if (joined) {
      const { items } = latest.current;
      upTo.current = items[items.length - 1]?.seq ?? 0;
    }
  }, [joined]);

  useEffect(() => {
    const timer = setInterval(() => {
      const { items, user } = latest.current;
      const newest = items[items.length - 1]?.seq ?? 0;
      if (upTo.current !== null && newest > upTo.current) {
        setSaid(announcementOf(items, upTo.current, user, texts.current.t, texts.current.plural));
        upTo.current = newest;
      }
    }, every);
    return () => clearInterval(timer);
  }, []);

  return (
    <div className="heard-only" aria-live="polite" aria-atomic="true" data-testid="chat-announcer">
      {said}
    </div>
  );
}
