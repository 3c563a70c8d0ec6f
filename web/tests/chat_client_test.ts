// SPDX-License-Identifier: GPL-3.0-or-later
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { mostItems, mostItemsReading } from '../src/chat/store';
import { me, message, other, room } from './chat_fake';

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
    expect(r.state().outgoing).toMatchObject([{ state: 'held' }, { state: 'failed', code: 'unconfirmed' }]);
    // Nobody told what became of it.
    await wait(600_000);
    expect(r.state().outgoing).toHaveLength(1);
  });

  it('tells what became of a held message', async () => {
    const r = room();
    r.join();
    ['a', 'b', 'c', 'd'].forEach((text, i) => {
      r.client.say(text);
      r.socket.hear({ type: 'ack', nonce: `n-${i + 1}`, status: 'held' });
    });
    await wait(20_000);
    r.socket.hear({ type: 'error', nonce: 'n-1', session: 's1', code: 'held_denied', message: '' });
    r.socket.hear(message(1, 'b', me, { nonce: 'n-2' }));
    r.socket.hear({ type: 'error', nonce: 'elsewhere', session: 's2', code: 'held_denied', message: '' });
    expect(r.state().outgoing.map(({ nonce, state, code }) => [nonce, state, code])).toEqual([
      ['n-1', 'failed', 'held_denied'],
      ['n-3', 'held', null],
      ['n-4', 'held', null],
    ]);
    expect(r.texts()).toEqual(['b']);
    r.client.discard('n-1');
    r.socket.hear({ type: 'ban', seq: 2, ...me, active: true, until: null });
    expect(r.state().outgoing.map(({ state, code }) => [state, code])).toEqual([['failed', 'banned'], ['failed', 'banned']]);
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
    r.socket.hear({ type: 'mode', seq: 3, slow_mode_s: 60, followers_only_min_age_s: null });
    expect(r.state().slowUntil).toBe(Date.now() + 60_000);

    const m = room();
    m.join(0, [], { mode: { slow_mode_s: 10, followers_only_min_age_s: null }, role: 'moderator' });
    m.client.say('a');
    m.socket.hear(message(1, 'a', me, { nonce: 'n-1' }));
    expect(m.state().slowUntil).toBe(0);
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
