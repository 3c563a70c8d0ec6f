// SPDX-License-Identifier: GPL-3.0-or-later
// Who may call what, held to the real program: every call that openapi.json marks for somebody in particular (x-access) refuses
// everybody else, and lets those in. A new route is tried as soon as the document lists it, as a unit test demands it does.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openapi } from './openapi/check.mjs';
import { Troupe } from './support/troupe.mjs';

let troupe;
let people;
let values;

before(async () => {
  troupe = await Troupe.start();
  const [owner, moderator, stranger, other] = await Promise.all(
    ['ownsthis', 'helpsthere', 'passesby', 'somebody'].map((name) => troupe.streamer(name)));
  people = { owner, moderator, stranger, administrator: await administrator() };
  const room = `/channels/${owner.userId}`;
  const call = async (who, ...rest) => {
    const answer = await troupe.api(rest[0], rest[1], { token: who.token, body: rest[2] });
    assert.ok(answer.status < 300, `${rest[0]} ${rest[1]}: ${answer.status}`);
    return answer.json;
  };
  await call(owner, 'PUT', `${room}/moderators/${moderator.userId}`);
  // Who rules elsewhere has no say here.
  await call(other, 'PUT', `/channels/${other.userId}/moderators/${stranger.userId}`);
  const stream = await call(owner, 'POST', '/streams/start', { title: 'Whose is it' });
  const said = await call(owner, 'POST', `${room}/chat`, { message: 'mine' });
  await call(owner, 'PUT', `${room}/chat/words`, { words: [{ word: 'spoiler', action: 'hold' }] });
  await call(other, 'POST', `${room}/chat`, { message: 'a spoiler' });
  const held = await call(owner, 'GET', `${room}/chat/held`);
  values = {
    user_id: owner.userId, stream_id: stream.stream_id, moderator_id: stranger.userId, banned_id: other.userId, member_id: other.userId,
    message_id: (path) => (path.includes('/held/') ? held.items[0].message_id : said.message_id),
  };
});
after(async () => { await troupe?.close(); });

async function administrator() {
  const password = 'correct horse battery';
  const command = troupe.command('user', 'create', 'theboss', '--email', 'boss@example.org', '--administrator', '--password-stdin');
  command.child.stdin.end(`${password}\n`);
  assert.equal((await command.exited).code, 0, command.output);
  const { json } = await troupe.api('POST', '/auth/token', { body: { grant_type: 'password', username: 'theboss', password } });
  return { token: json.access_token };
}

/** Every operation of the document whose x-access is one of these, with a path that leads somewhere and a body that is right. */
function operations(...kinds) {
  const found = [];
  for (const [pattern, methods] of Object.entries(openapi.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      if (!kinds.includes(operation['x-access'])) continue;
      const path = pattern.replace(/\{(\w+)\}/g, (_, name) => {
        const value = typeof values[name] === 'function' ? values[name](pattern) : values[name];
        assert.ok(value, `${pattern}: this test does not know a ${name}`);
        return value;
      });
      const media = operation.requestBody?.content['application/json'];
      const body = media && (media.example ?? Object.values(media.examples)[0].value);
      found.push({ name: `${method.toUpperCase()} ${pattern}`, method: method.toUpperCase(), path, body, access: operation['x-access'] });
    }
  }
  return found;
}

/** Through a front, whose visitors are not operators because it runs on this machine. */
async function status({ method, path, body }, token) {
  const headers = { 'x-forwarded-for': '203.0.113.9', 'content-type': 'application/json' };
  if (token) headers.authorization = `Bearer ${token}`;
  const answer = await fetch(troupe.origin + path, {
    method, headers, body: body === undefined ? undefined : JSON.stringify(body), signal: AbortSignal.timeout(15_000),
  });
  await answer.arrayBuffer();
  return answer.status;
}

test('what is for users refuses who is none', async () => {
  const all = operations('user', 'owner', 'moderator', 'administrator', 'operators');
  assert.ok(all.length > 35, `${all.length} calls`);
  for (const each of all) {
    assert.equal(await status(each), 401, each.name);
    assert.equal(await status(each, 'not.a.token'), 401, each.name);
  }
});

test('what is for owners, moderators and administrators refuses other users', async () => {
  const restricted = operations('owner', 'moderator', 'administrator', 'operators');
  assert.ok(restricted.length > 18, `${restricted.length} calls`);
  for (const each of restricted) assert.equal(await status(each, people.stranger.token), 403, each.name);
  for (const each of operations('owner', 'administrator', 'operators')) assert.equal(await status(each, people.moderator.token), 403, each.name);
  for (const each of operations('administrator', 'operators')) assert.equal(await status(each, people.owner.token), 403, each.name);
});

test('and lets those in whom it is for', async () => {
  const refusals = [401, 403];
  const lets = async (each, who) => assert.ok(!refusals.includes(await status(each, people[who].token)), `${each.name} as ${who}`);
  for (const each of operations('moderator')) {
    await lets(each, 'moderator');
    await lets(each, 'owner');
    await lets(each, 'administrator');
  }
  for (const each of operations('owner')) {
    await lets(each, 'owner');
    await lets(each, 'administrator');
  }
  for (const each of operations('administrator', 'operators')) await lets(each, 'administrator');
});
