// SPDX-License-Identifier: GPL-3.0-or-later
// A stream that moves, or whose node dies, as its viewers at another node see it: every part once, in order, and the same
// bytes for ever.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytes, checkPlaylists, firstPlaylist, mediaPath, packets, parse } from '../e2e/support/hls.mjs';
import { media } from '../e2e/support/media.mjs';
import { until } from '../e2e/support/process.mjs';
import { publish } from '../e2e/support/troupe.mjs';
import { withCluster } from './support/cluster.mjs';

const part = 334;

/** A player at a node: blocking reloads, and every part as soon as it is listed. Remembers when and what. */
class Viewer {
  constructor(node, stream) {
    Object.assign(this, { node, stream, lists: [], parts: new Map(), refusals: [], stopped: false });
  }

  async start() {
    this.lists.push(await firstPlaylist(this.node, this.stream));
    this.running = this.run();
    return this;
  }

  async run() {
    while (!this.stopped) {
      const last = this.lists.at(-1);
      const query = `${mediaPath(this.stream)}?_HLS_msn=${last.nextMsn}&_HLS_part=${last.open.length}`;
      const response = await fetch(this.node.origin + query, { signal: AbortSignal.timeout(40_000) });
      const text = await response.text();
      if (response.status !== 200) {
        this.refusals.push({ status: response.status, at: performance.now() });
        await new Promise((again) => { setTimeout(again, 50); });
        continue;
      }
      this.lists.push(parse(text));
      for (const p of this.listed()) {
        if (this.parts.has(p.uri)) continue;
        const at = performance.now();
        this.parts.set(p.uri, { at, duration: p.duration, body: await bytes(this.node, this.stream, p.uri) });
      }
    }
  }

  listed() {
    const list = this.lists.at(-1);
    return [...list.segments.flatMap((s) => s.parts), ...list.open];
  }

  /** Until so many parts more were seen. */
  async see(count, deadlineMs = 30_000) {
    const wanted = this.parts.size + count;
    await until(() => this.parts.size >= wanted, { deadlineMs, what: `${wanted} parts`,
      detail: () => `${this.lists.at(-1).text}\n${JSON.stringify(this.refusals)}\n${this.node.cluster.log()}` });
  }

  async stop() {
    this.stopped = true;
    await this.running;
  }

  /** By how much each part came later than the earliest one would have it, in ms; those known at the start left out. */
  lateness() {
    let mediaMs = 0;
    const due = [...this.parts.values()].map((p) => ({ at: p.at, media: (mediaMs += p.duration * 1000) })).slice(12);
    const first = Math.min(...due.map((p) => p.at - p.media));
    return due.map((p) => p.at - p.media - first);
  }

  /** Whatever was listed to it, once: names follow each other without a gap. */
  assertWhole() {
    const names = [...this.parts.keys()].map((uri) => uri.split('.').slice(0, 2).map(Number));
    for (let i = 1; i < names.length; i += 1) {
      const [msn, index] = names[i];
      const [before, last] = names[i - 1];
      assert.ok((msn === before && index === last + 1) || (msn === before + 1 && index === 0),
        `${before}.${last} is followed by ${msn}.${index}`);
    }
  }

  /** All it was given is still there, at that node too, and no other bytes. */
  async assertKept(node) {
    const list = parse(await node.text(mediaPath(this.stream)));
    const oldest = list.msn;
    for (const [uri, { body }] of this.parts) {
      if (Number(uri.split('.')[0]) < oldest) continue;
      assert.ok(body.equals(await bytes(node, this.stream, uri)), `${uri} is another one at ${node.name}`);
    }
    const whole = this.lists.at(-1).nextMsn;
    for (const s of list.segments.filter((x) => x.msn < whole)) {
      const ours = [...this.parts].filter(([uri]) => uri.startsWith(`${s.msn}.`)).map(([, p]) => p.body);
      if (ours.length === 0 || !this.parts.has(`${s.msn}.0.m4s`)) continue;
      assert.ok(Buffer.concat(ours).equals(await bytes(node, this.stream, s.uri)), `segment ${s.msn} is not its parts at ${node.name}`);
    }
  }
}

