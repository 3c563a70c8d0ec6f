// SPDX-License-Identifier: GPL-3.0-or-later
// Asks every two seconds while someone looks, ever more rarely while there is no answer. Knows no React.
import { ApiError } from '../api/client';

// Unit: ms.
export const everyMs = 2000;
export const longestMs = 30_000;

/** How long to wait after so many failures in a row, and what the server asked for. Unit: ms. */
export function delayAfter(failures: number, retryAfterS: number | null): number {
  const ours = Math.min(everyMs * 2 ** Math.min(failures, 8), longestMs);
  return Math.max(ours, Math.min((retryAfterS ?? 0) * 1000, longestMs * 2));
}

export interface PollState {
  failures: number;
  /** Why the last one failed; null: it did not. */
  code: string | null;
  /** Until when it waits after a failure; as of `now`. */
  againAt: number;
}

export interface PollerParts {
  ask: (signal: AbortSignal) => Promise<void>;
  isHidden: () => boolean;
  now: () => number;
  changed: (state: PollState) => void;
}

export class Poller {
  private failures = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly controller = new AbortController();
  private underWay = false;
  private wanted = false;

  constructor(private readonly parts: PollerParts) {}

  /** Now, or when the question under way is answered: the page is shown again, or something was done. */
  wake = (): void => {
    if (this.underWay) {
      this.wanted = true;
      return;
    }
    void this.round();
  };

  stop(): void {
    this.controller.abort();
    clearTimeout(this.timer);
  }

  private async round(): Promise<void> {
    const { signal } = this.controller;
    clearTimeout(this.timer);
    if (signal.aborted || this.parts.isHidden()) {
      return; // wake() goes on when it is shown
    }
    this.underWay = true;
    this.wanted = false;
    let code: string | null = null;
    let retryAfter: number | null = null;
    try {
      await this.parts.ask(signal);
      this.failures = 0;
    } catch (error) {
      this.failures += 1;
      code = error instanceof ApiError ? error.code : 'network';
      retryAfter = error instanceof ApiError ? error.retryAfter : null;
    }
    this.underWay = false;
    if (signal.aborted) {
      return;
    }
    const wait = this.wanted && code === null ? 0 : delayAfter(this.failures, retryAfter);
    this.parts.changed({ failures: this.failures, code, againAt: this.parts.now() + wait });
    this.timer = setTimeout(() => void this.round(), wait);
  }
}
