// SPDX-License-Identifier: GPL-3.0-or-later
// People in a room of a cluster: some talk, some watch; they change nodes with their resume tokens, and remember everything,
// so that a test can say what was lost, doubled or reordered.
import assert from 'node:assert/strict';
import { ChatClient } from '../../e2e/support/chat.mjs';
import { until } from '../../e2e/support/process.mjs';

export const unlimited = '[limits]\nchat_messages_user = 0\nchat_messages_moderator = 0\n';

/** Says numbered messages, each with a nonce; what got no answer is said again with the same nonce. */
export class Talker {
  constructor(name, user) {
    Object.assign(this, { name, user, said: 0, errors: [], acknowledged: new Map(), unanswered: new Map(), refused: [], again: new Set(), pending: new Set() });
  }

  async join(node, channel) {
    this.client = await ChatClient.join(node.origin, { channel },
      { query: this.resume ? { resume: this.resume } : {}, headers: { authorization: `Bearer ${this.user.token}` } });
    this.client.socket.on('message', () => this.take());
    this.take();
    this.refused = [];
    for (const [nonce, message] of this.unanswered) this.client.say(message, nonce);  // in the order they were said
    return this;
  }

  take() {
    for (const frame of this.client.frames.splice(0)) {
      if (frame.resume) this.resume = frame.resume;
      if (frame.type === 'reconnect') this.told = frame;
      if (frame.type === 'pending') this.pending.add(frame.nonce);
      if (frame.type === 'error' && frame.nonce !== undefined) {
        this.errors.push(frame);
        this.refused.push(frame.nonce);
        this.again.add(frame.nonce);
      }
      if (frame.type !== 'ack' || !this.unanswered.has(frame.nonce)) continue;
      this.acknowledged.set(frame.nonce, { seq: frame.seq, message_id: frame.message_id, message: this.unanswered.get(frame.nonce), at: performance.now() });
      this.unanswered.delete(frame.nonce);
    }
  }

  say() {
    const nonce = `${this.name}-${this.said}`;
    const message = `${this.name} says number ${this.said}`;
    this.said += 1;
    this.unanswered.set(nonce, message);
    this.client.say(message, nonce);
    return nonce;
  }

  /** Until end(): a message every so often, while fewer than 32 wait for an answer. */
  begin(everyMs) {
    this.timer = setInterval(() => {
      if (this.client.isOpen && !this.sayAgain() && this.unanswered.size < 32) this.say();
    }, everyMs).unref();
    return this;
  }

  /** One of those that were refused. */
  sayAgain() {
    const nonce = this.refused.shift();
    if (nonce !== undefined) this.client.say(this.unanswered.get(nonce), nonce);
    return nonce !== undefined;
  }

  async end() {
    clearInterval(this.timer);
    this.timer = setInterval(() => this.sayAgain(), 50).unref();
    await this.answered();
    clearInterval(this.timer);
  }

  async answered() {
    await until(() => this.unanswered.size === 0, { what: `answers to ${this.name}`, subscribe: this.client.listeners,
      detail: () => JSON.stringify([[...this.unanswered.keys()], this.errors.slice(-5), this.client.close_code]) });
  }

  /** Until so many more were acknowledged. */
  async heard(count, deadlineMs = 20_000) {
    const wanted = this.acknowledged.size + count;
    await until(() => this.acknowledged.size >= wanted, { deadlineMs, what: `${count} acknowledgements of ${this.name}`,
      subscribe: this.client.listeners, detail: () => JSON.stringify([[...this.unanswered.keys()], this.errors.slice(-5)]) });
  }

  /** Until it was told that this one waits. */
  async waits(nonce) {
    await until(() => this.pending.has(nonce), { what: `${nonce} to be pending`, subscribe: this.client.listeners,
      detail: () => JSON.stringify([[...this.unanswered.keys()], this.errors.slice(-5)]) });
  }

  leave() {
    this.take();
    this.client.kill();
  }
}

/** Sees everything from where it joined. */
export class Watcher {
  constructor(name) { Object.assign(this, { name, past: [] }); }

  async join(node, channel) {
    const query = this.resume ? { resume: this.resume, ...(this.after === undefined ? {} : { after: this.after }) } : {};
    this.client = await ChatClient.join(node.origin, { channel }, { query });
    return this;
  }

  get events() { return [...this.past, ...(this.client?.events ?? [])]; }

  leave() {
    this.past = this.events;
    this.resume = this.client.resume;
    // A token that came with `reconnect` knows what was seen; one from before an end without a word does not.
    this.after = this.client.frames.some((f) => f.type === 'reconnect') ? undefined : this.past.at(-1)?.seq;
    this.client.kill();
    this.client = undefined;
  }

  async sees(seq, deadlineMs = 20_000) {
    await until(() => this.events.some((e) => e.seq >= seq), { deadlineMs, what: `${this.name} to see number ${seq}`,
      subscribe: this.client.listeners, detail: () => JSON.stringify(this.client.frames.slice(-5)) });
  }

  /** Nothing missed, nothing twice, nothing out of order. */
  check() {
    assert.ok(!this.client.frames.some((f) => f.type === 'missed'), `${this.name} missed something`);
    const seqs = this.events.map((e) => e.seq);
    seqs.forEach((seq, i) => assert.equal(seq, seqs[0] + i, `${this.name}: the events are dense`));
    return seqs;
  }
}

/** All of a room, as the store has it. */
export async function allEvents(node, channel) {
  const events = [];
  for (;;) {
    // When the store has just come back, calls that began to connect before may still answer 503: a client asks again.
    const { status, json } = await until(async () => {
      const answer = await node.api('GET', `/channels/${channel}/chat?after_seq=${events.at(-1)?.seq ?? 0}&limit=100`);
      return answer.status === 503 ? undefined : answer;
    }, { what: 'the history' });
    assert.equal(status, 200);
    if (json.messages.length === 0) return events;
    events.push(...json.messages);
  }
}

/** What was acknowledged is there, once, as it was said; each sender's in the order they were said. */
export function checkHistory(events, talkers) {
  events.forEach((e, i) => assert.equal(e.seq, i + 1, 'sequence numbers are dense'));
  const bySeq = new Map(events.map((e) => [e.seq, e]));
  for (const t of talkers) {
    for (const [nonce, said] of t.acknowledged) {
      const there = bySeq.get(said.seq);
      assert.ok(there, `${nonce}, acknowledged as ${said.seq}, is lost`);
      assert.deepEqual([there.nonce, there.message, there.message_id, there.user.user_id],
        [nonce, said.message, said.message_id, t.user.userId]);
    }
    const mine = events.filter((e) => e.user.user_id === t.user.userId);
    assert.equal(new Set(mine.map((e) => e.nonce)).size, mine.length, `${t.name}: nothing is there twice`);
    // What was refused and said again comes later than what was said after it.
    const numbers = mine.filter((e) => !t.again.has(e.nonce)).map((e) => Number(e.nonce.split('-')[1]));
    assert.deepEqual(numbers, [...numbers].sort((a, b) => a - b), `${t.name}: in the order said`);
  }
}
