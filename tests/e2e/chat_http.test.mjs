// SPDX-License-Identifier: GPL-3.0-or-later
// Chat as bots use it, over HTTP alone: every call of docs/chat-protocol.md against the real program, for every role. Each
// answer is held to openapi.json by Troupe.api().
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Troupe } from './support/troupe.mjs';

let troupe;
let owner;
let moderator;
let user;
let stranger;
let administrator;
let room;

before(async () => {
  troupe = await Troupe.start();
  [owner, moderator, user, stranger] = await Promise.all(
    ['ownerofit', 'helperofit', 'chatterbox', 'passerby'].map((name) => troupe.streamer(name)));
  administrator = await makeAdministrator('thechief');
  room = `/channels/${owner.userId}`;
  assert.equal((await api(owner, 'PUT', `${room}/moderators/${moderator.userId}`)).status, 204);
});
after(async () => { await troupe?.close(); });

const api = (who, method, path, body, headers) => troupe.api(method, path, { token: who?.token, body, headers });
const say = (who, message, more = {}, headers = {}) => api(who, 'POST', `${room}/chat`, { message, ...more }, headers);
const history = async (query = '') => (await api(null, 'GET', `${room}/chat${query}`)).json;
const texts = (page) => page.messages.map((m) => m.message);

/** Administrators are made on the machine itself. */
async function makeAdministrator(username) {
  const password = 'correct horse battery';
  const command = troupe.command('user', 'create', username, '--email', `${username}@example.org`, '--administrator', '--password-stdin');
  command.child.stdin.end(`${password}\n`);
  assert.equal((await command.exited).code, 0, command.output);
  const { json } = await troupe.api('POST', '/auth/token', { body: { grant_type: 'password', username, password } });
  return { username, token: json.access_token };
}

/** Says so many messages as the owner, who may say more than others. */
async function fill(count, prefix) {
  const said = [];
  for (let i = 0; i < count; i += 1) {
    const { status, json } = await say(owner, `${prefix} ${i}`);
    assert.equal(status, 200);
    said.push(json);
  }
  return said;
}

test('a message is stored, numbered and read back by everybody', async () => {
  const { status, json } = await say(user, 'Hello, wörld 👋 "quoted"');
  assert.equal(status, 200);
  assert.equal(json.message, 'Hello, wörld 👋 "quoted"');
  const reply = await say(moderator, 'Welcome', { reply_to: json.message_id });
  assert.equal(reply.json.seq, json.seq + 1);
  const { messages } = await history();
  const [first, second] = messages.slice(-2);
  assert.deepEqual(first, {
    type: 'message', seq: json.seq, message_id: json.message_id, stream_id: null, message: json.message, created_at: json.created_at,
    user: { user_id: user.userId, username: user.username, role: 'user' },
  });
  assert.equal(second.user.role, 'moderator');
  assert.deepEqual(second.reply_to, { message_id: json.message_id, user_id: user.userId, username: user.username, message: json.message });
});

test('what was said survives kill -9, with its numbers and nonces', async () => {
  const first = await say(user, 'before the crash', {}, { 'idempotency-key': 'crash-1' });
  assert.equal(first.status, 200);
  await troupe.restart('SIGKILL');
  const again = await say(user, 'before the crash', {}, { 'idempotency-key': 'crash-1' });
  assert.equal(again.status, 200);
  assert.deepEqual(again.json, first.json);
  const other = await say(user, 'something else', {}, { 'idempotency-key': 'crash-1' });
  assert.equal(other.status, 409);
  assert.equal(other.json.error.code, 'nonce_reused');
  assert.equal(texts(await history()).filter((t) => t === 'before the crash').length, 1);
  assert.equal((await say(user, 'after the crash')).json.seq, first.json.seq + 1);
});

test('posts with one key at the same time happen once', async () => {
  const all = await Promise.all(Array.from({ length: 8 }, () => say(owner, 'at once', {}, { 'idempotency-key': 'herd' })));
  assert.deepEqual(new Set(all.map((a) => a.status)), new Set([200]));
  assert.equal(new Set(all.map((a) => a.json.message_id)).size, 1);
});

