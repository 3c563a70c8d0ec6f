// SPDX-License-Identifier: GPL-3.0-or-later
// The list of live streams, pushed (docs/stream-list.md): to the home page in a real browser, and to an independent
// WebSocket client.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import WebSocket from 'ws';
import { launch, openPage } from './support/browser.mjs';
import { ChatClient } from './support/chat.mjs';
import { media } from './support/media.mjs';
import { until } from './support/process.mjs';
import { publish, Troupe } from './support/troupe.mjs';

let troupe;
let browser;
before(async () => {
  troupe = await Troupe.start({ config: '[limits]\nlist_sockets_total = 8\n' });
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await troupe?.close();
});

const noise = /401|404|503|Failed to load resource|WebSocket connection/;
const pushed = (page) => page.locator('[data-testid=channels][data-pushed=true]').waitFor({ state: 'attached' });
const card = (page, stream) => page.locator(`[data-testid=channels] [data-stream-id="${stream.stream_id}"]`);
/** What the card says, "" when nobody watches. */
const watched = (page, stream) => card(page, stream).evaluate((e) => e.querySelector('[data-viewers]')?.dataset.viewers ?? '');

async function live(streamer) {
  const encoder = publish(troupe.rtmp(streamer.key), { file: media('main') });
  return { encoder, stream: await troupe.streamWith(streamer.token, 'live') };
}

/** A client that keeps what it hears; list: what the frames make of it. */
function follow(query = '') {
  const client = { frames: [], list: new Map(), listeners: new Set() };
  const wake = () => { for (const listener of [...client.listeners]) listener(); };
  client.socket = new WebSocket(`${troupe.origin.replace('http', 'ws')}/api/v1/streams/ws${query}`, { perMessageDeflate: false });
  client.socket.on('message', (data) => {
    const frame = JSON.parse(data.toString());
    client.frames.push(frame);
    if (frame.type === 'streams') client.list = new Map(frame.items.map((s) => [s.stream_id, s]));
    if (frame.type === 'changes') {
      for (const id of frame.gone) assert.ok(client.list.delete(id), 'only what was there goes');
      for (const s of frame.set) client.list.set(s.stream_id, s);
      for (const { stream_id: id, viewer_count } of frame.counts) client.list.get(id).viewer_count = viewer_count;
    }
    wake();
  });
  client.refused = new Promise((resolve) => {
    client.socket.on('unexpected-response', (_, response) => {
      let text = '';
      response.on('data', (part) => { text += part; });
      response.on('end', () => resolve({ status: response.statusCode, code: JSON.parse(text).error.code }));
    });
  });
  client.socket.on('error', () => {});
  client.closed = new Promise((resolve) => { client.socket.on('close', (code) => resolve(code)); });
  client.until = (check, what) => until(() => check(client.list), { what, subscribe: client.listeners, detail: () => JSON.stringify(client.frames.slice(-5)) });
  client.opened = () => client.until(() => client.frames.length > 0, 'the whole list');
  return client;
}

test('a viewer comes and goes: the card on another page says so, without a reload and without asking', async (t) => {
  const home = await openPage(browser, troupe.origin, { allow: noise });
  await home.goto('/');
  await pushed(home);
  await home.getByTestId('empty').waitFor();
  const asked = [];
  home.on('request', (request) => { if (request.url().includes('/api/v1/streams')) asked.push(request.url()); });

  const { encoder, stream } = await live(await troupe.streamer());
  await card(home, stream).waitFor();
  assert.equal(await watched(home, stream), '');
  const viewer = await openPage(browser, troupe.origin, { allow: noise });
  await viewer.goto(`/watch/${stream.stream_id}`);
  await until(async () => (await watched(home, stream)) === '1', { what: 'one viewer on the card' });
  const other = await ChatClient.join(troupe.origin, { stream: stream.stream_id }, { query: { viewer: 'another-person-1' } });
  await until(async () => (await watched(home, stream)) === '2', { what: 'two viewers on the card' });
  other.socket.close();
  await until(async () => (await watched(home, stream)) === '1', { what: 'one of two to be gone' });

  // The page's player is forgotten 10 s after its last request; until then it stands for its person.
  await viewer.context().close();
  await until(async () => (await watched(home, stream)) === '', { what: 'nobody on the card' });
  await encoder.stop('SIGINT');
  await until(async () => (await card(home, stream).count()) === 0, { what: 'the card to go with its stream' });
  await home.getByTestId('empty').waitFor();
  assert.deepEqual(asked, []);
  home.check();
  await home.context().close();
});

test('how long a count takes to the list', async (t) => {
  const { encoder, stream } = await live(await troupe.streamer());
  const list = follow(`?limit=10`);
  await list.until((l) => l.has(stream.stream_id), 'the stream on the list');
  const count = () => list.list.get(stream.stream_id).viewer_count;
  const took = [];
  for (let i = 0; i < 12; i += 1) {
    const began = performance.now();
    const person = await ChatClient.join(troupe.origin, { stream: stream.stream_id }, { query: { viewer: `person-number-${i}-x` } });
    await list.until(() => count() === 1, 'one viewer on the list');
    const left = performance.now();
    took.push(left - began);
    person.socket.close();
    await list.until(() => count() === 0, 'nobody on the list');
    took.push(performance.now() - left);
  }
  took.sort((a, b) => a - b);
  t.diagnostic(`ms: least ${took[0].toFixed(0)}, median ${took[took.length / 2].toFixed(0)}, most ${took.at(-1).toFixed(0)}`);
  assert.ok(took[took.length / 2] < 2000, `the median took ${took[took.length / 2]} ms`);
  list.socket.close();
  await encoder.stop('SIGINT');
});

