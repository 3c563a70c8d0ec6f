// SPDX-License-Identifier: GPL-3.0-or-later
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { mostItems, mostItemsReading } from '../src/chat/store';
import { me, message, other, room, welcome } from './chat_fake';

beforeEach(() => {
  vi.useFakeTimers();
  vi.setSystemTime(new Date('2026-06-01T12:00:00Z'));
});
afterEach(() => {
  vi.useRealTimers();
});

const wait = (ms: number) => vi.advanceTimersByTimeAsync(ms);

describe('chat client: order', () => {
  it('shows history, then what follows, each number once and in order', () => {
    const r = room();
    r.join(2, [message(1), message(2)]);
    r.socket.hear(message(3));
    r.socket.hear({ type: 'batch', messages: [message(4), message(5), message(3)] });
    r.socket.hear(message(5));
    expect(r.texts()).toEqual(['m1', 'm2', 'm3', 'm4', 'm5']);
  });

  it('tells its listeners once per drawn frame, however much arrived', () => {
    const r = room();
    r.join();
    r.draw();
    const heard = vi.fn();
    r.client.subscribe(heard);
    for (let seq = 1; seq <= 200; seq += 1) {
      r.socket.hear(message(seq));
    }
    expect(heard).not.toHaveBeenCalled();
    r.draw();
    expect(heard).toHaveBeenCalledTimes(1);
    expect(r.client.snapshot().items).toHaveLength(200);
  });

  it('keeps a thousand, and more while someone reads further up', () => {
    const r = room();
    r.join();
    r.client.setReading(true);
    for (let seq = 1; seq <= 4000; seq += 1) {
      r.socket.hear(message(seq));
    }
    expect(r.state().items).toHaveLength(mostItemsReading);
    r.client.setReading(false);
    expect(r.state().items).toHaveLength(mostItems);
    expect(r.texts().at(-1)).toBe('m4000');
    expect(r.state().hasOlder).toBe(true);
  });

  it('ignores what it does not know, and what is no frame', () => {
    const r = room();
    r.join(0);
    r.socket.hear({ type: 'raffle', seq: 'x' });
    r.socket.onmessage?.({ data: '{' });
    r.socket.onmessage?.({ data: new ArrayBuffer(3) });
    r.socket.onmessage?.({ data: 'null' });
    r.socket.hear(message(1));
    expect(r.texts()).toEqual(['m1']);
  });
});

