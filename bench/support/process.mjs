// SPDX-License-Identifier: GPL-3.0-or-later
// What a process tree costs, from /proc (proc(5)).
import { readFileSync } from 'node:fs';

// sysconf(_SC_CLK_TCK) is 100 on every Linux that Debian runs on.
const tickMs = 10;

function children(pid) {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

function tree(pid) {
  return [pid, ...children(pid).flatMap(tree)];
}

/** User and system time of pid and all below it that still run, ms. */
export function cpuMs(pid) {
  return tree(pid).reduce((sum, p) => {
    const stat = readFileSync(`/proc/${p}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return sum + (Number(fields[11]) + Number(fields[12])) * tickMs;
  }, 0);
}

/** Memory of its own and its share of what it shares, bytes. */
export function memoryBytes(pid) {
  return tree(pid).reduce((sum, p) => sum + Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${p}/smaps_rollup`, 'utf8'))[1]) * 1024, 0);
}

/** Share of the machine's CPU that was busy since the last call, 0 to 1: how noisy a run was. */
export function machineLoad() {
  const [, ...fields] = readFileSync('/proc/stat', 'utf8').split('\n')[0].split(/\s+/).map(Number);
  const now = { total: fields.slice(0, 8).reduce((a, b) => a + b, 0), idle: fields[3] + fields[4] };
  const before = machineLoad.before ?? { total: 0, idle: 0 };
  machineLoad.before = now;
  const total = now.total - before.total;
  return total === 0 ? 0 : 1 - (now.idle - before.idle) / total;
}

export const sleep = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

const started = new Set();

/** Has a server ended with us, however we end: a row that was given up leaves it behind. */
export function endWithUs(server) {
  started.add(server);
  server.exited.then(() => started.delete(server));
}

process.on('exit', () => { for (const server of started) server.kill(); });
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(130));
