// SPDX-License-Identifier: GPL-3.0-or-later
// The nodes on the page, for administrators: what they see, what they move and drain there, and that nobody else does.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch, openPage } from '../e2e/support/browser.mjs';
import { logIn } from '../e2e/support/people.mjs';
import { until } from '../e2e/support/process.mjs';
import { Troupe } from '../e2e/support/troupe.mjs';
import { Cluster } from './support/cluster.mjs';
import { Talker, unlimited } from './support/talk.mjs';

const boss = { username: 'theboss', password: 'correct horse battery' };
const phone = { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true };
const silence = { timeout: 60_000 };

let cluster;
let browser;
const talkers = [];

async function makeAdministrator(node, ...more) {
  const command = node.command('user', 'create', boss.username, '--email', 'boss@example.org', '--administrator', '--password-stdin', ...more);
  command.child.stdin.end(`${boss.password}\n`);
  assert.equal((await command.exited).code, 0, command.output);
}

before(async () => {
  cluster = await Cluster.start({ config: unlimited });
  browser = await launch();
  await makeAdministrator(cluster.node('a'), '--node', 'a');
  for (const name of ['a', 'b', 'c']) {
    const owner = await cluster.node(name).streamer();
    const talker = await new Talker(`t${name}`, owner).join(cluster.node(name), owner.userId);
    talkers.push(talker);
    talker.say();
    await talker.end();
  }
});
after(async () => {
  await browser?.close();
  for (const t of talkers) t.client.close();
  await cluster?.close();
});

const roomOf = (talker) => `room/${talker.user.userId}`;
const card = (page, name) => page.locator(`[data-testid=node][data-node=${name}]`);
const standing = (page, name, wanted) => page.locator(`[data-testid=node][data-node=${name}][data-standing=${wanted}]`).waitFor(silence);
const row = (page, name) => page.locator(`[data-testid=entity][data-name="${name}"]`);
const said = (page, what) => page.locator(`[data-testid=cluster-log] [data-what=${what}]`);
const focused = (page) => page.evaluate(() => document.activeElement?.dataset.testid ?? '');

async function open(node, options) {
  const page = await openPage(browser, node.origin, options);
  await logIn(page, boss);
  await page.goto('/cluster');
  await page.locator('[data-testid=cluster][data-nodes="3"]').waitFor();
  return page;
}

async function leave(page) {
  page.check();
  await page.context().close();
}

test('a visitor and a plain user do not get in, and see no link', { timeout: 120_000 }, async () => {
  const a = cluster.node('a');
  const guest = await openPage(browser, a.origin);
  const asked = [];
  const listen = (page) => page.on('request', (request) => { if (request.url().includes('/admin/')) asked.push(request.url()); });
  listen(guest);
  await guest.goto('/cluster');
  await guest.locator('[data-testid=no-cluster][data-session=out]').waitFor();
  await guest.getByRole('main').getByRole('link', { name: 'Log in' }).click();
  await guest.getByTestId('field-username').waitFor();
  assert.match(guest.url(), /next=\/cluster$/);
  assert.equal((await a.api('GET', '/admin/cluster')).status, 401);
  await leave(guest);

  const [{ user }] = talkers;
  const plain = await openPage(browser, a.origin);
  listen(plain);
  await logIn(plain, user);
  assert.equal(await plain.getByTestId('cluster-link').count(), 0);
  await plain.goto('/cluster');
  await plain.locator('[data-testid=no-cluster][data-session=in]').waitFor();
  assert.equal(await plain.getByTestId('node').count(), 0);
  assert.equal((await a.api('GET', '/admin/cluster', { token: user.token })).status, 403);
  assert.equal((await a.api('GET', '/admin/cluster/tree', { token: user.token })).status, 403);
  assert.equal((await a.api('POST', '/admin/cluster/drain', { token: user.token, body: { node: 'b' } })).status, 403);
  assert.equal((await a.api('POST', '/admin/cluster/move', { token: user.token, body: { name: roomOf(talkers[0]), node: 'b' } })).status, 403);
  assert.deepEqual(asked, [], 'their page asks nothing of administrators');
  await leave(plain);
});

