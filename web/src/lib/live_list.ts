// SPDX-License-Identifier: GPL-3.0-or-later
// The list of live streams as the server pushes it (docs/stream-list.md): a socket, and what its frames make of
// the list. While there is no list from a socket, `list` is null, and whoever shows one has to ask.
import type { Stream } from '../api/types';
import { Connection, type SocketLike } from '../chat/connection';

export interface LiveList {
  /** Newest first. */
  items: Stream[];
  /** There are older ones. */
  more: boolean;
}

/** The most streams that a socket follows. */
export const longestList = 1000;

export type ListFrame =
  | { type: 'streams'; limit: number; items: Stream[]; more: boolean }
  | { type: 'changes'; set: Stream[]; counts: { stream_id: number; viewer_count: number }[]; gone: number[]; more: boolean }
  | { type: 'reconnect'; after_ms: number }
  | { type: 'ping' | 'pong' | 'error' };

/** What the list is after a frame; the same object when the frame says nothing about it. */
export function applied(list: LiveList | null, frame: ListFrame): LiveList | null {
  if (frame.type === 'streams') {
    return { items: frame.items, more: frame.more };
  }
  if (frame.type !== 'changes' || list === null) {
    return list;
  }
  const byId = new Map(list.items.map((stream) => [stream.stream_id, stream]));
  frame.gone.forEach((id) => byId.delete(id));
  frame.set.forEach((stream) => byId.set(stream.stream_id, stream));
  for (const { stream_id: id, viewer_count } of frame.counts) {
    const known = byId.get(id);
    if (known) {
      byId.set(id, { ...known, viewer_count });
    }
  }
  const items = [...byId.values()].sort((a, b) => b.stream_id - a.stream_id);
  return { items, more: frame.more };
}

export interface LiveListOptions {
  open: (limit: number) => SocketLike;
  onChange: () => void;
  random?: () => number;
  now?: () => number;
}

/** Follows the list while started. */
export class LiveListClient {
  list: LiveList | null = null;
  private readonly connection: Connection;
  private wanted = 1;
  /** What the present socket gives at most. */
  private given = 0;

  constructor(private readonly options: LiveListOptions) {
    this.connection = new Connection({
      open: () => options.open(this.wanted),
      onOpen: () => undefined,
      onData: (data) => this.hear(data),
      onDown: () => this.forget(),
      onPhase: () => this.onPhase(),
      probe: '{"type":"ping"}',
      random: options.random ?? Math.random,
      now: options.now ?? Date.now,
    });
  }

  start(): void {
    this.connection.start();
  }

  stop(): void {
    this.connection.stop();
    this.forget();
  }

  /** The network came back. */
  suspect(): void {
    this.connection.suspect();
  }

  /** How many streams are to be followed; until a longer list comes the present one stands. */
  want(count: number): void {
    this.wanted = Math.min(count, longestList);
    if (this.given !== 0 && this.given < this.wanted) {
      this.given = 0;
      this.connection.reconnect();
    }
  }

  private hear(data: unknown): void {
    const frame = parsed(data);
    if (frame === null) {
      return;
    }
    if (frame.type === 'reconnect') {
      this.connection.leaveIn(frame.after_ms);
    } else if (frame.type === 'streams') {
      this.given = frame.limit;
    }
    const next = applied(this.list, frame);
    if (next !== this.list) {
      this.list = next;
      this.options.onChange();
    }
  }

  /** A socket that was given up for its silence is not told to be down. */
  private onPhase(): void {
    if (this.connection.phase === 'waiting' && this.given !== 0) {
      this.forget();
    }
  }

  private forget(): void {
    this.given = 0;
    if (this.list !== null) {
      this.list = null;
      this.options.onChange();
    }
  }
}

function parsed(data: unknown): ListFrame | null {
  try {
    const frame: unknown = JSON.parse(String(data));
    return typeof frame === 'object' && frame !== null && 'type' in frame ? (frame as ListFrame) : null;
  } catch {
    return null;
  }
}
