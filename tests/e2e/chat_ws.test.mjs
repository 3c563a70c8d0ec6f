// SPDX-License-Identifier: GPL-3.0-or-later
// The chat WebSocket as an independent client sees it: npm's ws, with and without permessage-deflate offered, and bare
// sockets for what ws would never send.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { ChatClient } from './support/chat.mjs';
import { until } from './support/process.mjs';
import { Troupe } from './support/troupe.mjs';

let troupe;
let owner;
let friend;

before(async () => {
  troupe = await Troupe.start({ config: '[log]\nlevel = "trace"\n[limits]\nchat_sockets_user = 3\nconnections_per_address = 2\nrequests_per_minute_user = 0\n' });
  owner = await troupe.streamer();
  friend = await troupe.streamer();
});

after(() => troupe.close());

const room = () => ({ channel: owner.userId });
const join = (query = {}, more = {}) => ChatClient.join(troupe.origin, room(), { query, ...more });
const as = (user, more = {}) => join({ token: user.token, ...more });
const bearer = (user) => ({ headers: { authorization: `Bearer ${user.token}` } });
const refusal = async (where, how) => {
  const client = ChatClient.open(troupe.origin, where, how);
  await until(() => client.refused !== undefined, { what: 'a refusal', subscribe: client.listeners });
  return client.refused;
};

/** Waits until one more may connect. */
const freed = (how) => until(async () => {
  const client = ChatClient.open(troupe.origin, room(), how);
  await until(() => client.refused !== undefined || client.welcome, { what: 'an answer', subscribe: client.listeners });
  if (client.welcome) await client.close();
  return client.welcome;
}, { what: 'the place to be free' });

for (const perMessageDeflate of [false, true]) {
  test(`ws talks and listens, permessage-deflate ${perMessageDeflate ? '' : 'not '}offered`, async () => {
    const options = { perMessageDeflate };
    const reader = await join({}, { options });
    const speaker = await join({}, { ...bearer(friend), options });
    assert.equal(reader.socket.extensions, '');
    assert.equal(reader.welcome.user, null);
    assert.equal(speaker.welcome.user.user_id, friend.userId);
    assert.equal(speaker.welcome.role, 'user');
    assert.equal(reader.welcome.channel.user_id, owner.userId);
    const nonce = `n${perMessageDeflate}`;
    speaker.say('Hello — 日本語 🎭', nonce);
    const ack = await speaker.answer(nonce);
    for (const client of [reader, speaker]) {
      const event = await client.frame((f) => f.type === 'message' && f.seq === ack.seq);
      assert.equal(event.message, 'Hello — 日本語 🎭');
      assert.equal(event.user.user_id, friend.userId);
      assert.equal(event.message_id, ack.message_id);
    }
    reader.say('I may not', 'r1');
    assert.equal((await reader.answer('r1')).code, 'unauthenticated');
    assert.equal((await reader.close()).code, 1000);
    await speaker.close();
  });
}

test('500 characters are taken however a client writes them', async () => {
  const speaker = await as(owner);
  const escaped = (text) => [...text].flatMap((c) => c.split('').map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)).join('');
  for (const [i, character] of ['🎭', '한', 'ᾂ'].entries()) {
    const text = character.repeat(500);
    for (const [j, written] of [text, escaped(text), text.normalize('NFD'), escaped(text.normalize('NFD'))].entries()) {
      const nonce = `w${i}-${j}`;
      speaker.socket.send(`{"type":"message","nonce":"${nonce}","message":"${written}"}`);
      const ack = await speaker.answer(nonce);
      assert.equal(ack.type, 'ack', JSON.stringify(ack));
      const event = await speaker.frame((f) => f.type === 'message' && f.seq === ack.seq);
      assert.equal(event.message, text);
    }
  }
  speaker.say('🎭'.repeat(501), 'w-long');
  assert.equal((await speaker.answer('w-long')).type, 'error');
  await speaker.close();
});

test('an auth frame lets a reader speak; a wrong one changes nothing', async () => {
  const client = await join();
  client.send({ type: 'auth', token: 'wrong' });
  assert.equal((await client.frame((f) => f.type === 'error')).code, 'invalid_token');
  client.send({ type: 'auth', token: friend.token });
  client.say('at once', 'a1');
  const authenticated = await client.frame((f) => f.type === 'auth');
  assert.equal(authenticated.user.user_id, friend.userId);
  assert.ok(Date.parse(authenticated.expires_at) > Date.now());
  await client.frame((f) => f.type === 'resume');
  assert.equal((await client.answer('a1')).type, 'ack');
  await client.close();
});

