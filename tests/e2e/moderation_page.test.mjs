// SPDX-License-Identifier: GPL-3.0-or-later
// Moderators at the page: reasons for what they do, people who are not in view, and the log that tells it all.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch } from './support/browser.mjs';
import { administrator, line, openCard, say, sees, seesNoMore, sit } from './support/people.mjs';
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

const close = (...pages) => Promise.all(pages.map((page) => page.context().close()));

/** Entries of the drawer's log, newest first. */
async function log(page, atLeast) {
  await page.getByTestId('mod-tab-mode').click();
  await page.getByTestId('mod-tab-log').click();
  const entries = page.getByTestId('log-entry');
  await until(async () => (await entries.count()) >= atLeast, { what: `${atLeast} entries of the log` });
  return entries.evaluateAll((all) => all.map((entry) => ({
    action: entry.dataset.action,
    text: entry.textContent,
    reason: entry.querySelector('[data-testid=log-reason]')?.textContent ?? null,
    words: [...entry.querySelectorAll('[data-testid=log-words] li')].map((change) => change.textContent),
    at: entry.querySelector('time').dateTime,
  })));
}

test('a message is deleted with one click, or with a reason, by pointer and by keyboard', async () => {
  const host = await troupe.streamer('host_why');
  const noisy = await troupe.streamer('noisy_why');
  const [a, b] = await Promise.all([sit(browser, troupe, 'host_why', host), sit(browser, troupe, 'host_why', noisy)]);
  for (const text of ['one', 'two', 'three', 'four', 'five']) await say(b, text);
  await sees(a, 'five');

  await line(a, 'one').hover();
  await line(a, 'one').getByTestId('chat-delete').click();
  await seesNoMore(b, 'one');
  assert.equal(await a.getByTestId('delete-form').count(), 0, 'one click asks nothing');

  await line(a, 'two').hover();
  await line(a, 'two').getByTestId('chat-delete-why').click();
  await a.getByTestId('delete-form').waitFor();
  const [form, room] = await Promise.all(['delete-confirm', 'room'].map((id) => a.getByTestId(id).boundingBox()));
  assert.ok(form.x + form.width <= room.x + room.width, 'its button is in reach');
  await a.getByTestId('delete-reason').fill('an advertisement');
  await a.getByTestId('delete-confirm').click();
  await seesNoMore(b, 'two');
  await until(async () => (await a.getByTestId('delete-form').count()) === 0, { what: 'the form to close' });

  // From the keyboard: to the newest line, Shift+Delete, the reason, Enter.
  const lineHasFocus = (text) => until(
    () => a.evaluate((wanted) => document.activeElement?.dataset.key !== undefined && document.activeElement.textContent.includes(wanted), text),
    { what: `the focus on "${text}"` });
  await a.getByTestId('chat-list').focus();
  await a.keyboard.press('End');
  await a.keyboard.press('ArrowUp');
  await lineHasFocus('five');
  await a.keyboard.press('Shift+Delete');
  await a.getByTestId('delete-form').waitFor();
  await a.keyboard.press('Escape');
  await lineHasFocus('five');
  await a.keyboard.press('Shift+Delete');
  await a.keyboard.type('off topic');
  await a.keyboard.press('Enter');
  await seesNoMore(b, 'five');
  // The line is gone: its list has the focus, and goes on with the one before.
  await until(() => a.evaluate(() => document.activeElement?.closest('.chat-list') !== null), { what: 'the focus in the list' });
  await a.keyboard.press('ArrowUp');
  await lineHasFocus('four');
  await a.keyboard.press('Delete');
  await seesNoMore(b, 'four');

  // Who may not moderate is not offered it, also not for their own.
  await line(b, 'three').hover();
  assert.equal(await b.getByTestId('chat-delete-why').count(), 0);

  await a.getByTestId('mod-open').click();
  const entries = await log(a, 4);
  assert.deepEqual(entries.map(({ action, reason }) => [action, reason]),
    [['delete', null], ['delete', 'Why: off topic'], ['delete', 'Why: an advertisement'], ['delete', null]]);
  assert.match(entries[1].text, /host_why.*deleted a message of.*noisy_why.*five/s);
  assert.ok(Math.abs(Date.parse(entries[1].at) - Date.now()) < 120_000);
  [a, b].forEach((page) => page.check());
  await close(a, b);
});

