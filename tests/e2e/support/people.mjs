// SPDX-License-Identifier: GPL-3.0-or-later
// People at the page: each has a browser context of their own, and sits in a channel's room.
import { openPage } from './browser.mjs';
import { until } from './process.mjs';

// What a browser says itself when a call is refused or a socket breaks.
const expectedNoise = /40[0-9]|429|503|Failed to load resource|WebSocket connection|ERR_INTERNET_DISCONNECTED|ERR_CONNECTION/;

export async function logIn(page, user) {
  await page.goto('/login');
  await page.getByTestId('field-username').fill(user.username);
  await page.getByTestId('field-password').fill(user.password);
  await page.getByTestId('submit').click();
  await page.getByTestId('log-out').waitFor({ state: 'attached' });
}

/** A new administrator, made as operators make one. */
export async function administrator(troupe, username) {
  const password = 'correct horse battery';
  const command = troupe.command('user', 'create', username, '--email', `${username}@example.org`, '--administrator', '--password-stdin');
  command.child.stdin.end(`${password}\n`);
  const { code } = await command.exited;
  if (code !== 0) throw new Error(`troupe user create ended with ${code}:\n${command.output}`);
  return { username, password };
}

/** Someone in the room of `channel` (a username); user null: a guest. */
export async function sit(browser, troupe, channel, user, options = {}) {
  const page = await openPage(browser, troupe.origin, { allow: expectedNoise, ...options });
  if (user) await logIn(page, user);
  await page.goto(`/c/${channel}`);
  await page.locator('[data-testid=room][data-joined=true]').waitFor();
  if (user) await page.getByTestId('chat-input').waitFor();
  return page;
}

export async function say(page, text) {
  await page.getByTestId('chat-input').fill(text);
  await page.getByTestId('chat-input').press('Enter');
}

/** The message with exactly this text. */
export function line(page, text) {
  return page.getByTestId('chat-message').filter({ has: page.getByTestId('chat-words').getByText(text, { exact: true }) });
}

export async function sees(page, text, deadlineMs = 10_000) {
  await line(page, text).first().waitFor({ timeout: deadlineMs });
}

export async function seesNoMore(page, text) {
  await until(async () => (await line(page, text).count()) === 0, { what: `"${text}" to vanish` });
}

/** Every text in the list, as drawn, oldest first. */
export function texts(page) {
  return page.getByTestId('chat-list').locator('[data-testid=chat-message] [data-testid=chat-words]').allTextContents();
}

/** Opens the card of the one who said this. */
export async function openCard(page, text) {
  await line(page, text).getByTestId('chat-name').click();
  await page.getByTestId('user-card').waitFor();
}
