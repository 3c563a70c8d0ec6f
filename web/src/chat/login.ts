// SPDX-License-Identifier: GPL-3.0-or-later
// Keeps a chat session authorized: says `auth` when asked, again before the token ends, and after a
// pause when one was refused.

export interface LoginOptions {
  token: () => Promise<string | null>;
  /** False when there is no socket to say it on. */
  send: (token: string) => boolean;
  /** There is no token any more. */
  ended: () => void;
  now: () => number;
}

// The token is renewed this long before it ends, but not more often than this. Unit: ms.
const renewBefore = 60_000;
const pause = 5000;
// What setTimeout can count. Unit: ms.
const longestTimer = 2 ** 31 - 1;

export class Login {
  private underWay = false;
  private timer: ReturnType<typeof setTimeout> | undefined;
  /** Counts sockets: a token that comes late belongs to none. */
  private round = 0;

  constructor(private readonly options: LoginOptions) {}

  async authorize(): Promise<void> {
    if (this.underWay) {
      return;
    }
    this.underWay = true;
    const round = this.round;
    try {
      const token = await this.options.token();
      if (round !== this.round) {
        return;
      }
      if (token === null || !this.options.send(token)) {
        this.underWay = false;
      }
      if (token === null) {
        this.options.ended();
      }
    } catch {
      if (round === this.round) {
        this.refused();
      }
    }
  }

  accepted(expiresAt: string): void {
    this.underWay = false;
    const left = Date.parse(expiresAt) - this.options.now() - renewBefore;
    if (Number.isFinite(left)) {
      this.again(Math.max(pause, left));
    }
  }

  /** Or not answered. */
  refused(): void {
    this.underWay = false;
    this.again(pause);
  }

  /** The socket is gone: the next one begins anew. */
  down(): void {
    clearTimeout(this.timer);
    this.underWay = false;
    this.round += 1;
  }

  private again(ms: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.authorize(), Math.min(ms, longestTimer));
  }
}
