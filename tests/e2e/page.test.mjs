// SPDX-License-Identifier: GPL-3.0-or-later
// The page in a real browser: sign up, go live, watch, lose the publisher and get it back, end.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch, openPage, picture, playback } from './support/browser.mjs';
import { follow } from './support/hls.mjs';
import { media } from './support/media.mjs';
import { until } from './support/process.mjs';
import { publish, Troupe } from './support/troupe.mjs';

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

const expectedNoise = /401|404|503|Failed to load resource/;

/** Waits until the player shows moving pictures, and answers its state. */
async function plays(page, deadlineMs = 30_000) {
  const first = await until(async () => { const p = await playback(page); return p.frames > 0 && p.ready >= 2 ? p : undefined; },
    { deadlineMs, what: 'the first picture' });
  return until(async () => { const p = await playback(page); return p.time > first.time + 1 && p.frames > first.frames + 15 ? p : undefined; },
    { deadlineMs, what: 'the picture to move' });
}

/** Players without low latency begin three target durations behind: wait until there is that much. */
const firstSegments = (stream, count) => follow(troupe, stream, (list) => list.segments.length >= count);

test('a streamer signs up, goes live and sees the stream\'s health; a viewer watches', async () => {
  const studio = await openPage(browser, troupe.origin, { allow: expectedNoise });
  await studio.goto('/join');
  await studio.getByTestId('field-username').fill('ada_plays');
  await studio.getByTestId('field-email').fill('ada@example.org');
  await studio.getByTestId('field-password').fill('a long enough password');
  await studio.getByTestId('submit').click();
  await studio.getByTestId('username').waitFor();
  await studio.goto('/live');
  await studio.getByTestId('field-title').fill('First light');
  await studio.getByTestId('start').click();
  assert.ok(!(await studio.content()).includes('live_'), 'the key is hidden until asked');
  await studio.getByTestId('show-key').click();
  const key = await until(async () => {
    const field = studio.getByTestId('stream-key');
    const text = await field.evaluate((e) => e.value ?? e.textContent);
    return /live_\w+/.exec(text)?.[0];
  }, { what: 'the stream key' });

  const encoder = publish(troupe.rtmp(key), { file: media('main') });
  try {
    await studio.getByTestId('health').waitFor();
    await until(async () => /avc1|H\.264/.test(await studio.getByTestId('health').textContent()), { what: 'the codec in the health panel' });
    studio.check();

    const viewer = await openPage(browser, troupe.origin, { allow: expectedNoise });
    await viewer.goto('/');
    await viewer.getByTestId('channel').first().click();
    const state = await plays(viewer);
    assert.deepEqual([state.width, state.height], [1280, 720]);
    assert.equal(await viewer.getByTestId('title').textContent(), 'First light');

    const before = await picture(viewer);
    await until(async () => (await picture(viewer)) !== before, { what: 'other pixels' });
    const sound = (await playback(viewer)).audioBytes;
    await until(async () => (await playback(viewer)).audioBytes > sound, { what: 'sound' });
    // From 3 s on is no low latency; how much less it is, the bench measures.
    await until(async () => {
      const seconds = Number(await viewer.getByTestId('latency').getAttribute('data-latency'));
      return seconds > 0 && seconds < 3;
    }, { what: 'a latency below 3 s' });
    viewer.check();
    await viewer.context().close();
  } finally {
    await encoder.stop('SIGKILL');
    await studio.context().close();
  }
});

test('the page says reconnecting while the publisher is away, and goes on by itself', async () => {
  const user = await troupe.streamer();
  const first = publish(troupe.rtmp(user.key), { file: media('main') });
  const stream = await troupe.streamWith(user.token, 'live');
  const page = await openPage(browser, troupe.origin, { allow: expectedNoise });
  await page.goto(`/watch/${stream.stream_id}`);
  await plays(page);
  await first.stop('SIGKILL');
  await page.locator('[data-testid=overlay][data-overlay=reconnecting]').waitFor({ timeout: 30_000 });
  const second = publish(troupe.rtmp(user.key), { file: media('main') });
  try {
    await page.locator('[data-testid=overlay][data-overlay=none]').waitFor({ state: 'attached', timeout: 40_000 });
    await plays(page);
    page.check();
  } finally {
    await second.stop('SIGINT');
  }
  await page.locator('[data-testid=overlay][data-overlay=ended]').waitFor({ timeout: 60_000 });
  await page.context().close();
});

