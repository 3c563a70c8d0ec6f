// SPDX-License-Identifier: GPL-3.0-or-later
// Who counts as a viewer, and until when: chat sockets until they close, HLS players until 10 s without a request, told by
// X-Playback-Session-Id or else by address and agent; each right within 2 s. The counts are those a page is told.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ChatClient } from './support/chat.mjs';
import { mediaPath } from './support/hls.mjs';
import { media } from './support/media.mjs';
import { until } from './support/process.mjs';
import { publish, Troupe } from './support/troupe.mjs';

const promised = 2_000;  // after a socket's close, or after the 10 s
const silence = 10_000;
const busy = 1_500;      // what a machine that runs the encoder and all else may add

let troupe;
let streamer;
let encoder;
let stream;
before(async () => {
  troupe = await Troupe.start();
  streamer = await troupe.streamer();
  encoder = publish(troupe.rtmp(streamer.key), { file: media('noaudio') });
  stream = await troupe.streamWith(streamer.token, 'live');
});
after(async () => {
  await encoder?.stop();
  await troupe?.close();
});

/** Somebody in the room who keeps when each count was told. They are one viewer themselves. */
async function observer() {
  const client = await ChatClient.join(troupe.origin, { channel: streamer.userId }, { query: { viewer: 'who-looks-at-counts' } });
  const counts = [{ count: client.welcome.viewers, at: Date.now() }];
  let seen = client.frames.length;
  client.listeners.add(() => {
    for (; seen < client.frames.length; seen += 1) {
      if (client.frames[seen].type === 'viewers') counts.push({ count: client.frames[seen].count, at: Date.now() });
    }
  });
  client.counts = counts;
  /** When that count was told last, once it is the newest. */
  client.until = async (count, deadlineMs = 30_000) => {
    await until(() => counts.at(-1).count === count, { what: `${count} viewers`, deadlineMs, subscribe: client.listeners, detail: () => JSON.stringify(counts) });
    return counts.at(-1).at;
  };
  return client;
}

/** A player as the server sees it: somebody who asks for the playlist again and again. */
class Player {
  static all = [];

  constructor(address, agent, session) {
    this.headers = { 'x-forwarded-for': address, 'user-agent': agent, ...(session && { 'x-playback-session-id': session }) };
    Player.all.push(this);
    this.playing = (async () => {
      while (!this.stopped) {
        await this.ask();
        await Promise.race([new Promise((go) => { this.wake = go; }), new Promise((go) => { setTimeout(go, 1_000); })]);
      }
    })();
  }

  async ask() {
    const sent = Date.now();
    const response = await fetch(troupe.origin + mediaPath(stream), { headers: this.headers, signal: AbortSignal.timeout(10_000) });
    await response.arrayBuffer();
    if (response.status === 200) this.last = { sent, answered: Date.now() };
  }

  /** Answers when it was last seen: not before `sent`, not after `answered`. */
  async stop() {
    this.stopped = true;
    this.wake?.();
    await this.playing;
    return this.last;
  }
}

function isInTime(told, { sent, answered }) {
  assert.ok(told - sent >= silence, `gone after ${told - sent} ms, before its 10 s`);
  assert.ok(told - answered <= silence + promised + busy, `still counted ${told - answered} ms after its last request`);
}

test('a chat socket counts until it closes, two of one person once', async () => {
  const looks = await observer();
  const join = (viewer) => ChatClient.join(troupe.origin, { channel: streamer.userId }, { query: { viewer } });
  const first = await join('somebody-in-chat-1');
  const second = await join('somebody-in-chat-2');
  const tab = await join('somebody-in-chat-2');
  await looks.until(3);
  await tab.close();
  const closing = Date.now();
  await first.close();
  const told = await looks.until(2);
  assert.ok(told - closing <= promised + busy, `told ${told - closing} ms after the close`);
  assert.ok(looks.counts.every((c) => c.count <= 3), 'a second tab is nobody else');
  const broken = Date.now();
  second.socket.terminate();
  assert.ok(await looks.until(1) - broken <= promised + busy);
  await looks.close();
});

test('players count by X-Playback-Session-Id, and else by address and agent, for 10 s after a request', async (t) => {
  t.after(() => Promise.all(Player.all.map((p) => p.stop())));
  const looks = await observer();
  await looks.until(1);
  const apple = ['session-one', 'session-two'].map((id) => new Player('203.0.113.1', 'AppleCoreMedia/1.0', id));
  await looks.until(3);
  const plain = [
    new Player('203.0.113.2', 'VLC/3.0'),
    new Player('203.0.113.2', 'VLC/3.0'),   // the same to everybody: one person
    new Player('203.0.113.2', 'mpv 0.35'),
    new Player('203.0.113.3', 'VLC/3.0'),
  ];
  await looks.until(6);
  const stopped = await apple[0].stop();
  isInTime(await looks.until(5), stopped);
  const twins = await Promise.all([plain[0].stop(), plain[1].stop()]);
  const last = twins[0].answered > twins[1].answered ? twins[0] : twins[1];
  isInTime(await looks.until(4), last);
  assert.ok(looks.counts.every((c) => c.count <= 6), JSON.stringify(looks.counts));
  await until(async () => (await troupe.api('GET', `/streams/${stream.stream_id}`)).json.viewer_count === 4, { what: 'the count that others read' });
  const others = await Promise.all([apple[1], plain[2], plain[3]].map((p) => p.stop()));
  const told = await looks.until(1);
  isInTime(told, others.reduce((a, b) => (a.answered > b.answered ? a : b)));
  await looks.close();
});
