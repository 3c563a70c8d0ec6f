// SPDX-License-Identifier: GPL-3.0-or-later
// Publishers that go, come back, come twice, or should not come at all; encoders of every make.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { checkPlaylists, firstPlaylist, follow, mediaPath, packets, parse } from './support/hls.mjs';
import { media } from './support/media.mjs';
import { Process, until } from './support/process.mjs';
import { binary, publish, Troupe } from './support/troupe.mjs';

let troupe;
before(async () => { troupe = await Troupe.start({ config: '[stream]\ngrace_period_s = 8\n' }); });
after(async () => { await troupe?.close(); });

const ertmpPush = process.env.TROUPE_ERTMP_PUSH ?? join(dirname(binary), 'tests/ertmp_push');
const status = async (id) => (await troupe.api('GET', `/streams/${id}`)).json.status;

test('a wrong key is refused and the connection closed', async () => {
  const encoder = publish(troupe.rtmp('live_wrong'), { file: media('noaudio') });
  const { code } = await encoder.exited;
  assert.notEqual(code, 0);
  assert.match(encoder.output, /[Uu]nauthorized|stream key|Input\/output error|Operation not permitted/);
});

test('a publisher that comes back within the grace period goes on with one discontinuity', async () => {
  const user = await troupe.streamer();
  const first = publish(troupe.rtmp(user.key), { file: media('main') });
  const stream = await troupe.streamWith(user.token, 'live');
  const before = await follow(troupe, stream, (l) => l.segments.length >= 2);
  await first.stop('SIGKILL');  // no FCUnpublish: the connection just breaks
  await troupe.streamWith(user.token, 'reconnecting');
  const standing = parse(await troupe.text(mediaPath(stream)));
  assert.equal(standing.ended, false);

  const second = publish(troupe.rtmp(user.key), { file: media('main') });
  try {
    const again = await troupe.streamWith(user.token, 'live');
    assert.equal(again.stream_id, stream.stream_id);
    const lists = await follow(troupe, stream, (l) => l.discontinuities === 1 && l.segments.length >= standing.segments.length + 2);
    await checkPlaylists([...before, standing, ...lists], '--standstill');
    assert.equal(lists.at(-1).discontinuities, 1);
    const broken = lists.at(-1).segments.findIndex((s) => s.discontinuity);
    const { decodeErrors } = await packets(troupe, stream, lists.at(-1).segments.slice(broken));
    assert.equal(decodeErrors, '');
  } finally {
    await second.stop('SIGKILL');
  }
});

test('blocked requests get 503 while the playlist stands still, and the stream ends after the grace period', async () => {
  const user = await troupe.streamer();
  const encoder = publish(troupe.rtmp(user.key), { file: media('noaudio') });
  const stream = await troupe.streamWith(user.token, 'live');
  await firstPlaylist(troupe, stream);
  await encoder.stop('SIGKILL');
  await troupe.streamWith(user.token, 'reconnecting');
  const list = parse(await troupe.text(mediaPath(stream)));
  const blocked = await fetch(`${troupe.origin}${mediaPath(stream)}?_HLS_msn=${list.nextMsn}&_HLS_part=0`, { signal: AbortSignal.timeout(40_000) });
  // Three target durations are longer than this test's grace period: the end answers first, or the 503 does.
  assert.ok([200, 503].includes(blocked.status), `${blocked.status}`);
  await until(async () => (await status(stream.stream_id)) === 'ended', { what: 'the end of the grace period' });
  assert.ok(parse(await troupe.text(mediaPath(stream))).ended);
});

test('an encoder that says goodbye ends the stream at once', async () => {
  const user = await troupe.streamer();
  const encoder = publish(troupe.rtmp(user.key), { file: media('noaudio') });
  const stream = await troupe.streamWith(user.token, 'live');
  await firstPlaylist(troupe, stream);
  await encoder.stop('SIGINT');  // ffmpeg sends FCUnpublish and deleteStream
  await until(async () => (await status(stream.stream_id)) === 'ended', { deadlineMs: 6_000, what: 'the end' });
  assert.ok(parse(await troupe.text(mediaPath(stream))).ended);
});

test('the API ends a stream at once, and again with the same answer', async () => {
  const user = await troupe.streamer();
  const encoder = publish(troupe.rtmp(user.key), { file: media('noaudio') });
  try {
    const stream = await troupe.streamWith(user.token, 'live');
    await firstPlaylist(troupe, stream);
    const ended = await troupe.api('POST', `/streams/${stream.stream_id}/end`, { token: user.token });
    assert.equal(ended.status, 200);
    assert.ok(parse(await troupe.text(mediaPath(stream))).ended);
    assert.equal((await troupe.api('POST', `/streams/${stream.stream_id}/end`, { token: user.token })).status, 200);
    const other = await troupe.streamer();
    assert.equal((await troupe.api('POST', `/streams/${stream.stream_id}/end`, { token: other.token })).status, 403);
    const { code } = await encoder.exited;
    assert.notEqual(code, null);
  } finally {
    await encoder.stop('SIGKILL');
  }
});

