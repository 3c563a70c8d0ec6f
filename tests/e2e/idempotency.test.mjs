// SPDX-License-Identifier: GPL-3.0-or-later
// An Idempotency-Key over kill -9: the first answer is stored before it is given, and given again by the next process.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Troupe } from './support/troupe.mjs';

test('what was answered under a key is answered again after kill -9', async () => {
  const troupe = await Troupe.start();
  try {
    const ann = await troupe.streamer('annkeeps');
    const start = (title, key) => troupe.api('POST', '/streams/start', { token: ann.token, body: { title }, headers: { 'idempotency-key': key } });
    const first = await start('One', 'k1');
    assert.equal(first.status, 200);
    assert.equal(first.headers.get('idempotency-replayed'), null);
    const ended = await troupe.api('POST', `/streams/${first.json.stream_id}/end`, { token: ann.token });
    assert.equal(ended.status, 200);
    await troupe.restart('SIGKILL');
    const again = await start('One', 'k1');
    assert.equal(again.status, 200);
    assert.equal(again.headers.get('idempotency-replayed'), 'true');
    assert.equal(again.headers.get('content-type'), first.headers.get('content-type'));
    assert.deepEqual(again.json, first.json, 'the stream that has ended, not another one');
    const other = await start('Two', 'k1');
    assert.equal(other.status, 409);
    assert.equal(other.json.error.code, 'idempotency_key_reused');
    const fresh = await start('One', 'k2');
    assert.equal(fresh.status, 200);
    assert.notEqual(fresh.json.stream_id, first.json.stream_id);
    const [a, b] = await Promise.all([start('One', 'k3'), start('One', 'k3')]);
    const codes = [a, b].map((x) => x.status).sort();
    assert.ok(codes[0] === 200 && (codes[1] === 200 || codes[1] === 409), codes.join());
  } finally {
    await troupe.close();
  }
});