describe('chat client: what was missed', () => {
  it('fetches the range page by page and puts it where it belongs', async () => {
    const r = room();
    r.join(1, [message(1)]);
    r.answers(async ({ after_seq: after = 0 }) =>
      after < 4 ? { messages: [message(2), message(3), message(4)], next: 1004 } : { messages: [message(5), message(6)], next: null },
    );
    r.socket.hear(message(7));
    await wait(0);
    expect(r.asked.map(({ after_seq }) => after_seq)).toEqual([1, 4]);
    expect(r.texts()).toEqual(['m1', 'm2', 'm3', 'm4', 'm5', 'm6', 'm7']);
  });

  it('tries again when the answer fails, and live messages go on meanwhile', async () => {
    const r = room();
    r.join(1, [message(1)]);
    let failures = 2;
    r.answers(async () => {
      failures -= 1;
      if (failures >= 0) throw new Error('away');
      return { messages: [message(2), message(3)], next: null };
    });
    r.socket.hear({ type: 'missed', from: 2, to: 3 });
    r.socket.hear(message(4));
    await wait(0);
    expect(r.texts()).toEqual(['m1', 'm4']);
    await wait(10_000);
    expect(r.asked).toHaveLength(3);
    expect(r.texts()).toEqual(['m1', 'm2', 'm3', 'm4']);
  });

  it('does not ask for ever when the room has nothing there any more', async () => {
    const r = room();
    r.join(1, [message(1)]);
    r.socket.hear({ type: 'missed', from: 2, to: 30 });
    await wait(60_000);
    expect(r.asked).toHaveLength(1);
  });

  it('does not fill a hole larger than what it shows: it begins anew behind it', async () => {
    const r = room();
    r.join(10, [message(9), message(10)]);
    r.answers(async ({ after_seq: after = 0 }) => ({ messages: Array.from({ length: 100 }, (_, i) => message(after + 1 + i)), next: 1 }));
    r.socket.hear({ type: 'missed', from: 11, to: 50_000 });
    await wait(0);
    await vi.waitFor(() => expect(r.texts()).toHaveLength(mostItems));
    expect(r.asked.length).toBeLessThanOrEqual(11);
    expect(r.texts()[0]).toBe('m49001');
    expect(r.state().hasOlder).toBe(true);
  });

  it('keeps a deleted message away though a late answer still brings it', async () => {
    const r = room();
    r.join(1, [message(1)]);
    r.answers(async () => {
      await new Promise((done) => setTimeout(done, 500));
      return { messages: [message(2, 'bad'), message(3, 'spam', me)], next: null };
    });
    r.socket.hear({ type: 'missed', from: 2, to: 3 });
    r.socket.hear({ type: 'deleted', seq: 4, message_id: 1002 });
    r.socket.hear({ type: 'cleared', seq: 5, user_id: me.user_id });
    await wait(1000);
    expect(r.texts()).toEqual(['m1']);
  });

  it('does not let an old mode, filled in late, undo the present one', async () => {
    const r = room();
    r.join(1);
    r.answers(async () => ({ messages: [{ type: 'mode', seq: 2, slow_mode_s: 30, followers_only_min_age_s: null }], next: null }));
    r.socket.hear({ type: 'mode', seq: 3, slow_mode_s: 5, followers_only_min_age_s: 60 });
    await wait(0);
    expect(r.state().mode).toEqual({ slow_mode_s: 5, followers_only_min_age_s: 60 });
    expect(r.texts()).toEqual(['mode', 'mode']);
  });
});

describe('chat client: deletions', () => {
  it('takes deleted and cleared messages off, and their quotes', () => {
    const r = room();
    const quote = (seq: number) => ({ message_id: 1000 + seq, ...other, message: `m${seq}` });
    r.join(5, [
      message(1),
      message(2, 'mine', me),
      message(3, 'answer', me, { reply_to: quote(1) }),
      message(4, 'again', me, { reply_to: { ...quote(2), message: 'mine' } }),
      message(5),
    ]);
    r.socket.hear({ type: 'deleted', seq: 6, message_id: 1001 });
    expect(r.texts()).toEqual(['mine', 'answer', 'again', 'm5']);
    const quotes = () => r.state().items.flatMap((item) => (item.type === 'message' && item.reply_to ? [item.reply_to.message] : []));
    expect(quotes()).toEqual(['', 'mine']);
    r.socket.hear({ type: 'cleared', seq: 7, user_id: other.user_id });
    expect(r.texts()).toEqual(['mine', 'answer', 'again']);
    r.socket.hear(message(8, 'back'));
    expect(r.texts()).toEqual(['mine', 'answer', 'again', 'back']);
  });
});