test('moderators are told what is held when they come, others are not', async () => {
  const [moderator, other] = await Promise.all([as(owner), as(friend)]);
  assert.equal((await moderator.frame((f) => f.type === 'held')).count, 0);
  other.say('after the welcome', 'h1');
  await other.answer('h1');
  assert.ok(!other.frames.some((f) => f.type === 'held'));
  await Promise.all([moderator, other].map((c) => c.close()));
});

const api = (who, method, path, body) => troupe.api(method, `/channels/${owner.userId}${path}`, { token: who.token, body });

test('a welcome says whether one may write, and why not', async () => {
  const loud = await troupe.streamer();
  const refusal = async (how) => {
    const client = await how();
    const { refusal: why } = client.welcome;
    await client.close();
    return why;
  };
  assert.deepEqual(await refusal(() => join()), { code: 'unauthenticated', until: null });
  assert.equal(await refusal(() => as(loud)), null);
  const before = Date.now();
  assert.equal((await api(owner, 'PUT', `/bans/${loud.userId}`, { duration_s: 600, reason: 'too "loud"' })).status, 204);
  const why = await refusal(() => as(loud));
  assert.deepEqual([why.code, why.reason], ['banned', 'too "loud"']);
  assert.ok(Math.abs(Date.parse(why.until) - before - 600_000) < 10_000, why.until);
  const late = await join();
  late.send({ type: 'auth', token: loud.token });
  assert.deepEqual((await late.frame((f) => f.type === 'auth')).refusal, why);
  await late.close();
  assert.equal((await api(owner, 'DELETE', `/bans/${loud.userId}`)).status, 204);
  assert.equal(await refusal(() => as(loud)), null);

  assert.equal((await api(owner, 'PATCH', '/chat/mode', { followers_only_min_age_s: 3600 })).status, 200);
  assert.deepEqual(await refusal(() => as(loud)), { code: 'followers_only', until: null });
  await troupe.api('PUT', `/users/${owner.userId}/follow`, { token: loud.token });
  const wait = await refusal(() => as(loud));
  assert.equal(wait.code, 'followers_only');
  assert.ok(Math.abs(Date.parse(wait.until) - Date.now() - 3_600_000) < 10_000, wait.until);
  assert.equal(await refusal(() => as(owner)), null);
  assert.equal((await api(owner, 'PATCH', '/chat/mode', { followers_only_min_age_s: null })).status, 200);
});

test('who said a held message learns on every socket what became of it, and nobody else does', async () => {
  const talker = await troupe.streamer();
  assert.equal((await api(owner, 'PUT', '/chat/words', { words: [{ word: 'curtain', action: 'hold' }] })).status, 200);
  const [here, there, other] = await Promise.all([as(talker), as(talker), as(friend)]);
  const decide = async (nonce, action) => {
    here.say(`mind the curtain, ${action}`, nonce);
    assert.equal((await here.answer(nonce)).status, 'held');
    const { json } = await api(owner, 'GET', '/chat/held');
    assert.equal((await api(owner, 'POST', `/chat/held/${json.items[0].message_id}`, { action })).status, 204);
  };
  await decide('k1', 'deny');
  for (const client of [here, there]) {
    const told = await client.frame((f) => f.type === 'error' && f.nonce === 'k1');
    assert.deepEqual([told.code, told.session], ['held_denied', here.welcome.session]);
  }
  await decide('k2', 'allow');
  for (const client of [here, there, other]) {
    const said = await client.frame((f) => f.type === 'message' && f.nonce === 'k2');
    assert.deepEqual([said.user.user_id, said.message], [talker.userId, 'mind the curtain, allow']);
  }
  assert.ok(!other.frames.some((f) => f.type === 'error'));
  assert.ok(!here.frames.some((f) => f.type === 'error' && f.nonce === 'k2'));
  await api(owner, 'PUT', '/chat/words', { words: [] });
  await Promise.all([here, there, other].map((c) => c.close()));
});

test('one client behind a proxy has so many sockets, another its own', async () => {
  const from = (address) => ({ headers: { 'x-forwarded-for': address } });
  const open = [await join({}, from('203.0.113.7')), await join({}, from('203.0.113.7'))];
  assert.equal(await refusal(room(), from('203.0.113.7')), 429);
  open.push(await join({}, from('203.0.113.8')));
  await open.shift().close();
  await freed(from('203.0.113.7'));
  await Promise.all(open.map((c) => c.close()));
});