/** A stream whose encoder is at node a, and where the stream is at first. */
async function live(cluster, use) {
  const user = await cluster.node('b').streamer();
  const encoder = publish(cluster.node('a').rtmp(user.key), { file: media('main') });
  try {
    const stream = await cluster.node('c').streamWith(user.token, 'live');
    const name = `stream/${stream.stream_id}`;
    assert.equal((await cluster.node('c').where(name)).node, 'a');
    await use({ stream, name, user, encoder });
  } finally {
    await encoder.stop('SIGKILL');
  }
}

/** Until every stream has its standby. */
async function safe(cluster, node) {
  await until(async () => (await cluster.node(node).metric('troupe_streams_unprotected')) === 0,
    { what: 'a standby', detail: () => cluster.log() });
}

test('a stream moves under its viewers: no part missing, late or different', { timeout: 180_000 }, async (t) => {
  await withCluster({ tls: true }, async (cluster) => {
    await live(cluster, async ({ stream, name }) => {
      const [near, far] = await Promise.all(['a', 'c'].map((node) => new Viewer(cluster.node(node), stream).start()));
      await safe(cluster, 'a');
      await far.see(14);
      const pauses = [];
      for (const to of ['b', 'c', 'a', 'b']) {
        const moved = await cluster.node('c').move(name, to);
        pauses.push(moved.away_ms ?? moved);
        await until(async () => (await cluster.node('a').where(name)).node === to, { what: `the stream at ${to}` });
        await far.see(9);
      }
      await Promise.all([near.stop(), far.stop()]);
      for (const viewer of [near, far]) {
        viewer.assertWhole();
        await checkPlaylists(viewer.lists);
        assert.equal(viewer.lists.reduce((most, l) => Math.max(most, l.discontinuities), 0), 0);
        for (const node of ['a', 'b', 'c']) await viewer.assertKept(cluster.node(node));
        const late = viewer.lateness();
        t.diagnostic(`at ${viewer.node.name}: latest part ${Math.max(...late).toFixed(0)} ms, refusals ${viewer.refusals.length}`);
        assert.deepEqual(viewer.refusals, []);
        assert.ok(Math.max(...late) < 2 * part, `late by ${late.map((ms) => ms.toFixed(0))} ms`);  // one of them the machine's own
      }
      t.diagnostic(`moves: ${JSON.stringify(pauses)}`);
      const list = parse(await cluster.node('c').text(mediaPath(stream)));
      const seen = await packets(cluster.node('c'), stream, list.segments);
      assert.equal(seen.decodeErrors, '');
      assert.equal(await cluster.node('a').metric('troupe_stream_cut_off_total'), 0);
    });
  });
});

test('kill -9 of the stream\'s node, encoder and viewers elsewhere: nobody sees it in the playlist', { timeout: 180_000 }, async (t) => {
  await withCluster({}, async (cluster) => {
    await live(cluster, async ({ stream, name }) => {
      await safe(cluster, 'a');
      await cluster.node('c').move(name, 'b');
      await safe(cluster, 'b');
      const viewer = await new Viewer(cluster.node('c'), stream).start();
      await viewer.see(14);
      const at = performance.now();
      await cluster.node('b').murder();
      await viewer.see(12);
      const next = [...viewer.parts.values()].find((p) => p.at > at + 100);
      t.diagnostic(`the next part came after ${(next.at - at).toFixed(0)} ms, refusals ${viewer.refusals.length}`);
      assert.ok(next.at - at < 4000, `${next.at - at} ms`);
      await viewer.stop();
      viewer.assertWhole();
      await checkPlaylists(viewer.lists);
      assert.equal(viewer.lists.at(-1).discontinuities, 0);
      assert.notEqual((await cluster.node('c').where(name)).node, 'b');
      for (const node of ['a', 'c']) await viewer.assertKept(cluster.node(node));
      const list = parse(await cluster.node('a').text(mediaPath(stream)));
      const seen = await packets(cluster.node('a'), stream, list.segments);
      assert.equal(seen.decodeErrors, '');
    });
  });
});