describe('chat client: speaking', () => {
  it('shows a message at once, and the broadcast takes its place', () => {
    const r = room();
    r.join();
    expect(r.client.say('hello')).toBe(true);
    expect(r.state().outgoing).toMatchObject([{ text: 'hello', state: 'sent' }]);
    expect(r.socket.said).toEqual([{ type: 'message', message: 'hello', nonce: 'n-1' }]);
    r.socket.hear(message(1, 'hello', me, { nonce: 'n-1' }));
    expect(r.state().outgoing).toEqual([]);
    r.socket.hear({ type: 'ack', nonce: 'n-1', message_id: 1001, seq: 1 });
    expect(r.state().outgoing).toEqual([]);
    expect(r.texts()).toEqual(['hello']);
  });

  it('stays until the broadcast when the ack comes first', () => {
    const r = room();
    r.join();
    r.client.say('hello');
    r.socket.hear({ type: 'ack', nonce: 'n-1', message_id: 1001, seq: 1 });
    expect(r.state().outgoing).toMatchObject([{ state: 'said' }]);
    r.socket.hear(message(1, 'hello', me, { nonce: 'n-1' }));
    expect(r.state().outgoing).toEqual([]);
  });

  it('fetches the message whose broadcast never came', async () => {
    const r = room();
    r.join();
    r.answers(async () => ({ messages: [message(1, 'hello', me, { nonce: 'n-1' })], next: null }));
    r.client.say('hello');
    r.socket.hear({ type: 'ack', nonce: 'n-1', message_id: 1001, seq: 1 });
    await wait(7000);
    expect(r.texts()).toEqual(['hello']);
    expect(r.state().outgoing).toEqual([]);
  });

  it('does not take another person\'s nonce for its own', () => {
    const r = room();
    r.join();
    r.client.say('hello');
    r.socket.hear(message(1, 'not mine', other, { nonce: 'n-1' }));
    expect(r.state().outgoing).toHaveLength(1);
  });

  it('says why a message was refused, and sends it again under a new number', () => {
    const r = room();
    r.join();
    r.client.say('hello');
    r.socket.hear({ type: 'error', nonce: 'n-1', code: 'rate_limited', message: '', retry_after_ms: 1200 });
    expect(r.state().outgoing).toMatchObject([{ state: 'failed', code: 'rate_limited', retryAt: Date.now() + 1200 }]);
    r.client.retry('n-1');
    expect(r.state().outgoing).toMatchObject([{ nonce: 'n-2', state: 'sent' }]);
    expect(r.socket.said).toHaveLength(2);
    r.socket.hear({ type: 'error', nonce: 'n-2', code: 'blocked_word', message: '' });
    r.client.discard('n-2');
    expect(r.state().outgoing).toEqual([]);
  });

  it('asks again under the same number where the message may have been said', () => {
    const r = room();
    r.join();
    r.client.say('hello');
    r.socket.hear({ type: 'error', nonce: 'n-1', code: 'unavailable', message: '' });
    r.client.retry('n-1');
    expect(r.socket.said.map((frame) => frame.type === 'message' && frame.nonce)).toEqual(['n-1', 'n-1']);
    r.socket.hear({ type: 'ack', nonce: 'n-1', message_id: 1001, seq: 1 });
    r.socket.hear(message(1, 'hello', me, { nonce: 'n-1' }));
    expect(r.state().outgoing).toEqual([]);
    expect(r.texts()).toEqual(['hello']);
  });

  it('tells held messages and a store that is away', async () => {
    const r = room();
    r.join();
    r.client.say('a');
    r.client.say('b');
    r.socket.hear({ type: 'ack', nonce: 'n-1', status: 'held' });
    r.socket.hear({ type: 'pending', nonce: 'n-2' });
    expect(r.state().outgoing.map(({ state }) => state)).toEqual(['held', 'waiting']);
    // No answer at all in the time the server has for one.
    for (let i = 0; i < 4; i += 1) {
      await wait(20_000);
      r.socket.hear({ type: 'ping' });
    }
    expect(r.state().outgoing).toMatchObject([{ state: 'failed', code: 'unconfirmed' }]);
  });

  it('is bounded: nothing more is taken while fifty wait for an answer', () => {
    const r = room();
    r.join();
    const taken = Array.from({ length: 60 }, (_, i) => r.client.say(`m${i}`)).filter(Boolean);
    expect(taken).toHaveLength(50);
    expect(r.state().outgoing).toHaveLength(50);
  });

  it('counts slow mode down from its own last message, not for moderators', () => {
    const r = room();
    r.join(0, [], { mode: { slow_mode_s: 10, followers_only_min_age_s: null } });
    r.client.say('a');
    r.socket.hear(message(1, 'a', me, { nonce: 'n-1' }));
    expect(r.state().slowUntil).toBe(Date.now() + 10_000);
    r.socket.hear({ type: 'mode', seq: 2, slow_mode_s: 0, followers_only_min_age_s: null });
    expect(r.state().slowUntil).toBe(0);

    const m = room();
    m.join(0, [], { mode: { slow_mode_s: 10, followers_only_min_age_s: null }, role: 'moderator' });
    m.client.say('a');
    m.socket.hear(message(1, 'a', me, { nonce: 'n-1' }));
    expect(m.state().slowUntil).toBe(0);
  });
});