test('a socket follows status, title, game and length; pings are answered', async () => {
  const streamer = await troupe.streamer();
  await troupe.api('POST', '/streams/start', { token: streamer.token, body: { title: 'One', game_id: 7 } });
  const all = follow();
  const seven = follow('?game_id=7&limit=30');
  const eight = follow('?game_id=8');
  await Promise.all([all.opened(), seven.opened(), eight.opened()]);
  assert.deepEqual([all.frames[0].limit, all.frames[0].game_id, all.frames[0].more], [25, null, false]);
  assert.deepEqual([seven.frames[0].limit, seven.frames[0].game_id], [50, 7]);

  const { encoder, stream } = await live(streamer);
  const id = stream.stream_id;
  await all.until((l) => l.get(id)?.status === 'live', 'the stream');
  await seven.until((l) => l.get(id)?.title === 'One', 'the stream of its game');
  assert.equal(eight.list.size, 0);
  const { json } = await troupe.api('GET', '/streams');
  const shown = json.items.find((s) => s.stream_id === id);
  assert.deepEqual(Object.keys(all.list.get(id)), Object.keys(shown));

  await troupe.api('POST', '/streams/start', { token: streamer.token, body: { title: 'Two', game_id: 8 } });
  await eight.until((l) => l.get(id)?.title === 'Two', 'the stream of another game');
  await seven.until((l) => l.size === 0, 'the stream to leave its game');
  await encoder.stop('SIGKILL');
  await all.until((l) => l.get(id)?.status === 'reconnecting', 'reconnecting');
  await troupe.api('POST', `/streams/${id}/end`, { token: streamer.token });
  await Promise.all([all.until((l) => !l.has(id), 'the end'), eight.until((l) => l.size === 0, 'the end')]);
  all.socket.send('{"type":"ping"}');
  await all.until(() => all.frames.some((f) => f.type === 'pong'), 'the pong');
  all.socket.send('{"type":"subscribe"}');
  await all.until(() => all.frames.some((f) => f.type === 'error' && f.code === 'unknown_type'), 'the error');
  for (const each of [all, seven, eight]) each.socket.close();
});

test('what is wrong, or too much, is refused with its reason', async () => {
  assert.deepEqual(await follow('?limit=0').refused, { status: 400, code: 'invalid_argument' });
  assert.deepEqual(await follow('?game_id=x').refused, { status: 400, code: 'invalid_argument' });
  const plain = await fetch(`${troupe.origin}/api/v1/streams/ws`);
  assert.deepEqual([plain.status, (await plain.json()).error.code], [426, 'upgrade_required']);
  await until(async () => (await troupe.metric('troupe_list_sockets')) === 0, { what: 'the sockets of before to be gone' });
  const all = Array.from({ length: 8 }, () => follow());
  await Promise.all(all.map((each) => each.opened()));
  assert.deepEqual(await follow().refused, { status: 503, code: 'too_many_subscribers' });

  // The home page does without.
  const home = await openPage(browser, troupe.origin, { allow: noise });
  await home.goto('/');
  await home.getByTestId('empty').waitFor();
  const { encoder, stream } = await live(await troupe.streamer());
  await card(home, stream).waitFor();
  assert.equal(await home.getByTestId('channels').getAttribute('data-pushed'), 'false');
  all[0].socket.close();
  await pushed(home);
  await encoder.stop('SIGINT');
  await until(async () => (await card(home, stream).count()) === 0, { what: 'the card to go' });
  home.check();
  await home.context().close();
  for (const each of all) each.socket.close();
});

test('a hidden page follows nothing, and comes back when it is shown', async () => {
  await until(async () => (await troupe.metric('troupe_list_sockets')) === 0, { what: 'the sockets of before to be gone' });
  const home = await openPage(browser, troupe.origin, { allow: noise });
  await home.goto('/');
  await pushed(home);
  const turn = (hidden) => home.evaluate((is) => {
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => is });
    document.dispatchEvent(new Event('visibilitychange'));
  }, hidden);
  await turn(true);
  await until(async () => (await troupe.metric('troupe_list_sockets')) === 0, { what: 'the socket to be closed' });
  const { encoder, stream } = await live(await troupe.streamer());
  assert.equal(await card(home, stream).count(), 0);
  await turn(false);
  await card(home, stream).waitFor();
  await pushed(home);
  await encoder.stop('SIGINT');
  await until(async () => (await card(home, stream).count()) === 0, { what: 'the card to go' });
  home.check();
  await home.context().close();
});

test('a node that leaves tells its subscribers', async () => {
  const list = follow();
  await list.opened();
  await troupe.restart();
  assert.equal(await list.closed, 1001);
  const told = list.frames.at(-1);
  assert.equal(told.type, 'reconnect');
  assert.ok(told.after_ms >= 0 && told.after_ms <= 5000);
});
