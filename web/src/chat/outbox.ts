// SPDX-License-Identifier: GPL-3.0-or-later
// What this person said and the room has not shown yet, in the order it was said.
import type { Quote } from './protocol';

/** queued: not handed to a socket; sent: no answer yet; waiting: the store is away; held: a moderator
    decides; said: durable, its broadcast is on the way; failed: refused, or unknown. */
export type OutgoingState = 'queued' | 'sent' | 'waiting' | 'held' | 'said' | 'failed';

export interface Outgoing {
  nonce: string;
  text: string;
  replyTo: Quote | null;
  state: OutgoingState;
  /** Of the server, or `unconfirmed`: it may have been said. */
  code: string | null;
  /** Unit: ms of the clock; when trying again may help. */
  retryAt: number | null;
  /** When it was handed in. Unit: ms. */
  since: number;
  seq: number | null;
}

// Beyond this nobody types; the oldest refused one makes room.
const mostOutgoing = 50;
// The server answers within 60 s, also while its store is away. Unit: ms.
const answerDeadline = 65_000;
// The room tells what a moderator decided; while nobody was here to hear it, this ends the wait. Unit: ms.
const heldShownFor = 600_000;
// Between the answer to a message and the message in the room. Unit: ms.
const broadcastDeadline = 5000;
// Failures after which a message may have been said all the same.
const doubtful = new Set(['unconfirmed', 'unavailable', 'network']);

export function mayBeSaid({ code }: Outgoing): boolean {
  return code !== null && doubtful.has(code);
}

export class Outbox {
  list: Outgoing[] = [];
  private counter = 0;

  /** prefix: random, so that two pages of one session never use the same nonce. */
  constructor(private readonly prefix: string) {}

  add(text: string, replyTo: Quote | null, now: number): Outgoing | null {
    if (this.list.length >= mostOutgoing) {
      const oldest = this.list.findIndex(({ state }) => state === 'failed' || state === 'held');
      if (oldest < 0) {
        return null;
      }
      this.list = this.list.filter((_, i) => i !== oldest);
    }
    this.counter += 1;
    const nonce = `${this.prefix}-${this.counter}`;
    const made: Outgoing = { nonce, text, replyTo, state: 'queued', code: null, retryAt: null, since: now, seq: null };
    this.list = [...this.list, made];
    return made;
  }

  change(nonce: string, change: Partial<Outgoing>): void {
    this.list = this.list.map((entry) => (entry.nonce === nonce ? { ...entry, ...change } : entry));
  }

  remove(nonce: string): void {
    if (this.list.some((entry) => entry.nonce === nonce)) {
      this.list = this.list.filter((entry) => entry.nonce !== nonce);
    }
  }

  clear(): void {
    this.list = [];
  }

  find(nonce: string): Outgoing | undefined {
    return this.list.find((entry) => entry.nonce === nonce);
  }

  fail(nonce: string, code: string, retryAt: number | null = null): void {
    this.change(nonce, { state: 'failed', code, retryAt });
  }

  failHeld(code: string): void {
    this.list = this.list.map((entry) => (entry.state === 'held' ? { ...entry, state: 'failed', code, retryAt: null } : entry));
  }

  /** The room has told everything up to `seq`: what was said by then is shown, or gone again. */
  shown(seq: number): void {
    if (this.list.some((entry) => entry.seq !== null && entry.seq <= seq)) {
      this.list = this.list.filter((entry) => entry.seq === null || entry.seq > seq);
    }
  }

  /** To be sent now, oldest first. After a reconnect of the same session that is all without an answer. */
  unanswered(): Outgoing[] {
    return this.list.filter(({ state }) => state === 'queued' || state === 'sent' || state === 'waiting');
  }

  /** Another session began: what was handed to the old one may have been said, or not. */
  lostSession(): void {
    this.list = this.list.map((entry) =>
      entry.state === 'sent' || entry.state === 'waiting' ? { ...entry, state: 'failed', code: 'unconfirmed' } : entry,
    );
  }

  /** Durable for a while, and not seen in the room yet. */
  unseen(now: number): Outgoing[] {
    return this.list.filter(({ state, since }) => state === 'said' && now - since > broadcastDeadline);
  }

  /** True when something changed. */
  expire(now: number): boolean {
    const before = this.list;
    this.list = before
      .filter((entry) => entry.state !== 'held' || now - entry.since < heldShownFor)
      .map((entry) => {
        const late = now - entry.since >= answerDeadline;
        if (!late || entry.state === 'failed' || entry.state === 'held' || entry.state === 'said') {
          return entry;
        }
        return { ...entry, state: 'failed', code: entry.state === 'queued' ? 'network' : 'unconfirmed' };
      });
    return before.length !== this.list.length || this.list.some((entry, i) => entry !== before[i]);
  }
}
