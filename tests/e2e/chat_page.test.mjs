// SPDX-License-Identifier: GPL-3.0-or-later
// The room in real browsers: chat both ways, moderate, lose the connection, come back.
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { launch } from './support/browser.mjs';
import { media } from './support/media.mjs';
import { line, openCard, say, sees, seesNoMore, sit, texts } from './support/people.mjs';
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

const close = (...pages) => Promise.all(pages.map((page) => page.context().close()));

test('two people and a guest: chat both ways, reply, mention, delete', async () => {
  const host = await troupe.streamer('host_one');
  const guest = await troupe.streamer('guest_one');
  const [a, b, c] = await Promise.all([
    sit(browser, troupe, 'host_one', host), sit(browser, troupe, 'host_one', guest), sit(browser, troupe, 'HOST_ONE', null),
  ]);
  await c.getByTestId('chat-guest').waitFor();
  await say(b, 'Good evening!');
  await Promise.all([a, b, c].map((page) => sees(page, 'Good evening!')));
  await until(async () => (await b.getByTestId('chat-outgoing').count()) === 0, { what: 'the confirmation' });

  await line(a, 'Good evening!').hover();
  await line(a, 'Good evening!').getByTestId('chat-reply').click();
  await a.getByTestId('chat-replying').waitFor();
  await say(a, 'Welcome, take a seat');
  await sees(b, 'Welcome, take a seat');
  assert.match(await line(c, 'Welcome, take a seat').getByTestId('chat-quote').textContent(), /guest_one Good evening!/);
  assert.equal(await line(b, 'Welcome, take a seat').getAttribute('data-for-me'), 'true');
  await line(c, 'Welcome, take a seat').getByTestId('chat-quote').click();
  await c.locator('.chat-marked', { hasText: 'Good evening!' }).waitFor();

  await say(a, 'look, @guest_one: https://example.org/a?b=1.');
  await sees(b, 'look, @guest_one: https://example.org/a?b=1.');
  const mine = b.getByTestId('chat-message').last();
  assert.equal(await mine.locator('.chat-mention-me').textContent(), '@guest_one');
  const link = mine.locator('a');
  assert.equal(await link.getAttribute('href'), 'https://example.org/a?b=1');
  assert.equal(await link.getAttribute('rel'), 'noopener noreferrer nofollow ugc');
  assert.equal(await c.locator('.chat-mention-me').count(), 0);

  await line(a, 'Good evening!').hover();
  await line(a, 'Good evening!').getByTestId('chat-delete').click();
  await Promise.all([a, b, c].map((page) => seesNoMore(page, 'Good evening!')));
  assert.doesNotMatch(await line(c, 'Welcome, take a seat').getByTestId('chat-quote').textContent(), /Good evening/);
  await c.reload();
  await sees(c, 'Welcome, take a seat');
  await seesNoMore(c, 'Good evening!');

  // The last message comes back into an empty field; Escape leaves a reply.
  await b.getByTestId('chat-input').press('ArrowUp');
  assert.equal(await b.getByTestId('chat-input').inputValue(), 'Good evening!');
  await line(b, 'Welcome, take a seat').hover();
  await line(b, 'Welcome, take a seat').getByTestId('chat-reply').click();
  await line(b, 'look, @guest_one: https://example.org/a?b=1.').hover();
  await line(b, 'look, @guest_one: https://example.org/a?b=1.').getByTestId('chat-reply').click();
  const [room, send] = await Promise.all(['room', 'chat-send'].map((id) => b.getByTestId(id).boundingBox()));
  assert.ok(send.x + send.width <= room.x + room.width, 'a long quote leaves the button in reach');
  await b.getByTestId('chat-input').press('Escape');
  await until(async () => (await b.getByTestId('chat-replying').count()) === 0, { what: 'the reply to be left' });
  [a, b, c].forEach((page) => page.check());
  await close(a, b, c);
});

