// SPDX-License-Identifier: GPL-3.0-or-later
// No record of an account or a stream is lost, whenever the program is killed. Each round: people register, start and end
// streams and change their keys, kill -9, start; then what was acknowledged is compared with what is there. What was asked
// and not answered may have happened or not.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from './support/process.mjs';
import { Troupe } from './support/troupe.mjs';

const rounds = Number(process.env.TROUPE_KILL_ROUNDS ?? 8);

/** One streamer, who does one thing after the other and remembers what was answered. */
class Streamer {
  constructor(troupe, number, user) {
    Object.assign(this, { troupe, number, user, key: user.key, stream: null, ended: [], acknowledged: 0, said: 0 });
  }

  /** The answer, or nothing: then the question is left open. */
  async ask(what, ...request) {
    this.open = what;
    const answer = await this.troupe.api(...request).catch(() => undefined);
    if (!answer || answer.status >= 500) return undefined;
    assert.equal(answer.status, 200, `${what}: ${JSON.stringify(answer.json)}`);
    this.open = undefined;
    this.acknowledged += 1;
    return answer.json;
  }

  async go(isOver) {
    const { token } = this.user;
    while (!isOver()) {
      this.title = `streamer ${this.number}, stream ${this.said += 1}`;
      const started = await this.ask('start', 'POST', '/streams/start', { token, body: { title: this.title } });
      if (!started) return;
      this.stream = { id: started.stream_id, title: this.title };
      const rotated = await this.ask('rotate', 'POST', '/users/me/stream-key/rotate', { token });
      if (!rotated) return;
      this.key = rotated.stream_key;
      if (this.said % 3 === 0) continue;  // the same stream goes on, under another title
      if (!await this.ask('end', 'POST', `/streams/${this.stream.id}/end`, { token })) return;
      this.ended.push(this.stream);
      this.stream = null;
    }
  }

  /** After a kill. What was left open is settled by what is there. */
  async check() {
    const { token } = this.user;
    const { json: key } = await this.troupe.api('GET', '/users/me/stream-key', { token });
    if (this.open !== 'rotate') assert.equal(key.stream_key, this.key, 'an acknowledged key is lost');
    this.key = key.stream_key;
    for (const stream of this.ended.slice(-20)) {
      const { status, json } = await this.troupe.api('GET', `/streams/${stream.id}`);
      assert.deepEqual([status, json.status, json.title], [200, 'ended', stream.title], 'an acknowledged end is lost');
    }
    if (this.stream) {
      const { status, json } = await this.troupe.api('GET', `/streams/${this.stream.id}`);
      assert.equal(status, 200, 'an acknowledged stream is lost');
      if (this.open !== 'end') assert.equal(json.status, 'waiting');
      if (this.open !== 'start') assert.equal(json.title, this.stream.title, 'an acknowledged title is lost');
    }
    this.open = undefined;
  }
}

/** Registers one after the other: each costs a password's hash. */
async function register(troupe, prefix, made, isOver) {
  for (let i = 0; !isOver(); i += 1) {
    const body = { username: `${prefix}x${i}`, email: `${prefix}x${i}@example.org`, password: 'correct horse battery' };
    const answer = await troupe.api('POST', '/users', { body }).catch(() => undefined);
    if (answer?.status !== 201) return;
    made.push({ id: answer.json.user_id, ...body });
  }
}

test(`records: ${rounds} times killed, every acknowledged account, key and stream is there`, { timeout: 240_000 }, async () => {
  const troupe = await Troupe.start({ config: '[limits]\nrequests_per_minute_user = 0\n' });
  const streamers = [];
  for (let i = 0; i < 3; i += 1) streamers.push(new Streamer(troupe, i, await troupe.streamer()));
  const made = [];
  for (let round = 0; round < rounds; round += 1) {
    let isOver = false;
    const before = streamers.reduce((sum, s) => sum + s.acknowledged, 0);
    const wanted = 5 + Math.floor(Math.random() * 40);  // acknowledgements until the kill
    const known = made.length;
    const work = [register(troupe, `round${round}`, made, () => isOver), ...streamers.map((s) => s.go(() => isOver))];
    await until(() => made.length > known && streamers.reduce((sum, s) => sum + s.acknowledged, 0) - before >= wanted,
      { what: `${wanted} acknowledgements and an account`, detail: () => troupe.process.output.slice(-2000) });
    const killed = troupe.restart('SIGKILL');
    isOver = true;
    await killed;
    await Promise.all(work);
    for (const s of streamers) await s.check();
    for (const account of made.slice(known)) {
      const { status, json } = await troupe.api('GET', `/users/${account.id}`);
      assert.deepEqual([status, json.username], [200, account.username], 'an acknowledged account is lost');
    }
  }
  assert.ok(made.length > 0, 'nobody could register');
  for (const { username, password } of [made[0], made.at(-1)]) {
    const { status } = await troupe.api('POST', '/auth/token', { body: { grant_type: 'password', username, password } });
    assert.equal(status, 200);
  }
  await troupe.close();
});
