// SPDX-License-Identifier: GPL-3.0-or-later
// How much a node can serve. Ours: from the stream that is live meanwhile. Peer: nginx with the same bytes as static
// files. wrk runs on the same cores, so what it takes is missing on both sides; the CPU time per request is not touched.
import { parse } from '../../tests/e2e/support/hls.mjs';
import { Client } from '../support/http.mjs';
import { clockFile } from '../support/media.mjs';
import { Nginx } from '../support/nginx.mjs';
import * as ours from '../support/ours.mjs';
import { wrk } from '../support/wrk.mjs';

const connections = 64;

/** Troupe with a stream that has filled its playlist, and the peer. */
async function servers(use) {
  const troupe = await ours.start();
  const nginx = await Nginx.start({ workers: 2 });
  const client = new Client(troupe.origin);
  let live;
  try {
    live = await ours.prepare(troupe, clockFile());
    await ours.fill(live, 60, 6);
    return await use({ troupe, nginx, client, live });
  } finally {
    live?.publisher.stop();
    client.close();
    await troupe.close();
    await nginx.close();
  }
}

export async function playlists({ quick }) {
  return servers(async ({ troupe, nginx, client, live }) => {
    const path = live.path('source/media.m3u8');
    const { body } = await client.need(path);
    const file = await nginx.put('media.m3u8', body);
    const rate = { name: `playlists of ${(body.length / 1024).toFixed(1)} KiB served`, unit: '/s', ours: [], peer: [], higher: true, atLeast: 15_000, aim: 30_000 };
    const cpu = { name: 'CPU per playlist served', unit: 'µs', ours: [], peer: [] };
    for (let i = 0; i < (quick ? 1 : 5); i += 1) {
      const load = { threads: 1, connections, seconds: quick ? 3 : 5 };
      const one = await wrk(troupe, [path], load);
      const other = await wrk(nginx, [file], load);
      rate.ours.push(one.perSecond);
      rate.peer.push(other.perSecond);
      cpu.ours.push(one.cpuUs);
      cpu.peer.push(other.cpuUs);
    }
    return [rate, cpu];
  });
}

export async function segments({ quick }) {
  return servers(async ({ troupe, nginx, client, live }) => {
    const list = parse((await client.need(live.path('source/media.m3u8'))).body.toString());
    // The youngest: they stay fetchable for the rest of the row.
    const paths = list.segments.slice(-8).map((s) => live.path(`source/${s.uri}`));
    const bodies = await Promise.all(paths.map(async (path) => (await client.need(path)).body));
    const files = await Promise.all(bodies.map((body, i) => nginx.put(`segment${i}.m4s`, body)));
    const mean = bodies.reduce((sum, b) => sum + b.length, 0) / bodies.length;
    const rate = { name: `segments of ${(mean / 1e6).toFixed(2)} MB to ${connections} connections`, unit: 'GB/s', ours: [], peer: [], higher: true, atLeast: 1, aim: 1.5 };
    const cpu = { name: 'CPU per segment served', unit: 'µs', ours: [], peer: [] };
    for (let i = 0; i < (quick ? 1 : 5); i += 1) {
      const load = { threads: 2, connections, seconds: quick ? 3 : 5 };
      const one = await wrk(troupe, paths, load);
      const other = await wrk(nginx, files, load);
      rate.ours.push(one.bytesPerSecond / 1e9);
      rate.peer.push(other.bytesPerSecond / 1e9);
      cpu.ours.push(one.cpuUs);
      cpu.peer.push(other.cpuUs);
    }
    return [rate, cpu];
  });
}
