// SPDX-License-Identifier: GPL-3.0-or-later
// In Debian's Chromium, headless, muted, without a GPU. Page opened to first picture: from the start of navigation to the
// first frame given to the compositor. Glass to glass: the clock is in the picture (its frame number as squares); from the
// frame's write to the RTMP socket to its presentation, both on this machine's wall clock. The camera and the encoder, one
// frame or two, are not in it. Peer: nginx-rtmp's HLS in a bare page with the same hls.js.
import { copyFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { launch } from '../../tests/e2e/support/browser.mjs';
import { until } from '../../tests/e2e/support/process.mjs';
import { clock, clockFile } from '../support/media.mjs';
import { Nginx } from '../support/nginx.mjs';
import * as ours from '../support/ours.mjs';
import { sleep } from '../support/process.mjs';
import { Publisher } from '../support/rtmp.mjs';
import { median } from '../support/stats.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const hls = createRequire(resolve(here, '../../web/package.json')).resolve('hls.js/dist/hls.min.js');

/** Runs in the page before its own scripts: notes the first picture, and while asked to, the clock in the pictures. */
function watchPictures({ bits, square }) {
  const bench = { first: null, reading: false, read: [] };
  window.bench = bench;
  const canvas = document.createElement('canvas');
  canvas.width = bits + 2;
  canvas.height = 1;
  const context = canvas.getContext('2d', { willReadFrequently: true });
  const number = (video) => {
    // One pixel from the middle of each square.
    for (let i = 0; i < bits + 2; i += 1) context.drawImage(video, i * square + square / 4, square / 4, square / 2, square / 2, i, 0, 1, 1);
    const { data } = context.getImageData(0, 0, bits + 2, 1);
    const is = (i) => data[i * 4] > 128;
    if (!is(bits) || is(bits + 1)) return -1;
    let value = 0;
    for (let i = 0; i < bits; i += 1) if (is(i)) value |= 1 << i;
    return value;
  };
  const known = new WeakSet();
  const look = () => {
    const video = document.querySelector('video');
    if (!video || known.has(video)) return;
    known.add(video);
    const onFrame = (now, frame) => {
      bench.first ??= now;
      if (bench.reading) bench.read.push([number(video), performance.timeOrigin + frame.expectedDisplayTime]);
      video.requestVideoFrameCallback(onFrame);
    };
    video.requestVideoFrameCallback(onFrame);
  };
  new MutationObserver(look).observe(document, { childList: true, subtree: true });
  look();
}

/** Seconds between a frame's write and its presentation, for each frame that was read. */
function latencies(read, sent) {
  const out = [];
  for (const [number, shown] of read) {
    if (number < 0) continue;
    const at = shown - performance.timeOrigin;
    let last = sent.length - 1 - ((sent.length - 1 - number) % clock.frames + clock.frames) % clock.frames;
    while (last >= 0 && sent[last] > at) last -= clock.frames;
    if (last >= 0) out.push((at - sent[last]) / 1000);
  }
  return out;
}

async function view(browser, url, publisher, { quick }) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: 'en-US' });
  try {
    const page = await context.newPage();
    await page.addInitScript(watchPictures, clock);
    await page.goto(url, { waitUntil: 'commit' });
    const first = await until(() => page.evaluate(() => window.bench.first), { deadlineMs: 30_000, what: 'a first picture' });
    await sleep(quick ? 6000 : 12_000);  // the player catches up with the live edge
    await page.evaluate(() => { window.bench.reading = true; });
    await sleep(4000);
    const read = await page.evaluate(() => window.bench.read);
    const found = latencies(read, publisher.sent);
    if (found.length < 30) throw new Error(`only ${found.length} of ${read.length} frames showed a clock`);
    return { open: first / 1000, glass: median(found) };
  } finally {
    await context.close();
  }
}

const peerPage = `<!doctype html><meta charset="utf-8"><video id="v" muted autoplay></video><script src="hls.min.js"></script>
<script>const h = new Hls(); h.attachMedia(document.getElementById('v')); h.loadSource('/hls/clock.m3u8');</script>`;

export async function run(options) {
  const glass = { name: 'glass to glass, in Chromium', unit: 's', ours: [], peer: [], atLeast: 3, aim: 1.5 };
  const open = { name: 'page opened to first picture', unit: 's', ours: [], peer: [], atLeast: 2, aim: 1 };
  const troupe = await ours.start();
  const nginx = await Nginx.start({ workers: 1 });
  const browser = await launch();
  const publishers = [];
  try {
    await copyFile(hls, join(nginx.www, 'hls.min.js'));
    await nginx.put('index.html', peerPage);
    const live = await ours.prepare(troupe, clockFile());
    publishers.push(live.publisher, await Publisher.open(nginx.rtmpPort, 'clock', clockFile()));
    for (const publisher of publishers) publisher.run();
    await sleep(10_000);  // both have a playlist a player can begin with
    for (let i = 0; i < (options.quick ? 1 : 3); i += 1) {
      const one = await view(browser, `${troupe.origin}/watch/${live.id}`, publishers[0], options);
      const other = await view(browser, `${nginx.origin}/index.html`, publishers[1], options);
      glass.ours.push(one.glass);
      glass.peer.push(other.glass);
      open.ours.push(one.open);
      open.peer.push(other.open);
    }
    return [glass, open];
  } finally {
    for (const publisher of publishers) publisher.stop();
    await browser.close();
    await troupe.close();
    await nginx.close();
  }
}