test('kill -9 of the node of stream and encoder: listed parts stay, the encoder goes on with the same stream', { timeout: 180_000 }, async (t) => {
  await withCluster({}, async (cluster) => {
    await live(cluster, async ({ stream, name, user }) => {
      await safe(cluster, 'a');
      const viewer = await new Viewer(cluster.node('b'), stream).start();
      await viewer.see(14);
      await cluster.node('a').murder();
      const listed = viewer.listed().map((p) => p.uri);
      // Each of them, at a node that has fetched none of it.
      for (const uri of listed) {
        const body = await until(() => bytes(cluster.node('c'), stream, uri).catch(() => undefined),
          { deadlineMs: 10_000, what: `${uri} at c`, detail: () => cluster.log() });
        assert.ok(body.equals(viewer.parts.get(uri)?.body ?? body), `${uri} is another one`);
      }
      const again = publish(cluster.node('c').rtmp(user.key), { file: media('main') });
      try {
        await viewer.see(14);
        await viewer.stop();
        assert.equal((await cluster.node('b').streamWith(user.token, 'live')).stream_id, stream.stream_id);
        viewer.assertWhole();
        await checkPlaylists(viewer.lists);
        const last = viewer.lists.at(-1);
        assert.equal(last.segments.filter((s) => s.discontinuity).length + (last.openDiscontinuity ? 1 : 0), 1);
        for (const node of ['b', 'c']) await viewer.assertKept(cluster.node(node));
        t.diagnostic(`${(await cluster.node('b').where(name)).node} has it, refusals ${viewer.refusals.length}`);
      } finally {
        await again.stop('SIGKILL');
      }
    });
  });
});

test('kill -9 of the encoder\'s node: the stream stays where it is, and goes on with one discontinuity', { timeout: 180_000 }, async () => {
  await withCluster({}, async (cluster) => {
    await live(cluster, async ({ stream, name, user }) => {
      await cluster.node('c').move(name, 'b');
      const viewer = await new Viewer(cluster.node('c'), stream).start();
      await viewer.see(14);
      await cluster.node('a').murder();
      const again = publish(cluster.node('c').rtmp(user.key), { file: media('main') });
      try {
        await viewer.see(14);
        await safe(cluster, 'b');
        await viewer.stop();
        viewer.assertWhole();
        await checkPlaylists(viewer.lists);
        assert.equal((await cluster.node('c').where(name)).node, 'b');
        const last = viewer.lists.at(-1);
        assert.equal(last.segments.filter((s) => s.discontinuity).length + (last.openDiscontinuity ? 1 : 0), 1);
        for (const node of ['b', 'c']) await viewer.assertKept(cluster.node(node));
      } finally {
        await again.stop('SIGKILL');
      }
    });
  });
});

test('the stream\'s node falls silent and comes back: its viewers elsewhere go on without it', { timeout: 180_000 }, async (t) => {
  await withCluster({}, async (cluster) => {
    await live(cluster, async ({ stream, name }) => {
      await cluster.node('c').move(name, 'b');
      await safe(cluster, 'b');
      const viewer = await new Viewer(cluster.node('c'), stream).start();
      await viewer.see(14);
      const at = performance.now();
      cluster.node('b').process.child.kill('SIGSTOP');
      try {
        await viewer.see(12);
        const next = [...viewer.parts.values()].find((p) => p.at > at + 500);
        t.diagnostic(`the next part came after ${(next.at - at).toFixed(0)} ms, refusals ${viewer.refusals.length}`);
        await until(() => performance.now() - at > 10_000, { deadlineMs: 20_000, what: '10 s of silence' });
      } finally {
        cluster.node('b').process.child.kill('SIGCONT');
      }
      await cluster.settle(60_000);
      await viewer.see(9);
      await viewer.stop();
      viewer.assertWhole();
      await checkPlaylists(viewer.lists);
      assert.equal(viewer.lists.at(-1).discontinuities, 0);
      assert.notEqual((await cluster.node('c').where(name)).node, 'b');
      for (const node of ['a', 'b', 'c']) await viewer.assertKept(cluster.node(node));
    });
  });
});