test('history is paged both ways, by message and by number', async () => {
  const said = await fill(25, 'page');
  const wanted = said.map((s) => s.message);
  const back = [];
  for (let next; ;) {
    const page = await history(`?limit=10${next ? `&before=${next}` : ''}`);
    back.unshift(...texts(page));
    next = page.next;
    if (next === null || back.length >= 25) break;
  }
  assert.deepEqual(back.slice(-25), wanted);
  const forward = [];
  for (let next = said[0].message_id; next !== null;) {
    const page = await history(`?limit=7&after=${next}`);
    forward.push(...texts(page));
    next = page.next;
  }
  assert.deepEqual(forward, wanted.slice(1));
  const numbers = [];
  for (let next = 0; next !== null;) {
    const page = await history(`?limit=9&after_seq=${next}`);
    numbers.push(...page.messages.map((m) => m.seq));
    next = page.next;
  }
  assert.deepEqual(numbers, Array.from({ length: said.at(-1).seq }, (_, i) => i + 1), 'dense from 1');
  assert.deepEqual(texts(await history(`?limit=2&before_seq=${said[5].seq}`)), wanted.slice(3, 5));
  for (const query of ['?limit=0', '?limit=101', '?before=0', '?before=x', '?after=1&before=2', '?after_seq=-1']) {
    assert.equal((await api(null, 'GET', `${room}/chat${query}`)).status, 400, query);
  }
});

test('a stream is another address of its owner\'s chat', async () => {
  const { json: stream } = await api(owner, 'POST', '/streams/start', { title: 'A stream' });
  const path = `/streams/${stream.stream_id}/chat`;
  const first = await api(user, 'POST', path, { message: 'by the stream' }, { 'idempotency-key': 'alias' });
  assert.equal(first.status, 200);
  const again = await say(user, 'by the stream', {}, { 'idempotency-key': 'alias' });
  assert.deepEqual(again.json, first.json, 'the same nonce by the other address');
  const { json } = await api(null, 'GET', path);
  assert.equal(json.messages.at(-1).message, 'by the stream');
  assert.deepEqual(json, await history());
  assert.equal((await api(user, 'DELETE', `${path}/${first.json.message_id}`)).status, 204);
  assert.ok(!texts(await history()).includes('by the stream'));
  assert.equal((await api(null, 'GET', '/streams/1/chat')).status, 404);
  await api(owner, 'POST', `/streams/${stream.stream_id}/end`);
});

test('only what is a message is said', async () => {
  const code = async (message, more) => (await say(owner, message, more)).json.error.code;
  assert.equal(await code(''), 'invalid_message');
  assert.equal(await code('   '), 'invalid_message');
  assert.equal(await code('x'.repeat(501)), 'invalid_message');
  assert.equal(await code('a\u0007b'), 'invalid_message');
  assert.equal(await code('a\u202eb'), 'invalid_message');
  assert.equal((await say(owner, '禁'.repeat(500))).status, 200);
  assert.equal((await api(null, 'POST', `${room}/chat`, { message: 'x' })).status, 401);
  assert.equal((await api(user, 'POST', `${room}/chat`, { text: 'x' })).status, 400);
  assert.equal((await api(user, 'POST', `${room}/chat`, '{"message":')).status, 400);
});

test('a channel that does not exist is not found, and leaves nothing', async () => {
  const nobody = '/channels/12345';
  const active = await troupe.metric('troupe_entities_active');
  for (const [method, path, body] of [['GET', '/chat'], ['POST', '/chat', { message: 'x' }], ['GET', '/chat/mode'], ['GET', '/moderators'],
    ['GET', '/bans'], ['GET', '/chat/log'], ['PUT', `/bans/${user.userId}`], ['GET', `/chat/users/${user.userId}`]]) {
    const { status, json } = await api(administrator, method, nobody + path, body);
    assert.equal(status, 404, `${method} ${path}: ${JSON.stringify(json)}`);
  }
  assert.ok(await troupe.metric('troupe_entities_active') <= active + 1);
});