test('an administrator sees three active nodes, what lives where, and the tree', { timeout: 120_000 }, async () => {
  const page = await openPage(browser, cluster.node('b').origin);
  await logIn(page, boss);
  await page.getByTestId('cluster-link').click();
  for (const name of ['a', 'b', 'c']) {
    await standing(page, name, 'active');
    const text = await card(page, name).innerText();
    assert.match(text, /edge, ingest, rooms, transcode, archive/);
    assert.ok(text.includes(`127.0.0.1:${cluster.node(name).clusterPort}`), text);
    assert.ok(text.includes(`HTTP ${cluster.node(name).httpPort}, RTMP ${cluster.node(name).rtmpPort}`), text);
    assert.match(text, /Version\s+\d+\.\d+/);
  }
  assert.match(await card(page, 'b').innerText(), /answers this page/);
  assert.equal(await page.getByTestId('figure-sum-nodes').innerText(), '3 / 3');
  assert.equal(await page.getByTestId('figure-sum-room').innerText(), '3');
  for (const t of talkers) {
    const { node } = await cluster.node('c').where(roomOf(t));
    assert.equal(await row(page, roomOf(t)).getAttribute('data-node'), node);
  }
  // The list can be narrowed; what is bound to its node is shown on demand, and has no button.
  await page.getByTestId('search').fill(roomOf(talkers[1]));
  await until(async () => (await page.getByTestId('entity').count()) === 1, { what: 'one room to be left' });
  await page.getByTestId('search').fill('');
  await page.getByTestId('kind').selectOption('presence');
  await row(page, 'presence/a').waitFor();
  assert.equal(await page.getByTestId('move').count(), 0);

  const room = roomOf(talkers[0]);
  const { node } = await cluster.node('a').where(room);
  const item = (name) => page.locator(`[data-testid=tree-item][data-name="${name}"]`);
  if (node !== 'b') await item(node).locator('summary').first().click();
  await item(node).locator(item('room')).locator('summary').first().click();
  await item(node).locator(item(room)).waitFor();
  assert.equal(await page.getByTestId('grow').count(), 0);
  await leave(page);
});

test('the figures are live, and the page says so when they are not', { timeout: 120_000 }, async () => {
  const page = await open(cluster.node('a'), { allow: /ERR_FAILED|ERR_INTERNET_DISCONNECTED|Failed to load resource/ });
  const sessions = async () => Number(await card(page, 'c').getByTestId('figure-viewer').innerText());
  const before = await sessions();
  const newcomer = await new Talker('late', talkers[0].user).join(cluster.node('c'), talkers[0].user.userId);
  await until(async () => (await sessions()) > before, { what: 'one more chat session on c' });
  newcomer.client.close();

  await page.route('**/api/v1/admin/**', (route) => route.abort());
  await page.locator('[data-testid=live-mark][data-failing=true]').waitFor();
  assert.equal(await page.getByTestId('node').count(), 3, 'the last that was known stays');
  await page.unroute('**/api/v1/admin/**');
  await page.getByRole('button', { name: 'Ask now' }).click();
  await page.locator('[data-testid=live-mark][data-failing=false]').waitFor();
  await leave(page);
});

test('a room is moved by the keyboard alone, and nothing said in it is lost', { timeout: 120_000 }, async () => {
  const page = await open(cluster.node('a'));
  const [talker] = talkers;
  const room = roomOf(talker);
  const { node: from } = await cluster.node('a').where(room);
  const to = ['a', 'b', 'c'].find((name) => name !== from);
  await page.getByTestId('search').focus();
  await page.keyboard.type(room);
  await until(async () => (await page.getByTestId('entity').count()) === 1, { what: 'the room alone' });
  await until(async () => {
    await page.keyboard.press('Tab');
    return (await focused(page)) === 'move';
  }, { what: 'the focus on Move' });
  await page.keyboard.press('Enter');
  await page.getByRole('dialog', { name: `Move ${room}?` }).waitFor();
  // Escape is a no.
  await page.keyboard.press('Escape');
  await until(async () => (await focused(page)) === 'move', { what: 'the focus back on Move' });
  assert.equal((await cluster.node('a').where(room)).node, from);

  await page.keyboard.press('Enter');
  await until(async () => /^to-/.test(await focused(page)), { what: 'the focus on a node' });
  if ((await focused(page)) !== `to-${to}`) await page.keyboard.press('ArrowDown');
  assert.equal(await focused(page), `to-${to}`);
  talker.say();
  await page.keyboard.press('Enter');
  await said(page, 'moved').filter({ hasText: `${room} moved from ${from} to ${to}; nobody served it for` }).waitFor();
  await page.locator(`[data-testid=entity][data-name="${room}"][data-node=${to}]`).waitFor();
  assert.equal((await cluster.node('c').where(room)).node, to);
  assert.equal(await focused(page), 'move', 'the focus stays where it was');
  await talker.end();
  await leave(page);
});

