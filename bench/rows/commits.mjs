// SPDX-License-Identifier: GPL-3.0-or-later
// Group commit of chat, the store alone: messages a second, and the delay a commit adds, with 1 to 1,000 rooms that each say
// one message per commit, SQLite with fsync. Peer: the same rooms' messages at the pace of one room, one transaction each.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { binary } from '../support/ours.mjs';

const counts = [1, 10, 100, 1000];
const line = /SQLite +(\d+) rooms x +1: +(\d+) messages\/s, commit p50 +([\d.]+) p99 +([\d.]+) ms/g;

async function trial(program) {
  const { stdout } = await promisify(execFile)(program, ['chat_store: group commits per second'], { timeout: 60_000 });
  const found = new Map([...stdout.matchAll(line)].map(([, rooms, rate, p50]) => [Number(rooms), { rate: Number(rate), p50: Number(p50) }]));
  for (const rooms of counts) if (!found.has(rooms)) throw new Error(`no figure for ${rooms} rooms in:\n${stdout}`);
  return found;
}

export async function run({ quick }) {
  const program = join(dirname(binary), 'tests/test_storage');
  if (!existsSync(program)) throw new Error(`${program} is missing: cmake --build --preset release --target test_storage`);
  const rates = counts.map((rooms) => ({ name: `messages stored, ${rooms} ${rooms === 1 ? 'room' : 'rooms'}`, unit: '/s', ours: [], peer: [], higher: true }));
  const delays = counts.map((rooms) => ({ name: `delay of a group commit, ${rooms} ${rooms === 1 ? 'room' : 'rooms'}, p50`, unit: 'ms', ours: [], peer: [] }));
  for (let i = 0; i < (quick ? 1 : 3); i += 1) {
    const found = await trial(program);
    const one = found.get(1);
    for (const [at, rooms] of counts.entries()) {
      rates[at].ours.push(found.get(rooms).rate);
      rates[at].peer.push(one.rate);
      delays[at].ours.push(found.get(rooms).p50);
      delays[at].peer.push(one.p50 * rooms);
    }
  }
  return [...rates, ...delays];
}
