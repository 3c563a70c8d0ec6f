// SPDX-License-Identifier: GPL-3.0-or-later
// From the first key frame's last byte written to the socket until a player could start: the master playlist, the media
// playlist it names and something playable in that are all answered 200. Asked every 5 ms.
import { Client } from '../support/http.mjs';
import { media } from '../support/media.mjs';
import { Nginx } from '../support/nginx.mjs';
import * as ours from '../support/ours.mjs';
import { sleep } from '../support/process.mjs';
import { Publisher } from '../support/rtmp.mjs';

const deadlineMs = 15_000;

/** Asks until a list is there and its first piece too; answers when. */
async function playable(client, playlist, piece) {
  for (const end = performance.now() + deadlineMs; performance.now() < end; await sleep(5)) {
    const list = await client.get(playlist);
    const found = list.status === 200 && piece.exec(list.body.toString());
    if (!found) continue;
    const media = await client.get(playlist.slice(0, playlist.lastIndexOf('/') + 1) + found[1]);
    if (media.status === 200) return { at: media.at, path: playlist.slice(0, playlist.lastIndexOf('/') + 1) + found[1] };
  }
  throw new Error(`${playlist} was not playable in ${deadlineMs} ms`);
}

async function troupeTrial(troupe, client) {
  const live = await ours.prepare(troupe, media('main'));
  try {
    live.publisher.run();
    const list = await playable(client, live.path('master.m3u8'), /^([^#\s].*)$/m);
    const part = await playable(client, list.path, /#EXT-X-PART:.*URI="([^"]+)"/);
    return (part.at - live.publisher.sent[0]) / 1000;
  } finally {
    live.publisher.stop();
  }
}

async function nginxTrial(nginx, client, number) {
  const publisher = await Publisher.open(nginx.rtmpPort, `start${number}`, media('main'));
  try {
    publisher.run();
    const { at } = await playable(client, `/hls/start${number}.m3u8`, /^([^#\s].*)$/m);
    return (at - publisher.sent[0]) / 1000;
  } finally {
    publisher.stop();
  }
}

export async function run({ quick }) {
  const figure = { name: 'stream start', unit: 's', ours: [], peer: [], atLeast: 1, aim: 0.5 };
  const troupe = await ours.start();
  const nginx = await Nginx.start({ workers: 1 });
  const clients = [new Client(troupe.origin), new Client(nginx.origin)];
  try {
    for (let i = 0; i < (quick ? 2 : 5); i += 1) {
      figure.ours.push(await troupeTrial(troupe, clients[0]));
      figure.peer.push(await nginxTrial(nginx, clients[1], i));
    }
  } finally {
    for (const client of clients) client.close();
    await troupe.close();
    await nginx.close();
  }
  return [figure];
}
