// SPDX-License-Identifier: GPL-3.0-or-later
// What encoders send, seen at the page: it plays, or a sentence says why not, to the viewer and to the streamer. Never a
// black player without a word.
import assert from 'node:assert/strict';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { launch, openPage, playback } from './support/browser.mjs';
import { mediaPath } from './support/hls.mjs';
import { media } from './support/media.mjs';
import { logIn } from './support/people.mjs';
import { Process, until } from './support/process.mjs';
import { binary, publish, Troupe } from './support/troupe.mjs';

let troupe;
let browser;
before(async () => {
  troupe = await Troupe.start();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await troupe?.close();
});

const ertmpPush = process.env.TROUPE_ERTMP_PUSH ?? join(dirname(binary), 'tests/ertmp_push');
const noise = /40[0-9]|503|Failed to load resource|WebSocket connection/;

const byFfmpeg = (user, kind) => publish(troupe.rtmp(user.key), { file: media(kind) });
/** Enhanced RTMP, which Debian's ffmpeg does not send. */
const byErtmp = (user, kind) => new Process(ertmpPush, [media(kind), troupe.rtmp(user.key), '--loop', '10']);

/** One viewer and, with their page open, the streamer. */
async function watch(kind, send, look) {
  const user = await troupe.streamer();
  const encoder = send(user, kind);
  const viewer = await openPage(browser, troupe.origin, { allow: noise });
  const studio = await openPage(browser, troupe.origin, { allow: noise });
  try {
    const stream = await troupe.streamWith(user.token, 'live');
    await Promise.all([
      viewer.goto(`/watch/${stream.stream_id}`),
      logIn(studio, user).then(() => studio.goto('/live')),
    ]);
    await look({ viewer, studio, stream, user });
    viewer.check();
    studio.check();
  } finally {
    await Promise.all([viewer, studio].map((page) => page.context().close()));
    await encoder.stop('SIGKILL');
  }
}

async function plays(page, deadlineMs = 30_000) {
  const started = (p) => p.frames > 0 && p.ready >= 2;
  const first = await until(async () => { const p = await playback(page); return started(p) ? p : undefined; }, { deadlineMs, what: 'the first picture' });
  await until(async () => { const p = await playback(page); return p.time > first.time + 3 && p.frames > first.frames + 40; }, { deadlineMs, what: 'the picture to move' });
  assert.equal(await page.getByTestId('problem').count(), 0);
}

const warned = (studio, code) => studio.locator(`[data-testid=warnings] [data-warning=${code}]`).waitFor({ timeout: 30_000 });

// The single key frame comes again with each round of the file: a GOP of twelve seconds, joined in its middle.
for (const [kind, send, deadlineMs] of [['singleKey', byFfmpeg, 60_000], ['av1', byErtmp]]) {
  test(`the page plays a source of the kind ${kind}`, async () => {
    await watch(kind, send, async ({ viewer }) => plays(viewer, deadlineMs));
  });
}

// Its key frames are recovery points: a browser that joins at one meets pictures whose references it never had.
test('of an open GOP there is a picture, or a sentence, and the streamer is told that new viewers have nothing to start from', async () => {
  await watch('openGop', byFfmpeg, async ({ viewer, studio }) => {
    await until(async () => (await viewer.getByTestId('problem').count()) > 0 || (await playback(viewer)).frames > 40, { deadlineMs: 60_000, what: 'a sentence or a picture' });
    if ((await viewer.getByTestId('problem').count()) > 0) {
      assert.ok(await viewer.getByTestId('problem').isVisible());
      assert.match(await viewer.getByTestId('problem').textContent(), /key-frame interval to 2 s|cannot show its picture|broke off|damaged/);
    }
    await studio.locator('[data-testid=warnings] [data-warning^=key_frames]').waitFor({ timeout: 60_000 });
  });
});

test('of key frames far apart the streamer is told, and who comes between two of them sees the picture', async () => {
  await watch('singleKey', byFfmpeg, async ({ viewer, studio }) => {
    await plays(viewer, 60_000);
    const late = await viewer.context().newPage();
    await late.goto(viewer.url());
    await plays(late, 60_000);
    await studio.locator('[data-testid=warnings] [data-warning^=key_frames]').waitFor({ timeout: 60_000 });
  });
});

test('what is interlaced plays, and the streamer is told what viewers see', async () => {
  await watch('interlaced', byFfmpeg, async ({ viewer, studio }) => Promise.all([plays(viewer), warned(studio, 'interlaced')]));
});

test('with sound in MP3 the picture plays, and the streamer is told that nobody hears it', async () => {
  await watch('mp3', byFfmpeg, async ({ viewer, studio }) => Promise.all([plays(viewer), warned(studio, 'audio_mp3')]));
});

/** The sentence, where this browser refuses the codec; where it plays it, the picture. */
async function explained(viewer, stream, { codec, problem, sentence }) {
  const playlist = await troupe.text(mediaPath(stream, 'master.m3u8'));
  const sent = codec.exec(playlist)?.[0];
  assert.ok(sent, `the playlist names the codec:\n${playlist}`);
  const isSupported = await viewer.evaluate((name) => MediaSource.isTypeSupported(`video/mp4;codecs="${name}"`), sent);
  if (isSupported) {
    await until(async () => (await viewer.getByTestId('problem').count()) > 0 || (await playback(viewer)).frames > 15, { deadlineMs: 40_000, what: 'a sentence or a picture' });
    return;
  }
  await viewer.locator('[data-testid=overlay][data-overlay=problem]').waitFor({ timeout: 40_000 });
  assert.equal(await viewer.getByTestId('problem').getAttribute('data-problem'), problem);
  assert.match(await viewer.getByTestId('problem').textContent(), sentence);
  assert.ok(await viewer.getByTestId('problem').isVisible());
  assert.equal(await viewer.getByTestId('overlay').getAttribute('role'), 'status', 'it is spoken, too');
}

for (const [kind, send, warning, expected] of [
  ['tenBit', byFfmpeg, 'h264_bit_depth', { codec: /avc1\.6e\w+/i, problem: 'ten_bit', sentence: /10 bits per colour, which this browser cannot play\. streamer\d+ can choose NV12/ }],
  ['yuv444', byFfmpeg, 'chroma_444', { codec: /avc1\.f4\w+/i, problem: 'chroma444', sentence: /4:4:4.*cannot play\. streamer\d+ can choose NV12/ }],
  ['hevc', byErtmp, 'hevc_support', { codec: /hvc1\.[\w.]+/, problem: 'hevc', sentence: /sent as HEVC, which this browser cannot play/ }],
]) {
  test(`a source of the kind ${kind} plays, or viewer and streamer are told why it does not`, async () => {
    await watch(kind, send, async ({ viewer, studio, stream }) => Promise.all([explained(viewer, stream, expected), warned(studio, warning)]));
  });
}
