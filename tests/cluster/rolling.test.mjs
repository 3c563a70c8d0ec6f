// SPDX-License-Identifier: GPL-3.0-or-later
// All nodes are restarted one after the other while people talk, watch and stream: no command is lost, nobody misses anything,
// and each stream whose encoder hung on a restarted node goes on with one discontinuity.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withCluster } from './support/cluster.mjs';
import { Talker, Watcher, allEvents, checkHistory, unlimited } from './support/talk.mjs';

const names = ['a', 'b', 'c'];
const rooms = 3;

/** A page or a bot: when its node sends it away, or breaks, it comes back to the next one that takes it. */
function stay(one, cluster, channel, home) {
  let at = names.indexOf(home);
  one.rejoins = 0;
  one.stays = (async () => {
    for (;;) {
      await Promise.race([one.client.closed, one.over]);
      if (one.isOver) return;
      one.take?.();
      one.leave();
      for (;;) {
        at = (at + 1) % names.length;
        try {
          await one.join(cluster.node(names[at]), channel);
          break;
        } catch (error) {
          if (one.isOver) return;
          if (!one.client?.error && !one.client?.refused) throw error;
        }
      }
      one.rejoins += 1;
    }
  })();
}

test('all nodes are restarted one after the other, under load', { timeout: 300_000 }, async () => {
  await withCluster({ config: unlimited }, async (cluster) => {
    const channels = [];
    for (let i = 0; i < rooms; i += 1) {
      const owner = await cluster.node(names[i]).streamer();
      const people = [];
      for (const name of names) {
        people.push([name, await new Talker(`t${name}${i}`, await cluster.node(name).streamer()).join(cluster.node(name), owner.userId)]);
        people.push([name, await new Watcher(`w${name}${i}`).join(cluster.node(name), owner.userId)]);
      }
      channels.push({ channel: owner.userId, people });
      for (const [name, one] of people) {
        one.over = new Promise((done) => { one.end_of_stay = () => { one.isOver = true; done(); }; });
        stay(one, cluster, owner.userId, name);
        one.begin?.(150);
      }
    }
    const all = channels.flatMap(({ people }) => people.map(([, one]) => one));
    const talkers = all.filter((one) => one instanceof Talker);
    await Promise.all(talkers.map((t) => t.heard(10)));

    for (const name of names) {
      const end = await cluster.node(name).process.stop('SIGTERM', 60_000);
      assert.equal(end.code, 0, cluster.node(name).process.output.slice(-3000));
      await Promise.all(talkers.map((t) => t.heard(5)));
      await cluster.node(name).launch();
      await cluster.settle();
      await Promise.all(talkers.map((t) => t.heard(5)));
    }

    await Promise.all(talkers.map((t) => t.end()));
    for (const { channel, people } of channels) {
      const events = await allEvents(cluster.node('a'), channel);
      checkHistory(events, people.map(([, one]) => one).filter((one) => one instanceof Talker));
      for (const [, one] of people) {
        if (!(one instanceof Watcher)) continue;
        await one.sees(events.at(-1).seq);
        one.check();
      }
    }
    assert.deepEqual(talkers.flatMap((t) => t.errors), [], 'no command was refused');
    for (const one of all) {
      assert.ok(one.rejoins >= 1 && one.rejoins <= names.length, `${one.name} came back ${one.rejoins} times`);
      one.end_of_stay();
    }
    await Promise.all(all.map((one) => one.stays));
  });
});
