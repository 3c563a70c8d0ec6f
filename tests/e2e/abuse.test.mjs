// SPDX-License-Identifier: GPL-3.0-or-later
// Peers that mean harm, each found to work against an earlier version: what they may take is bounded, and nobody else
// notices them.
import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import { after, before, test } from 'node:test';
import { command, Encoder, message, Raw, tags, usage } from './support/attacker.mjs';
import { firstPlaylist, mediaPath } from './support/hls.mjs';
import { media } from './support/media.mjs';
import { until } from './support/process.mjs';
import { Troupe } from './support/troupe.mjs';

const elsewhere = '203.0.113.5';  // believed, because it comes from loopback: limits per address count
let troupe;
let configuration;
let keyFrame;

before(async () => {
  troupe = await Troupe.start({ config: '[log]\nlevel = "debug"\n' });
  const all = tags(media('noaudio'));
  configuration = all.find((tag) => tag.type === 9 && tag.body[1] === 0).body;
  keyFrame = all.find((tag) => tag.type === 9 && tag.body[0] === 0x17 && tag.body[1] === 1).body;
});

after(() => troupe.close());

const pid = () => troupe.process.child.pid;
/** An FLV tag's body with one NAL unit, and zeros behind it. */
function avc(type, size, padding = 0) {
  const unit = Buffer.concat([Buffer.from([0, 0, 0, 0, type]), Buffer.alloc(size - 1, 1)]);
  unit.writeUInt32BE(size, 0);
  return Buffer.concat([Buffer.from([type === 0x65 ? 0x17 : 0x27, 1, 0, 0, 0]), unit, Buffer.alloc(padding)]);
}

async function publisher(options) {
  const user = await troupe.streamer();
  const encoder = await Encoder.open(troupe.rtmpPort);
  assert.ok(await encoder.publish(user.key, options), encoder.received.toString('latin1'));
  await encoder.video(configuration, 0);
  return { user, encoder };
}

test('peers that never finish what they began are closed in time', async () => {
  const rtmp = await Promise.all(Array.from({ length: 200 }, () => Raw.open(troupe.rtmpPort)));
  const http = await Promise.all(Array.from({ length: 200 }, () => Raw.open(troupe.httpPort)));
  rtmp.forEach((peer, i) => i % 2 && peer.send(Buffer.from([3, 0, 0])));
  http.forEach((peer) => peer.send('GET / HTTP/1.1\r\nHo'));
  const drip = setInterval(() => http.forEach((peer) => peer.over || peer.send('a')), 500);
  try {
    assert.equal(await troupe.text('/healthz').then(() => 'served'), 'served');
    await Promise.all([...rtmp, ...http].map((peer) => peer.ends(20_000)));
  } finally {
    clearInterval(drip);
    [...rtmp, ...http].forEach((peer) => peer.close());
  }
});

test('who has no key cannot make the server hold media', async () => {
  const encoder = await Encoder.open(troupe.rtmpPort);
  await encoder.greet();
  encoder.send(message(9, Buffer.alloc(1 << 20), { stream: 1, chunk: 6, length: 16_777_215 }));
  await encoder.ends();
  await troupe.process.printed(/a message of type 9 with 16777215 bytes, the limit is 65536/);
});

test('a small frame does not keep a large message in memory', async () => {
  const { encoder } = await publisher();
  const before = usage(pid()).mb;
  for (let i = 0; i < 90; i += 1) await encoder.video(avc(i === 0 ? 0x65 : 0x41, 4, 600_000), 0);
  await until(async () => await troupe.metric('troupe_stream_frames_total') >= 90, { what: 'the frames to arrive' });
  assert.ok(usage(pid()).mb - before < 25, `grew from ${before} to ${usage(pid()).mb} MB`);
  encoder.close();
});

test('connecting anew gives no new bitrate', async () => {
  const { user, encoder } = await publisher();
  for (let i = 0; i < 70 && !encoder.over; i += 1) await encoder.video(avc(0x65, 1_000_000), 0);
  await encoder.text(/bitrate is above/);
  const again = await Encoder.open(troupe.rtmpPort);
  assert.equal(await again.publish(user.key), false);
  assert.match(again.received.toString('latin1'), /bitrate was above/);
});

test('a configuration for every frame ends the publication', async () => {
  const { encoder } = await publisher();
  for (let i = 0; i < 50 && !encoder.over; i += 1) {
    await encoder.video(Buffer.concat([configuration, Buffer.from([i])]), i * 2);
    await encoder.video(avc(0x65, 1), i * 2);
  }
  await encoder.text(/changes too often/);
});

test('publishing over and over with one key is slowed down', async () => {
  const user = await troupe.streamer();
  let refused = '';
  for (let i = 0; i < 60 && !refused; i += 1) {
    const encoder = await Encoder.open(troupe.rtmpPort);
    if (!await encoder.publish(user.key)) refused = encoder.received.toString('latin1');
    encoder.close();
  }
  assert.match(refused, /too often/);
});

