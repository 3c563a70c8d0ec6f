// SPDX-License-Identifier: GPL-3.0-or-later
// 40,000 people come and go, some say something; the program is as large afterwards as it was before them.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { ChatClient } from './support/chat.mjs';
import { until } from './support/process.mjs';
import { Troupe } from './support/troupe.mjs';

const warmUp = 20_000;  // what waits for a deadline of half a minute is there by then
const cycles = 40_000;
const speaksEvery = 10;  // a nonce is kept for ten minutes, about 300 bytes
const atOnce = 50;

const residentBytes = (pid) => Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) * 1024;

test('chat: forty thousand sessions leave nothing behind', { timeout: 400_000 }, async (t) => {
  const troupe = await Troupe.start({ config: '[limits]\nchat_messages_user = 0\nchat_messages_moderator = 0\nchat_sockets_user = 0\n' });
  t.after(() => troupe.close());
  const owner = await troupe.streamer();
  const people = await Promise.all([troupe.streamer(), troupe.streamer()]);
  let begun = 0;
  let said = 0;
  const come = async (until_) => {
    while (begun < until_) {
      const number = begun;
      begun += 1;
      const speaks = number % speaksEvery === 0;
      const headers = speaks ? { authorization: `Bearer ${people[(number / speaksEvery) % 2].token}` } : {};
      const client = await ChatClient.join(troupe.origin, { channel: owner.userId }, { query: { viewer: `viewer-${number}-0123456789` }, headers });
      if (speaks) {
        client.say(`I was number ${number}`, `n${number}`);
        assert.equal((await client.answer(`n${number}`)).type, 'ack');
        said += 1;
      }
      if (number % 3 === 0) client.kill();
      else await client.close();
    }
  };
  const crowd = (end) => Promise.all(Array.from({ length: atOnce }, () => come(end)));
  const everybodyIsGone = () => until(async () => (await troupe.metric('troupe_chat_sockets')) === 0, { what: 'everybody to be gone' });

  await crowd(warmUp);
  await everybodyIsGone();
  const before = residentBytes(troupe.process.child.pid);
  await crowd(warmUp + cycles);
  await everybodyIsGone();
  const after = residentBytes(troupe.process.child.pid);
  assert.ok(after < before * 1.05, `${(before / 1e6).toFixed(1)} MB, after ${cycles} more ${(after / 1e6).toFixed(1)} MB`);
  const { json } = await troupe.api('GET', `/channels/${owner.userId}/chat?limit=1`);
  assert.equal(json.messages[0].seq, said);
});
