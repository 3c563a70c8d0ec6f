// SPDX-License-Identifier: GPL-3.0-or-later
// The chat load generator and those it loads.
import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Process } from '../../tests/e2e/support/process.mjs';
import { Troupe } from '../../tests/e2e/support/troupe.mjs';
import { cpuMs, endWithUs } from './process.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const build = resolve(here, '../../build/release');
const senders = 8;  // each costs two password hashes to make

/** Builds the generator where it is missing. */
export function generator() {
  if (process.env.CHAT_LOAD) return process.env.CHAT_LOAD;
  execFileSync('cmake', ['--build', build, '--target', 'chat_load'], { stdio: ['ignore', 'ignore', 'inherit'] });
  return join(build, 'bench/chat_load');
}

/** Troupe with a room and people who may say as much as they like: {pid, args, origin, channel, close()}. */
export async function ours() {
  const troupe = await Troupe.start({ config: `[limits]
chat_messages_user = 0
chat_messages_moderator = 0
connections_total = 19900
` });
  endWithUs(troupe.process);
  const owner = await troupe.streamer();
  const people = await Promise.all(Array.from({ length: senders }, () => troupe.streamer()));
  const file = join(troupe.folder, 'tokens');
  await writeFile(file, people.map((p) => `${p.token}\n`).join(''));
  return {
    pid: troupe.process.child.pid,
    args: ['--port', troupe.httpPort, '--path', `/api/v1/channels/${owner.userId}/chat/ws`, '--tokens', file],
    origin: troupe.origin,
    channel: owner.username,
    close: () => troupe.close(),
  };
}

/** npm's ws as a broadcaster. */
export async function peer() {
  const server = new Process('node', [join(here, 'ws_peer.mjs')], { name: 'ws' });
  endWithUs(server);
  const [, port] = await server.printed(/ready port=(\d+)/);
  return { pid: server.child.pid, args: ['--port', port], close: () => server.stop() };
}

/** One run: what the generator found, and the server's CPU time meanwhile, s. */
export async function run(server, { viewers, rate, seconds, drain = 10 }) {
  const client = new Process(generator(), [...server.args, '--viewers', viewers, '--rate', rate, '--seconds', seconds, '--drain', drain].map(String), { name: 'chat_load', stdin: 'pipe' });
  endWithUs(client);
  await client.printed(/ready/, 120_000);
  const before = cpuMs(server.pid);
  client.child.stdin.write('\n');
  const [line] = await client.printed(/^\{.*\}$/m, (seconds + drain + 30) * 1000);
  const cpu = (cpuMs(server.pid) - before) / 1000;
  await client.exited;
  return { ...JSON.parse(line), cpu };
}

/** So many viewers that only watch, until close(). */
export async function crowd(server, viewers) {
  const client = new Process(generator(), [...server.args, '--viewers', viewers, '--idle'].map(String), { name: 'chat_load', stdin: 'pipe' });
  endWithUs(client);
  await client.printed(/ready/, 120_000);
  return { close: () => { client.child.stdin.end(); return client.exited; } };
}