test('a session is resumed without loss, and its nonces with it', async () => {
  const speaker = await as(owner);
  const client = await as(friend);
  client.say('before', 'once');
  const first = await client.answer('once');
  const { session } = client.welcome;
  client.kill();
  await client.closed;
  speaker.say('while away 1', 's1');
  speaker.say('while away 2', 's2');
  await speaker.answer('s2');
  const again = await as(friend, { resume: client.resume });
  assert.equal(again.welcome.session, session);
  const seqs = again.events.map((e) => e.seq);
  assert.equal(seqs.at(-1), again.welcome.seq);
  assert.ok(seqs.includes(first.seq + 1) && seqs.includes(first.seq + 2));
  again.say('before', 'once');
  assert.equal((await again.answer('once')).message_id, first.message_id);
  const after = await join({ after: first.seq });
  assert.deepEqual(after.events.map((e) => e.seq), [first.seq + 1, first.seq + 2]);
  await Promise.all([speaker, again, after].map((c) => c.close()));
});

test('what is refused is refused with a status', async () => {
  assert.equal(await refusal({ channel: 4711 }, {}), 404);
  assert.equal(await refusal({ stream: 4711 }, {}), 404);
  assert.equal(await refusal(room(), { query: { token: 'wrong' } }), 401);
  assert.equal(await refusal(room(), { query: { after: 'x' } }), 400);
  assert.equal(await refusal(room(), { query: { viewer: 'short' } }), 400);
  const plain = await fetch(`${troupe.origin}/api/v1/channels/${owner.userId}/chat/ws`);
  assert.equal(plain.status, 426);
  assert.equal(plain.headers.get('upgrade'), 'websocket');
});

test('the cookie counts only for our own page', async () => {
  const login = await fetch(`${troupe.origin}/api/v1/auth/token`, {
    method: 'POST', headers: { 'content-type': 'application/json', origin: troupe.origin },
    body: JSON.stringify({ grant_type: 'password', username: friend.username, password: friend.password, cookie: true }),
  });
  const cookie = login.headers.get('set-cookie').split(';')[0];
  const own = await join({}, { headers: { cookie, origin: troupe.origin } });
  assert.equal(own.welcome.user.user_id, friend.userId);
  const foreign = await join({}, { headers: { cookie, origin: 'https://elsewhere.example' } });
  assert.equal(foreign.welcome.user, null);
  const none = await join({}, { headers: { cookie } });
  assert.equal(none.welcome.user, null);
  await Promise.all([own, foreign, none].map((c) => c.close()));
});

test('an account has a bounded number of sockets', async () => {
  const three = await Promise.all([as(friend), as(friend), as(friend)]);
  assert.equal(await refusal(room(), { query: { token: friend.token } }), 429);
  const reader = await join();
  reader.send({ type: 'auth', token: friend.token });
  assert.equal((await reader.closed).code, 1008);
  await three[0].close();
  await freed({ query: { token: friend.token } });
  await Promise.all(three.slice(1).map((c) => c.close()));
});

test('a token in the address is nowhere in the log', async () => {
  const client = await as(friend);
  await client.close();
  assert.ok(!troupe.process.output.includes(friend.token));
});

/** A client's frame, masked with zeros. */
function frame(first, payload, { masked = true } = {}) {
  const body = Buffer.from(payload);
  const head = body.length < 126 ? [first, body.length] : [first, 126, body.length >> 8, body.length & 255];
  if (masked) head[1] |= 0x80;
  return Buffer.concat([Buffer.from(head), masked ? Buffer.alloc(4) : Buffer.alloc(0), body]);
}

/** A bare socket past its handshake. closeCode() resolves with the code of the server's close frame. */
async function bare({ pause = false } = {}) {
  const socket = connect(troupe.httpPort, '127.0.0.1');
  socket.write(`GET /api/v1/channels/${owner.userId}/chat/ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n`
    + 'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n');
  const peer = { socket, received: Buffer.alloc(0) };
  socket.on('error', () => {});
  peer.ended = new Promise((resolve) => { socket.on('close', resolve); });
  const welcomed = new Promise((resolve) => {
    socket.on('data', (data) => {
      peer.received = Buffer.concat([peer.received, data]);
      if (peer.received.includes('"type":"welcome"')) resolve();
    });
  });
  await welcomed;
  if (pause) socket.pause();
  peer.closeCode = async () => {
    await peer.ended;
    const at = peer.received.lastIndexOf(0x88);
    return peer.received.readUInt16BE(at + 2);
  };
  return peer;
}