test('each call lets in whom it should', async () => {
  const victim = (await say(user, 'to be deleted')).json.message_id;
  const everyone = ['GET /chat', 'GET /chat/mode', 'GET /moderators'];
  const moderators = ['GET /bans', 'GET /chat/words', 'GET /chat/held', 'GET /chat/log', `GET /chat/users/${user.userId}`];
  for (const [people, calls, wanted] of [
    [[null, stranger, user, moderator, owner, administrator], everyone, 200], [[moderator, owner, administrator], moderators, 200],
    [[null], moderators, 401], [[stranger, user], moderators, 403]]) {
    for (const who of people) {
      for (const call of calls) {
        const [method, path] = call.split(' ');
        assert.equal((await api(who, method, room + path)).status, wanted, `${who?.username} ${call}`);
      }
    }
  }
  const commands = [['DELETE', `/chat/${victim}`], ['PATCH', '/chat/mode', { slow_mode_s: 0 }], ['PUT', '/chat/words', { words: [] }],
    ['PUT', `/bans/${stranger.userId}`, { duration_s: 1 }], ['DELETE', `/bans/${stranger.userId}`],
    ['PUT', `/moderators/${stranger.userId}`], ['DELETE', `/moderators/${stranger.userId}`]];
  for (const [method, path, body] of commands) {
    assert.equal((await api(null, method, room + path, body)).status, 401, path);
    assert.equal((await api(stranger, method, room + path, body)).status, 403, path);
  }
  for (const method of ['PUT', 'DELETE']) assert.equal((await api(moderator, method, `${room}/moderators/${stranger.userId}`)).status, 403);
  for (const method of ['PUT', 'DELETE']) assert.equal((await api(administrator, method, `${room}/moderators/${stranger.userId}`)).status, 204);
  assert.equal((await api(moderator, 'PUT', `${room}/bans/${owner.userId}`)).status, 403, 'nobody bans the owner');
  assert.equal((await api(moderator, 'PUT', `${room}/bans/${moderator.userId}`)).status, 403, 'nor a moderator another');
  assert.equal((await api(moderator, 'DELETE', `${room}/chat/${victim}`, { reason: 'a test' })).status, 204);
});

test('an author deletes, and what is gone stands as deleted by its number', async () => {
  const { json } = await say(user, 'regretted');
  assert.equal((await api(stranger, 'DELETE', `${room}/chat/${json.message_id}`)).status, 403);
  assert.equal((await api(user, 'DELETE', `${room}/chat/${json.message_id}`)).status, 204);
  assert.ok(!texts(await history()).includes('regretted'));
  const { messages } = await history(`?after_seq=${json.seq - 1}`);
  assert.deepEqual(messages.slice(0, 2), [
    { type: 'deleted', seq: json.seq, message_id: json.message_id }, { type: 'deleted', seq: json.seq + 1, message_id: json.message_id }]);
  assert.equal((await api(moderator, 'DELETE', `${room}/chat/${json.message_id + 1}`)).status, 404);
});

test('a time-out and a ban hold, clear what was said, and are lifted', async () => {
  await say(stranger, 'spam spam');
  assert.equal((await api(moderator, 'PUT', `${room}/bans/${stranger.userId}`, { duration_s: 600, reason: 'spam' })).status, 204);
  const refused = await say(stranger, 'again');
  assert.equal(refused.status, 403);
  assert.equal(refused.json.error.code, 'banned');
  assert.ok(refused.json.error.retry_after_ms > 500_000 && refused.json.error.retry_after_ms <= 600_000, JSON.stringify(refused.json));
  assert.ok(!texts(await history('?limit=100')).includes('spam spam'));
  const { json: bans } = await api(moderator, 'GET', `${room}/bans`);
  assert.equal(bans.items.length, 1);
  assert.equal(bans.items[0].username, stranger.username);
  assert.equal(bans.items[0].reason, 'spam');
  assert.deepEqual(bans.items[0].by, { user_id: moderator.userId, username: moderator.username });
  assert.ok(Date.parse(bans.items[0].until) > Date.now());

  assert.equal((await api(moderator, 'PUT', `${room}/bans/${stranger.userId}`)).status, 204);
  await troupe.restart();
  const forGood = await say(stranger, 'after a restart');
  assert.equal(forGood.json.error.code, 'banned');
  assert.equal(forGood.json.error.retry_after_ms, undefined);
  const { json: card } = await api(owner, 'GET', `${room}/chat/users/${stranger.userId}`);
  assert.equal(card.banned, true);
  assert.equal(card.until, null);
  assert.deepEqual(card.messages.map((m) => [m.message, m.deleted]), [['spam spam', true]]);

  assert.equal((await api(moderator, 'DELETE', `${room}/bans/${stranger.userId}`, { reason: 'said sorry' })).status, 204);
  assert.equal((await say(stranger, 'sorry')).status, 200);
  assert.deepEqual((await api(owner, 'GET', `${room}/bans`)).json, { items: [], next: null });
});

