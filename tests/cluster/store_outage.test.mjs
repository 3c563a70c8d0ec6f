// SPDX-License-Identifier: GPL-3.0-or-later
// PostgreSQL is away for a while: streams go on, chat waits, other commands are refused in so many words, nobody is declared
// dead, and all of it goes on by itself (design.md, sections 3 and 5). TROUPE_OUTAGE_SECONDS=60 for the whole minute.
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { test } from 'node:test';
import { checkPlaylists, follow } from '../e2e/support/hls.mjs';
import { until } from '../e2e/support/process.mjs';
import { publish } from '../e2e/support/troupe.mjs';
import { withCluster } from './support/cluster.mjs';
import { Talker, Watcher, allEvents, checkHistory, unlimited } from './support/talk.mjs';

const names = ['a', 'b', 'c'];
const outageMs = Number(process.env.TROUPE_OUTAGE_SECONDS ?? 12) * 1000;

const ways = {
  'refuses connections': (relay) => relay.refuse(),
  'says nothing': (relay) => relay.silence(),
};

async function incarnations(cluster) {
  const all = await Promise.all(names.map(async (name) => (await cluster.node(name).ask('status')).json));
  return all.map((s) => `${s.node} ${s.incarnation} ${s.members.map((m) => `${m.node}:${m.state}`).sort().join(' ')}`);
}

for (const [way, cut] of Object.entries(ways)) {
  test(`the store ${way}: streams go on, chat waits, nobody is declared dead`, { timeout: 300_000 }, async () => {
    await withCluster({ config: unlimited, relays: true }, async (cluster) => {
      const owner = await cluster.node('a').streamer();
      const encoder = publish(cluster.node('a').rtmp(owner.key));
      try {
        const stream = await cluster.node('a').streamWith(owner.token, 'live');
        const seen = await follow(cluster.node('a'), stream, (l) => l.segments.length >= 1);
        const talkers = await Promise.all(names.map(async (name) =>
          new Talker(`t${name}`, await cluster.node(name).streamer()).join(cluster.node(name), owner.userId)));
        const watchers = await Promise.all(names.map((name) => new Watcher(`w${name}`).join(cluster.node(name), owner.userId)));
        for (const t of talkers) t.begin(500);
        await Promise.all(talkers.map((t) => t.heard(3)));
        const before = await incarnations(cluster);

        await Promise.all([...cluster.relays.values()].map(cut));
        const restored = pause(outageMs).then(() => Promise.all([...cluster.relays.values()].map((relay) => relay.open())));

        // Chat: waits, and says so.
        const waiting = talkers.map((t) => t.say());
        await Promise.all(talkers.map((t, i) => t.waits(waiting[i])));
        // Who comes gets the ring.
        watchers.push(await new Watcher('late').join(cluster.node('b'), owner.userId));
        // Anything else that is to be durable is refused.
        await Promise.all(names.map(async (name) => {
          const refused = await cluster.node(name).api('POST', '/users',
            { body: { username: `nobody${name}`, email: `nobody${name}@example.org`, password: 'correct horse battery' } });
          assert.equal(refused.status, 503, JSON.stringify(refused.json));
          assert.ok(Number(refused.headers.get('retry-after')) > 0, 'it says when to come again');
        }));
        // The stream: a segment and more that began while the store was away.
        const from = seen.at(-1).nextMsn;
        seen.push(...await follow(cluster.node('a'), stream, (l) => l.nextMsn >= from + 3));
        await checkPlaylists(seen);
        assert.equal(seen.at(-1).discontinuities, 0);

        await restored;
        await Promise.all(talkers.map((t) => t.end()));
        assert.deepEqual(await incarnations(cluster), before, 'the same nodes, all active');
        const events = await allEvents(cluster.node('c'), owner.userId);
        checkHistory(events, talkers);
        for (const w of watchers) {
          await w.sees(events.at(-1).seq);
          w.check();
        }
        if (outageMs < 50_000) assert.deepEqual(talkers.flatMap((t) => t.errors), [], 'none of what waited was refused');
        await until(async () => (await cluster.node('b').api('POST', '/users',
          { body: { username: 'somebody', email: 'somebody@example.org', password: 'correct horse battery' } })).status === 201,
        { what: 'registration to work again', detail: () => cluster.log() });
        await cluster.settle();
      } finally {
        await encoder.stop('SIGKILL');
      }
    });
  });
}
