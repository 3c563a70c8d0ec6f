// SPDX-License-Identifier: GPL-3.0-or-later
// How smooth the page stays while a room speaks: the intervals of requestAnimationFrame on a channel's page in Debian's
// Chromium, headless, without a GPU, with 50 messages a second in the room. Beside it the same page with nobody speaking:
// what the browser and the machine do by themselves. The senders and the server share the cores with the browser, and so
// does whatever else runs: the main thread's CPU time is what does not depend on that.
import { launch, openPage } from '../../tests/e2e/support/browser.mjs';
import { until } from '../../tests/e2e/support/process.mjs';
import * as chat from '../support/chat.mjs';
import { sleep } from '../support/process.mjs';
import { quantile } from '../support/stats.mjs';

const rate = 50;
const late = 50;  // a frame that took longer is seen to stutter, ms
const settle = 3;  // before it counts, s

/** The main thread's CPU time so far, s. */
async function threadTime(devtools) {
  const { metrics } = await devtools.send('Performance.getMetrics');
  return metrics.find(({ name }) => name === 'TaskDuration').value;
}

/** Intervals between drawn frames for so long, ms. */
function framesOf(page, seconds) {
  return page.evaluate((ms) => new Promise((resolve) => {
    const intervals = [];
    const began = performance.now();
    let last = began;
    const tick = (now) => {
      if (now > last) intervals.push(now - last);
      last = now;
      if (now - began < ms) requestAnimationFrame(tick);
      else resolve(intervals.slice(1));
    };
    requestAnimationFrame(tick);
  }), seconds * 1000);
}

const rowsOf = async (page) => Number(await page.getByTestId('chat-list').getAttribute('data-rows'));

async function measure(browser, server, { speaks, seconds }) {
  const page = await openPage(browser, server.origin, { allow: /40[0-9]|Failed to load resource/ });
  try {
    const devtools = await page.context().newCDPSession(page);
    await devtools.send('Performance.enable', { timeDomain: 'threadTicks' });
    await page.goto(`/c/${server.channel}`);
    await page.locator('[data-testid=room][data-joined=true]').waitFor();
    const talk = speaks ? chat.run(server, { viewers: 8, rate, seconds: seconds + settle + 4, drain: 2 }) : null;
    if (talk) {
      const before = await rowsOf(page);
      await until(async () => (await rowsOf(page)) > before + 10, { what: 'the room to speak' });
    }
    await sleep(settle * 1000);
    const before = await rowsOf(page);
    const busy = await threadTime(devtools);
    const frames = await framesOf(page, seconds);
    const cpu = ((await threadTime(devtools)) - busy) * 1000 / seconds;
    const shown = (await rowsOf(page)) - before;
    const found = await talk;
    if (found && (found.lost !== 0 || found.errors !== 0)) throw new Error(JSON.stringify(found));
    // The list keeps the newest thousand: only while it is not full its rows tell how many came.
    if (talk && before + shown < 990 && shown < 0.9 * rate * seconds) throw new Error(`only ${shown} messages were shown in ${seconds} s`);
    page.check();
    return { frames, cpu };
  } finally {
    await page.context().close();
  }
}

export async function run({ quick }) {
  const seconds = quick ? 5 : 20;
  const figure = (name, unit) => ({ name: `page at ${rate} messages/s: ${name}`, unit, ours: [], peer: [] });
  const half = figure('frame interval, p50', 'ms');
  const most = figure('frame interval, p95', 'ms');
  const worst = figure('frame interval, worst', 'ms');
  const share = figure(`frames over ${late} ms`, '%');
  const thread = figure('CPU of the main thread', 'ms/s');
  const browser = await launch();
  try {
    for (let i = 0; i < (quick ? 1 : 3); i += 1) {
      for (const [side, speaks] of [['ours', true], ['peer', false]]) {
        const server = await chat.ours();
        try {
          const { frames, cpu } = await measure(browser, server, { speaks, seconds });
          half[side].push(quantile(frames, 0.5));
          most[side].push(quantile(frames, 0.95));
          worst[side].push(Math.max(...frames));
          share[side].push((frames.filter((ms) => ms > late).length / frames.length) * 100);
          thread[side].push(cpu);
        } finally {
          await server.close();
        }
      }
    }
    return [half, most, worst, share, thread];
  } finally {
    await browser.close();
  }
}
