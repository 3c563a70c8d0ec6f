// SPDX-License-Identifier: GPL-3.0-or-later
// What is read out of everything that was said since the last time. Pure.
import type { PluralKey, TextKey, Values } from '../i18n/translate';
import type { MessageEvent, Person } from './protocol';
import type { Item } from './store';
import { mentions } from './text';

const readOut = 3;

export function announcementOf(
  items: readonly Item[],
  after: number,
  me: Person | null,
  t: (key: TextKey, values?: Values) => string,
  plural: (key: PluralKey, count: number, values?: Values) => string,
): string {
  const fresh = items.filter(
    (item): item is MessageEvent => item.type === 'message' && item.seq > after && item.user.user_id !== me?.user_id,
  );
  // Who is spoken to hears that; of the rest the newest.
  const forMe = fresh.filter(({ message }) => mentions(message, me?.username ?? null)).slice(-readOut);
  const others = fresh.filter((item) => !forMe.includes(item)).slice(-readOut);
  const chosen = (forMe.length > 0 ? forMe : others).sort((a, b) => a.seq - b.seq);
  const left = fresh.length - chosen.length;
  const lines = chosen.map(({ user, message }) => t('chat.announce', { user: user.username, message }));
  return [...lines, ...(left > 0 ? [plural('chat.announce_more', left, { count: left })] : [])].join(' ');
}
