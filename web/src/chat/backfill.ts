// SPDX-License-Identifier: GPL-3.0-or-later
// Fetches what the sequence lacks, a page at a time, oldest hole first, until nothing is missing.
import type { ChatOptions } from './chat_state';
import type { RoomEvent } from './protocol';
import type { Sequence } from './sequence';

export interface BackfillOptions {
  sequence: Sequence;
  history: ChatOptions['history'];
  /** A missing event; called only for those that are new. */
  take: (event: RoomEvent) => void;
  /** A page came. */
  done: () => void;
  /** A hole is larger than what is shown anyway: nothing before this number is of use. */
  skipTo: (seq: number) => void;
  /** How much is shown, and so filled. Unit: events. */
  most: number;
}

const pageLimit = 100;
const firstPause = 1000;
const longestPause = 30_000;

export class Backfill {
  private filling = false;
  private pause = firstPause;
  private timer: ReturnType<typeof setTimeout> | undefined;
  /** Answers to questions of an older round are not used. */
  private round = 0;

  constructor(private readonly options: BackfillOptions) {}

  /** The room began anew, or is left. */
  reset(): void {
    clearTimeout(this.timer);
    this.round += 1;
    this.filling = false;
    this.pause = firstPause;
  }

  fill(): void {
    const { sequence, most, skipTo } = this.options;
    if (this.filling || sequence.holes.length === 0) {
      return;
    }
    const missing = sequence.holes.reduce((sum, { from, to }) => sum + to - from + 1, 0);
    if (missing > most) {
      const first = sequence.last - most + 1;
      sequence.close(first - 1);
      skipTo(first);
    }
    this.filling = true;
    void this.fetch(this.round);
  }

  private async fetch(round: number): Promise<void> {
    const { sequence, history, take, done } = this.options;
    const hole = sequence.holes[0];
    if (!hole) {
      this.filling = false;
      return;
    }
    try {
      const page = await history({ after_seq: hole.from - 1, limit: pageLimit });
      if (round !== this.round) {
        return;
      }
      this.pause = firstPause;
      let newest = hole.from - 1;
      for (const event of page.messages) {
        newest = Math.max(newest, event.seq);
        // What is newer than the socket has told comes by the socket.
        if (event.seq <= sequence.last && sequence.accept(event.seq)) {
          take(event);
        }
      }
      const isAll = page.next === null || page.messages.length === 0;
      sequence.close(isAll ? hole.to : Math.min(newest, hole.to));
      done();
      this.filling = false;
      this.fill();
    } catch {
      if (round === this.round) {
        this.timer = setTimeout(() => {
          this.filling = false;
          this.fill();
        }, this.pause);
        this.pause = Math.min(longestPause, this.pause * 2);
      }
    }
  }
}
