// SPDX-License-Identifier: GPL-3.0-or-later
// Memory per stream once its playlist has filled and segments leave it: what processes hold (PSS), and how much of ours is
// media. nginx-rtmp keeps its media in files, so the two are no rivals: for information.
import { media } from '../support/media.mjs';
import { Nginx } from '../support/nginx.mjs';
import * as ours from '../support/ours.mjs';
import { memoryBytes } from '../support/process.mjs';
import { Publisher } from '../support/rtmp.mjs';

const streams = 5;
const seconds = 150;

export async function run() {
  const all = { name: `memory per stream of 2 Mbit/s after ${seconds} s`, unit: 'MB', ours: [], peer: [] };
  const own = { name: 'of that not media in the segment cache', unit: 'MB', ours: [], peer: [] };
  const troupe = await ours.start();
  const nginx = await Nginx.start({ workers: 1 });
  const lives = [];
  try {
    for (let i = 0; i < streams; i += 1) lives.push(await ours.prepare(troupe, media('main')));
    const before = memoryBytes(troupe.pid);
    await Promise.all(lives.map((live) => ours.fill(live, seconds)));
    const held = (memoryBytes(troupe.pid) - before) / streams;
    all.ours.push(held / 1e6);
    own.ours.push((held - (await troupe.metric('troupe_segment_cache_bytes')) / streams) / 1e6);
    for (const live of lives.splice(0)) live.publisher.stop();

    const peerBefore = memoryBytes(nginx.pid);
    for (let i = 0; i < streams; i += 1) lives.push({ publisher: await Publisher.open(nginx.rtmpPort, `memory${i}`, media('main')) });
    await Promise.all(lives.map((live) => ours.fill(live, seconds)));
    all.peer.push((memoryBytes(nginx.pid) - peerBefore) / streams / 1e6);
    own.peer.push(...all.peer);
    return [all, own];
  } finally {
    for (const live of lives) live.publisher.stop();
    await troupe.close();
    await nginx.close();
  }
}
