// SPDX-License-Identifier: GPL-3.0-or-later
// Debian's Chromium, driven by Playwright.
import { chromium } from 'playwright-core';

export async function launch() {
  return chromium.launch({
    executablePath: process.env.TROUPE_CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--autoplay-policy=no-user-gesture-required', '--disable-background-networking', '--no-first-run',
      '--disable-quic', '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage'],
  });
}

/** A page of its own context, whose console errors and failed scripts fail the test at check(). */
export async function openPage(browser, origin, { allow = /$^/, ...options } = {}) {
  const context = await browser.newContext({ baseURL: origin, locale: 'en-US', viewport: { width: 1280, height: 800 }, ...options });
  const page = await context.newPage();
  const wrong = [];
  page.on('pageerror', (error) => wrong.push(String(error)));
  page.on('console', (message) => { if (message.type() === 'error' && !allow.test(message.text())) wrong.push(message.text()); });
  page.check = () => { if (wrong.length > 0) throw new Error(`the page complained:\n${wrong.join('\n')}`); };
  return page;
}

/** What the video element plays now. */
export function playback(page) {
  return page.getByTestId('video').evaluate((video) => {
    const quality = video.getVideoPlaybackQuality();
    return { time: video.currentTime, frames: quality.totalVideoFrames, dropped: quality.droppedVideoFrames, width: video.videoWidth,
      height: video.videoHeight, paused: video.paused, audioBytes: video.webkitAudioDecodedByteCount, ready: video.readyState };
  });
}

/** A few pixels of the picture, to see that it moves. */
export function picture(page) {
  return page.getByTestId('video').evaluate((video) => {
    const canvas = document.createElement('canvas');
    canvas.width = 64;
    canvas.height = 36;
    const context = canvas.getContext('2d');
    context.drawImage(video, 0, 0, 64, 36);
    return Array.from(context.getImageData(0, 0, 64, 36).data).join();
  });
}
