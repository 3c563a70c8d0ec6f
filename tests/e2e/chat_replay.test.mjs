// SPDX-License-Identifier: GPL-3.0-or-later
// Real chat, replayed: recorded lines of a large channel (pseudonymised; beside the checkout where the project is developed,
// else generated in the same shape), at the pace they were said and a hundred times faster.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { after, before, test } from 'node:test';
import { ChatClient } from './support/chat.mjs';
import { until } from './support/process.mjs';
import { Troupe } from './support/troupe.mjs';

const recorded = resolve(dirname(fileURLToPath(import.meta.url)), '../../../shared/chat/twitch-irc-800-lines-pseudonymised.txt');
const speakers = 8;  // accounts that the recorded people share: each costs a password hash
// Of the recording, at its own pace: a part, because the whole takes as long as it took. TROUPE_REPLAY_SECONDS=100000 is all of it.
const atOnceSeconds = Number(process.env.TROUPE_REPLAY_SECONDS ?? 20);

/** [{at: ms since the first, who, text}] */
function lines() {
  if (!existsSync(recorded)) {
    return Array.from({ length: 800 }, (_, i) => ({ at: i * 560, who: `${(i * 7) % 118}`, text: `line ${i} ${'👏é漢字'.repeat(i % 9)} @u${i % 50}` }));
  }
  const out = [];
  for (const line of readFileSync(recorded, 'utf8').split('\n')) {
    const found = /^@(\S+) \S+ PRIVMSG #\S+ :(.*)$/.exec(line.trimEnd());
    if (!found) continue;
    const tags = Object.fromEntries(found[1].split(';').map((t) => t.split('=')));
    // What IRC wraps an action in is a control character; chat here has none.
    const text = found[2].replace(/[\u0000-\u001f\u007f]/g, '').trim();
    if (text) out.push({ at: Number(tags['tmi-sent-ts']), who: tags['user-id'], text });
  }
  out.sort((a, b) => a.at - b.at);
  return out.map((l) => ({ ...l, at: l.at - out[0].at }));
}

let troupe;
let people;
before(async () => {
  troupe = await Troupe.start({ config: '[limits]\nchat_messages_user = 0\nchat_messages_moderator = 0\n' });
  people = await Promise.all(Array.from({ length: speakers }, () => troupe.streamer()));
});
after(() => troupe.close());

async function replay(said, speed) {
  const owner = await troupe.streamer();
  const viewer = await ChatClient.join(troupe.origin, { channel: owner.userId });
  const clients = await Promise.all(people.map((p) => ChatClient.join(troupe.origin, { channel: owner.userId }, { headers: { authorization: `Bearer ${p.token}` } })));
  const account = (who) => clients[Number(BigInt(who) % BigInt(speakers))];
  const began = Date.now();
  for (const [i, line] of said.entries()) {
    const wait = line.at / speed - (Date.now() - began);
    if (wait > 1) await new Promise((done) => { setTimeout(done, wait); });
    account(line.who).say(line.text, `r${i}`);
  }
  await until(() => viewer.events.length >= said.length, { deadlineMs: 30_000, what: 'every line', subscribe: viewer.listeners, detail: () => JSON.stringify(clients.flatMap((c) => c.frames.filter((f) => f.type === 'error'))).slice(0, 2000) });
  const events = viewer.events;
  assert.deepEqual(events.map((e) => e.seq), said.map((_, i) => i + 1), 'dense, in order, once');
  const byNonce = new Map(events.map((e) => [e.nonce, e]));
  said.forEach((line, i) => assert.equal(byNonce.get(`r${i}`)?.message, line.text.normalize('NFC')));
  for (const [number, client] of clients.entries()) {
    const mine = said.flatMap((line, i) => (account(line.who) === client ? [`r${i}`] : []));
    assert.deepEqual(events.filter((e) => e.user.user_id === people[number].userId).map((e) => e.nonce), mine, 'one sender keeps its order');
  }
  await Promise.all([...clients, viewer].map((c) => c.close()));
}

test('a recorded chat at a hundred times its pace', { timeout: 120_000 }, () => replay(lines(), 100));

const part = lines().filter((l) => l.at < atOnceSeconds * 1000);
test('a recorded chat at its own pace', { timeout: 120_000 + part.at(-1).at }, () => replay(part, 1));
