// SPDX-License-Identifier: GPL-3.0-or-later
// What the room shows: messages and notices in the order of their numbers, bounded. What was deleted
// or cleared stays away, also when an older answer still brings it.
import type { BanEvent, MessageEvent, ModeEvent, RoleEvent, RoomEvent } from './protocol';

export type Item = MessageEvent | BanEvent | RoleEvent | ModeEvent;

/** Shown at the newest end; further back only while someone reads there. */
export const mostItems = 1000;
export const mostItemsReading = 3000;
// Deletions that are remembered against late answers.
const mostRemembered = 2000;

function remember<Key, Value>(map: Map<Key, Value>, key: Key, value: Value): void {
  map.delete(key);
  map.set(key, value);
  if (map.size > mostRemembered) {
    map.delete(map.keys().next().value as Key);
  }
}

export class Store {
  items: Item[] = [];
  /** Items are thrown away at the old end: there is more to load, whatever was known before. */
  trimmed = false;
  private deleted = new Map<number, true>();
  private cleared = new Map<number, number>();

  clear(): void {
    this.items = [];
    this.trimmed = false;
  }

  /** Nothing before this number is kept: a hole follows that is too large to fill. */
  dropBefore(seq: number): void {
    this.items = this.items.filter((item) => item.seq >= seq);
    this.trimmed = true;
  }

  get oldest(): number | null {
    return this.items[0]?.seq ?? null;
  }

  isDeleted(messageId: number): boolean {
    return this.deleted.has(messageId);
  }

  apply(event: RoomEvent): void {
    switch (event.type) {
      case 'deleted':
        remember(this.deleted, event.message_id, true);
        this.items = this.items
          .filter((item) => item.type !== 'message' || item.message_id !== event.message_id)
          .map((item) => this.withoutLostQuote(item));
        return;
      case 'cleared':
        remember(this.cleared, event.user_id, Math.max(event.seq, this.cleared.get(event.user_id) ?? 0));
        this.items = this.items
          .filter((item) => !this.isGone(item))
          .map((item) => this.withoutLostQuote(item));
        return;
      case 'message':
      case 'ban':
      case 'role':
      case 'mode':
        if (!this.isGone(event)) {
          this.insert(this.withoutLostQuote(event));
        }
        return;
      default:
    }
  }

  trim(limit: number): void {
    if (this.items.length > limit) {
      this.items = this.items.slice(this.items.length - limit);
      this.trimmed = true;
    }
  }

  private isGone(item: Item): boolean {
    return (
      item.type === 'message' &&
      (this.deleted.has(item.message_id) || item.seq < (this.cleared.get(item.user.user_id) ?? 0))
    );
  }

  /** A reply to something that vanished quotes it no more. */
  private withoutLostQuote(item: Item): Item {
    if (item.type !== 'message' || !item.reply_to || item.reply_to.message === '') {
      return item;
    }
    const { message_id: id, user_id: user } = item.reply_to;
    const gone = this.deleted.has(id) || item.seq < (this.cleared.get(user) ?? 0);
    return gone ? { ...item, reply_to: { ...item.reply_to, message: '' } } : item;
  }

  private insert(item: Item): void {
    const last = this.items[this.items.length - 1];
    if (!last || last.seq < item.seq) {
      this.items = [...this.items, item];
      return;
    }
    let low = 0;
    let high = this.items.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.items[middle] as Item).seq < item.seq) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    if (this.items[low]?.seq !== item.seq) {
      this.items = [...this.items.slice(0, low), item, ...this.items.slice(low)];
    }
  }
}
