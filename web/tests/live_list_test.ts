// SPDX-License-Identifier: GPL-3.0-or-later
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Stream } from '../src/api/types';
import { applied, type LiveList, LiveListClient } from '../src/lib/live_list';
import { refreshed } from '../src/lib/merge';
import { FakeSocket } from './chat_fake';

const stream = (id: number, viewers = 0, status = 'live') => ({ stream_id: id, viewer_count: viewers, status, title: `t${id}` }) as Stream;
const whole = (ids: number[], { limit = 25, more = false } = {}) => ({ type: 'streams' as const, limit, items: ids.map((id) => stream(id)), more });
const changes = (some: object) => ({ type: 'changes' as const, set: [], counts: [], gone: [], more: false, ...some });
const ids = (list: LiveList | null) => list?.items.map((each) => each.stream_id);

describe('the frames of a list', () => {
  it('sets, counts and removes, and keeps the newest first', () => {
    const before = applied(null, whole([5, 3, 2]));
    const after = applied(before, changes({ set: [stream(4), stream(3, 7, 'reconnecting')], counts: [{ stream_id: 2, viewer_count: 9 }], gone: [5], more: true }));
    expect(ids(after)).toEqual([4, 3, 2]);
    expect(after?.items.map((each) => each.viewer_count)).toEqual([0, 7, 9]);
    expect(after?.items[1]?.status).toBe('reconnecting');
    expect(after?.more).toBe(true);
    expect(ids(before)).toEqual([5, 3, 2]);
    expect(before?.items[2]?.viewer_count).toBe(0);
  });

  it('forgets what it had when a whole list comes', () => {
    expect(ids(applied(applied(null, whole([5, 3])), whole([3, 1])))).toEqual([3, 1]);
  });

  it('passes over changes of a list it has not, counts of unknown streams, and frames it does not know', () => {
    expect(applied(null, changes({ set: [stream(1)] }))).toBeNull();
    const list = applied(null, whole([3]));
    expect(ids(applied(list, changes({ counts: [{ stream_id: 9, viewer_count: 1 }] })))).toEqual([3]);
    expect(applied(list, { type: 'ping' })).toBe(list);
    expect(applied(list, { type: 'later' } as never)).toBe(list);
  });
});

describe('streams from elsewhere', () => {
  it('are shown as the list has them, and go when it would have them', () => {
    const list = applied(null, { ...whole([]), items: [stream(9, 4), stream(7)] });
    expect(refreshed([stream(9, 1), stream(8), stream(3)], list)).toEqual([stream(9, 4)]);
    expect(refreshed([stream(9, 1)], null)).toEqual([stream(9, 1)]);
  });

  it('stay when the list ends before them', () => {
    expect(ids({ items: refreshed([stream(8), stream(3)], applied(null, whole([9, 7], { more: true }))), more: false })).toEqual([3]);
  });
});

describe('the socket of a list', () => {
  let sockets: { socket: FakeSocket; limit: number }[];
  let client: LiveListClient;
  let told: number;
  const last = () => sockets.at(-1)?.socket as FakeSocket;

  beforeEach(() => {
    vi.useFakeTimers();
    sockets = [];
    told = 0;
    client = new LiveListClient({
      open: (limit) => {
        const socket = new FakeSocket(new URLSearchParams());
        sockets.push({ socket, limit });
        return socket;
      },
      onChange: () => {
        told += 1;
      },
      random: () => 0.5,
      now: () => Date.now(),
    });
    client.want(24);
  });
  afterEach(() => {
    client.stop();
    vi.useRealTimers();
  });

  const begin = (frame: object = whole([3])) => {
    client.start();
    last().open();
    last().hear(frame);
  };

  it('has no list before the first whole one', () => {
    client.start();
    expect(sockets.map(({ limit }) => limit)).toEqual([24]);
    last().open();
    last().hear({ type: 'ping' });
    last().hear('no object');
    expect(client.list).toBeNull();
    expect(told).toBe(0);
    last().hear(whole([3]));
    expect(ids(client.list)).toEqual([3]);
    last().hear(changes({ gone: [3] }));
    expect(ids(client.list)).toEqual([]);
    expect(told).toBe(2);
  });

  it('gives the list up when it breaks, and comes back after a jittered pause', () => {
    begin();
    last().die();
    expect(client.list).toBeNull();
    vi.advanceTimersByTime(449);
    expect(sockets.length).toBe(1);
    vi.advanceTimersByTime(1);
    expect(sockets.length).toBe(2);
    last().die();
    vi.advanceTimersByTime(899);
    expect(sockets.length).toBe(2);
    vi.advanceTimersByTime(1);
    expect(sockets.length).toBe(3);
    last().open();
    last().hear(whole([4]));
    expect(ids(client.list)).toEqual([4]);
  });

  it('gives the list up when the server falls silent', () => {
    begin();
    vi.advanceTimersByTime(44_000);
    expect(client.list).not.toBeNull();
    vi.advanceTimersByTime(3_000);
    expect(client.list).toBeNull();
    expect(sockets.length).toBe(2);
  });

  it('asks for a longer list only when the present one is too short, and keeps it until then', () => {
    begin(whole([3], { limit: 50 }));
    client.want(48);
    expect(sockets.length).toBe(1);
    client.want(72);
    vi.advanceTimersByTime(0);
    expect(sockets.map(({ limit }) => limit)).toEqual([24, 72]);
    expect(ids(client.list)).toEqual([3]);
    last().open();
    last().hear(whole([4, 3], { limit: 100 }));
    expect(ids(client.list)).toEqual([4, 3]);
    client.want(5000);
    vi.advanceTimersByTime(0);
    expect(sockets.at(-1)?.limit).toBe(1000);
    last().die();
    expect(client.list).toBeNull();
  });

  it('leaves with the server, and stops when it is told to', () => {
    begin();
    last().hear({ type: 'reconnect', after_ms: 700 });
    last().die(1001);
    vi.advanceTimersByTime(699);
    expect(sockets.length).toBe(1);
    vi.advanceTimersByTime(1);
    expect(sockets.length).toBe(2);
    last().open();
    last().hear(whole([3]));
    client.stop();
    expect(client.list).toBeNull();
    expect(last().isLeft).toBe(true);
    vi.advanceTimersByTime(60_000);
    expect(sockets.length).toBe(2);
    client.start();
    expect(sockets.length).toBe(3);
  });
});
