// SPDX-License-Identifier: GPL-3.0-or-later
// The home page of somebody who follows many, and what it says of its viewer counts.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch, openPage } from './support/browser.mjs';
import { media } from './support/media.mjs';
import { logIn } from './support/people.mjs';
import { until } from './support/process.mjs';
import { publish, Troupe } from './support/troupe.mjs';

let troupe;
let browser;
const encoders = [];
before(async () => {
  troupe = await Troupe.start();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await Promise.all(encoders.map((encoder) => encoder.stop('SIGKILL')));
  await troupe?.close();
});

const noise = /40[0-9]|Failed to load resource|WebSocket connection/;
const close = (page) => page.context().close();

/** A followed channel that is live. */
async function liveChannel(viewer) {
  const channel = await troupe.streamer();
  encoders.push(publish(troupe.rtmp(channel.key), { file: media('noaudio') }));
  const stream = await troupe.streamWith(channel.token, 'live');
  assert.equal((await troupe.api('PUT', `/users/${channel.userId}/follow`, { token: viewer.token })).status, 200);
  return stream;
}

test('more of the followed come page by page; what stands there stays where it is, and the focus is not lost', async () => {
  const viewer = await troupe.streamer('follows_many');
  const streams = [];
  while (streams.length < 14) streams.push(await liveChannel(viewer));
  const page = await openPage(browser, troupe.origin, { allow: noise });
  await logIn(page, viewer);
  await page.goto('/');
  const cards = page.locator('[data-testid=followed] [data-testid=channel]');
  const ids = () => cards.evaluateAll((all) => all.map((card) => Number(card.dataset.streamId)));
  const newestFirst = streams.map(({ stream_id: id }) => id).reverse();
  await until(async () => (await cards.count()) === 12, { what: 'the first page' });
  assert.deepEqual(await ids(), newestFirst.slice(0, 12));

  const places = () => cards.evaluateAll((all) => all.slice(0, 12).map((card) => card.getBoundingClientRect().top));
  const more = page.getByTestId('followed-more');
  await more.scrollIntoViewIfNeeded();
  await more.focus();
  const before_ = await places();
  await page.keyboard.press('Enter');
  await until(async () => (await cards.count()) === 14, { what: 'the rest' });
  assert.deepEqual(await ids(), newestFirst);
  assert.deepEqual(await places(), before_);
  assert.equal(await more.count(), 0, 'there is no more');
  await until(() => page.evaluate((id) => document.activeElement?.dataset.streamId === id, String(newestFirst[12])), { what: 'the focus on the first new one' });

  // The next polls ask for as many, and nothing folds up again.
  for (let i = 0; i < 2; i += 1) {
    const answer = await page.waitForResponse((response) => response.url().includes('/users/me/following/live'), { timeout: 20_000 });
    assert.match(answer.url(), /limit=24/);
  }
  assert.deepEqual(await ids(), newestFirst);
  assert.deepEqual(await places(), before_);
  page.check();
  await close(page);
});

test('those who are followed are there at once, not above others who are shown already', async () => {
  const viewer = await troupe.streamer('follows_one');
  await liveChannel(viewer);
  const page = await openPage(browser, troupe.origin, { allow: noise });
  await logIn(page, viewer);
  let let_go;
  const held = new Promise((resolve) => { let_go = resolve; });
  await page.route('**/users/me/following/live*', async (route) => { await held; await route.continue(); });
  const asked = page.waitForRequest('**/users/me/following/live*');
  const pushed = page.locator('[data-testid=channels][data-pushed=true]').waitFor({ state: 'attached' });
  await page.goto('/');
  await Promise.all([asked, pushed]);
  const shownEarly = await page.getByTestId('channels').getByTestId('channel').count();
  let_go();
  await page.getByTestId('followed').getByTestId('channel').waitFor();
  await page.getByTestId('channels').getByTestId('channel').first().waitFor();
  // On a machine so slow that the patience of the page ran out before, nothing is said.
  if (shownEarly > 0) assert.ok((await page.evaluate(() => performance.now())) > 1500);
  page.check();
  await close(page);
});

test('how viewers are counted is readable: in the list, by a tap, from the keyboard, to a screen reader', async () => {
  const viewer = await troupe.streamer('wants_to_know');
  const stream = await liveChannel(viewer);
  const sentence = /counted exactly.*content delivery network/;
  const page = await openPage(browser, troupe.origin, { allow: noise, hasTouch: true });
  await page.goto('/');
  assert.match(await page.getByTestId('viewers-how').textContent(), sentence);

  await page.goto(`/watch/${stream.stream_id}`);
  for (const id of ['viewers', 'room-viewers']) {
    const button = page.getByTestId(id);
    const text = page.getByTestId(`${id}-how`);
    await button.waitFor();
    assert.equal(await text.textContent(), '');
    assert.equal(await text.getAttribute('role'), 'status', 'what comes into it is spoken');
    assert.equal(await button.getAttribute('aria-controls'), await text.getAttribute('id'));
    assert.match(await button.getAttribute('aria-label'), /^\d+ viewers?\. How are they counted\?$/);
    await button.tap();
    assert.match(await text.textContent(), sentence);
    assert.ok(await text.isVisible());
    assert.equal(await button.getAttribute('aria-expanded'), 'true');
    await button.tap();
    assert.equal(await text.textContent(), '');
    await button.focus();
    await page.keyboard.press('Enter');
    assert.match(await text.textContent(), sentence);
    await page.keyboard.press('Escape');
    assert.equal(await text.textContent(), '');
    assert.equal(await button.getAttribute('title'), null, 'nothing is left to a pointer that rests');
  }
  page.check();
  await close(page);
});