test('a time-out is seen by everybody concerned, survives a reload, and can be lifted', async () => {
  const host = await troupe.streamer('host_two');
  const noisy = await troupe.streamer('noisy_two');
  const [a, b, c] = await Promise.all([
    sit(browser, troupe, 'host_two', host), sit(browser, troupe, 'host_two', noisy), sit(browser, troupe, 'host_two', null),
  ]);
  await say(b, 'noise noise noise');
  await sees(c, 'noise noise noise');
  await openCard(a, 'noise noise noise');
  await a.getByTestId('card-reason').fill('too loud');
  await a.getByTestId('time-out-600').click();
  await b.getByTestId('chat-ban').waitFor();
  assert.equal(await b.getByTestId('chat-ban').getAttribute('data-permanent'), 'false');
  assert.ok(await b.getByTestId('chat-input').isDisabled());
  await b.getByTestId('chat-ban').getByText('too loud').waitFor();
  await Promise.all([a, b, c].map((page) => seesNoMore(page, 'noise noise noise')));
  await a.getByTestId('card-banned').waitFor();

  await b.reload();
  await b.locator('[data-testid=room][data-joined=true]').waitFor();
  // At once, not with the first attempt, and until when and why.
  await b.getByTestId('chat-ban').getByText('too loud').waitFor();
  assert.equal(await b.getByTestId('chat-ban').getAttribute('data-permanent'), 'false');
  assert.ok(await b.getByTestId('chat-input').isDisabled());

  await a.getByTestId('unban').click();
  await until(async () => (await b.getByTestId('chat-ban').count()) === 0, { what: 'the ban to be lifted' });
  await say(b, 'I will be quiet');
  await sees(c, 'I will be quiet');

  await a.getByTestId('card-close').click();
  await a.getByTestId('mod-open').click();
  await a.getByTestId('mod-tab-log').click();
  await until(async () => (await a.getByTestId('log-entry').count()) >= 2, { what: 'the log' });
  assert.match(await a.getByTestId('log-entry').last().textContent(), /noisy_two.*too loud/s);
  [a, b, c].forEach((page) => page.check());
  await close(a, b, c);
});

test('the owner appoints a moderator, who sets slow mode, holds words and decides', async () => {
  const host = await troupe.streamer('host_three');
  const helper = await troupe.streamer('helper_three');
  const talker = await troupe.streamer('talker_three');
  const [a, b, c] = await Promise.all([
    sit(browser, troupe, 'host_three', host), sit(browser, troupe, 'host_three', helper), sit(browser, troupe, 'host_three', talker),
  ]);
  await say(b, 'May I help?');
  await sees(a, 'May I help?');
  await openCard(a, 'May I help?');
  await a.getByTestId('appoint').click();
  await b.getByTestId('mod-open').click();

  await b.getByTestId('mod-tab-words').click();
  await b.getByTestId('word').fill('curtain');
  await b.getByLabel('What happens', { exact: true }).selectOption('hold');
  await b.getByTestId('word-add').click();
  await b.locator('[data-testid=word-rule][data-word=curtain]').waitFor();
  await say(c, 'mind the curtain');
  await c.locator('[data-testid=chat-outgoing][data-state=held]').waitFor();
  await b.getByTestId('mod-tab-held').click();
  await b.getByTestId('held-allow').click();
  await Promise.all([a, c].map((page) => sees(page, 'mind the curtain')));
  await until(async () => (await c.getByTestId('chat-outgoing').count()) === 0, { what: 'the confirmation' });
  await say(c, 'the curtain burns');
  await c.locator('[data-testid=chat-outgoing][data-state=held]').waitFor();
  await b.getByTestId('held-deny').click();
  await c.locator('[data-testid=chat-outgoing][data-code=held_denied]').waitFor();
  await c.getByTestId('chat-discard').click();
  await seesNoMore(a, 'the curtain burns');

  await b.getByTestId('mod-tab-words').click();
  await b.getByTestId('word').fill('trapdoor');
  await b.getByLabel('What happens', { exact: true }).selectOption('refuse');
  await b.getByTestId('word-add').click();
  await b.locator('[data-testid=word-rule][data-word=trapdoor]').waitFor();
  await say(c, 'open the trapdoor');
  await c.locator('[data-testid=chat-outgoing][data-code=blocked_word]').waitFor();
  // Said again just so it would be refused again: it goes back into the field.
  await c.getByTestId('chat-edit').click();
  await until(async () => /^open the trapdoor/.test(await c.getByTestId('chat-input').inputValue()), { what: 'the words in the field' });
  assert.equal(await c.getByTestId('chat-outgoing').count(), 0);

  await b.getByTestId('mod-tab-mode').click();
  await b.getByTestId('mode-slow').selectOption('30');
  await c.getByTestId('chat-mode').waitFor();
  // It counts from what was said last.
  await c.getByTestId('chat-slow').waitFor();
  assert.ok(await c.getByTestId('chat-send').isDisabled());
  await say(a, 'the host is not slowed down');
  await say(a, 'not at all');
  await sees(c, 'not at all');
  await b.getByTestId('mode-slow').selectOption('0');
  await until(async () => (await c.getByTestId('chat-slow').count()) === 0, { what: 'slow mode to end' });

  await b.getByTestId('mode-followers').selectOption('0');
  await c.getByTestId('chat-mode').waitFor();
  await c.reload();
  await c.locator('[data-testid=chat-followers-only][data-follows=false]').waitFor();
  await say(c, 'do I follow?');
  await c.locator('[data-testid=chat-outgoing][data-code=followers_only]').waitFor();
  await c.getByTestId('follow').first().click();
  await c.locator('[data-testid=follow][aria-pressed=true]').first().waitFor();
  await until(async () => (await c.getByTestId('chat-followers-only').count()) === 0, { what: 'the notice to go' });
  await c.getByTestId('chat-retry').click();
  await sees(a, 'do I follow?');
  [a, b, c].forEach((page) => page.check());
  await close(a, b, c);
});

