// SPDX-License-Identifier: GPL-3.0-or-later
// Makes a running Troupe's store stall: it is there, and does not answer. release() lets it go on.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Process } from './process.mjs';

// Another process writes, and does not come to an end.
const hold = `
import sqlite3, sys
store = sqlite3.connect(sys.argv[1], isolation_level=None)
store.execute('BEGIN IMMEDIATE')
print('locked', flush=True)
sys.stdin.read()
`;

async function lockSqlite(troupe) {
  const holder = new Process('/usr/bin/python3', ['-c', hold, join(troupe.folder, 'data/troupe.db')],
    { name: 'the holder of the lock', stdin: 'pipe' });
  await holder.printed(/locked/);
  return async () => {
    holder.child.stdin.end();
    await holder.exited;
  };
}

/** The server of that data folder and what it started, by their ids. */
async function processesOf(postgres) {
  const file = join(postgres.folder, 'server/data/postmaster.pid');
  const server = Number((await readFile(file, 'utf8')).split('\n')[0]);
  const found = [server];
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const stat = await readFile(`/proc/${entry}/stat`, 'utf8').catch(() => '');
    if (Number(stat.slice(stat.lastIndexOf(')') + 4).split(' ')[0]) === server) found.push(Number(entry));
  }
  return found;
}

async function stopPostgres(troupe) {
  const processes = await processesOf(troupe.database);
  const send = (signal) => processes.forEach((id) => process.kill(id, signal));
  send('SIGSTOP');
  return async () => send('SIGCONT');
}

export async function stall(troupe) {
  return troupe.database ? stopPostgres(troupe) : lockSqlite(troupe);
}
