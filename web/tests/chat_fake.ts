// SPDX-License-Identifier: GPL-3.0-or-later
// A socket and a room that tests hold in their hands.
import { vi } from 'vitest';
import { ChatClient } from '../src/chat/chat_client';
import type { ChatOptions, HistoryPage } from '../src/chat/chat_state';
import type { SocketLike } from '../src/chat/connection';
import type { ClientFrame, MessageEvent, RoomEvent, Welcome } from '../src/chat/protocol';

export const me = { user_id: 7, username: 'mika' };
export const other = { user_id: 8, username: 'ondine' };

export class FakeSocket implements SocketLike {
  readyState = 0;
  onopen: SocketLike['onopen'] = null;
  onmessage: SocketLike['onmessage'] = null;
  onclose: SocketLike['onclose'] = null;
  onerror: SocketLike['onerror'] = null;
  sent: ClientFrame[] = [];
  isLeft = false;

  constructor(readonly query: URLSearchParams) {}

  send(data: string): void {
    this.sent.push(JSON.parse(data) as ClientFrame);
  }
  close(): void {
    this.isLeft = true;
    this.readyState = 3;
  }
  open(): void {
    this.readyState = 1;
    this.onopen?.({} as never);
  }
  hear(frame: unknown): void {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }
  die(code = 1006): void {
    this.readyState = 3;
    this.onclose?.({ code });
  }
  get said() {
    return this.sent.filter((frame) => frame.type === 'message');
  }
}

export const message = (seq: number, text = `m${seq}`, user = other, more: Partial<MessageEvent> = {}): MessageEvent => ({
  type: 'message',
  seq,
  message_id: 1000 + seq,
  stream_id: null,
  user,
  message: text,
  created_at: new Date(Date.now()).toISOString(),
  ...more,
});

export const welcome = (seq: number, history: RoomEvent[] = [], more: Partial<Welcome> = {}): Welcome => ({
  type: 'welcome',
  session: 's1',
  resume: `r${seq}`,
  seq,
  history,
  user: me,
  channel: { user_id: 1, username: 'host' },
  mode: { slow_mode_s: 0, followers_only_min_age_s: null },
  role: 'user',
  stream: null,
  viewers: 3,
  ...more,
});

type Query = { before_seq?: number; after_seq?: number; limit: number };

/** A client over sockets that the test opens, speaks through and breaks. */
export function room(options: Partial<ChatOptions> = {}) {
  const sockets: FakeSocket[] = [];
  const asked: Query[] = [];
  const frames: (() => void)[] = [];
  let answer: (query: Query) => Promise<HistoryPage> = async () => ({ messages: [], next: null });
  const client = new ChatClient({
    open: (query) => {
      const socket = new FakeSocket(query);
      sockets.push(socket);
      return socket;
    },
    history: (query) => {
      asked.push(query);
      return answer(query);
    },
    token: async () => 'token',
    viewer: 'v'.repeat(20),
    random: () => 1,
    soon: (run) => void frames.push(run),
    prefix: 'n',
    ...options,
  });
  const draw = () => frames.splice(0).forEach((run) => run());
  return {
    client,
    sockets,
    asked,
    frames,
    draw,
    get socket() {
      return sockets[sockets.length - 1] as FakeSocket;
    },
    answers(with_: typeof answer) {
      answer = with_;
    },
    state() {
      draw();
      return client.snapshot();
    },
    texts() {
      draw();
      return client.snapshot().items.map((item) => (item.type === 'message' ? item.message : item.type));
    },
    join(seq = 0, history: RoomEvent[] = [], more: Partial<Welcome> = {}) {
      client.start();
      sockets[sockets.length - 1]?.open();
      sockets[sockets.length - 1]?.hear(welcome(seq, history, more));
    },
    /** The socket broke and another one is open. */
    async comeBack() {
      const before = sockets.length;
      (sockets[before - 1] as FakeSocket).die();
      await vi.advanceTimersByTimeAsync(1000);
      if (sockets.length === before) {
        throw new Error('it did not come back');
      }
      (sockets[sockets.length - 1] as FakeSocket).open();
      return sockets[sockets.length - 1] as FakeSocket;
    },
  };
}