test('someone is banned and let back in by name, though they never came', async () => {
  const host = await troupe.streamer('host_far');
  const absent = await troupe.streamer('absent_one');
  const a = await sit(browser, troupe, 'host_far', host);
  await a.getByTestId('mod-open').click();
  await a.getByTestId('mod-tab-bans').click();
  await a.getByTestId('ban-name').fill('nobody_at_all');
  await a.getByTestId('ban-name').press('Enter');
  await a.getByTestId('moderation').getByText('Nobody here has this name.').waitFor();
  await a.getByTestId('mod-reason').fill('a known raider');
  await a.getByTestId('ban-length').selectOption('600');
  await a.getByTestId('ban-name').fill('@Absent_One');
  await a.getByTestId('ban-name').press('Enter');
  const banned = a.locator('[data-testid=banned-user][data-user=absent_one]');
  await banned.waitFor();
  assert.match(await banned.textContent(), /until .*a known raider/);
  assert.equal(await a.getByTestId('mod-reason').inputValue(), '', 'the reason went with it');

  const b = await sit(browser, troupe, 'host_far', absent);
  await b.getByTestId('chat-ban').getByText('a known raider').waitFor();
  await a.getByTestId('mod-reason').fill('it was somebody else');
  await banned.getByTestId('lift').click();
  await until(async () => (await b.getByTestId('chat-ban').count()) === 0, { what: 'the ban to be lifted' });
  await say(b, 'thank you');
  await sees(b, 'thank you');

  const entries = await log(a, 2);
  assert.deepEqual(entries.map(({ action, reason }) => [action, reason]),
    [['unban', 'Why: it was somebody else'], ['timeout', 'Why: a known raider']]);
  [a, b].forEach((page) => page.check());
  await close(a, b);
});

test('moderators are appointed and dismissed by name, with reasons; they see the list, the owner changes it', async () => {
  const host = await troupe.streamer('host_team');
  const helper = await troupe.streamer('helper_team');
  const [a, b] = await Promise.all([sit(browser, troupe, 'host_team', host), sit(browser, troupe, 'host_team', helper)]);
  await a.getByTestId('mod-open').click();
  await a.getByTestId('mod-tab-moderators').click();
  await a.getByTestId('mod-reason').fill('knows the game');
  await a.getByTestId('appoint-name').fill('helper_team');
  await a.getByTestId('appoint-name-do').click();
  const listed = a.locator('[data-testid=moderator][data-user=helper_team]');
  await listed.waitFor();

  await b.getByTestId('mod-open').click();
  await b.getByTestId('mod-tab-moderators').click();
  await b.locator('[data-testid=moderator][data-user=helper_team]').waitFor();
  assert.equal(await b.getByTestId('appoint-name').count(), 0);
  assert.equal(await b.getByTestId('dismiss-listed').count(), 0);
  await b.getByTestId('mod-close').click();

  await a.getByTestId('mod-reason').fill('moved away');
  await listed.getByTestId('dismiss-listed').click();
  await until(async () => (await b.getByTestId('mod-open').count()) === 0, { what: 'the tools to go' });
  assert.deepEqual((await log(a, 2)).map(({ action, reason }) => [action, reason]),
    [['dismiss', 'Why: moved away'], ['appoint', 'Why: knows the game']]);
  [a, b].forEach((page) => page.check());
  await close(a, b);
});

test('an administrator moderates any room, and appoints there as its owner does', async () => {
  const host = await troupe.streamer('host_plain');
  const boss = await administrator(troupe, 'the_boss');
  const [a, b] = await Promise.all([sit(browser, troupe, 'host_plain', host), sit(browser, troupe, 'host_plain', boss)]);
  await say(a, 'not in this house');
  await sees(b, 'not in this house');
  assert.equal(await b.getByTestId('room').getAttribute('data-role'), 'moderator');
  await line(b, 'not in this house').hover();
  await line(b, 'not in this house').getByTestId('chat-delete-why').click();
  await b.getByTestId('delete-reason').fill('the house rules');
  await b.keyboard.press('Enter');
  await seesNoMore(a, 'not in this house');
  await b.getByTestId('mod-open').click();
  await b.getByTestId('mod-tab-moderators').click();
  await b.getByTestId('appoint-name').fill('the_boss');
  await b.keyboard.press('Enter');
  await b.locator('[data-testid=moderator][data-user=the_boss]').waitFor();
  assert.deepEqual((await log(b, 2)).map(({ action, reason }) => [action, reason]), [['appoint', null], ['delete', 'Why: the house rules']]);
  [a, b].forEach((page) => page.check());
  await close(a, b);
});

