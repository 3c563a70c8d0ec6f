// SPDX-License-Identifier: GPL-3.0-or-later
// Nodes that do not hear each other, in both directions and in one, with and without the store: nothing is lost, doubled or
// reordered, and nobody goes on with what another has taken (promises R1 to R4). Needs root, for network namespaces.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { until } from '../e2e/support/process.mjs';
import { withCluster } from './support/cluster.mjs';
import { Network, canMakeNetworks, hub, isInside, runInside } from './support/network.mjs';
import { Talker, Watcher, allEvents, checkHistory, unlimited } from './support/talk.mjs';

const names = ['a', 'b', 'c'];
const config = `${unlimited}trusted = ["${hub}"]\n`;

/** Three nodes in a network of their own, and the room at b, with one who talks and one who watches on each. */
async function apart(f) {
  const network = Network.make();
  try {
    await withCluster({ config, relays: true, tls: true, network }, async (cluster) => {
      const owner = await cluster.node('a').streamer();
      const channel = owner.userId;
      const room = `room/${channel}`;
      const talkers = new Map();
      const watchers = new Map();
      for (const name of names) {
        talkers.set(name, await new Talker(`t${name}`, await cluster.node(name).streamer()).join(cluster.node(name), channel));
        watchers.set(name, await new Watcher(`w${name}`).join(cluster.node(name), channel));
      }
      talkers.get('a').say();
      await talkers.get('a').end();
      if ((await cluster.node('a').where(room)).node !== 'b') await cluster.node('a').move(room, 'b');
      for (const t of talkers.values()) t.begin(60);
      await Promise.all([...talkers.values()].map((t) => t.heard(10)));
      await f({ cluster, network, channel, room, talkers, watchers });
    });
  } finally {
    network.close();
  }
}

/** Everybody is back, nobody said anything in vain, and all see the same. */
async function checkAll({ cluster, channel, talkers, watchers }) {
  await cluster.settle(60_000);
  for (const people of [talkers, watchers]) {
    for (const [name, one] of people) {
      if (one.client.isOpen) continue;
      one.leave();
      await one.join(cluster.node(name), channel);
    }
  }
  await Promise.all([...talkers.values()].map((t) => t.heard(3)));
  await Promise.all([...talkers.values()].map((t) => t.end()));
  const events = await allEvents(cluster.node('c'), channel);
  checkHistory(events, [...talkers.values()]);
  for (const w of watchers.values()) {
    await w.sees(events.at(-1).seq);
    w.check();
  }
}

/** A message that is said now is acknowledged. */
async function answers(cluster, talker) {
  const nonce = talker.say();
  await until(() => talker.acknowledged.has(nonce), { deadlineMs: 20_000, what: `an answer to ${nonce}`,
    subscribe: talker.client.listeners, detail: () => cluster.log() });
}

if (!isInside) {
  test('partitions, in a network of its own', { skip: !canMakeNetworks && 'only root can make network namespaces', timeout: 600_000 }, () => {
    assert.equal(runInside(fileURLToPath(import.meta.url)), 0);
  });
} else {
  test('a node cut off from its peers and the store stops owning; the others take over', { timeout: 200_000 }, async () => {
    await apart(async (all) => {
      const { cluster, network, room, talkers } = all;
      cluster.relays.get('b').silence();
      for (const other of ['a', 'c']) network.cutBoth('b', other);
      await answers(cluster, talkers.get('a'));
      assert.notEqual((await cluster.node('a').where(room)).node, 'b');
      await cluster.knows('c', 'b', 'dead');
      assert.equal((await fetch(`${cluster.node('b').origin}/readyz`)).status, 503);
      const atB = talkers.get('b').acknowledged.size;
      await answers(cluster, talkers.get('c'));
      assert.equal(talkers.get('b').acknowledged.size, atB, 'b acknowledges nothing any more');
      network.heal();
      await cluster.relays.get('b').open();
      await checkAll(all);
    });
  });

  test('a node that its peers do not hear, but which reads the store, learns of its death there', { timeout: 200_000 }, async () => {
    await apart(async (all) => {
      const { cluster, network, room, talkers } = all;
      for (const other of ['a', 'c']) network.cut('b', other);
      await answers(cluster, talkers.get('a'));
      assert.notEqual((await cluster.node('a').where(room)).node, 'b');
      network.heal();
      await checkAll(all);
    });
  });

  test('a node that hears nobody, but is heard', { timeout: 200_000 }, async () => {
    await apart(async (all) => {
      const { cluster, network, talkers } = all;
      for (const other of ['a', 'c']) network.cut(other, 'b');
      await answers(cluster, talkers.get('a'));
      network.heal();
      await checkAll(all);
    });
  });

  test('a node that alone does not reach the store goes on; its room waits', { timeout: 200_000 }, async () => {
    await apart(async (all) => {
      const { cluster, talkers, room } = all;
      const { epoch } = await cluster.node('a').where(room);
      cluster.relays.get('b').silence();
      const nonce = talkers.get('a').say();
      await talkers.get('a').waits(nonce);
      await cluster.relays.get('b').open();
      await checkAll(all);
      assert.deepEqual(await cluster.node('a').states(), { a: 'active', b: 'active', c: 'active' });
      const now = await cluster.node('a').where(room);
      assert.deepEqual([now.node, now.epoch], ['b', epoch], 'it never left');
    });
  });
}
