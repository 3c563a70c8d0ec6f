// SPDX-License-Identifier: GPL-3.0-or-later
// Nodes that come and go: who knows whom, and what operators are told.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { until } from '../e2e/support/process.mjs';
import { run, withCluster } from './support/cluster.mjs';
import { Talker, unlimited } from './support/talk.mjs';

test('several nodes on SQLite are refused with a sentence that says what to do', { timeout: 60_000 }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'troupe-cluster-'));
  const file = join(folder, 'cluster.conf');
  const block = (name, port) => `[[node]]\nname = "${name}"\nhost = "127.0.0.1"\nhttp = ${port}\nrtmp = ${port + 1}\ncluster = ${port + 2}\n`;
  await writeFile(file, `[cluster]\nstore = "sqlite:data/troupe.db"\ndata = "data"\n${block('a', 18080)}${block('b', 18090)}`);
  const end = await run(['serve', '--config', file, '--node', 'a']);
  assert.equal(end.code, 2);
  assert.match(end.output, /cluster\.conf:1: cluster\.store: expected "postgresql:.*for 2 nodes/);
  await rm(folder, { recursive: true, force: true });
});

test('three nodes become active, and each answers for all', { timeout: 120_000 }, async () => {
  await withCluster({}, async (cluster) => {
    const incarnations = new Set();
    for (const n of cluster.running) {
      const { json } = await n.ask('status');
      assert.equal(json.state, 'active');
      assert.match(json.sentence, /may serve/);
      assert.equal(json.address, `127.0.0.1:${n.clusterPort}`);
      assert.deepEqual(json.roles, ['edge', 'ingest', 'rooms', 'transcode', 'archive']);
      assert.equal(json.http_port, n.httpPort);
      incarnations.add(json.incarnation);
      assert.deepEqual(json.members.map((m) => m.node).sort(), ['a', 'b', 'c'].filter((name) => name !== n.name));
      for (const m of json.members) {
        assert.equal(m.state, 'active');
        assert.equal(m.answers, true, `${n.name} has no answer of ${m.node}`);
        assert.equal(m.http_port, cluster.node(m.node).httpPort);
        assert.equal(m.address, `127.0.0.1:${cluster.node(m.node).clusterPort}`);
        incarnations.add(m.incarnation);
      }
    }
    assert.equal(incarnations.size, 3, 'every start has an incarnation of its own, and all know the same');

    const { json: tree } = await cluster.node('b').ask('tree');
    const roots = tree.lines.filter((line) => line.kind === 'node').map((line) => line.name);
    assert.deepEqual(roots, ['a', 'b', 'c']);
  });
});

test('a fourth node joins: the others learn of it from the store, and give it its share of the rooms', { timeout: 180_000 }, async () => {
  await withCluster({ config: unlimited }, async (cluster) => {
    const rooms = 24;  // none of them would be its with a chance of 1 in 1,000
    const speaker = await cluster.node('a').streamer();
    const channels = await Promise.all(Array.from({ length: rooms }, async (_, i) => {
      const username = `owner${i}x${Math.floor(Math.random() * 1e9)}`;
      const { status, json } = await cluster.node('b').api('POST', '/users',
        { body: { username, email: `${username}@example.org`, password: 'correct horse battery' } });
      assert.equal(status, 201);
      return json.user_id;
    }));
    const sayAll = async (node) => {
      for (const channel of channels) {
        const { status } = await node.api('POST', `/channels/${channel}/chat`, { token: speaker.token, body: { message: 'Hello' } });
        assert.equal(status, 200);
      }
    };
    await sayAll(cluster.node('c'));  // so that they are awake
    const homes = async () => Promise.all(channels.map(async (channel) => (await cluster.node('a').where(`room/${channel}`)).node));
    const before = await homes();
    assert.ok(new Set(before).size > 1, 'rooms are spread');

    const d = await cluster.list('d');
    await d.launch();
    await cluster.settle();
    let after = [];
    await until(async () => { after = await homes(); return after.includes('d'); }, { what: 'a room on d', detail: () => cluster.log() });
    after.forEach((home, i) => assert.ok(home === 'd' || home === before[i], `room ${i} went from ${before[i]} to ${home}`));
    await sayAll(d);  // and any node reaches them all
    for (const channel of channels) {
      const { json } = await cluster.node('b').api('GET', `/channels/${channel}/chat?limit=10`);
      assert.deepEqual(json.messages.map((m) => m.seq), [1, 2]);
    }
  });
});

test('SIGTERM: a node gives away what it has and leaves; started again it comes back', { timeout: 180_000 }, async () => {
  await withCluster({ config: unlimited }, async (cluster) => {
    const owner = await cluster.node('a').streamer();
    const talker = await new Talker('t', owner).join(cluster.node('a'), owner.userId);
    talker.say();
    await talker.end();
    const room = `room/${owner.userId}`;
    if ((await cluster.node('a').where(room)).node !== 'b') await cluster.node('a').move(room, 'b');
    const end = await cluster.node('b').process.stop('SIGTERM', 60_000);
    assert.equal(end.code, 0, cluster.node('b').process.output);
    await cluster.knows('a', 'b', 'left');
    assert.notEqual((await cluster.node('c').where(room)).node, 'b');
    talker.say();
    await talker.end();
    await cluster.node('b').launch();
    await cluster.settle();
  });
});

test('a second signal ends a node at once', { timeout: 120_000 }, async () => {
  await withCluster({ names: ['a', 'b'] }, async (cluster) => {
    const b = cluster.node('b');
    b.process.child.kill('SIGTERM');
    await b.process.printed(/stopping signal/);
    b.process.child.kill('SIGTERM');
    const end = await b.process.exited;
    assert.ok(end.code === 143 || end.code === 0, `it ended with ${end.code}`);
    await until(async () => ['left', 'dead'].includes((await cluster.node('a').states())?.b), { what: 'a to know that b is gone' });
  });
});

test('with certificates: nodes of one CA are a cluster, and one of another CA gets nothing', { timeout: 180_000 }, async () => {
  await withCluster({ names: ['a', 'b'], tls: true, config: unlimited }, async (cluster) => {
    const owner = await cluster.node('a').streamer();
    const room = `room/${owner.userId}`;
    const talkers = [];
    for (const name of ['a', 'b']) talkers.push(await new Talker(`t${name}`, owner).join(cluster.node(name), owner.userId));
    for (const t of talkers) {
      t.say();
      await t.end();
    }
    assert.equal((await cluster.node('a').where(room)).node, (await cluster.node('b').where(room)).node);

    const x = await cluster.list('x');
    const other = join(cluster.folder, 'other');
    await cluster.certify('ca', '--out', other);
    await rm(join(cluster.folder, 'tls-x'), { recursive: true });
    await cluster.certify('node', 'x', '--ca', other, '--out', join(cluster.folder, 'tls-x'), '--host', '127.0.0.1');
    await x.launch();
    const seen = await until(async () => {
      const { code, json } = await x.ask('status');
      return code === 0 && /waits for node [ab] at .* which does not answer/.test(json.sentence) && json;
    }, { what: 'x to say what it waits for', detail: () => cluster.log() });
    assert.equal(seen.state, 'joining');
    assert.ok(seen.members.every((m) => !m.answers), 'nobody answers it');
    assert.equal((await fetch(`${x.origin}/readyz`)).status, 503);
    await x.murder();
    for (const t of talkers) {
      t.say();
      await t.end();
    }
  });
});
