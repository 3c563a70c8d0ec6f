// SPDX-License-Identifier: GPL-3.0-or-later
// Nothing that was acknowledged is lost, nothing is there twice, whenever the program is killed (promises R2 and R3). Each
// round: load, kill -9, start; then what was acknowledged is compared with what is there. Those who got no answer ask again
// with the same nonce, as the page does, in the next round.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ChatClient } from './support/chat.mjs';
import { until } from './support/process.mjs';
import { Troupe } from './support/troupe.mjs';

const rounds = Number(process.env.TROUPE_KILL_ROUNDS ?? 50);
const senders = 4;

class Sender {
  constructor(number, user) {
    this.number = number;
    this.user = user;
    this.acknowledged = new Map();  // nonce -> {seq, message_id, message}
    this.unanswered = new Map();    // nonce -> message, in the order they were said
    this.said = 0;
  }

  async join(troupe, channel) {
    this.client = await ChatClient.join(troupe.origin, { channel },
      { query: { ...(this.resume ? { resume: this.resume } : {}) }, headers: { authorization: `Bearer ${this.user.token}` } });
    this.client.socket.on('message', () => this.take());
    // In the order they were said: one sender's order is kept.
    for (const [nonce, message] of this.unanswered) this.client.say(message, nonce);
  }

  take() {
    for (const frame of this.client.frames.splice(0)) {
      if (frame.resume) this.resume = frame.resume;
      if (frame.type === 'error') assert.equal(frame.code, 'unavailable', JSON.stringify(frame));
      if (frame.type !== 'ack') continue;
      const message = this.unanswered.get(frame.nonce);
      if (message === undefined) continue;  // said by an earlier connection and answered again
      this.unanswered.delete(frame.nonce);
      this.acknowledged.set(frame.nonce, { seq: frame.seq, message_id: frame.message_id, message });
    }
  }

  say() {
    const nonce = `n${this.number}-${this.said}`;
    const message = `sender ${this.number} says number ${this.said}`;
    this.said += 1;
    this.unanswered.set(nonce, message);
    this.client.say(message, nonce);
  }
}

async function allEvents(troupe, channel) {
  const events = [];
  for (;;) {
    const after = events.at(-1)?.seq ?? 0;
    const { status, json } = await troupe.api('GET', `/channels/${channel}/chat?after_seq=${after}&limit=100`);
    assert.equal(status, 200);
    if (json.messages.length === 0) return events;
    events.push(...json.messages);
  }
}

test(`chat: ${rounds} times killed, everything acknowledged is there, in order, once`, { timeout: 300_000 }, async () => {
  const troupe = await Troupe.start({ config: '[limits]\nchat_messages_user = 0\nchat_messages_moderator = 0\n' });
  const owner = await troupe.streamer();
  const people = [];
  for (let i = 0; i < senders; i += 1) people.push(new Sender(i, await troupe.streamer()));

  for (let round = 0; round < rounds; round += 1) {
    await Promise.all(people.map((p) => p.join(troupe, owner.userId)));
    const before = people.reduce((sum, p) => sum + p.acknowledged.size, 0);
    const wanted = 5 + Math.floor(Math.random() * 120);  // acknowledgements until the kill
    const talk = setInterval(() => {
      for (const p of people) if (p.unanswered.size < 40 && p.client.isOpen) p.say();
    }, 2);
    await until(() => {
      for (const p of people) p.take();
      return people.reduce((sum, p) => sum + p.acknowledged.size, 0) - before >= wanted;
    }, { what: `${wanted} acknowledgements`, detail: () => troupe.process.output.slice(-2000) });
    const killed = troupe.restart('SIGKILL');
    clearInterval(talk);
    await killed;
    for (const p of people) {
      p.take();  // an acknowledgement that was on its way counts
      p.client.kill();
    }

    const events = await allEvents(troupe, owner.userId);
    events.forEach((e, i) => assert.equal(e.seq, i + 1, 'sequence numbers are dense'));
    const bySeq = new Map(events.map((e) => [e.seq, e]));
    for (const p of people) {
      for (const [nonce, said] of p.acknowledged) {
        const there = bySeq.get(said.seq);
        assert.ok(there, `round ${round}: ${nonce}, acknowledged as ${said.seq}, is lost`);
        assert.deepEqual([there.nonce, there.message, there.message_id, there.user.user_id],
          [nonce, said.message, said.message_id, p.user.userId]);
      }
      const mine = events.filter((e) => e.user.user_id === p.user.userId);
      assert.equal(new Set(mine.map((e) => e.nonce)).size, mine.length, `round ${round}: said twice`);
      const numbers = mine.map((e) => Number(e.nonce.split('-')[1]));
      assert.deepEqual(numbers, [...numbers].sort((a, b) => a - b), `round ${round}: out of order`);
    }
  }
  await troupe.close();
});