test('a second publisher with the right key takes over from the first', async () => {
  const user = await troupe.streamer();
  const first = publish(troupe.rtmp(user.key), { file: media('noaudio') });
  const stream = await troupe.streamWith(user.token, 'live');
  await firstPlaylist(troupe, stream);
  const second = publish(troupe.rtmp(user.key), { file: media('noaudio') });
  try {
    await first.exited;  // it was told and closed
    const lists = await follow(troupe, stream, (l) => l.discontinuities === 1 && l.open.length + l.segments.length > 2);
    await checkPlaylists(lists);
    assert.equal((await troupe.streamWith(user.token, 'live')).stream_id, stream.stream_id);
  } finally {
    await second.stop('SIGKILL');
  }
});

test('publishing with a rotated key: the old one is refused, the new one works', async () => {
  const user = await troupe.streamer();
  const { json } = await troupe.api('POST', '/users/me/stream-key/rotate', { token: user.token });
  assert.notEqual(json.stream_key, user.key);
  const refused = publish(troupe.rtmp(user.key), { file: media('noaudio') });
  assert.notEqual((await refused.exited).code, 0);
  const encoder = publish(troupe.rtmp(json.stream_key), { file: media('noaudio') });
  try {
    await troupe.streamWith(user.token, 'live');
  } finally {
    await encoder.stop('SIGKILL');
  }
});

// rtmpsink is librtmp itself; Debian's ffmpeg is built without it.
for (const [name, sink] of [['GStreamer', 'rtmp2sink'], ['librtmp', 'rtmpsink']]) {
  test(`${name} publishes too`, async () => {
    const user = await troupe.streamer();
    const pipeline = `flvmux streamable=true name=m ! ${sink} location=${troupe.rtmp(user.key)}
      videotestsrc is-live=true ! video/x-raw,width=640,height=360,framerate=30/1 ! x264enc tune=zerolatency key-int-max=60 ! h264parse ! m.
      audiotestsrc is-live=true ! avenc_aac ! aacparse ! m.`;
    const encoder = new Process('gst-launch-1.0', ['-q', ...pipeline.trim().split(/\s+/)]);
    try {
      const stream = await troupe.streamWith(user.token, 'live');
      const lists = await follow(troupe, stream, (l) => l.segments.length >= 2);
      await checkPlaylists(lists);
      const { decodeErrors } = await packets(troupe, stream, lists.at(-1).segments);
      assert.equal(decodeErrors, '');
    } finally {
      await encoder.stop('SIGKILL');
    }
  });
}

for (const [kind, flags, codecs] of [['hevc', [], /hvc1\./], ['hevc', ['--codec-id-12'], /hvc1\./], ['av1', [], /av01\./]]) {
  test(`${kind} through Enhanced RTMP passes through ${flags.join(' ')}`, async () => {
    const user = await troupe.streamer();
    const encoder = new Process(ertmpPush, [media(kind), troupe.rtmp(user.key), '--loop', '4', ...flags]);
    try {
      const stream = await troupe.streamWith(user.token, 'live');
      const lists = await follow(troupe, stream, (l) => l.segments.length >= 2);
      await checkPlaylists(lists);
      assert.match(await troupe.text(mediaPath(stream, 'master.m3u8')), codecs);
      const { decodeErrors } = await packets(troupe, stream, lists.at(-1).segments);
      assert.equal(decodeErrors, '');
    } finally {
      await encoder.stop('SIGKILL');
    }
  });
}

test('what is no RTMP is cut off, and the server goes on', async () => {
  const talk = (data) => new Promise((resolve) => {
    const socket = connect(troupe.rtmpPort, '127.0.0.1', () => socket.write(data));
    socket.on('close', resolve);
    socket.on('error', resolve);
    socket.resume();
  });
  const noise = Buffer.from(Array.from({ length: 70_000 }, (_, i) => (i * 7919) % 251));
  await talk(Buffer.from('GET / HTTP/1.1\r\n\r\n'.padEnd(2000, 'x')));
  await talk(Buffer.concat([Buffer.from([3]), noise]));
  await talk(noise);
  assert.equal(await troupe.text('/healthz').then(Boolean), true);
});
