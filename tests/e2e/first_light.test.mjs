// SPDX-License-Identifier: GPL-3.0-or-later
// From an encoder to a player: the main job, over real sockets, with real files.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { bytes, checkPlaylists, firstPlaylist, follow, mediaPath, packets, parse } from './support/hls.mjs';
import { media } from './support/media.mjs';
import { publish, Troupe } from './support/troupe.mjs';

const run = promisify(execFile);
let troupe;
before(async () => { troupe = await Troupe.start(); });
after(async () => { await troupe?.close(); });

/** Publishes a file for the length of use(), which gets the live stream. */
async function live(file, use, options) {
  const user = await troupe.streamer();
  const encoder = publish(troupe.rtmp(user.key), { file, ...options });
  try {
    const stream = await troupe.streamWith(user.token, 'live');
    await use(stream, user, encoder);
  } finally {
    await encoder.stop('SIGKILL');
  }
}

test('the main file becomes a low-latency playlist that keeps to RFC 8216bis', async () => {
  await live(media('main'), async (stream) => {
    const lists = await follow(troupe, stream, (list) => list.segments.length >= 4);
    await checkPlaylists(lists);
    const last = lists.at(-1);
    assert.match(last.text, /#EXT-X-SERVER-CONTROL:.*CAN-BLOCK-RELOAD=YES/);
    assert.ok(last.hint, 'a preload hint');

    const master = await troupe.text(mediaPath(stream, 'master.m3u8'));
    assert.match(master, /CODECS="avc1\.[0-9a-f]{6},mp4a\.40\.2"/);
    assert.match(master, /RESOLUTION=1280x720/);
    assert.match(master, /FRAME-RATE=(30|29\.9)/);

    // A segment is its parts, to the byte.
    const whole = last.segments.find((s) => s.parts.length > 0);
    const parts = await Promise.all(whole.parts.map((p) => bytes(troupe, stream, p.uri)));
    assert.deepEqual(await bytes(troupe, stream, whole.uri), Buffer.concat(parts));

    // Everything decodes, nothing is missing: 30 frames a second without a hole.
    const { list, decodeErrors } = await packets(troupe, stream, last.segments);
    assert.equal(decodeErrors, '');
    const video = list.filter((p) => p.codec_type === 'video');
    const times = video.map((p) => Number(p.dts_time));
    const total = last.segments.reduce((sum, s) => sum + s.duration, 0);
    assert.ok(Math.abs(video.length - total * 30) <= 2, `${video.length} frames in ${total} s`);
    for (let i = 1; i < times.length; i += 1) assert.ok(times[i] - times[i - 1] < 0.05, `a hole before frame ${i}`);
    const audio = list.filter((p) => p.codec_type === 'audio').map((p) => Number(p.pts_time));
    for (let i = 1; i < audio.length; i += 1) assert.ok(Math.abs(audio[i] - audio[i - 1] - 1024 / 48000) < 0.002, `a hole before audio frame ${i}`);
  });
});

test('a delta update holds what a full playlist holds', async () => {
  await live(media('main'), async (stream) => {
    const [list] = (await follow(troupe, stream, (l) => l.segments.length >= 14)).slice(-1);
    const delta = parse(await troupe.text(`${mediaPath(stream)}?_HLS_skip=YES`));
    assert.ok(delta.skipped > 0, delta.text);
    const full = new Map(list.segments.map((s) => [s.msn, s.uri]));
    for (const s of delta.segments) if (full.has(s.msn)) assert.equal(s.uri, full.get(s.msn));
  });
});

test('wrong delivery directives are refused with 400', async () => {
  await live(media('noaudio'), async (stream) => {
    const { nextMsn } = await firstPlaylist(troupe, stream);
    for (const query of ['_HLS_part=1', '_HLS_msn=x', '_HLS_msn=-1', `_HLS_msn=${nextMsn + 100}`, `_HLS_msn=${nextMsn}&_HLS_part=x`]) {
      const response = await fetch(`${troupe.origin}${mediaPath(stream)}?${query}`);
      assert.equal(response.status, 400, query);
    }
  });
});

for (const [kind, expected] of Object.entries({
  baseline44k: { codecs: /avc1\.42[0-9a-f]{4},mp4a\.40\.2/ }, vertical: { codecs: /RESOLUTION=540x960/ },
  sixty: { codecs: /FRAME-RATE=(60|59\.9)/ }, noaudio: { codecs: /CODECS="avc1\.[0-9a-f]{6}"/ }, mono44k: { codecs: /mp4a\.40\.2/ }, vfr: { codecs: /avc1/ },
})) {
  test(`a ${kind} file plays in ffmpeg without an error`, async () => {
    await live(media(kind), async (stream) => {
      const lists = await follow(troupe, stream, (l) => l.segments.length >= 2);
      await checkPlaylists(lists);
      assert.match(await troupe.text(mediaPath(stream, 'master.m3u8')), expected.codecs);
      const { decodeErrors } = await packets(troupe, stream, lists.at(-1).segments);
      assert.equal(decodeErrors, '');
      const { stderr } = await run('ffmpeg', ['-v', 'error', '-nostdin', '-i', troupe.origin + mediaPath(stream, 'master.m3u8'), '-t', '3', '-f', 'null', '-'], { timeout: 60_000 });
      assert.equal(stderr, '');
    });
  });
}

test('what browsers cannot play is named in the health panel', async () => {
  for (const [kind, code] of [['yuv444', /444|chroma/], ['mp3', /mp3|audio/], ['singleKey', /key_frames?_/]]) {
    await live(media(kind), async (stream, user) => {
      const deadline = Date.now() + 40_000;
      for (;;) {
        const { json } = await troupe.api('GET', `/streams/${stream.stream_id}/health`, { token: user.token });
        if (json.warnings.some((w) => code.test(w.code) && w.message.length > 10)) break;
        assert.ok(Date.now() < deadline, `${kind}: ${JSON.stringify(json)}`);
        await new Promise((r) => setTimeout(r, 250));
      }
    }, { loop: kind !== 'singleKey' });
  }
});

test('a stream that does not exist costs nothing and leaves nothing', async () => {
  const streams = await troupe.metric('troupe_segment_cache_streams');
  for (let i = 1; i < 200; i += 1) {
    const response = await fetch(`${troupe.origin}/live/${i}/master.m3u8`);
    assert.equal(response.status, 404);
    await response.arrayBuffer();
  }
  assert.equal(await troupe.metric('troupe_segment_cache_streams'), streams);
});