describe('chat client: coming back', () => {
  it('resumes its session behind the last number, without doubles, and sends again what has no answer', async () => {
    const r = room();
    r.join(2, [message(1), message(2)]);
    r.client.say('a');
    r.client.say('b');
    r.socket.hear(message(3, 'a', me, { nonce: 'n-1' }));
    r.socket.hear({ type: 'resume', resume: 'fresh' });
    const next = await r.comeBack();
    expect(next.query.get('after')).toBe('3');
    expect(next.query.get('resume')).toBe('fresh');
    expect(next.query.get('viewer')).toBe('v'.repeat(20));
    next.hear(welcome(5, [message(4), message(5)]));
    expect(next.said).toEqual([{ type: 'message', message: 'b', nonce: 'n-2' }]);
    next.hear(message(6, 'b', me, { nonce: 'n-2' }));
    expect(r.texts()).toEqual(['m1', 'm2', 'a', 'm4', 'm5', 'b']);
    expect(r.state().outgoing).toEqual([]);
    expect(r.asked).toEqual([]);
  });

  it('does not send again what the history already shows', async () => {
    const r = room();
    r.join();
    r.client.say('a');
    const next = await r.comeBack();
    next.hear(welcome(1, [message(1, 'a', me, { nonce: 'n-1' })]));
    expect(next.said).toEqual([]);
    expect(r.state().outgoing).toEqual([]);
  });

  it('leaves it to the person when another session began', async () => {
    const r = room();
    r.join();
    r.client.say('sent');
    r.socket.readyState = 3;
    r.client.say('queued');
    const next = await r.comeBack();
    next.hear(welcome(0, [], { session: 's2' }));
    expect(r.state().outgoing).toMatchObject([
      { text: 'sent', state: 'failed', code: 'unconfirmed' },
      { text: 'queued', state: 'sent' },
    ]);
    r.client.retry('n-1');
    expect(next.said.map((frame) => frame.type === 'message' && frame.nonce)).toEqual(['n-2', 'n-1']);
  });

  it('fetches what the welcome did not bring', async () => {
    const r = room();
    r.join(1, [message(1)]);
    const next = await r.comeBack();
    r.answers(async ({ after_seq }) => ({ messages: after_seq === 1 ? [message(2), message(3)] : [], next: null }));
    next.hear(welcome(5, [message(4), message(5)]));
    next.hear({ type: 'missed', from: 2, to: 3 });
    await wait(0);
    expect(r.texts()).toEqual(['m1', 'm2', 'm3', 'm4', 'm5']);
    expect(r.asked).toHaveLength(1);
  });

  it('begins anew when the room is behind what it knew', async () => {
    const r = room();
    r.join(50, [message(50)]);
    const next = await r.comeBack();
    next.hear(welcome(2, [message(1, 'x'), message(2, 'y')]));
    expect(r.texts()).toEqual(['x', 'y']);
  });

  it('waits longer after each failure, with chance in it, and at most half a minute', async () => {
    const pauses: number[] = [];
    for (const random of [0, 1]) {
      const r = room({ random: () => random });
      r.client.start();
      for (let i = 0; i < 9; i += 1) {
        const before = Date.now();
        const count = r.sockets.length;
        r.socket.die();
        while (r.sockets.length === count) await wait(10);
        pauses.push(Date.now() - before);
      }
      r.client.stop();
    }
    expect(pauses.slice(0, 9)).toEqual([300, 600, 1200, 2400, 4800, 9600, 15_000, 15_000, 15_000]);
    expect(pauses.slice(9)).toEqual([600, 1200, 2400, 4800, 9600, 19_200, 30_000, 30_000, 30_000]);
  });

  it('keeps its distance when the server closed it for what it did', async () => {
    const r = room();
    r.join();
    r.socket.die(1008);
    await wait(9000);
    expect(r.sockets).toHaveLength(1);
    await wait(1500);
    expect(r.sockets).toHaveLength(2);
  });

  it('notices silence: after 45 s without a frame it opens another socket', async () => {
    const r = room();
    r.join();
    await wait(44_000);
    r.socket.hear({ type: 'ping' });
    await wait(44_000);
    expect(r.sockets).toHaveLength(1);
    await wait(3000);
    expect(r.sockets).toHaveLength(2);
    expect(r.sockets[0]?.isLeft).toBe(true);
  });

  it('comes back at once after the lid was closed, when no timer ran', async () => {
    const r = room();
    r.join(1, [message(1)]);
    vi.setSystemTime(Date.now() + 3_600_000);
    r.client.suspect();
    await wait(0);
    expect(r.sockets).toHaveLength(2);
    expect(r.socket.query.get('after')).toBe('1');
  });

  it('asks whether the way is still there when the network changed, and leaves it after 5 s', async () => {
    const r = room();
    r.join();
    r.client.suspect();
    expect(r.socket.sent).toEqual([{ type: 'ping' }]);
    r.socket.hear({ type: 'pong' });
    await wait(8000);
    expect(r.sockets).toHaveLength(1);
    r.client.suspect();
    await wait(8000);
    expect(r.sockets).toHaveLength(2);
  });

  it('does not wait out its pause when the network is back', async () => {
    const r = room();
    r.join();
    r.socket.die();
    r.client.suspect();
    await wait(0);
    expect(r.sockets).toHaveLength(2);
  });

  it('goes when the server leaves, at the moment it was given', async () => {
    const r = room();
    r.join();
    r.socket.hear({ type: 'reconnect', resume: 'elsewhere', after_ms: 1800 });
    r.socket.hear(message(1));
    await wait(1000);
    r.socket.die(1001);
    await wait(700);
    expect(r.sockets).toHaveLength(1);
    await wait(200);
    expect(r.sockets).toHaveLength(2);
    expect(r.socket.query.get('resume')).toBe('elsewhere');
    expect(r.texts()).toEqual(['m1']);
  });

  it('hears nothing from a socket it has left, and opens none after its end', async () => {
    const r = room();
    r.join();
    const old = r.socket;
    const handler = old.onmessage;
    await r.comeBack();
    handler?.({ data: JSON.stringify(message(1, 'late')) });
    expect(r.texts()).toEqual([]);
    r.client.stop();
    await wait(600_000);
    expect(r.sockets).toHaveLength(2);
  });

  it('asks for the log-in when the socket is refused twice', async () => {
    const refused = vi.fn();
    const r = room({ refused });
    r.client.start();
    r.socket.die();
    expect(refused).not.toHaveBeenCalled();
    await wait(700);
    r.socket.die();
    expect(refused).toHaveBeenCalledTimes(1);
  });
});

