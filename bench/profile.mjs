// SPDX-License-Identifier: GPL-3.0-or-later
// bench/profile cpu|latency|playlists|segments|chat [seconds]: Troupe under that row's load, under perf (linux-perf), and the
// hottest functions of it. Where there are no hardware counters, as in most virtual machines, perf samples the CPU clock.
import { execFile, spawn } from 'node:child_process';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parse } from '../tests/e2e/support/hls.mjs';
import * as chat from './support/chat.mjs';
import { Client } from './support/http.mjs';
import { clockFile, media } from './support/media.mjs';
import * as ours from './support/ours.mjs';
import { cpuMs, sleep } from './support/process.mjs';
import { wrk } from './support/wrk.mjs';

const run = promisify(execFile);

async function publish(troupe, count, file) {
  const lives = [];
  for (let i = 0; i < count; i += 1) {
    lives.push(await ours.prepare(troupe, file));
    lives.at(-1).publisher.run();
  }
  return lives;
}

/** name: [prepare(troupe) → lives, load(troupe, lives, seconds)]. */
const loads = {
  // The joins are in it too: a second or two.
  chat: [async () => [], (server, _, seconds) => chat.run(server, { viewers: 5000, rate: 10, seconds })],
  cpu: [(troupe) => publish(troupe, 10, media('main')), (troupe, lives, seconds) => sleep(seconds * 1000)],
  latency: [(troupe) => publish(troupe, 1, media('main')), async (troupe, [live], seconds) => {
    const client = new Client(troupe.origin);
    let query = '';
    for (const end = performance.now() + seconds * 1000; performance.now() < end;) {
      const list = parse((await client.need(live.path('source/media.m3u8') + query)).body.toString());
      query = `?_HLS_msn=${list.nextMsn}&_HLS_part=${list.open.length}`;
      const part = list.open.at(-1) ?? list.segments.at(-1).parts.at(-1);
      await client.need(live.path(`source/${part.uri}`));
    }
    client.close();
  }],
  playlists: [(troupe) => filled(troupe), (troupe, [live], seconds) =>
    wrk(troupe, [live.path('source/media.m3u8')], { threads: 1, connections: 64, seconds })],
  segments: [(troupe) => filled(troupe), async (troupe, [live], seconds) => {
    const client = new Client(troupe.origin);
    const list = parse((await client.need(live.path('source/media.m3u8'))).body.toString());
    client.close();
    return wrk(troupe, list.segments.slice(-8).map((s) => live.path(`source/${s.uri}`)), { threads: 2, connections: 64, seconds });
  }],
};

async function filled(troupe) {
  const live = await ours.prepare(troupe, clockFile());
  await ours.fill(live, 60, 6);
  return [live];
}

const [name, seconds = '20'] = process.argv.slice(2);
if (!(name in loads)) {
  console.error(`usage: bench/profile ${Object.keys(loads).join('|')} [seconds]`);
  process.exit(2);
}
const troupe = await (name === 'chat' ? chat.ours() : ours.start());
let lives = [];
try {
  const [prepare, load] = loads[name];
  lives = await prepare(troupe);
  await sleep(3000);
  const data = join(await mkdtemp(join(tmpdir(), 'troupe-perf-')), 'perf.data');
  const perf = spawn('perf', ['record', '-q', '-e', 'cpu-clock', '-F', '1999', '--call-graph', 'dwarf,8192', '-o', data, '-p', `${troupe.pid}`], { stdio: 'inherit' });
  const ended = new Promise((resolve) => { perf.on('exit', resolve); });
  const before = cpuMs(troupe.pid);
  const result = await load(troupe, lives, Number(seconds));
  console.log(`${name}: ${((cpuMs(troupe.pid) - before) / Number(seconds)).toFixed(1)} ms CPU/s`, result ?? '');
  perf.kill('SIGINT');
  await ended;
  const report = async (...args) => console.log((await run('perf', ['report', '-i', data, '--stdio', '-g', 'none', '--percent-limit', '0.7', ...args], { maxBuffer: 1 << 26 })).stdout
    .split('\n').filter((line) => line && !line.startsWith('#')).slice(0, 60)
    .map((line) => line.replace(/(\s+-)+\s*$/, '').replace(/ {2,}/g, '  ').slice(0, 140)).join('\n'));
  console.log('\nby thread');
  await report('--no-children', '--sort', 'comm');
  console.log('\nby function, its own time');
  await report('--no-children', '--sort', 'dso,symbol');
  console.log('\nby function, with all it calls');
  await report('--children', '--sort', 'symbol');
  console.log(`\nfor more: perf report -i ${data}`);
} finally {
  for (const live of lives) live.publisher.stop();
  await troupe.close();
}
