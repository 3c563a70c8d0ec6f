// SPDX-License-Identifier: GPL-3.0-or-later
// Chat: one room, many viewers, the time from a message's due moment until each viewer has it. The peer, npm's ws, stores,
// checks and numbers nothing. Loss that is not announced fails the row.
import * as chat from '../support/chat.mjs';
import { memoryBytes, sleep } from '../support/process.mjs';

async function measure(make, load) {
  const server = await make();
  try {
    const found = await chat.run(server, load);
    if (found.lost !== 0) throw new Error(`${found.lost} deliveries are lost: ${JSON.stringify(found)}`);
    if (found.errors !== 0 || found.closed !== 0) throw new Error(JSON.stringify(found));
    return { p50: found.p50, p99: found.p99, missed: found.missed, cpuPerMillion: found.cpu / (found.deliveries / 1e6) };
  } finally {
    await server.close();
  }
}

export async function run({ quick }) {
  const load = { viewers: 5000, rate: 10, seconds: quick ? 5 : 15 };
  const half = { name: '5,000 viewers × 10/s, send to receipt, p50', unit: 'ms', ours: [], peer: [] };
  const late = { name: '5,000 viewers × 10/s, send to receipt, p99', unit: 'ms', ours: [], peer: [], atLeast: 100, aim: 44 };
  const cpu = { name: 'chat CPU per million deliveries', unit: 'CPU s', ours: [], peer: [], atLeast: (peer) => peer, aim: 7.4 };
  for (let i = 0; i < (quick ? 1 : 3); i += 1) {
    for (const [side, make] of [['ours', chat.ours], ['peer', chat.peer]]) {
      const found = await measure(make, load);
      half[side].push(found.p50);
      late[side].push(found.p99);
      cpu[side].push(found.cpuPerMillion);
    }
  }
  return [half, late, cpu];
}

/** The most one process can hold; the peer cannot. */
export async function large({ quick }) {
  const load = { viewers: 19_000, rate: 50, seconds: quick ? 5 : 15, drain: 20 };
  const late = { name: '19,000 viewers × 50/s, send to receipt, p99', unit: 'ms', ours: [], atLeast: 1000, aim: 500 };
  const cpu = { name: '19,000 viewers × 50/s, CPU per million deliveries', unit: 'CPU s', ours: [] };
  const missed = { name: '19,000 viewers × 50/s, announced as missed, per million', unit: '', ours: [] };
  for (let i = 0; i < (quick ? 1 : 3); i += 1) {
    const found = await measure(chat.ours, load);
    late.ours.push(found.p99);
    cpu.ours.push(found.cpuPerMillion);
    missed.ours.push((found.missed / (load.viewers * load.rate * load.seconds)) * 1e6);
  }
  return [late, cpu, missed];
}

export async function memory({ quick }) {
  const viewers = 5000;
  const figure = { name: 'memory per chat viewer, its session actor included', unit: 'kB', ours: [], peer: [], atLeast: 10, aim: 6 };
  for (let i = 0; i < (quick ? 1 : 3); i += 1) {
    for (const [side, make] of [['ours', chat.ours], ['peer', chat.peer]]) {
      const server = await make();
      try {
        // The first thousand pay for what is made once.
        const first = await chat.crowd(server, 1000);
        const before = memoryBytes(server.pid);
        const crowd = await chat.crowd(server, viewers);
        await sleep(1000);
        figure[side].push((memoryBytes(server.pid) - before) / viewers / 1000);
        await crowd.close();
        await first.close();
      } finally {
        await server.close();
      }
    }
  }
  return [figure];
}