describe('chat client: who it is', () => {
  it('authorizes a read-only session, and then says what was waiting', async () => {
    const r = room();
    r.client.setUser(me.user_id);
    r.join(0, [], { user: null, role: null });
    r.client.say('early');
    await wait(0);
    expect(r.socket.sent).toEqual([{ type: 'auth', token: 'token' }]);
    r.socket.hear({ type: 'auth', user: me, expires_at: new Date(Date.now() + 900_000).toISOString() });
    expect(r.socket.said).toHaveLength(1);
    expect(r.state()).toMatchObject({ user: me, role: 'user' });
  });

  it('renews its token before it ends, and when it is told that it has', async () => {
    const r = room();
    r.client.setUser(me.user_id);
    r.join(0, [], { user: null, role: null });
    await wait(0);
    r.socket.hear({ type: 'auth', user: me, role: 'moderator', expires_at: new Date(Date.now() + 120_000).toISOString() });
    expect(r.state().role).toBe('moderator');
    await wait(30_000);
    r.socket.hear({ type: 'ping' });
    await wait(31_000);
    expect(r.socket.sent.filter(({ type }) => type === 'auth')).toHaveLength(2);
    r.socket.hear({ type: 'auth', user: me, expires_at: new Date(Date.now() + 900_000).toISOString() });
    r.socket.hear({ type: 'token_expired' });
    await wait(0);
    expect(r.socket.sent.filter(({ type }) => type === 'auth')).toHaveLength(3);
  });

  it('tries another token when one was refused, not at once', async () => {
    const refused = vi.fn();
    const r = room({ refused });
    r.client.setUser(me.user_id);
    r.join(0, [], { user: null, role: null });
    await wait(0);
    r.socket.hear({ type: 'error', code: 'invalid_token', message: '' });
    expect(refused).toHaveBeenCalledTimes(1);
    expect(r.socket.sent).toHaveLength(1);
    await wait(5000);
    expect(r.socket.sent).toHaveLength(2);
  });

  it('sends a message again that met an expired token', async () => {
    const r = room();
    r.client.setUser(me.user_id);
    r.join();
    r.client.say('hello');
    r.socket.hear({ type: 'error', nonce: 'n-1', code: 'unauthenticated', message: '' });
    await wait(0);
    r.socket.hear({ type: 'auth', user: me, expires_at: new Date(Date.now() + 900_000).toISOString() });
    expect(r.socket.said.map((frame) => frame.type === 'message' && frame.nonce)).toEqual(['n-1', 'n-1']);
  });

  it('takes another session, never the old one\'s token, when someone logs out', async () => {
    const r = room();
    r.client.setUser(me.user_id);
    r.join(4, [message(4)]);
    r.client.setUser(null);
    await wait(0);
    expect(r.sockets).toHaveLength(2);
    expect(r.socket.query.get('resume')).toBeNull();
    expect(r.socket.query.get('after')).toBe('4');
    expect(r.state().user).toBeNull();
  });

  it('says that one is timed out, until it is over or lifted', async () => {
    const r = room();
    r.join();
    const until = new Date(Date.now() + 60_000).toISOString();
    r.socket.hear({ type: 'ban', seq: 1, ...me, active: true, until });
    expect(r.state().ban).toEqual({ until: Date.parse(until) });
    r.socket.hear({ type: 'ban', seq: 2, ...me, active: false, until: null });
    expect(r.state().ban).toBeNull();
    r.client.say('x');
    r.socket.hear({ type: 'error', nonce: 'n-1', code: 'banned', message: '', retry_after_ms: 5000 });
    expect(r.state().ban).toEqual({ until: Date.now() + 5000 });
    await wait(6000);
    expect(r.state().ban).toBeNull();
    r.socket.hear({ type: 'ban', seq: 3, ...other, active: true, until: null });
    expect(r.state().ban).toBeNull();
  });

  it('learns its role, the viewers, the stream and what is held', () => {
    const r = room();
    r.join();
    r.socket.hear({ type: 'role', seq: 1, ...me, role: 'moderator' });
    r.socket.hear({ type: 'viewers', count: 1234 });
    r.socket.hear({ type: 'held', count: 2 });
    r.socket.hear({ type: 'stream', stream_id: 5, status: 'live', title: 'Now' });
    expect(r.state()).toMatchObject({ role: 'moderator', viewers: 1234, held: 2, stream: { stream_id: 5, status: 'live', title: 'Now' } });
  });
});

