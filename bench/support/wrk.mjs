// SPDX-License-Identifier: GPL-3.0-or-later
// wrk over a list of addresses in turn, and what the server's CPU time for it was.
import { execFile } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { cpuMs } from './process.mjs';

const script = join(dirname(fileURLToPath(import.meta.url)), 'wrk.lua');

/** {perSecond, bytesPerSecond, cpuUs}: cpuUs is the server's CPU time per request. Fails when an answer was not 200. */
export async function wrk(server, paths, { threads, connections, seconds }) {
  const before = cpuMs(server.pid);
  const { stdout } = await promisify(execFile)('wrk', ['-t', `${threads}`, '-c', `${connections}`, '-d', `${seconds}s`, '-s', script, server.origin, '--', ...paths],
    { timeout: (seconds + 20) * 1000 });
  const cpu = cpuMs(server.pid) - before;
  const found = /RESULT (\d+) (\d+) (\d+) (\d+)/.exec(stdout);
  if (!found) throw new Error(`wrk said:\n${stdout}`);
  const [requests, bytes, micros, errors] = found.slice(1).map(Number);
  if (errors > 0) throw new Error(`${errors} of ${requests} answers of ${server.origin} were wrong:\n${stdout}`);
  return { perSecond: requests / (micros / 1e6), bytesPerSecond: bytes / (micros / 1e6), cpuUs: (cpu * 1000) / requests };
}
