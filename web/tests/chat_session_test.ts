// SPDX-License-Identifier: GPL-3.0-or-later
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { me, message, other, room, welcome } from './chat_fake';

beforeEach(() => {
  vi.useFakeTimers();
  vi.setSystemTime(new Date('2026-06-01T12:00:00Z'));
});
afterEach(() => {
  vi.useRealTimers();
});

const wait = (ms: number) => vi.advanceTimersByTimeAsync(ms);

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

  it('loses nothing and doubles nothing when a node leaves', async () => {
    const r = room();
    r.join(1, [message(1)]);
    r.client.say('a');
    r.socket.hear({ type: 'reconnect', resume: 'elsewhere', after_ms: 1800 });
    // Until then it stays, hears and says.
    r.socket.hear(message(2));
    r.client.say('b');
    const old = r.socket;
    const handler = old.onmessage;
    expect(old.said).toHaveLength(2);
    await wait(1799);
    expect(r.sockets).toHaveLength(1);
    expect(old.isLeft).toBe(false);
    await wait(2);
    expect(r.sockets).toHaveLength(2);
    expect(old.isLeft).toBe(true);
    expect(Object.fromEntries(r.socket.query)).toMatchObject({ resume: 'elsewhere', after: '2' });
    handler?.({ data: JSON.stringify(message(3, 'a', me, { nonce: 'n-1' })) });
    r.socket.open();
    r.socket.hear(welcome(4, [message(3, 'a', me, { nonce: 'n-1' }), message(4)]));
    // The first was said before the node left; the other goes again under its nonce, and is said once.
    expect(r.socket.said).toEqual([{ type: 'message', message: 'b', nonce: 'n-2' }]);
    r.socket.hear({ type: 'ack', nonce: 'n-2', message_id: 1005, seq: 5 });
    r.socket.hear(message(5, 'b', me, { nonce: 'n-2' }));
    expect(r.texts()).toEqual(['m1', 'm2', 'a', 'm4', 'b']);
    expect(r.state().outgoing).toEqual([]);
    expect(r.asked).toEqual([]);
  });

  it('keeps its token while the node it was sent to does not answer yet, and begins its pauses anew', async () => {
    const r = room();
    for (let i = 0; i < 6; i += 1) {
      r.join(1, [message(1)]);
      await wait(11_000);
      r.socket.hear({ type: 'reconnect', resume: `t${i}`, after_ms: 100 });
      await wait(101);
    }
    r.socket.die();
    await wait(600); // the first pause, not the seventh
    expect(r.sockets).toHaveLength(8);
    expect(r.socket.query.get('resume')).toBe('t5');
    expect(r.socket.query.get('after')).toBe('1');
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
    expect(r.state().ban).toEqual({ until: Date.parse(until), reason: '' });
    r.socket.hear({ type: 'ban', seq: 2, ...me, active: false, until: null });
    expect(r.state().ban).toBeNull();
    r.client.say('x');
    r.socket.hear({ type: 'error', nonce: 'n-1', code: 'banned', message: '', retry_after_ms: 5000 });
    expect(r.state().ban).toEqual({ until: Date.now() + 5000, reason: '' });
    await wait(6000);
    expect(r.state().ban).toBeNull();
    r.socket.hear({ type: 'ban', seq: 3, ...other, active: true, until: null });
    expect(r.state().ban).toBeNull();
  });

  it('knows from its welcome that one is banned, until when and why', async () => {
    const r = room();
    const until = new Date(Date.now() + 60_000).toISOString();
    const old = { type: 'ban' as const, seq: 1, ...me, active: true, until: null };
    r.join(1, [old], { refusal: { code: 'banned', until, reason: 'spam' } });
    expect(r.state().ban).toEqual({ until: Date.parse(until), reason: 'spam' });
    const socket = await r.comeBack();
    socket.hear(welcome(1, [], { refusal: null }));
    expect(r.state().ban).toBeNull();
  });

  it('still knows that one is banned when a server does not say', async () => {
    const r = room();
    r.join();
    r.socket.hear({ type: 'ban', seq: 1, ...me, active: true, until: null });
    const socket = await r.comeBack();
    socket.hear(welcome(1));
    expect(r.state().ban).toEqual({ until: null, reason: '' });
  });

  it('asks why when one is banned meanwhile', async () => {
    const r = room();
    r.client.setUser(me.user_id);
    r.join();
    r.socket.hear({ type: 'ban', seq: 1, ...me, active: true, until: null });
    await wait(0);
    expect(r.socket.sent.at(-1)).toEqual({ type: 'auth', token: 'token' });
    const expires_at = new Date(Date.now() + 900_000).toISOString();
    r.socket.hear({ type: 'auth', user: me, expires_at, refusal: { code: 'banned', until: null, reason: 'spam' } });
    expect(r.state().ban).toEqual({ until: null, reason: 'spam' });
    r.socket.hear({ type: 'ban', seq: 2, ...other, active: true, until: null });
    await wait(0);
    expect(r.socket.sent).toHaveLength(1);
  });

  it('says that only followers may write, until one follows or says something', async () => {
    const mode = { slow_mode_s: 0, followers_only_min_age_s: 60 };
    const r = room();
    r.join(1, [message(1, 'long ago', me, { nonce: 'old' })], { mode, refusal: { code: 'followers_only', until: null } });
    expect(r.state().followersOnly).toEqual({ until: null });
    r.client.followed(true);
    expect(r.state().followersOnly).toEqual({ until: Date.now() + 60_000 });
    await wait(61_000);
    expect(r.state().followersOnly).toBeNull();
    r.client.followed(false);
    expect(r.state().followersOnly).toEqual({ until: null });
    r.socket.hear({ type: 'mode', seq: 2, slow_mode_s: 5, followers_only_min_age_s: 60 });
    expect(r.state().followersOnly).toEqual({ until: null });
    r.socket.hear({ type: 'mode', seq: 3, slow_mode_s: 0, followers_only_min_age_s: null });
    expect(r.state().followersOnly).toBeNull();
    r.client.say('x');
    r.socket.hear({ type: 'error', nonce: 'n-1', code: 'followers_only', message: '', retry_after_ms: 5000 });
    expect(r.state().followersOnly).toEqual({ until: Date.now() + 5000 });
    r.client.say('again');
    r.socket.hear({ type: 'ack', nonce: 'n-2', message_id: 1004, seq: 4 });
    expect(r.state().followersOnly).toBeNull();
    const m = room();
    m.join(0, [], { mode, role: 'moderator', refusal: null });
    m.client.followed(false);
    expect(m.state().followersOnly).toBeNull();
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

  it('only reads when the cookie still speaks for someone who is logged out here', async () => {
    const r = room();
    r.client.setUser(null);
    r.join(1, [message(1)]);
    expect(r.state()).toMatchObject({ user: null, role: null });
    expect(r.client.say('not as them')).toBe(false);
    expect(r.socket.said).toEqual([]);
  });

  it('trusts the cookie until it knows who is logged in, and then when it is the same person', async () => {
    const r = room();
    r.join();
    expect(r.state().user).toEqual(me);
    r.client.setUser(me.user_id);
    await wait(0);
    expect(r.socket.sent).toEqual([]);
    const late = room();
    late.join();
    late.client.setUser(null);
    await wait(0);
    expect(late.state().user).toBeNull();
  });

  it('authorizes anew when the cookie is of somebody else', async () => {
    const r = room();
    r.client.setUser(me.user_id);
    r.join(0, [], { user: other });
    await wait(0);
    expect(r.state().user).toBeNull();
    expect(r.socket.sent).toEqual([{ type: 'auth', token: 'token' }]);
  });

  it('never says as another person what this one left unsaid', async () => {
    const r = room();
    r.client.setUser(me.user_id);
    r.join();
    r.socket.readyState = 3;
    r.client.say('mine alone');
    r.client.setUser(other.user_id);
    await wait(0);
    r.socket.open();
    r.socket.hear(welcome(0, [], { session: 's2', user: other }));
    expect(r.socket.said).toEqual([]);
    expect(r.state().outgoing).toEqual([]);
  });
});