const rejected = [
  ['a frame that is not masked', frame(0x81, 'Hello', { masked: false }), 1002],
  ['RSV1 without an extension', frame(0xC1, 'Hello'), 1002],
  ['a reserved opcode', frame(0x83, ''), 1002],
  ['a ping in fragments', frame(0x09, ''), 1002],
  ['a ping that is too long', Buffer.from('89fe007e00000000', 'hex'), 1002],
  ['a continuation of nothing', frame(0x80, ''), 1002],
  ['text that is not UTF-8', frame(0x81, Buffer.from([0xC3, 0x28])), 1007],
  ['a close frame of one byte', frame(0x88, Buffer.from([3])), 1002],
  ['close code 1005', frame(0x88, Buffer.from([3, 0xED])), 1002],
  ['a length beyond all', Buffer.from('82ffffffffffffffffff00000000', 'hex'), 1002],
  ['a binary frame', frame(0x82, 'x'), 1003],
  ['a frame over 16 KiB', frame(0x81, 'x'.repeat(16_385)), 1009],
  ['ten frames that are no command', Buffer.concat(Array.from({ length: 10 }, () => frame(0x81, '{}'))), 1008],
  ['frames without end', Buffer.concat(Array.from({ length: 301 }, () => frame(0x8A, ''))), 1008],
];
for (const [what, bytes, code] of rejected) {
  test(`closes for ${what}`, async () => {
    const peer = await bare();
    peer.socket.write(bytes);
    assert.equal(await peer.closeCode(), code);
  });
}

test('text in pieces with a ping between them is one message', async () => {
  const peer = await bare();
  const text = Buffer.from(JSON.stringify({ type: 'message', message: 'Grüße', nonce: 'ü' }));
  peer.socket.write(frame(0x01, text.subarray(0, 25)));
  peer.socket.write(frame(0x89, 'still there?'));
  for (const byte of frame(0x80, text.subarray(25))) peer.socket.write(Buffer.from([byte]));
  await until(() => peer.received.includes('"type":"error"'), { what: 'an answer' });
  assert.ok(peer.received.includes('"code":"unauthenticated"'));
  assert.ok(peer.received.includes(Buffer.from([0x8A, 12])));
  assert.ok(peer.received.includes('"nonce":"ü"'));
  peer.socket.destroy();
});

test('a burst reaches everybody, in order, once', async () => {
  const readers = await Promise.all(Array.from({ length: 40 }, () => join()));
  const speaker = await as(owner);
  for (let i = 0; i < 200; i += 1) speaker.say(`burst ${i}`, `b${i}`);
  const acks = [];
  for (let i = 0; i < 200; i += 1) acks.push(await speaker.answer(`b${i}`));
  const said = acks.filter((a) => a.type === 'ack').map((a) => a.seq);
  assert.ok(said.length >= 64, `only ${said.length} were said`);
  for (const f of acks.filter((a) => a.type === 'error')) assert.equal(f.code, 'unavailable');  // more than 64 at once
  const last = Math.max(...said);
  for (const reader of readers) {
    await reader.frame((f) => f.seq === last, 'the last message');
    const seqs = reader.events.map((e) => e.seq).filter((s) => s > reader.welcome.seq);
    assert.deepEqual(seqs, seqs.map((_, i) => reader.welcome.seq + 1 + i));
    assert.ok(!reader.frames.some((f) => f.type === 'missed'));
  }
  await Promise.all([...readers, speaker].map((c) => c.close()));
});

test('a node that stops tells everybody where they were, and to come back', async () => {
  const clients = await Promise.all(Array.from({ length: 30 }, () => join()));
  const speaker = await as(owner);
  speaker.say('good night', 'z1');
  const { seq } = await speaker.answer('z1');
  await Promise.all(clients.map((c) => c.frame((f) => f.seq === seq)));
  await troupe.restart();
  const delays = [];
  for (const client of [...clients, speaker]) {
    assert.equal((await client.closed).code, 1001);
    const bye = client.frames.at(-1);
    assert.equal(bye.type, 'reconnect');
    assert.ok(bye.after_ms >= 0 && bye.after_ms <= 5000);
    delays.push(bye.after_ms);
  }
  assert.ok(Math.max(...delays) - Math.min(...delays) > 3500, 'they come as a herd');
  const back = await join({ resume: clients[0].resume });
  assert.equal(back.welcome.seq, seq);
  assert.deepEqual(back.events, []);
  assert.equal(back.welcome.session, clients[0].welcome.session);
  await back.close();
});
