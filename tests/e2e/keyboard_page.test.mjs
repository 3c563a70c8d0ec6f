// SPDX-License-Identifier: GPL-3.0-or-later
// From signing up to going live without a pointer: Tab, arrows, Enter, Space, Escape and typing, nothing else.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch, openPage } from './support/browser.mjs';
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

const mostSteps = 60;
const focused = (page) => page.evaluate(() => {
  const element = document.activeElement;
  const box = element.getBoundingClientRect();
  const style = getComputedStyle(element);
  return {
    id: element.dataset.testid ?? '',
    name: (element.getAttribute('aria-label') ?? element.textContent).trim(),
    href: element.getAttribute('href') ?? '',
    isBody: element === document.body,
    // A ring, or as with the line one writes in, a border of its own.
    isMarked: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0,
    isInView: box.width > 0 && box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
  };
});

/** Tab until the focus is on what is wanted; each stop on the way is marked and in view. */
async function tabTo(page, wanted, { key = 'Tab' } = {}) {
  const seen = [];
  for (let i = 0; i < mostSteps; i += 1) {
    await page.keyboard.press(key);
    const at = await focused(page);
    seen.push(at.id || at.name);
    if (!at.isBody) {
      assert.ok(at.isMarked, `the focus on "${at.id || at.name}" is seen`);
      assert.ok(at.isInView, `"${at.id || at.name}" is in view when it has the focus`);
    }
    if (wanted(at)) return;
  }
  assert.fail(`not reached with ${key}: ${seen.join(', ')}`);
}
const toId = (page, id, options) => tabTo(page, (at) => at.id === id, options);

/** A page whose pointer is never used. */
function open() {
  return openPage(browser, troupe.origin, { allow: /40[0-9]|Failed to load resource/, permissions: ['clipboard-read', 'clipboard-write'] });
}
const clipboard = (page) => page.evaluate(() => navigator.clipboard.readText());

async function signUp(page, username) {
  await page.goto('/');
  await page.getByTestId('empty').waitFor();
  await tabTo(page, (at) => at.href.startsWith('/join'));
  await page.keyboard.press('Enter');
  await page.getByTestId('join-form').waitFor();
  await until(async () => (await focused(page)).id === 'field-username', { what: 'the focus in the first field' });
  await page.keyboard.type(username);
  await page.keyboard.press('Tab');
  await page.keyboard.type(`${username}@example.org`);
  await page.keyboard.press('Tab');
  await page.keyboard.type('a long enough password');
  await toId(page, 'submit');
  await page.keyboard.press('Space');
  await page.getByTestId('username').waitFor();
}

test('sign-up, log-out and log-in', async () => {
  const page = await open();
  await signUp(page, 'keys_only');
  await toId(page, 'log-out');
  await page.keyboard.press('Enter');
  await until(async () => (await page.getByTestId('log-out').count()) === 0, { what: 'the log-out' });
  await tabTo(page, (at) => at.href.startsWith('/login'));
  await page.keyboard.press('Enter');
  await page.getByTestId('login-form').waitFor();
  await until(async () => (await focused(page)).id === 'field-username', { what: 'the focus in the first field' });
  await page.keyboard.type('keys_only');
  await page.keyboard.press('Tab');
  await page.keyboard.type('not the password');
  await page.keyboard.press('Enter');
  await page.getByTestId('notice-error').waitFor();
  assert.equal((await focused(page)).id, 'field-password', 'the focus is where the mistake is');
  await page.keyboard.press('Control+A');
  await page.keyboard.type('a long enough password');
  await page.keyboard.press('Enter');
  await page.getByTestId('log-out').waitFor();
  page.check();
  await page.context().close();
});

