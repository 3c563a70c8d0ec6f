// SPDX-License-Identifier: GPL-3.0-or-later
// A channel with a million followers beside one with none, and one with as many as a page holds: what a page, a profile and a
// follow cost must not depend on how many there are. Peer: the same server's smaller channels, asked in turn, one request at a
// time over one connection.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from '../support/http.mjs';
import * as ours from '../support/ours.mjs';
import { quantile } from '../support/stats.mjs';

const followers = 1_000_000;
const onePage = 20;
const script = fileURLToPath(new URL('../support/fill_follows.py', import.meta.url));

/** Median time of each question, in µs, asked in turn `times` times. */
async function medians(client, paths, times) {
  const took = paths.map(() => []);
  for (let i = 0; i < times; i += 1) {
    for (const [p, path] of paths.entries()) {
      const began = performance.now();
      const { at } = await client.need(path);
      took[p].push((at - began) * 1000);
    }
  }
  return took.map((all) => quantile(all, 0.5));
}

/** Median time to follow, in µs, for each channel in turn; each time a user who did not. */
async function followTimes(troupe, fan, channels, times) {
  const took = channels.map(() => []);
  for (let i = 0; i < times; i += 1) {
    for (const [c, channel] of channels.entries()) {
      const ask = (method) => fetch(`${troupe.origin}/api/v1/users/${channel}/follow`, { method, headers: { authorization: `Bearer ${fan.token}` } });
      const began = performance.now();
      const put = await ask('PUT');
      await put.text();
      took[c].push((performance.now() - began) * 1000);
      const gone = await ask('DELETE');
      await gone.text();
      if (put.status !== 200 || gone.status !== 200) throw new Error(`following answered ${put.status}, ${gone.status}`);
    }
  }
  return took.map((all) => quantile(all, 0.5));
}

export async function run({ quick }) {
  // Small times: what both sides share, the connection and the parsing, is most of them.
  const figure = (name, more) => ({ name, unit: 'µs', ours: [], peer: [], ...more });
  const empty = figure('first page of 1,000,000 followers, beside none, p50', { atLeast: (peer) => peer + 1000, aim: (peer) => peer + 500 });
  const first = figure('first page of 1,000,000 followers, beside 20, p50', { atLeast: (peer) => peer * 1.3, aim: (peer) => peer * 1.1 });
  const deep = figure('page after 500,000 followers, beside 20, p50', { atLeast: (peer) => peer * 1.3, aim: (peer) => peer * 1.1 });
  const profile = figure('profile with 1,000,000 followers, beside none, p50', { atLeast: (peer) => peer * 1.3, aim: (peer) => peer * 1.1 });
  const follow = figure('following it, durable, beside one with none, p50', { atLeast: (peer) => peer * 1.5, aim: (peer) => peer * 1.2 });
  const troupe = await ours.start({ config: '[limits]\nrequests_per_minute_user = 0\n' });
  let client;
  try {
    const [big, small, none, fan] = await Promise.all(Array.from({ length: 4 }, () => troupe.streamer()));
    await troupe.process.stop();
    execFileSync('python3', [script, join(troupe.folder, 'data/troupe.db'), big.userId, followers, small.userId, onePage],
      { stdio: 'inherit', timeout: 180_000 });
    await troupe.launch();
    client = new Client(troupe.origin);
    const list = (user) => `/api/v1/users/${user.userId}/followers?limit=${onePage}`;
    const page = JSON.parse((await client.need(list(big))).body);
    const [time, newest] = [Date.parse(page.items[0].followed_at) * 1000, page.items[0].user_id];
    const middle = `${list(big)}&cursor=${time - followers / 2}-${newest}`;
    const last = JSON.parse((await client.need(middle)).body);
    if (page.items.length !== onePage || last.items.length !== onePage) throw new Error('a page is not full');
    if (newest - last.items[0].user_id < followers / 2 - 5000) throw new Error('the cursor did not lead to the middle');
    for (let i = 0; i < (quick ? 1 : 5); i += 1) {
      const [b, s, n, d, bp, np] = await medians(client, [list(big), list(small), list(none), middle,
        `/api/v1/users/${big.userId}`, `/api/v1/users/${none.userId}`], quick ? 200 : 1000);
      for (const [row, mine, other] of [[empty, b, n], [first, b, s], [deep, d, s], [profile, bp, np]]) {
        row.ours.push(mine);
        row.peer.push(other);
      }
      const [fb, fn] = await followTimes(troupe, fan, [big.userId, none.userId], quick ? 30 : 100);
      follow.ours.push(fb);
      follow.peer.push(fn);
    }
    const { follower_count: count } = JSON.parse((await client.need(`/api/v1/users/${big.userId}`)).body);
    if (count !== followers) throw new Error(`the count is ${count}`);
    return [empty, first, deep, profile, follow];
  } finally {
    client?.close();
    await troupe.close();
  }
}