test('after a lost network nothing is missing and nothing is double', async () => {
  const host = await troupe.streamer('host_four');
  const guest = await troupe.streamer('guest_four');
  const [a, b] = await Promise.all([sit(browser, troupe, 'host_four', host), sit(browser, troupe, 'host_four', guest)]);
  await say(a, 'before');
  await sees(b, 'before');
  await b.context().setOffline(true);
  const expected = ['before'];
  for (let i = 0; i < 12; i += 1) {
    await say(a, `meanwhile ${i}`);
    expected.push(`meanwhile ${i}`);
  }
  await sees(a, 'meanwhile 11');
  await say(b, 'said in the dark');
  await b.context().setOffline(false);
  await sees(b, 'meanwhile 11', 40_000);
  await sees(a, 'said in the dark', 40_000);
  await until(async () => (await b.getByTestId('chat-outgoing').count()) === 0, { what: 'the confirmation' });
  await say(a, 'after');
  await sees(b, 'after');
  const shown = await texts(b);
  assert.deepEqual(shown.filter((text) => text !== 'said in the dark'), [...expected, 'after']);
  assert.equal(shown.filter((text) => text === 'said in the dark').length, 1);
  assert.equal((await texts(a)).filter((text) => text === 'said in the dark').length, 1);
  [a, b].forEach((page) => page.check());
  await close(a, b);
});

test('after the server was killed and started again the room goes on where it was', async () => {
  const own = await Troupe.start();
  try {
    // The same port again, as a real server has it.
    const config = await readFile(own.configFile, 'utf8');
    await writeFile(own.configFile, config.replace('http = 0', `http = ${own.httpPort}`));
    const host = await own.streamer('host_five');
    const guest = await own.streamer('guest_five');
    const [a, b] = await Promise.all([sit(browser, own, 'host_five', host), sit(browser, own, 'host_five', guest)]);
    await say(a, 'one');
    await sees(b, 'one');
    const stopped = own.process.stop('SIGKILL');
    await say(b, 'said into the void');
    await stopped;
    await own.launch();
    await Promise.all([sees(a, 'said into the void', 60_000), sees(b, 'said into the void', 60_000)]);
    await say(a, 'two');
    await sees(b, 'two', 20_000);
    for (const page of [a, b]) {
      assert.deepEqual(await texts(page), ['one', 'said into the void', 'two']);
      assert.equal(await page.getByTestId('chat-outgoing').count(), 0);
      page.check();
    }
    await close(a, b);
  } finally {
    await own.close();
  }
});