test('go live: copy server and key, show, rotate and keep it, start, watch the health, end', async () => {
  const page = await open();
  await signUp(page, 'keys_studio');
  await tabTo(page, (at) => at.href.startsWith('/live'));
  await page.keyboard.press('Enter');
  await page.getByTestId('start-form').waitFor();
  await toId(page, 'field-title');
  await until(() => page.getByTestId('start').isEnabled(), { what: 'the page to know that nothing is on' });
  await page.keyboard.type('Without a mouse');
  await page.keyboard.press('Enter');
  await page.getByTestId('end').waitFor();

  await toId(page, 'copy-server');
  await page.keyboard.press('Enter');
  await until(async () => (await clipboard(page)).startsWith('rtmp://'), { what: 'the server in the clipboard' });
  await toId(page, 'copy-stream-key');
  await page.keyboard.press('Space');
  const first = await until(async () => /^live_\w+$/.exec(await clipboard(page))?.[0], { what: 'the key in the clipboard' });
  assert.ok(!(await page.content()).includes(first), 'it was copied without being shown');
  await toId(page, 'show-key', { key: 'Shift+Tab' });
  await page.keyboard.press('Enter');
  assert.equal(await page.getByTestId('stream-key').inputValue(), first);

  // A question first; Escape and the first button are the way back, and the focus returns to where it was.
  await toId(page, 'rotate');
  await page.keyboard.press('Enter');
  await page.getByTestId('confirm').waitFor();
  await page.keyboard.press('Escape');
  await until(async () => (await focused(page)).id === 'rotate', { what: 'the focus back on the button' });
  assert.equal(await page.getByTestId('stream-key').inputValue(), first);
  await page.keyboard.press('Enter');
  await toId(page, 'confirm');
  await page.keyboard.press('Enter');
  const second = await until(async () => {
    const now = await page.getByTestId('stream-key').inputValue();
    return now !== first && /^live_/.test(now) ? now : undefined;
  }, { what: 'a new key' });

  const encoder = publish(troupe.rtmp(second), { file: media('noaudio') });
  try {
    await until(async () => /avc1|H\.264/.test(await page.getByTestId('health').textContent()), { what: 'the health of the stream' });
    await toId(page, 'end', { key: 'Shift+Tab' });
    await page.keyboard.press('Enter');
    await toId(page, 'confirm');
    await page.keyboard.press('Enter');
    await until(async () => (await page.getByTestId('end').count()) === 0, { what: 'the end' });
  } finally {
    await encoder.stop('SIGKILL');
  }
  page.check();
  await page.context().close();
});

test('moderation: the drawer opens, its tabs turn with the arrows, somebody is banned by name, Escape leads back', async () => {
  const host = await troupe.streamer('keys_host');
  await troupe.streamer('keys_guest');
  const page = await open();
  await page.goto('/login?next=/c/keys_host');
  await page.getByTestId('login-form').waitFor();
  await until(async () => (await focused(page)).id === 'field-username', { what: 'the focus in the first field' });
  await page.keyboard.type(host.username);
  await page.keyboard.press('Tab');
  await page.keyboard.type(host.password);
  await page.keyboard.press('Enter');
  await page.locator('[data-testid=room][data-role=owner]').waitFor();
  await toId(page, 'mod-open');
  await page.keyboard.press('Enter');
  await page.getByTestId('moderation').waitFor();
  await toId(page, 'mod-tab-mode');
  for (const tab of ['held', 'words', 'bans']) {
    await page.keyboard.press('ArrowRight');
    await until(async () => (await focused(page)).id === `mod-tab-${tab}`, { what: `the tab ${tab}` });
  }
  await toId(page, 'mod-reason');
  await page.keyboard.type('a raider');
  await toId(page, 'ban-name');
  await page.keyboard.type('keys_guest');
  await toId(page, 'ban-length');
  await page.keyboard.press('ArrowDown');
  await toId(page, 'ban-name-do');
  await page.keyboard.press('Enter');
  await page.locator('[data-testid=banned-user][data-user=keys_guest]').getByText('a raider').waitFor();
  await page.keyboard.press('Escape');
  await until(async () => (await focused(page)).id === 'mod-open', { what: 'the focus back on the button' });
  page.check();
  await page.context().close();
});
