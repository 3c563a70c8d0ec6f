// SPDX-License-Identifier: GPL-3.0-or-later
// The API under 1,000 requests a second that come whether or not the last ones were answered (open loop): each has its time
// on a schedule, and its latency counts from there, so that a stall is paid by all who would have come. Peer: nginx with the
// same answers as static files, the least an answer can take here.
import { connect } from 'node:net';
import { Client } from '../support/http.mjs';
import { media } from '../support/media.mjs';
import { Nginx } from '../support/nginx.mjs';
import * as ours from '../support/ours.mjs';
import { quantile } from '../support/stats.mjs';

const perSecond = 1000;
const connections = 64;
const liveStreams = 5;

/** One kept connection, one request at a time. */
class Connection {
  constructor(port, idle, failed) {
    this.got = '';
    this.socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.socket.setEncoding('latin1');
    this.socket.on('data', (text) => {
      this.got += text;
      const head = this.got.indexOf('\r\n\r\n');
      if (head < 0) return;
      const length = Number(/content-length: (\d+)/i.exec(this.got)[1]);
      if (this.got.length < head + 4 + length) return;
      const ok = this.got.startsWith('HTTP/1.1 200');
      this.got = '';
      this.answered(ok);
      idle(this);
    });
    this.socket.on('error', failed);
    this.socket.on('close', () => failed(new Error('the server closed a connection')));
  }

  ask(path, answered) {
    this.answered = answered;
    this.socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`);
  }
}

/** {p50, p95} in ms of what was asked for in that many seconds. */
function load(port, paths, seconds) {
  return new Promise((resolve, reject) => {
    const idle = [];
    const due = [];
    const times = [];
    const all = [];
    const total = perSecond * seconds;
    let timer;
    let over = false;
    const finish = (error) => {
      if (over) return;
      over = true;
      clearInterval(timer);
      for (const c of all) c.socket.destroy();
      if (error) reject(error);
      else resolve({ p50: quantile(times, 0.5), p95: quantile(times, 0.95) });
    };
    const give = (connection) => {
      if (due.length === 0) {
        idle.push(connection);
        return;
      }
      const { at, path } = due.shift();
      connection.ask(path, (ok) => {
        if (!ok) finish(new Error(`${path} was not answered 200`));
        times.push(performance.now() - at);
        if (times.length === total) finish();
      });
    };
    for (let i = 0; i < connections; i += 1) all.push(new Connection(port, give, finish));
    idle.push(...all);
    const start = performance.now() + 200;
    let next = 0;
    timer = setInterval(() => {
      const now = performance.now();
      for (; next < total && start + (next * 1000) / perSecond <= now; next += 1) {
        due.push({ at: start + (next * 1000) / perSecond, path: paths[next % paths.length] });
        if (idle.length > 0) give(idle.shift());
      }
      if (now > start + seconds * 1000 + 10_000) finish(new Error(`${times.length} of ${total} requests were answered`));
    }, 1);
  });
}

export async function run({ quick }) {
  const p95 = { name: 'API answer under 1,000 requests/s, p95', unit: 'ms', ours: [], peer: [], atLeast: 50, aim: 10 };
  const p50 = { name: 'API answer under 1,000 requests/s, p50', unit: 'ms', ours: [], peer: [] };
  const troupe = await ours.start();
  const nginx = await Nginx.start({ workers: 2 });
  const client = new Client(troupe.origin);
  const lives = [];
  try {
    for (let i = 0; i < liveStreams; i += 1) {
      lives.push(await ours.prepare(troupe, media('main')));
      lives.at(-1).publisher.run();
    }
    const paths = lives.flatMap((live) => ['/api/v1/streams', `/api/v1/streams/${live.id}`]);
    const files = [];
    for (const [i, path] of paths.entries()) files.push(await nginx.put(`api${i}.json`, (await client.need(path)).body));
    const seconds = quick ? 4 : 8;
    for (let i = 0; i < (quick ? 1 : 3); i += 1) {
      const one = await load(troupe.httpPort, paths, seconds);
      const other = await load(nginx.httpPort, files, seconds);
      p95.ours.push(one.p95);
      p95.peer.push(other.p95);
      p50.ours.push(one.p50);
      p50.peer.push(other.p50);
    }
    return [p95, p50];
  } finally {
    for (const live of lives) live.publisher.stop();
    client.close();
    await troupe.close();
    await nginx.close();
  }
}