test('a move that is refused says why', { timeout: 120_000 }, async () => {
  const page = await open(cluster.node('a'), { allow: /409|Failed to load resource/ });
  const room = roomOf(talkers[1]);
  const { node: from } = await cluster.node('a').where(room);
  const to = ['a', 'b', 'c'].find((name) => name !== from);
  await row(page, room).getByTestId('move').click();
  await page.getByTestId(`to-${to}`).check();
  await cluster.node('b').move(room, to);  // somebody else was quicker
  await page.getByTestId('confirm').click();
  await said(page, 'move_failed').filter({ hasText: `${room} stays where it is: It is there already.` }).waitFor();
  await leave(page);
});

test('the page fits a phone of 360 px, in both languages', { timeout: 120_000 }, async () => {
  for (const locale of ['en-US', 'ja-JP']) {
    const page = await openPage(browser, cluster.node('a').origin, { ...phone, locale });
    await logIn(page, boss);
    await page.goto('/settings');
    await page.getByTestId('settings-cluster').click();
    await page.getByTestId('entity').first().waitFor();
    const fits = async (what) => {
      const found = await page.evaluate(() => ({
        view: window.innerWidth,
        over: [document.documentElement, ...document.querySelectorAll('dialog[open]')].map((box) => box.scrollWidth - box.clientWidth).reduce((a, b) => Math.max(a, b), 0),
        small: [...document.querySelectorAll('main button, main select, main input:not([type=radio]), main .cluster-target')].filter((e) => e.getBoundingClientRect().height < 43).map((e) => e.outerHTML),
      }));
      assert.deepEqual(found, { view: 360, over: 0, small: [] }, `${what} in ${locale}`);
    };
    await fits('the page');
    await page.getByTestId('move').first().tap();
    await page.getByTestId('confirm').waitFor();
    await fits('the dialog');
    await leave(page);
  }
});

test('a node that hangs is seen, and seen to be back', { timeout: 180_000 }, async () => {
  const page = await open(cluster.node('a'));
  const { child } = cluster.node('c').process;
  child.kill('SIGSTOP');
  try {
    await page.locator('[data-testid=node][data-node=c]:not([data-standing=active])').waitFor(silence);
  } finally {
    child.kill('SIGCONT');
  }
  await standing(page, 'c', 'active');
  await said(page, 'node').filter({ hasText: /Node c: Active → / }).waitFor();
  await leave(page);
  await cluster.settle();
});

test('a node is drained by a click and a confirmation, and seen drained', { timeout: 180_000 }, async () => {
  const page = await open(cluster.node('a'));
  const [talker] = talkers;
  const room = roomOf(talker);
  talker.say();  // it is awake, whatever became of the node it was on
  await talker.end();
  if ((await cluster.node('a').where(room)).node !== 'b') await cluster.node('a').move(room, 'b');
  await page.locator(`[data-testid=entity][data-name="${room}"][data-node=b]`).waitFor();
  await card(page, 'b').getByRole('button', { name: 'Drain node b' }).click();
  const dialog = page.getByRole('dialog', { name: 'Drain node b?' });
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  assert.equal((await cluster.node('a').states()).b, 'active');
  await card(page, 'b').getByTestId('drain').click();
  await page.getByTestId('confirm').click();
  await said(page, 'drain_begun').waitFor();
  await standing(page, 'b', 'drained');
  await page.locator(`[data-testid=entity][data-name="${room}"]:not([data-node=b])`).waitFor();
  talker.say();
  await talker.end();
  assert.equal(await card(page, 'b').getByTestId('drain').count(), 0);
  assert.equal(await page.getByTestId('figure-sum-nodes').innerText(), '2 / 3');
  assert.equal((await cluster.node('c').states()).b, 'draining');
  assert.notEqual((await cluster.node('c').where(room)).node, 'b');
  await leave(page);
});

test('one node on its own: nothing to move or drain, and how to grow', { timeout: 120_000 }, async () => {
  const troupe = await Troupe.start({ store: 'sqlite' });
  try {
    await makeAdministrator(troupe);
    const page = await openPage(browser, troupe.origin);
    await logIn(page, boss);
    await page.goto('/cluster');
    await page.locator('[data-testid=cluster][data-alone=true]').waitFor();
    await standing(page, 'a', 'active');
    assert.equal(await page.getByTestId('drain').count() + await page.getByTestId('move').count(), 0);
    await page.getByTestId('tree-item').first().waitFor();
    const address = await page.getByTestId('guide').evaluate((link) => link.href);
    const guide = await fetch(address);
    assert.equal(guide.headers.get('content-type'), 'text/plain; charset=utf-8');
    assert.match(await guide.text(), /## From one node to many/);
    await leave(page);
  } finally {
    await troupe.close();
  }
});
