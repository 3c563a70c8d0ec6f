// SPDX-License-Identifier: GPL-3.0-or-later
// Every page on a phone 360 px wide, in both languages, with the longest names and texts that people can have: nothing
// scrolls sideways.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch, openPage } from './support/browser.mjs';
import { media } from './support/media.mjs';
import { administrator, logIn, say, sees, openCard } from './support/people.mjs';
import { until } from './support/process.mjs';
import { publish, Troupe } from './support/troupe.mjs';

const width = 360;
const phone = { viewport: { width, height: 740 }, hasTouch: true, isMobile: true, allow: /40[0-9]|503|Failed to load resource|WebSocket connection/ };
const locales = ['en-US', 'ja-JP'];
const longWord = (length) => 'W'.repeat(length);

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

/** Neither the page nor an open dialog is wider than the phone, and the phone did not zoom out to make it fit. */
async function fits(page, what) {
  const found = await page.evaluate(() => {
    const boxes = [document.documentElement, ...document.querySelectorAll('dialog[open], dialog[open] .mod-panel, .user-card')];
    return {
      view: window.innerWidth,
      over: boxes.map((box) => box.scrollWidth - box.clientWidth).reduce((a, b) => Math.max(a, b), 0),
      widest: [...document.querySelectorAll('body *')].filter((e) => e.getBoundingClientRect().right > window.innerWidth + 1)
        .slice(0, 3).map((e) => `${e.tagName}.${e.className}`),
    };
  });
  assert.ok(found.over <= 0 && found.view === width, `${what}: ${JSON.stringify(found)}`);
}

for (const locale of locales) {
  const suffix = locale.slice(0, 2);

  test(`pages of a guest fit (${suffix})`, async () => {
    const page = await openPage(browser, troupe.origin, { ...phone, locale });
    for (const [path, mark] of [['/', null], ['/join', 'join-form'], ['/login', 'login-form'], ['/live', 'log-in-first'], ['/settings', null], ['/cluster', 'no-cluster'],
      ['/c/nobody_here', 'no-channel'], ['/watch/4242', 'no-stream'], ['/no/such/page', null]]) {
      await page.goto(path);
      await (mark ? page.getByTestId(mark) : page.locator('main h1')).first().waitFor();
      await fits(page, path);
    }
    assert.equal(await page.locator('html').getAttribute('lang'), suffix);
    page.check();
    await page.context().close();
  });

  test(`the account's and the streamer's pages fit (${suffix})`, async () => {
    const user = await troupe.streamer(`${suffix}_${longWord(21)}`);
    const page = await openPage(browser, troupe.origin, { ...phone, locale });
    await logIn(page, user);
    await page.goto('/settings');
    await page.getByTestId('field-totp-password').fill(user.password);
    await fits(page, 'the account');
    await page.getByTestId('totp-begin').click();
    await page.getByTestId('qr').waitFor();
    await fits(page, 'the second step');

    await page.goto('/live');
    await page.getByTestId('field-title').fill(longWord(140));
    await page.getByTestId('start').click();
    await page.getByTestId('end').waitFor();
    await page.getByTestId('show-key').click();
    await fits(page, 'go live');
    await page.getByTestId('rotate').click();
    await page.getByTestId('confirm').waitFor();
    await fits(page, 'the question before a new key');
    page.check();
    await page.context().close();
  });

  test(`the administrators' page fits (${suffix})`, async () => {
    const user = await administrator(troupe, `${suffix}a${longWord(21)}`);
    const page = await openPage(browser, troupe.origin, { ...phone, locale });
    await logIn(page, user);
    await fits(page, 'the list, as administrators see it');
    await page.goto('/cluster');
    await page.locator('[data-testid=cluster] h2').first().waitFor();
    await fits(page, 'the nodes');
    page.check();
    await page.context().close();
  });

  test(`stream, room and moderation fit (${suffix})`, async () => {
    const host = await troupe.streamer(`${suffix}h${longWord(21)}`);
    const guest = await troupe.streamer(`${suffix}g${longWord(21)}`);
    const ask = (method, path, body) => troupe.api(method, `/channels/${host.userId}${path}`, { token: host.token, body });
    await troupe.api('POST', '/streams/start', { token: host.token, body: { title: longWord(140) } });
    await ask('PUT', '/chat/words', { words: [{ word: longWord(64), action: 'hold' }], reason: longWord(300) });
    await ask('PUT', `/moderators/${guest.userId}`, { reason: longWord(300) });
    await ask('PUT', `/bans/${(await troupe.streamer(`${suffix}b${longWord(21)}`)).userId}`, { reason: longWord(300) });
    const { json: said } = await troupe.api('POST', `/channels/${host.userId}/chat`, { token: guest.token, body: { message: `x${longWord(499)}` } });
    await troupe.api('POST', `/channels/${host.userId}/chat`, { token: guest.token, body: { message: 'an answer', reply_to: said.message_id } });
    const encoder = publish(troupe.rtmp(host.key), { file: media('main') });
    const page = await openPage(browser, troupe.origin, { ...phone, locale });
    try {
      const stream = await troupe.streamWith(host.token, 'live');
      await logIn(page, host);
      await page.goto('/');
      await page.locator(`[data-stream-id="${stream.stream_id}"]`).waitFor();
      await fits(page, 'the list');

      await page.goto(`/watch/${stream.stream_id}`);
      await page.getByTestId('viewers').tap();
      await page.getByTestId('room-viewers').tap();
      await sees(page, 'an answer');
      await fits(page, 'the stream');
      await page.getByTestId('room-viewers').tap();
      await page.getByTestId('chat-settings').tap();
      await fits(page, 'the settings of the chat');
      await page.getByTestId('chat-settings').tap();
      await page.getByTestId('chat-message').last().getByTestId('chat-words').tap();
      await page.getByTestId('chat-message').last().getByTestId('chat-delete-why').tap();
      await page.getByTestId('delete-form').waitFor();
      await fits(page, 'a deletion');
      await page.getByTestId('delete-keep').tap();
      await openCard(page, 'an answer');
      await page.getByTestId('card-said').waitFor();
      await fits(page, 'the card');
      await page.getByTestId('card-close').tap();

      await page.getByTestId('mod-open').tap();
      for (const [tab, mark] of [['mode', 'mode-slow'], ['held', 'mod-reason'], ['words', 'word-rule'], ['bans', 'banned-user'], ['moderators', 'moderator'], ['log', 'log-reason']]) {
        await page.getByTestId(`mod-tab-${tab}`).tap();
        await page.getByTestId(mark).first().waitFor();
        await fits(page, `moderation, ${tab}`);
      }
      await page.getByTestId('mod-close').tap();

      await page.goto(`/c/${host.username}`);
      await sees(page, 'an answer');
      await fits(page, 'the channel');
      await say(page, longWord(500));
      await until(async () => (await page.getByTestId('chat-message').count()) === 3, { what: 'the longest word' });
      await fits(page, 'the longest word');
      assert.equal((await troupe.api('POST', `/streams/${stream.stream_id}/end`, { token: host.token })).status, 200);
      await page.goto(`/watch/${stream.stream_id}`);
      await page.locator('[data-testid=overlay][data-overlay=ended]').waitFor({ timeout: 30_000 });
      await fits(page, 'a stream that ended');
      page.check();
    } finally {
      await page.context().close();
      await encoder.stop('SIGKILL');
    }
  });
}