test('slow mode and followers only are told with their waits', async () => {
  const slow = await troupe.streamer('slowpoke');
  const set = await api(moderator, 'PATCH', `${room}/chat/mode`, { slow_mode_s: 60 });
  assert.deepEqual(set.json, { slow_mode_s: 60, followers_only_min_age_s: null });
  assert.equal((await say(slow, 'one')).status, 200);
  const second = await say(slow, 'two');
  assert.equal(second.status, 429);
  assert.equal(second.json.error.code, 'slow_mode');
  const wait = second.json.error.retry_after_ms;
  assert.ok(wait > 0 && wait <= 60_000);
  assert.equal(Number(second.headers.get('retry-after')), Math.ceil(wait / 1000));
  assert.equal((await say(moderator, 'not for me')).status, 200);

  const only = await api(owner, 'PATCH', `${room}/chat/mode`, { slow_mode_s: 0, followers_only_min_age_s: 0 });
  assert.deepEqual(only.json, { slow_mode_s: 0, followers_only_min_age_s: 0 });
  assert.equal((await say(slow, 'not yet')).json.error.code, 'followers_only');
  assert.ok((await api(slow, 'PUT', `/users/${owner.userId}/follow`)).status < 300);
  assert.equal((await say(slow, 'a follower')).status, 200);
  await api(owner, 'PATCH', `${room}/chat/mode`, { followers_only_min_age_s: 3600 });
  const young = await say(slow, 'a young one');
  assert.equal(young.status, 403);
  assert.ok(young.json.error.retry_after_ms > 3_500_000);
  await troupe.restart();
  assert.deepEqual((await api(null, 'GET', `${room}/chat/mode`)).json, { slow_mode_s: 0, followers_only_min_age_s: 3600 });
  await api(owner, 'PATCH', `${room}/chat/mode`, { followers_only_min_age_s: null });
  for (const wrong of [{ slow_mode_s: -1 }, { slow_mode_s: 3601 }, { followers_only_min_age_s: 7_776_001 }, { slow_mode_s: 'x' }]) {
    assert.equal((await api(owner, 'PATCH', `${room}/chat/mode`, wrong)).status, 400);
  }
});

test('words refuse, mask and hold; a held message waits for a moderator', async () => {
  const words = [{ word: 'forbidden', action: 'refuse' }, { word: 'darn', action: 'mask' }, { word: 'spoiler', action: 'hold' }];
  const set = await api(moderator, 'PUT', `${room}/chat/words`, { words, reason: 'a film night' });
  assert.deepEqual(set.json.words.map((w) => w.action).sort(), ['hold', 'mask', 'refuse']);
  const refused = await say(user, 'this is FORBIDDEN');
  assert.equal(refused.json.error.code, 'blocked_word');
  const masked = await say(user, 'oh darn it');
  assert.ok(masked.status === 200 && !/darn/.test(masked.json.message), masked.json.message);

  for (const action of ['allow', 'deny']) {
    const text = `a spoiler to ${action}`;
    const held = await say(user, text, {}, { 'idempotency-key': `held-${action}` });
    assert.equal(held.status, 202);
    assert.deepEqual(held.json, { status: 'held' });
    assert.equal((await say(user, text, {}, { 'idempotency-key': `held-${action}` })).status, 202);
    assert.ok(!texts(await history()).includes(text));
    await troupe.restart('SIGKILL');
    const { json: list } = await api(moderator, 'GET', `${room}/chat/held`);
    assert.equal(list.items.length, 1);
    assert.equal(list.items[0].message, text);
    assert.equal(list.items[0].word, 'spoiler');
    const path = `${room}/chat/held/${list.items[0].message_id}`;
    assert.equal((await api(user, 'POST', path, { action })).status, 403);
    assert.equal((await api(moderator, 'POST', path, { action: 'maybe' })).status, 400);
    assert.equal((await api(moderator, 'POST', path, { action })).status, 204);
    assert.equal((await api(moderator, 'POST', path, { action })).status, 404, 'decided once');
    assert.equal(texts(await history()).includes(text), action === 'allow');
  }
  const longest = Array.from({ length: 500 }, (_, i) => ({ word: String(i).padStart(4, '0') + '禁'.repeat(60), action: 'refuse' }));
  assert.equal((await api(owner, 'PUT', `${room}/chat/words`, { words: longest })).status, 200);
  assert.equal((await api(owner, 'PUT', `${room}/chat/words`, { words: [...longest, words[0]] })).status, 400);
  assert.deepEqual((await api(owner, 'PUT', `${room}/chat/words`, { words: [] })).json, { words: [] });
});

