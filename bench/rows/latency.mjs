// SPDX-License-Identifier: GPL-3.0-or-later
// From a frame's write to the socket until a viewer has the piece of media that holds it. Ours: a low-latency client, that
// reloads the playlist blocking and then fetches each new part, as hls.js does. Peer: its playlist asked every 20 ms, each
// new fragment fetched at once. Frames are matched by counting: pictures keep their order from socket to media.
import { parse } from '../../tests/e2e/support/hls.mjs';
import { picturesOfMp4, picturesOfTs, videoTrack } from '../support/containers.mjs';
import { Client } from '../support/http.mjs';
import { media } from '../support/media.mjs';
import { Nginx } from '../support/nginx.mjs';
import * as ours from '../support/ours.mjs';
import { sleep } from '../support/process.mjs';
import { Publisher } from '../support/rtmp.mjs';
import { quantile } from '../support/stats.mjs';

// The first pictures come while connections are opened and code is warmed up.
const warmUpFrames = 60;

/** Notes when the frames of one piece were there. */
class Arrivals {
  constructor() {
    this.frames = [];  // when each picture was there
    this.last = [];    // the last picture of each piece
  }

  add(pictures, at) {
    for (let i = 0; i < pictures; i += 1) this.frames.push(at);
    if (pictures > 0) this.last.push(this.frames.length - 1);
  }

  /** {p50, p99, server}: server is the delay of a piece's last frame: what was not waiting for the piece to fill. */
  latencies(sent) {
    const all = this.frames.map((at, i) => at - sent[i]).slice(warmUpFrames);
    const own = this.last.filter((i) => i >= warmUpFrames).map((i) => this.frames[i] - sent[i]);
    return { p50: quantile(all, 0.5) / 1000, p99: quantile(all, 0.99) / 1000, server: quantile(own, 0.5) };
  }
}

async function followTroupe(client, live, seconds) {
  const seen = new Set();
  const arrivals = new Arrivals();
  const playlist = live.path('source/media.m3u8');
  let track;
  let query = '';
  for (const end = performance.now() + seconds * 1000; performance.now() < end;) {
    const answer = await client.get(playlist + query);
    if (answer.status === 404) {
      await sleep(5);
      continue;
    }
    const list = parse(answer.body.toString());
    query = `?_HLS_msn=${list.nextMsn}&_HLS_part=${list.open.length}`;
    const map = /#EXT-X-MAP:URI="([^"]+)"/.exec(list.text)[1];
    track ??= videoTrack((await client.need(live.path(`source/${map}`))).body);
    for (const part of [...list.segments.flatMap((s) => s.parts), ...list.open]) {
      if (seen.has(part.uri)) continue;
      seen.add(part.uri);
      const { body, at } = await client.need(live.path(`source/${part.uri}`));
      arrivals.add(picturesOfMp4(body, track), at);
    }
  }
  return arrivals;
}

async function followNginx(client, key, seconds) {
  const seen = new Set();
  const arrivals = new Arrivals();
  for (const end = performance.now() + seconds * 1000; performance.now() < end; await sleep(20)) {
    const { status, body: list } = await client.get(`/hls/${key}.m3u8`);
    if (status !== 200) continue;
    for (const [name] of list.toString().matchAll(/^[^#\s].*$/gm)) {
      if (seen.has(name)) continue;
      seen.add(name);
      const { body, at } = await client.need(`/hls/${name}`);
      arrivals.add(picturesOfTs(body), at);
    }
  }
  return arrivals;
}

async function troupeTrial(troupe, client, seconds) {
  const live = await ours.prepare(troupe, media('main'));
  try {
    live.publisher.run();
    return (await followTroupe(client, live, seconds)).latencies(live.publisher.sent);
  } finally {
    live.publisher.stop();
  }
}

async function nginxTrial(nginx, client, seconds, number) {
  const publisher = await Publisher.open(nginx.rtmpPort, `frames${number}`, media('main'));
  try {
    publisher.run();
    return (await followNginx(client, `frames${number}`, seconds)).latencies(publisher.sent);
  } finally {
    publisher.stop();
  }
}

export async function run({ quick }) {
  const figures = {
    p50: { name: 'frame sent to fetchable, p50', unit: 's', atLeast: 0.35, aim: 0.22 },
    p99: { name: 'frame sent to fetchable, p99', unit: 's', atLeast: 0.7, aim: 0.45 },
    server: { name: 'a piece\'s last frame to fetchable', unit: 'ms' },
  };
  for (const figure of Object.values(figures)) Object.assign(figure, { ours: [], peer: [] });
  const troupe = await ours.start();
  const nginx = await Nginx.start({ workers: 1 });
  const clients = [new Client(troupe.origin), new Client(nginx.origin)];
  const seconds = quick ? 10 : 16;
  try {
    for (let i = 0; i < (quick ? 1 : 3); i += 1) {
      const one = await troupeTrial(troupe, clients[0], seconds);
      const other = await nginxTrial(nginx, clients[1], seconds, i);
      for (const [name, figure] of Object.entries(figures)) {
        figure.ours.push(one[name]);
        figure.peer.push(other[name]);
      }
    }
  } finally {
    for (const client of clients) client.close();
    await troupe.close();
    await nginx.close();
  }
  return Object.values(figures);
}