test('a node that leaves says so, and the page comes back with its token where it was', async () => {
  const own = await Troupe.start();
  try {
    const config = await readFile(own.configFile, 'utf8');
    await writeFile(own.configFile, config.replace('http = 0', `http = ${own.httpPort}`));
    const host = await own.streamer('host_leave');
    const guest = await own.streamer('guest_leave');
    const [a, b] = await Promise.all([sit(browser, own, 'host_leave', host), sit(browser, own, 'host_leave', guest)]);
    const sockets = [];
    const heard = [];
    b.on('websocket', (socket) => {
      sockets.push(socket.url());
      socket.on('framereceived', ({ payload }) => heard.push(String(payload)));
    });
    await b.reload();
    await b.locator('[data-testid=room][data-joined=true]').waitFor();
    await say(a, 'one');
    await sees(b, 'one');
    const left = sockets.length;
    const stopped = own.process.stop('SIGTERM');
    await say(b, 'said while it leaves');
    assert.equal((await stopped).code, 0);
    await own.launch();
    await Promise.all([sees(a, 'said while it leaves', 60_000), sees(b, 'said while it leaves', 60_000)]);
    await say(a, 'two');
    await sees(b, 'two', 20_000);
    for (const page of [a, b]) {
      assert.deepEqual(await texts(page), ['one', 'said while it leaves', 'two']);
      assert.equal(await page.getByTestId('chat-outgoing').count(), 0);
      page.check();
    }
    const notice = heard.map((text) => JSON.parse(text)).find(({ type }) => type === 'reconnect');
    assert.ok(notice?.resume && notice.after_ms >= 0, 'it was told');
    const back = sockets.slice(left).map((url) => new URL(url).searchParams);
    assert.ok(back.length > 0 && back.every((query) => query.get('resume') && Number(query.get('after')) >= 1), sockets.join('\n'));
    await close(a, b);
  } finally {
    await own.close();
  }
});

test('older messages load on the way up, the place is kept, and new ones are counted', async () => {
  const host = await troupe.streamer('host_six');
  for (let i = 0; i < 160; i += 1) {
    const { status } = await troupe.api('POST', `/channels/${host.userId}/chat`, { token: host.token, body: { message: `old ${i}` } });
    assert.equal(status, 200);
  }
  const [a, b] = await Promise.all([sit(browser, troupe, 'host_six', host), sit(browser, troupe, 'host_six', null)]);
  await sees(b, 'old 159');
  const list = b.getByTestId('chat-list');
  await list.hover();
  await until(async () => {
    await b.mouse.wheel(0, -1500);
    return (await line(b, 'old 0').count()) === 1;
  }, { deadlineMs: 20_000, what: 'the first message' });
  assert.equal(await list.getAttribute('data-pinned'), 'false');
  await until(async () => (await list.evaluate((e) => e.scrollTop)) === 0, { what: 'the list to come to rest' });
  const place = () => line(b, 'old 5').boundingBox();
  const before_ = await place();
  for (let i = 0; i < 5; i += 1) await say(a, `new ${i}`);
  await b.locator('[data-testid=chat-newer][data-count="5"]').waitFor();
  assert.equal((await place()).y, before_.y);
  await b.getByTestId('chat-newer').click();
  await sees(b, 'new 4');
  assert.equal(await list.getAttribute('data-pinned'), 'true');
  [a, b].forEach((page) => page.check());
  await close(a, b);
});

test('a burst of 250 messages loses none, and stays at the newest', async (t) => {
  const host = await troupe.streamer('host_seven');
  const b = await sit(browser, troupe, 'host_seven', null);
  await b.evaluate(() => {
    window.frames_ = [];
    let last = performance.now();
    const tick = (now) => { window.frames_.push(now - last); last = now; requestAnimationFrame(tick); };
    requestAnimationFrame(tick);
  });
  const start = Date.now();
  for (let i = 0; i < 250; i += 1) {
    const due = start + i * 20;
    if (Date.now() < due) await new Promise((resolve) => setTimeout(resolve, due - Date.now()));
    void troupe.api('POST', `/channels/${host.userId}/chat`, { token: host.token, body: { message: `burst ${i}` } });
  }
  await until(async () => Number(await b.getByTestId('chat-list').getAttribute('data-rows')) === 250, { what: '250 rows' });
  const frames = (await b.evaluate(() => window.frames_)).sort((x, y) => x - y);
  const at = (part) => frames[Math.floor(frames.length * part)]?.toFixed(1);
  t.diagnostic(`frames at 50 messages/s: p50 ${at(0.5)} ms, p95 ${at(0.95)} ms, p99 ${at(0.99)} ms, longest ${frames.at(-1).toFixed(1)} ms`);
  const end = await b.getByTestId('chat-list').evaluate((e) => ({ away: e.scrollHeight - e.scrollTop - e.clientHeight, drawn: e.querySelectorAll('.chat-row').length }));
  assert.ok(end.away <= 1, `${end.away} px from the end`);
  assert.ok(end.drawn < 80, `${end.drawn} rows are drawn`);
  b.check();
  await close(b);
});

