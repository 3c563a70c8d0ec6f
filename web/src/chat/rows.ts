// SPDX-License-Identifier: GPL-3.0-or-later
// What the list draws, one row each: events, and what this person said that is not shown yet.
import type { ChatState } from './chat_state';
import type { Outgoing } from './outbox';
import type { Item } from './store';

export type Row = { key: string; item: Item; outgoing?: undefined } | { key: string; item?: undefined; outgoing: Outgoing };

// The same object for the same item, so that a row is not drawn again.
const made = new WeakMap<object, Row>();

function rowOf(item: Item): Row {
  const known = made.get(item);
  if (known) {
    return known;
  }
  const row: Row = { key: `s${item.seq}`, item };
  made.set(item, row);
  return row;
}

function outgoingRow(outgoing: Outgoing): Row {
  const known = made.get(outgoing);
  if (known) {
    return known;
  }
  const row: Row = { key: `n${outgoing.nonce}`, outgoing };
  made.set(outgoing, row);
  return row;
}

/** Who was sent out, and who was given a role, is for moderators and for the person concerned. */
export function rowsOf(state: Pick<ChatState, 'items' | 'outgoing' | 'user' | 'role'>): Row[] {
  const isModerator = state.role === 'owner' || state.role === 'moderator';
  const me = state.user?.user_id;
  const rows: Row[] = [];
  for (const item of state.items) {
    if (item.type === 'message' || item.type === 'mode' || isModerator || item.user_id === me) {
      rows.push(rowOf(item));
    }
  }
  for (const outgoing of state.outgoing) {
    rows.push(outgoingRow(outgoing));
  }
  return rows;
}

/** Where a row stands; half a step before the next one when it is gone; behind the last when nobody chose one. */
export function placeOf(rows: readonly Row[], key: string | null): number {
  const index = rows.findIndex((row) => row.key === key);
  if (key === null || index >= 0) {
    return key === null ? rows.length : index;
  }
  const seq = Number(key.slice(1));
  const next = key.startsWith('s') ? rows.findIndex(({ item }) => !item || item.seq > seq) : -1;
  return (next < 0 ? rows.length : next) - 0.5;
}

/** How many rows came after the one with this number. */
export function newerThan(rows: readonly Row[], seq: number): number {
  let count = 0;
  for (let i = rows.length - 1; i >= 0; i -= 1) {
    const item = rows[i]?.item;
    if (item && item.seq <= seq) {
      break;
    }
    if (item?.type === 'message') {
      count += 1;
    }
  }
  return count;
}
