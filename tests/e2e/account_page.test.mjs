// SPDX-License-Identifier: GPL-3.0-or-later
// The account page in a real browser: second step, recovery codes, password, log-out everywhere.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, before, test } from 'node:test';
import { launch, openPage } from './support/browser.mjs';
import { logIn } from './support/people.mjs';
import { until } from './support/process.mjs';
import { Troupe } from './support/troupe.mjs';

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

const noise = /40[0-9]|429|Failed to load resource/;

/** RFC 6238 with SHA-1, six digits, 30 s. */
function codeOf(secret, step) {
  const bits = [...secret.replace(/\s/g, '')].map((letter) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const digest = createHmac('sha1', key).update(counter).digest();
  return String((digest.readUInt32BE(digest[19] & 15) & 0x7fffffff) % 1e6).padStart(6, '0');
}
const stepNow = () => Math.floor(Date.now() / 30_000);

test('a second step is enrolled, asked for, replaced by a recovery code, and turned off', async () => {
  const user = await troupe.streamer('careful');
  const page = await openPage(browser, troupe.origin, { allow: noise });
  await logIn(page, user);
  await page.goto('/settings');
  await page.getByTestId('field-totp-password').fill('wrong wrong wrong');
  await page.getByTestId('totp-begin').click();
  await page.locator('#settings-totp').locator('..').locator('.field-error').waitFor();
  await page.getByTestId('field-totp-password').fill(user.password);
  await page.getByTestId('totp-begin').click();
  await page.getByTestId('qr').waitFor();
  const secret = await page.getByTestId('totp-secret').textContent();
  await page.getByTestId('field-otp').fill(codeOf(secret, stepNow()));
  await page.getByTestId('totp-confirm').click();
  await page.getByTestId('recovery-codes').waitFor();
  const codes = await page.getByTestId('recovery-codes').locator('code').allTextContents();
  assert.equal(new Set(codes).size, 10);
  await page.getByTestId('codes-kept').click();
  await page.locator('[data-testid=codes-left][data-left="10"]').waitFor();
  assert.ok(!(await page.content()).includes(codes[0]), 'codes are shown once');

  await page.getByTestId('log-out').click();
  await page.goto('/login');
  await page.getByTestId('field-username').fill(user.username);
  await page.getByTestId('field-password').fill(user.password);
  await page.getByTestId('submit').click();
  await page.getByTestId('field-otp').fill('000000');
  await page.getByTestId('submit').click();
  await page.getByTestId('notice-error').waitFor();
  await page.getByTestId('field-otp').fill(codes[3].toUpperCase());
  await page.getByTestId('submit').click();
  await page.getByTestId('log-out').waitFor({ state: 'attached' });

  await page.goto('/settings');
  await page.locator('[data-testid=codes-left][data-left="9"]').waitFor();
  await page.getByTestId('field-totp-password').fill(user.password);
  await page.getByTestId('field-otp').fill(codes[4]);
  await page.getByTestId('totp-disable').click();
  await page.getByTestId('totp-begin').waitFor();
  page.check();
  await page.context().close();
});

test('a log-out that the server did not hear is told, chat only reads, and it is made good', async () => {
  const user = await troupe.streamer('leaver');
  const page = await openPage(browser, troupe.origin, { allow: /40[0-9]|Failed to load resource|WebSocket|ERR_/ });
  await logIn(page, user);
  await page.goto('/c/leaver');
  await page.getByTestId('chat-input').waitFor();
  await page.route('**/api/v1/auth/logout', (route) => route.abort());
  await page.getByTestId('log-out').click();
  await page.getByTestId('log-out-pending').waitFor();
  // The cookie is still good; the page does not use it, also on another visit.
  await page.goto('/c/leaver');
  await page.getByTestId('chat-guest').waitFor();
  assert.equal(await page.getByTestId('chat-input').count(), 0);
  assert.ok((await page.context().cookies()).some(({ httpOnly }) => httpOnly), 'the cookie is still there');
  await page.unroute('**/api/v1/auth/logout');
  await until(async () => (await page.getByTestId('log-out-pending').count()) === 0, { what: 'the log-out to be heard' });
  await until(async () => (await page.context().cookies()).every(({ httpOnly }) => !httpOnly), { what: 'the cookie to go' });
  page.check();
  await page.context().close();
});

test('a new password logs other devices out; log-out everywhere this one too', async () => {
  const user = await troupe.streamer('mover');
  const here = await openPage(browser, troupe.origin, { allow: noise });
  const there = await openPage(browser, troupe.origin, { allow: noise });
  await logIn(here, user);
  await logIn(there, user);
  await here.goto('/settings');
  await here.getByTestId('field-old-password').fill(user.password);
  await here.getByTestId('field-new-password').fill('another long enough one');
  await here.getByTestId('change-password').click();
  await here.locator('[aria-labelledby=settings-password] [data-testid=notice-good]').waitFor();
  await there.reload();
  await there.getByRole('link', { name: 'Log in' }).first().waitFor();

  await here.getByTestId('field-new-email').fill('moved@example.org');
  await here.getByTestId('field-email-password').fill('another long enough one');
  await here.getByTestId('change-email').click();
  await until(async () => /moved@example\.org/.test(await here.getByTestId('settings-email').textContent()), { what: 'the new address' });

  await logIn(there, { ...user, password: 'another long enough one' });
  await there.goto('/settings');
  await there.getByTestId('log-out-everywhere').click();
  await there.getByTestId('confirm').click();
  await there.getByRole('link', { name: 'Log in' }).first().waitFor();
  await here.reload();
  await here.getByRole('link', { name: 'Log in' }).first().waitFor();
  [here, there].forEach((page) => page.check());
  await Promise.all([here, there].map((page) => page.context().close()));
});