test('changes of mode and words take a reason, and the log names each word', async () => {
  const host = await troupe.streamer('host_words');
  const a = await sit(browser, troupe, 'host_words', host);
  await a.getByTestId('mod-open').click();
  await a.getByTestId('mod-tab-mode').click();
  await a.getByTestId('mod-reason').fill('a raid');
  await a.getByTestId('mode-slow').selectOption('30');
  await until(async () => (await a.getByTestId('mod-reason').inputValue()) === '', { what: 'the mode to be set' });

  await a.getByTestId('mod-tab-words').click();
  const rule = a.locator('[data-testid=word-rule][data-word=curtain]');
  await a.getByTestId('word').fill('curtain');
  await a.getByTestId('word-add').click();
  await rule.waitFor();
  await a.getByTestId('mod-reason').fill('too strict');
  await rule.getByRole('combobox').selectOption('mask');
  await until(async () => (await a.getByTestId('mod-reason').inputValue()) === '', { what: 'the change' });
  await a.getByTestId('mod-reason').fill('no longer needed');
  await rule.getByRole('button').click();
  await until(async () => (await rule.count()) === 0, { what: 'the rule to go' });

  const entries = await log(a, 4);
  assert.deepEqual(entries.map(({ action, reason, words }) => [action, reason, words]), [
    ['words', 'Why: no longer needed', ['Removed “curtain”: Mask']],
    ['words', 'Why: too strict', ['Changed “curtain”: Refuse → Mask']],
    ['words', null, ['Added “curtain”: Refuse']],
    ['mode', 'Why: a raid', []],
  ]);
  assert.match(entries[3].text, /Slow mode: One message every 30 s/);
  a.check();
  await close(a);
});

test('the card shows what is deleted as deleted, and its reason goes with each act', async () => {
  const host = await troupe.streamer('host_card');
  const noisy = await troupe.streamer('noisy_card');
  const [a, b] = await Promise.all([sit(browser, troupe, 'host_card', host), sit(browser, troupe, 'host_card', noisy)]);
  await say(b, 'first of all');
  await say(b, 'and then this');
  await sees(a, 'and then this');
  await openCard(a, 'first of all');
  const said = (deleted) => a.locator(`[data-testid=card-message][data-deleted=${deleted}]`);
  await until(async () => (await said(false).count()) === 2, { what: 'what they said' });
  await a.getByTestId('card-reason').fill('spoils the end');
  await said(false).filter({ hasText: 'and then this' }).getByTestId('card-delete').click();
  await said(true).filter({ hasText: 'and then this' }).waitFor();
  assert.match(await said(true).textContent(), /deleted$/);
  assert.equal(await said(true).getByTestId('card-delete').count(), 0);
  assert.equal(await said(false).count(), 1);
  assert.equal(await a.getByTestId('card-reason').inputValue(), '');
  await a.getByTestId('ban').click();
  await a.getByTestId('card-banned').waitFor();
  await a.getByTestId('card-reason').fill('has apologised');
  await a.getByTestId('unban').click();
  await until(async () => (await a.getByTestId('card-banned').count()) === 0, { what: 'the ban to be lifted' });
  // A ban takes all they said with it.
  await until(async () => (await said(true).count()) === 2, { what: 'both to be shown as deleted' });
  await a.getByTestId('card-close').click();
  await a.getByTestId('mod-open').click();
  assert.deepEqual((await log(a, 3)).map(({ action, reason }) => [action, reason]),
    [['unban', 'Why: has apologised'], ['ban', null], ['delete', 'Why: spoils the end']]);
  [a, b].forEach((page) => page.check());
  await close(a, b);
});
