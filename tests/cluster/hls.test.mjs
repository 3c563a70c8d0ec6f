// SPDX-License-Identifier: GPL-3.0-or-later
// A stream that one node has, watched at the others: the same bytes, as soon, and each fetched once.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytes, checkPlaylists, firstPlaylist, follow, mediaPath, parse } from '../e2e/support/hls.mjs';
import { media } from '../e2e/support/media.mjs';
import { until } from '../e2e/support/process.mjs';
import { publish } from '../e2e/support/troupe.mjs';
import { withCluster } from './support/cluster.mjs';

/** A stream whose encoder is at node a for the length of use(). */
async function live(cluster, use) {
  const user = await cluster.node('b').streamer();
  const encoder = publish(cluster.node('a').rtmp(user.key), { file: media('main') });
  try {
    const stream = await cluster.node('c').streamWith(user.token, 'live');
    assert.equal((await cluster.node('c').where(`stream/${stream.stream_id}`)).node, 'a');
    await use(stream, user, encoder);
  } finally {
    await encoder.stop('SIGKILL');
  }
}

const uris = (list) => [...new Set([...list.maps, ...list.segments.flatMap((s) => [s.uri, ...s.parts.map((p) => p.uri)]), ...list.open.map((p) => p.uri)])];

test('every node serves the stream that one of them has, to the byte', { timeout: 180_000 }, async () => {
  await withCluster({ tls: true }, async (cluster) => {
    await live(cluster, async (stream) => {
      const seen = await Promise.all(['a', 'b', 'c'].map((name) => follow(cluster.node(name), stream, (l) => l.segments.length >= 6)));
      for (const lists of seen) await checkPlaylists(lists);
      const wanted = uris(seen[0].at(-1));
      assert.ok(wanted.length > 20, `${wanted.length} addresses`);
      for (const uri of wanted) {
        const [a, b, c] = await Promise.all(['a', 'b', 'c'].map((name) => bytes(cluster.node(name), stream, uri)));
        assert.ok(a.equals(b) && a.equals(c), `${uri} differs`);
      }
      const masters = await Promise.all(['a', 'b', 'c'].map((name) => cluster.node(name).text(mediaPath(stream, 'master.m3u8'))));
      const withoutRates = masters.map((text) => text.replaceAll(/BANDWIDTH=\d+/g, ''));  // they grow from moment to moment
      assert.equal(withoutRates[1], withoutRates[0]);
      assert.equal(withoutRates[2], withoutRates[0]);

      // A range, and the headers, as at home.
      const uri = seen[0].at(-1).segments[0].uri;
      const [home, away] = await Promise.all(['a', 'b'].map(async (name) => {
        const r = await fetch(cluster.node(name).origin + mediaPath(stream, `source/${uri}`), { headers: { range: 'bytes=100-199' } });
        return { status: r.status, range: r.headers.get('content-range'), type: r.headers.get('content-type'),
          cache: r.headers.get('cache-control'), body: Buffer.from(await r.arrayBuffer()).toString('hex') };
      }));
      assert.deepEqual(away, home);
      assert.equal(home.status, 206);
      assert.equal(await cluster.node('a').metric('troupe_hls_fetches_total'), 0, 'the stream\'s own node fetches nothing');
    });
  });
});