describe('chat client: further back', () => {
  it('loads older pages until there are none, one at a time', async () => {
    const r = room();
    r.join(101, [message(100), message(101)]);
    r.answers(async ({ before_seq: before = 0 }) =>
      before === 100 ? { messages: [message(50), message(99)], next: 1050 } : { messages: [message(1)], next: null },
    );
    expect(r.state().hasOlder).toBe(true);
    void r.client.loadOlder();
    await r.client.loadOlder();
    await wait(0);
    expect(r.asked.map(({ before_seq }) => before_seq)).toEqual([100]);
    await r.client.loadOlder();
    expect(r.texts()).toEqual(['m1', 'm50', 'm99', 'm100', 'm101']);
    expect(r.state().hasOlder).toBe(false);
    await r.client.loadOlder();
    expect(r.asked).toHaveLength(2);
  });

  it('lets one try again when the answer failed', async () => {
    const r = room();
    r.join(9, [message(9)]);
    r.answers(async () => {
      throw new Error('away');
    });
    await r.client.loadOlder();
    expect(r.state()).toMatchObject({ loadingOlder: false, hasOlder: true });
    await r.client.loadOlder();
    expect(r.asked).toHaveLength(1); // not again and again while the server is away
    await wait(4000);
    await r.client.loadOlder();
    expect(r.asked).toHaveLength(2);
  });
});