test('the log holds every decision, newest first, over pages', async () => {
  const actions = [];
  for (let cursor = ''; ;) {
    const { json } = await api(moderator, 'GET', `${room}/chat/log?limit=4${cursor}`);
    assert.ok(json.items.length <= 4);
    actions.push(...json.items);
    if (json.next === null) break;
    cursor = `&cursor=${encodeURIComponent(json.next)}`;
  }
  const kinds = new Set(actions.map((a) => a.action));
  for (const kind of ['delete', 'timeout', 'ban', 'unban', 'appoint', 'dismiss', 'mode', 'words', 'allow', 'deny']) assert.ok(kinds.has(kind), `${kind} in ${[...kinds]}`);
  const ids = actions.map((a) => a.log_id);
  assert.deepEqual(ids, [...ids].sort((a, b) => b - a));
  const deleted = actions.find((a) => a.action === 'delete' && a.reason === 'a test');
  assert.equal(deleted.message, 'to be deleted');
  assert.equal(deleted.by.username, moderator.username);
  assert.equal(deleted.user.username, user.username);
  assert.equal(actions.find((a) => a.action === 'unban' && a.reason !== null)?.reason, 'said sorry');
  const film = actions.find((a) => a.action === 'words' && a.reason === 'a film night');
  assert.equal(film.details.count, 3);
  assert.deepEqual(film.details.added.map((w) => `${w.word} ${w.action}`).sort(), ['darn mask', 'forbidden refuse', 'spoiler hold']);
  const longest = actions.filter((a) => a.action === 'words' && a.details.count === 500);
  assert.equal(longest.flatMap((a) => a.details.added).length, 500, 'also a long list is told whole');
  assert.deepEqual(longest.flatMap((a) => a.details.removed).map((w) => w.word).sort(), ['darn', 'forbidden', 'spoiler']);
  assert.equal((await api(moderator, 'GET', `${room}/chat/log?cursor=x`)).json.error.code, 'invalid_cursor');
});

test('moderators are listed, and are none any more once dismissed', async () => {
  const { json } = await api(null, 'GET', `${room}/moderators`);
  assert.deepEqual(json.items.map((m) => m.username), [moderator.username]);
  assert.equal((await api(owner, 'DELETE', `${room}/moderators/${moderator.userId}`)).status, 204);
  assert.equal((await api(moderator, 'GET', `${room}/chat/log`)).status, 403);
  assert.deepEqual((await api(null, 'GET', `${room}/moderators`)).json.items, []);
  assert.equal((await api(owner, 'PUT', `${room}/moderators/${moderator.userId}`)).status, 204);
});

test('posts count against the chat limit, not against the requests of a user', async () => {
  const fast = await troupe.streamer('fasttalker');
  let said = 0;
  let refused;
  for (let i = 0; i < 25; i += 1) {
    const answer = await api(fast, 'POST', `${room}/chat`, { message: `fast ${i}` });
    if (answer.status === 200) said += 1;
    else refused = answer;
  }
  assert.equal(said, 20);
  assert.equal(refused.status, 429);
  assert.equal(refused.json.error.code, 'rate_limited');
  assert.ok(refused.json.error.retry_after_ms > 0);
  for (let i = 0; i < 90; i += 1) assert.equal((await say(owner, `many ${i}`)).status, 200);
  assert.equal((await api(owner, 'GET', '/users/me')).status, 200);
});
