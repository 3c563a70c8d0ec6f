// SPDX-License-Identifier: GPL-3.0-or-later
// User and system time to take in and package 720p30, per stream and second of stream: ten streams at once, which start
// 0.2 s apart so that their segments do not end together; what the server uses when idle is subtracted.
import { media } from '../support/media.mjs';
import { Nginx } from '../support/nginx.mjs';
import * as ours from '../support/ours.mjs';
import { cpuMs, sleep } from '../support/process.mjs';
import { Publisher } from '../support/rtmp.mjs';

const streams = 10;

async function cost(pid, seconds) {
  const began = performance.now();
  const before = cpuMs(pid);
  await sleep(seconds * 1000);
  return (cpuMs(pid) - before) / ((performance.now() - began) / 1000);
}

async function measured(pid, open, { quick }) {
  const idle = await cost(pid, quick ? 2 : 5);
  const publishers = [];
  try {
    for (let i = 0; i < streams; i += 1) publishers.push(await open(i));
    for (const publisher of publishers) {
      publisher.run();
      await sleep(200);
    }
    await sleep(3000);
    const busy = await cost(pid, quick ? 10 : 30);
    const broken = publishers.find((p) => p.closed || p.broken);
    if (broken) throw new Error(`a publisher was cut off: ${broken.broken ?? broken.listener.said}`);
    return { idle, each: (busy - idle) / streams };
  } finally {
    for (const publisher of publishers) publisher.stop();
  }
}

async function troupeTrial(options) {
  const troupe = await ours.start();
  try {
    const lives = [];
    return await measured(troupe.pid, async () => {
      lives.push(await ours.prepare(troupe, media('main')));
      return lives.at(-1).publisher;
    }, options);
  } finally {
    await troupe.close();
  }
}

async function nginxTrial(options) {
  const nginx = await Nginx.start({ workers: 1 });
  try {
    return await measured(nginx.pid, (i) => Publisher.open(nginx.rtmpPort, `cpu${i}`, media('main')), options);
  } finally {
    await nginx.close();
  }
}

export async function run(options) {
  // The aim is SRS's 1.5 ms/s where nginx-rtmp took 3.6 ms/s: kept as a ratio, for other machines.
  const each = { name: 'CPU to take in and package one stream', unit: 'ms/s', ours: [], peer: [], atLeast: (peer) => peer, aim: (peer) => (peer * 1.5) / 3.6 };
  const idle = { name: 'CPU of an idle server', unit: 'ms/s', ours: [], peer: [] };
  for (let i = 0; i < (options.quick ? 1 : 3); i += 1) {
    const one = await troupeTrial(options);
    const other = await nginxTrial(options);
    each.ours.push(one.each);
    each.peer.push(other.each);
    idle.ours.push(one.idle);
    idle.peer.push(other.idle);
  }
  return [each, idle];
}