test('people are counted on the page and in the list; followed channels stand first', async () => {
  const host = await troupe.streamer('host_eight');
  const fan = await troupe.streamer('fan_eight');
  const encoder = publish(troupe.rtmp(host.key), { file: media('main') });
  try {
    const stream = await troupe.streamWith(host.token, 'live');
    const a = await sit(browser, troupe, 'host_eight', fan);
    // A second tab of the same person is no second person.
    const second = await a.context().newPage();
    await second.goto(`/watch/${stream.stream_id}`);
    const b = await sit(browser, troupe, 'host_eight', null);
    await b.locator('[data-testid=viewers][data-viewers="2"]').waitFor({ timeout: 15_000 });
    await b.getByTestId('video').waitFor();
    await a.getByTestId('follow').first().click();
    await b.goto('/');
    await a.goto('/');
    await a.locator(`[data-testid=followed] [data-stream-id="${stream.stream_id}"]`).waitFor();
    await close(b);
    await second.locator('[data-testid=viewers][data-viewers="1"]').waitFor({ timeout: 20_000 });
    await a.locator('[data-testid=channels] [data-testid=card-viewers][data-viewers="1"]').waitFor({ timeout: 20_000 });
    a.check();
    await close(a);
  } finally {
    await encoder.stop('SIGKILL');
  }
});

test('the room is there before a stream begins and after it ended; the picture comes by itself', async () => {
  const host = await troupe.streamer('host_nine');
  const b = await sit(browser, troupe, 'host_nine', null);
  await b.getByTestId('off-air').waitFor();
  // The room alone tells of it: the profile may know later.
  await b.route('**/api/v1/users?username=*', (route) => route.abort());
  const encoder = publish(troupe.rtmp(host.key), { file: media('main') });
  try {
    await b.locator('[data-testid=player][data-status=live]').waitFor({ timeout: 30_000 });
  } finally {
    await encoder.stop('SIGINT');
  }
  const a = await sit(browser, troupe, 'host_nine', host);
  await say(a, 'that was it');
  await sees(b, 'that was it');
  await close(a, b);
});

test('the room works on a phone, in Japanese and in the dark', async () => {
  const host = await troupe.streamer('host_ten');
  const page = await sit(browser, troupe, 'host_ten', host, {
    viewport: { width: 360, height: 740 }, locale: 'ja-JP', colorScheme: 'dark', hasTouch: true, isMobile: true,
  });
  await say(page, 'こんばんは');
  await sees(page, 'こんばんは');
  const tooWide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.ok(tooWide <= 0, `the page is ${tooWide} px too wide`);
  await page.getByTestId('chat-collapse').click();
  await page.getByTestId('chat-expand').click();
  await sees(page, 'こんばんは');
  await page.getByTestId('mod-open').click();
  await page.getByTestId('moderation').waitFor();
  page.check();
  await close(page);
});

test('the room can be used from the keyboard alone, and speaks to screen readers', async () => {
  const host = await troupe.streamer('host_eleven');
  const guest = await troupe.streamer('guest_eleven');
  const [a, b] = await Promise.all([sit(browser, troupe, 'host_eleven', host), sit(browser, troupe, 'host_eleven', guest)]);
  await say(b, 'first');
  await say(b, 'second');
  await sees(a, 'second');
  assert.equal(await a.getByRole('log').count(), 1);
  const hint = await a.getByRole('log').getAttribute('aria-describedby');
  assert.match(await a.locator(`[id="${hint}"]`).textContent(), /arrows choose.*Shift and Delete/);
  await a.getByTestId('chat-list').focus();
  await a.keyboard.press('ArrowUp');
  await a.keyboard.press('ArrowUp');
  // On the line, not on the list around it, which holds the same words.
  await until(() => a.evaluate(() => document.activeElement?.dataset.key !== undefined && document.activeElement.textContent.includes('first')), { what: 'the focus on a line' });
  await a.keyboard.press('Enter');
  await a.getByTestId('user-card').waitFor();
  await a.keyboard.press('Escape');
  await until(async () => (await a.getByTestId('user-card').count()) === 0, { what: 'the card to close' });
  await a.keyboard.press('r');
  await a.getByTestId('chat-replying').waitFor();
  await until(() => a.evaluate(() => ['TEXTAREA', 'INPUT'].includes(document.activeElement?.tagName)), { what: 'the focus in the field' });
  await a.keyboard.type('answered by keyboard');
  await a.keyboard.press('Enter');
  await sees(b, 'answered by keyboard');
  await until(async () => /host_eleven: answered by keyboard/.test(await b.getByTestId('chat-announcer').textContent()), { what: 'the announcement' });
  [a, b].forEach((page) => page.check());
  await close(a, b);
});