test('requests left behind by dead sockets do not lock other viewers out', async () => {
  const { user, encoder } = await publisher();
  let time = 0;
  const beat = () => { time += 40; encoder.video(time % 2000 === 40 ? keyFrame : avc(0x41, 200), time); };
  for (let i = 0; i < 100; i += 1) beat();
  const timer = setInterval(beat, 40);
  try {
    const stream = await troupe.streamWith(user.token, 'live');
    const list = await firstPlaylist(troupe, stream);
    const head = (from) => `GET ${mediaPath(stream)}?_HLS_msn=${list.nextMsn + 1} HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: ${from}\r\n\r\n`;
    for (let round = 0; round < 10; round += 1) {
      await Promise.all(Array.from({ length: 50 }, async () => {
        const peer = await Raw.open(troupe.httpPort);
        await peer.send(head(elsewhere));
        peer.reset();
      }));
    }
    assert.ok(await troupe.metric('troupe_segment_cache_waiting_requests') <= 201);
    assert.ok(await troupe.metric('troupe_hls_waits_refused_total') > 0);
    const other = await Raw.open(troupe.httpPort);
    await other.send(head('198.51.100.7'));
    await other.text(/HTTP\/1\.1 200 OK/, 15_000);
    other.close();
  } finally {
    clearInterval(timer);
    encoder.close();
  }
});

test('times that jump by days in both directions do no harm', async () => {
  const { user, encoder } = await publisher();
  const times = [0, 86_400_000, 4_294_967_295, 0, 2_147_483_648, 2_147_483_647, 16_777_215, 16_777_216, 5];
  for (let i = 0; i < 400; i += 1) await encoder.video(i % 10 === 0 ? keyFrame : avc(0x41, 100), times[i % times.length]);
  const stream = await troupe.streamWith(user.token, 'live');
  await troupe.api('GET', `/streams/${stream.stream_id}/health`, { token: user.token });
  // An encoder that comes to its senses is seen again.
  for (let i = 0; i < 200; i += 1) await encoder.video(i % 50 === 0 ? keyFrame : avc(0x41, 100), 1000 + i * 40);
  const list = await firstPlaylist(troupe, stream);
  assert.ok(list.text.length < 20_000);
  await encoder.send(command(0, 'FCUnpublish', 4, null, user.key));
  const ended = await until(async () => {
    const { json } = await troupe.api('GET', `/streams/${stream.stream_id}`);
    return json.status === 'ended';
  }, { what: 'the stream to end' });
  assert.ok(ended);
  encoder.close();
});

test('nobody reaches what is another user\'s', async () => {
  const [alice, mallory] = await Promise.all([troupe.streamer(), troupe.streamer()]);
  const headers = { 'idempotency-key': 'the-same' };
  const started = await troupe.api('POST', '/streams/start', { token: alice.token, headers, body: { title: 'a' } });
  const theirs = await troupe.api('POST', '/streams/start', { token: mallory.token, headers, body: { title: 'a' } });
  assert.equal(started.json.stream_key, alice.key);
  assert.equal(theirs.json.stream_key, mallory.key);
  assert.notEqual(theirs.json.stream_id, started.json.stream_id);
  for (const [method, path] of [['POST', 'end'], ['GET', 'health']]) {
    const { status } = await troupe.api(method, `/streams/${started.json.stream_id}/${path}`, { token: mallory.token });
    assert.equal(status, 403);
  }
  assert.ok(!troupe.process.output.includes(alice.key), 'a stream key in the log');
  assert.ok(!troupe.process.output.includes(alice.token), 'a token in the log');
});

const outside = Object.values(networkInterfaces()).flat().find((a) => a.family === 'IPv4' && !a.internal)?.address;

test('one connection of an address too many is told so over HTTP, and just closed over RTMP', {
  skip: !outside && 'this machine has no address but its own',
}, async (t) => {
  const troupe = await Troupe.start({ config: '[limits]\nconnections_per_address = 3\n', listen: '0.0.0.0' });
  t.after(() => troupe.close());
  const open = (port) => Raw.open(port, { host: outside });
  const [first] = await Promise.all([1, 2, 3].map(() => open(troupe.httpPort)));
  await until(async () => await troupe.metric('troupe_connections') >= 3, { what: 'three connections' });
  const fourth = await open(troupe.httpPort);
  await fourth.ends();
  const told = fourth.received.toString('latin1');
  assert.match(told, /^HTTP\/1\.1 429 Too Many Requests\r\n/);
  assert.match(told, /\r\nRetry-After: \d+\r\n/);
  const { error } = JSON.parse(told.slice(told.indexOf('\r\n\r\n') + 4));
  assert.equal(error.code, 'rate_limited');
  const encoders = await Promise.all([1, 2, 3].map(() => open(troupe.rtmpPort)));
  await until(async () => await troupe.metric('troupe_connections') >= 6, { what: 'six connections' });
  const encoder = await open(troupe.rtmpPort);
  await encoder.ends();
  assert.equal(encoder.received.length, 0);
  first.close();
  await until(async () => {
    const next = await open(troupe.httpPort);
    await next.send('GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    await next.ends();
    return /^HTTP\/1\.1 200/.test(next.received.toString('latin1'));
  }, { what: 'the next to be let in' });
  for (const e of encoders) e.close();
});

test('what a peer calls itself cannot forge a line of the log', async (t) => {
  // Complaints about one address come once in half a minute: a program that has not complained yet.
  const troupe = await Troupe.start({ config: '[log]\nlevel = "debug"\n' });
  t.after(() => troupe.close());
  const forged = '2026-01-01T00:00:00.000+00:00 error node=a forged';
  const encoder = await Encoder.open(troupe.rtmpPort);
  await encoder.publish('nobodys', { app: `x\n${forged}`, flashVer: `y\r\n${forged}` });
  await troupe.process.printed(/nobody has this stream key/);
  assert.ok(!troupe.process.output.split('\n').some((line) => line.startsWith(forged)));
  encoder.close();
});
