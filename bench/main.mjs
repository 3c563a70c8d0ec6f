// SPDX-License-Identifier: GPL-3.0-or-later
// bench/run [--quick] [row…]: measures, prints one table, ends with 1 when a row missed what it must at least reach.
import { existsSync } from 'node:fs';
import { cpus, release } from 'node:os';
import * as api from './rows/api.mjs';
import * as browser from './rows/browser.mjs';
import * as chat from './rows/chat.mjs';
import * as commits from './rows/commits.mjs';
import * as cpu from './rows/cpu.mjs';
import * as follows from './rows/follows.mjs';
import * as latency from './rows/latency.mjs';
import * as logIns from './rows/log_ins.mjs';
import * as memory from './rows/memory.mjs';
import * as page from './rows/page.mjs';
import { playlists, segments } from './rows/serving.mjs';
import * as start from './rows/start.mjs';
import { binary } from './support/ours.mjs';
import { machineLoad } from './support/process.mjs';
import { table, verdict } from './support/table.mjs';

const longest = 2700;  // of the whole, s

// In this order; the longest a row may take, s.
const rows = {
  start: [start.run, 90],
  latency: [latency.run, 180],
  browser: [browser.run, 200],
  cpu: [cpu.run, 330],
  playlists: [playlists, 130],
  segments: [segments, 130],
  api: [api.run, 120],
  memory: [memory.run, 120],
  follows: [follows.run, 150],
  'log-ins': [logIns.run, 120],
  commits: [commits.run, 120],
  chat: [chat.run, 330],
  'chat-large': [chat.large, 240],
  'chat-memory': [chat.memory, 120],
  page: [page.run, 240],
};

function usage(wrong) {
  console.error(`${wrong}\nusage: bench/run [--quick] [${Object.keys(rows).join('|')}]…`);
  process.exit(2);
}

function withDeadline(promise, seconds, name) {
  let timer;
  const late = new Promise((_, reject) => { timer = setTimeout(() => reject(new Error(`${name} took longer than ${seconds} s`)), seconds * 1000); });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

const quick = process.argv.includes('--quick');
const named = process.argv.slice(2).filter((a) => a !== '--quick');
const unknown = named.find((name) => !(name in rows));
if (unknown) usage(`there is no row ${unknown}`);
if (!existsSync(binary)) usage(`${binary} is missing: cmake --preset release && cmake --build --preset release --target troupe`);

const figures = [];
let failed = false;
const began = Date.now();
for (const name of named.length > 0 ? named : Object.keys(rows)) {
  const [run, seconds] = rows[name];
  machineLoad();
  const rowBegan = Date.now();
  try {
    const left = longest - (Date.now() - began) / 1000;
    if (left < 10) throw new Error('no time is left for it');
    figures.push(...await withDeadline(run({ quick }), Math.min(seconds, left), name));
    console.error(`${name}: ${((Date.now() - rowBegan) / 1000).toFixed(0)} s, the machine was busy to ${(machineLoad() * 100).toFixed(0)} %`);
  } catch (error) {
    failed = true;
    console.error(`${name}: ${error.stack}`);
  }
}
console.log(`\n${new Date().toISOString().slice(0, 16)}Z, ${cpus().length} × ${cpus()[0].model}, Linux ${release()}, ${((Date.now() - began) / 1000).toFixed(0)} s${quick ? ', --quick' : ''}\n`);
console.log(table(figures));
// A row past its deadline may have left timers and servers behind: they end here.
process.exit(failed || figures.some((f) => verdict(f) === 'MISSED') ? 1 : 0);
