// SPDX-License-Identifier: GPL-3.0-or-later
// One WebSocket after another: opens, watches for silence, comes back with growing, jittered pauses.
// Knows nothing of chat but that the server speaks at least every 30 s.

export type Phase = 'connecting' | 'open' | 'waiting' | 'closed';

export interface SocketLike {
  readyState: number;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number }) => void) | null;
  onerror: ((event: never) => void) | null;
  send(data: string): void;
  close(code?: number): void;
}

export interface ConnectionOptions {
  open: () => SocketLike;
  onOpen: () => void;
  onData: (data: unknown) => void;
  onDown: (info: { opened: boolean; code: number; attempt: number }) => void;
  onPhase: () => void;
  probe: string;
  random: () => number;
  now: () => number;
}

// Pauses between attempts: half to all of these. Unit: ms.
const firstPause = 600;
const longestPause = 30_000;
// The server sees too much of us: no sooner than this. Unit: ms.
const pauseAfterPolicy = 10_000;
// A connection that held this long begins counting anew. Unit: ms.
const stableAfter = 10_000;
// A ping comes every 30 s; silence for longer means that the way is cut. Unit: ms.
export const silenceLimit = 45_000;
const openDeadline = 15_000;
const probeDeadline = 5_000;
const tick = 1000;

export class Connection {
  phase: Phase = 'closed';
  /** When the next attempt is due. Unit: ms of the clock. */
  retryAt: number | null = null;
  attempt = 0;
  private socket: SocketLike | null = null;
  private opened = false;
  private openedAt = 0;
  private heardAt = 0;
  private probedAt: number | null = null;
  private leaveAt: number | null = null;
  private ticker: ReturnType<typeof setInterval> | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly options: ConnectionOptions) {}

  start(): void {
    if (this.phase === 'closed') {
      this.ticker = setInterval(() => this.check(), tick);
      this.connect();
    }
  }

  stop(): void {
    clearInterval(this.ticker);
    clearTimeout(this.timer);
    this.drop(1000);
    this.set('closed');
  }

  send(text: string): boolean {
    if (!this.socket || !this.opened || this.socket.readyState !== 1) {
      return false;
    }
    this.socket.send(text);
    return true;
  }

  /** Leaves the present socket and opens another, after a pause if one is asked for. */
  reconnect(pauseMs = 0): void {
    if (this.phase === 'closed') {
      return;
    }
    this.settle();
    this.drop(1000);
    this.wait(pauseMs);
  }

  /** The server is leaving: stays until then, and comes back at that moment, not before. */
  leaveIn(ms: number): void {
    if (this.phase !== 'closed') {
      clearTimeout(this.timer);
      this.leaveAt = this.options.now() + ms;
      this.timer = setTimeout(() => this.reconnect(), ms);
    }
  }

  /** The network came back, or the page was shown again: is the way still there? */
  suspect(): void {
    if (this.phase === 'waiting') {
      this.wait(0);
    } else if (this.phase === 'open' && this.options.now() - this.heardAt > silenceLimit) {
      this.reconnect();
    } else if (this.phase === 'open' && this.probedAt === null && this.send(this.options.probe)) {
      this.probedAt = this.options.now();
    }
  }

  private connect(): void {
    this.retryAt = null;
    this.leaveAt = null;
    this.opened = false;
    this.probedAt = null;
    this.heardAt = this.options.now();
    this.attempt += 1;
    let socket: SocketLike;
    try {
      socket = this.options.open();
    } catch {
      this.wait(this.pause());
      return;
    }
    this.socket = socket;
    this.set('connecting');
    // A socket that was left may still speak; only the present one is heard.
    socket.onopen = () => {
      if (this.socket === socket) {
        this.opened = true;
        this.openedAt = this.heardAt = this.options.now();
        this.set('open');
        this.options.onOpen();
      }
    };
    socket.onmessage = ({ data }) => {
      if (this.socket === socket) {
        this.heardAt = this.options.now();
        this.probedAt = null;
        this.options.onData(data);
      }
    };
    socket.onclose = ({ code }) => {
      if (this.socket === socket) {
        this.socket = null;
        this.down(code);
      }
    };
    socket.onerror = null; // a close always follows
  }

  private down(code: number): void {
    this.settle();
    const info = { opened: this.opened, code, attempt: this.attempt };
    this.opened = false;
    const planned = this.leaveAt === null ? null : Math.max(0, this.leaveAt - this.options.now());
    const pause = code === 1008 ? Math.max(pauseAfterPolicy, this.pause()) : this.pause();
    this.wait(planned ?? pause);
    this.options.onDown(info);
  }

  private settle(): void {
    if (this.opened && this.options.now() - this.openedAt >= stableAfter) {
      this.attempt = 0;
    }
  }

  private drop(code: number): void {
    const socket = this.socket;
    this.socket = null;
    this.opened = false;
    if (socket) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close(code);
    }
  }

  private wait(pauseMs: number): void {
    clearTimeout(this.timer);
    this.retryAt = this.options.now() + pauseMs;
    this.timer = setTimeout(() => this.connect(), pauseMs);
    this.set('waiting');
  }

  private pause(): number {
    const most = Math.min(longestPause, firstPause * 2 ** Math.max(0, this.attempt - 1));
    return Math.round(most / 2 + (this.options.random() * most) / 2);
  }

  private check(): void {
    const now = this.options.now();
    const silent = now - this.heardAt;
    const isLate =
      (this.phase === 'open' && (silent > silenceLimit || (this.probedAt !== null && now - this.probedAt > probeDeadline))) ||
      (this.phase === 'connecting' && silent > openDeadline);
    if (isLate) {
      const opened = this.opened;
      this.settle();
      this.drop(1000);
      // What was open is tried at once; what never opened waits its turn.
      if (opened) {
        this.wait(0);
      } else {
        this.down(1006);
      }
    }
  }

  private set(phase: Phase): void {
    this.phase = phase;
    this.options.onPhase();
  }
}