for (const kind of ['baseline44k', 'vertical', 'noaudio', 'mono44k', 'sixty', 'vfr']) {
  test(`the page plays a ${kind} stream`, async () => {
    const user = await troupe.streamer();
    const encoder = publish(troupe.rtmp(user.key), { file: media(kind) });
    const page = await openPage(browser, troupe.origin, { allow: expectedNoise });
    try {
      const stream = await troupe.streamWith(user.token, 'live');
      await page.goto(`/watch/${stream.stream_id}`);
      await plays(page);
      page.check();
    } finally {
      await page.context().close();
      await encoder.stop('SIGKILL');
    }
  });
}

test('a player without hls.js, as Apple\'s are, plays the same playlist', async (t) => {
  const user = await troupe.streamer();
  const encoder = publish(troupe.rtmp(user.key), { file: media('main') });
  const page = await openPage(browser, troupe.origin, { allow: /./ });
  try {
    const stream = await troupe.streamWith(user.token, 'live');
    await page.goto('/healthz');
    if (!(await page.evaluate(() => document.createElement('video').canPlayType('application/vnd.apple.mpegurl')))) {
      t.skip('this Chromium does not play HLS itself');
      return;
    }
    await firstSegments(stream, 3);
    await page.evaluate((source) => { document.body.innerHTML = `<video data-testid="video" muted autoplay src="${source}"></video>`; }, stream.stream_url);
    await plays(page);
  } finally {
    await page.context().close();
    await encoder.stop('SIGKILL');
  }
});

test('a picture the browser cannot play is explained, never black', async () => {
  const user = await troupe.streamer();
  const encoder = publish(troupe.rtmp(user.key), { file: media('yuv444') });
  const page = await openPage(browser, troupe.origin, { allow: /./ });
  try {
    const stream = await troupe.streamWith(user.token, 'live');
    await page.goto(`/watch/${stream.stream_id}`);
    await until(async () => {
      const shown = await page.getByTestId('overlay').getAttribute('data-overlay').catch(() => null);
      // Some builds of Chromium do play 4:4:4: then there is nothing to explain.
      return shown === 'problem' || (await playback(page)).frames > 15;
    }, { deadlineMs: 40_000, what: 'an explanation or a picture' });
  } finally {
    await page.context().close();
    await encoder.stop('SIGKILL');
  }
});

test('the page is usable on a phone, from the keyboard, and in Japanese', async () => {
  const user = await troupe.streamer();
  const encoder = publish(troupe.rtmp(user.key), { file: media('main') });
  const page = await openPage(browser, troupe.origin, { viewport: { width: 360, height: 740 }, locale: 'ja-JP', allow: expectedNoise });
  try {
    const stream = await troupe.streamWith(user.token, 'live');
    await page.goto(`/watch/${stream.stream_id}`);
    await plays(page);
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(overflow <= 0, `the page is ${overflow} px too wide`);
    assert.match(await page.locator('body').textContent(), /[\u3040-\u30ff]/);
    assert.equal(await page.locator('html').getAttribute('lang'), 'ja');
    await page.keyboard.press('k');
    await until(async () => (await playback(page)).paused, { what: 'the pause' });
    await page.keyboard.press('k');
    await until(async () => !(await playback(page)).paused, { what: 'playing again' });
    page.check();
  } finally {
    await page.context().close();
    await encoder.stop('SIGKILL');
  }
});

test('the page is served compressed, cached, and under a strict policy', async () => {
  const home = await fetch(`${troupe.origin}/`, { headers: { accept: 'text/html' } });
  const policy = home.headers.get('content-security-policy');
  assert.match(policy, /default-src 'self'/);
  assert.ok(!policy.includes('unsafe'), policy);
  assert.match(home.headers.get('cache-control'), /no-cache/);
  const script = /src="(\/assets\/[^"]+\.js)"/.exec(await home.text())[1];
  for (const encoding of ['br', 'gzip']) {
    const answer = await fetch(troupe.origin + script, { headers: { 'accept-encoding': encoding } });
    assert.equal(answer.headers.get('content-encoding'), encoding);
    assert.match(answer.headers.get('cache-control'), /immutable/);
    await answer.arrayBuffer();
  }
});