test('a part is fetched once for everybody who wants it at a node', { timeout: 120_000 }, async () => {
  await withCluster({}, async (cluster) => {
    await live(cluster, async (stream) => {
      const b = cluster.node('b');
      const list = (await follow(cluster.node('a'), stream, (l) => l.segments.length >= 3)).at(-1);
      const { uri } = list.segments[1];
      // One of the two is the stream's standby and has what is finished; the other fetches it.
      const fetched = [];
      const home = await bytes(cluster.node('a'), stream, uri);
      for (const name of ['b', 'c']) {
        const node = cluster.node(name);
        const before = await node.metric('troupe_hls_fetches_total');
        const all = await Promise.all(Array.from({ length: 100 }, () => bytes(node, stream, uri)));
        for (const one of all) assert.ok(one.equals(home));
        fetched.push(await node.metric('troupe_hls_fetches_total') - before);
      }
      assert.ok(Math.max(...fetched) === 1, `${fetched} fetches for a hundred each`);

      // And so is what is about to come.
      const now = parse(await cluster.node('a').text(mediaPath(stream)));
      const asked = await b.metric('troupe_hls_fetches_total');
      const query = `${mediaPath(stream)}?_HLS_msn=${now.nextMsn}&_HLS_part=${now.open.length + 1}`;
      const texts = await Promise.all(Array.from({ length: 100 }, () => b.text(query)));
      const lists = await b.metric('troupe_hls_fetches_total') - asked;
      assert.ok(lists <= 2, `${lists} fetches for a hundred`);  // the last of them may come when the first have gone
      assert.ok(texts.every((text) => parse(text).nextMsn >= now.nextMsn));
    });
  });
});

test('a blocking reload at another node is answered when it is at the stream\'s own', { timeout: 120_000 }, async () => {
  await withCluster({}, async (cluster) => {
    await live(cluster, async (stream) => {
      const [a, b] = ['a', 'b'].map((name) => cluster.node(name));
      await firstPlaylist(b, stream);
      const late = [];
      let list = parse(await a.text(mediaPath(stream)));
      while (late.length < 20) {
        const query = `${mediaPath(stream)}?_HLS_msn=${list.nextMsn}&_HLS_part=${list.open.length}`;
        const timed = async (node) => ({ text: await node.text(query), at: performance.now() });
        const [home, away] = await Promise.all([timed(a), timed(b)]);
        late.push(away.at - home.at);
        list = parse(home.text);
        assert.ok(parse(away.text).nextMsn >= list.nextMsn - 1);
      }
      late.sort((x, y) => x - y);
      assert.ok(late[10] < 167, `later by ${late.map((ms) => ms.toFixed(1))} ms`);
      assert.ok(late[18] < 334, `later by more than a part: ${late.map((ms) => ms.toFixed(1))} ms`);

      // The part that the hint names, before it is there.
      const last = parse(await b.text(mediaPath(stream)));
      const [home, away] = await Promise.all([a, b].map((node) => bytes(node, stream, last.hint)));
      assert.ok(home.equals(away));
    });
  });
});

test('viewers of all nodes are counted, and a stream\'s end is seen everywhere', { timeout: 180_000 }, async () => {
  await withCluster({}, async (cluster) => {
    await live(cluster, async (stream, user) => {
      const watch = (name, id) => fetch(cluster.node(name).origin + mediaPath(stream), { headers: { 'x-playback-session-id': id } })
        .then((r) => r.arrayBuffer());
      await until(async () => {
        await Promise.all([watch('a', 'one'), watch('b', 'two'), watch('b', 'three'), watch('c', 'four')]);
        return (await cluster.node('c').api('GET', `/streams/${stream.stream_id}`)).json.viewer_count === 4;
      }, { deadlineMs: 40_000, what: 'four viewers', detail: () => cluster.log() });

      await cluster.node('c').api('POST', `/streams/${stream.stream_id}/end`, { token: user.token });
      await until(async () => {
        const lists = await Promise.all(['a', 'b', 'c'].map((name) => cluster.node(name).text(mediaPath(stream)).then(parse)));
        return lists.every((l) => l.ended) && lists;
      }, { what: 'the end of the playlist at all nodes', detail: () => cluster.log() });
    });
  });
});

test('a stream that does not exist is not there at any node, and leaves nothing', { timeout: 120_000 }, async () => {
  await withCluster({}, async (cluster) => {
    const b = cluster.node('b');
    for (let i = 1; i < 100; i += 1) {
      const response = await fetch(`${b.origin}/live/${i}/source/media.m3u8`);
      assert.equal(response.status, 404);
      await response.arrayBuffer();
    }
    assert.equal(await b.metric('troupe_hls_fetch_waiting_requests'), 0);
    assert.equal(await b.metric('troupe_segment_cache_streams'), 0);
    assert.equal(await b.metric('troupe_hls_fetches_failed_total'), 0);
  });
});
