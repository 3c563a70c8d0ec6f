// SPDX-License-Identifier: GPL-3.0-or-later
// Following, its lists and counts, public profiles, and who of the followed is live.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { media } from './support/media.mjs';
import { publish, Troupe } from './support/troupe.mjs';

let troupe;
let aya;
let bo;
let cy;

before(async () => {
  troupe = await Troupe.start({ config: '[limits]\nfollows_per_user = 3\n' });
  const random = Math.floor(Math.random() * 1e6);
  [aya, bo, cy] = await Promise.all(['Aya', 'bo', 'cy'].map((name) => troupe.streamer(`${name}_f${random}`)));
});
after(async () => { await troupe?.close(); });

const follow = (who, channel) => troupe.api('PUT', `/users/${channel.userId ?? channel}/follow`, { token: who.token });
const unfollow = (who, channel) => troupe.api('DELETE', `/users/${channel.userId ?? channel}/follow`, { token: who.token });
const profile = async (user, who) => (await troupe.api('GET', `/users/${user.userId}`, { token: who?.token })).json;

async function pages(path, limit, token) {
  const all = [];
  let cursor;
  do {
    const { status, json } = await troupe.api('GET', `${path}?limit=${limit}${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`, { token });
    assert.equal(status, 200);
    assert.ok(json.items.length <= limit);
    all.push(...json.items);
    cursor = json.next;
  } while (cursor);
  return all;
}

test('following twice is following once, and unfollowing gives it back', async () => {
  const first = await follow(bo, aya);
  assert.equal(first.status, 200);
  assert.deepEqual({ ...first.json, followed_at: null }, { user_id: aya.userId, is_followed: true, followed_at: null, follower_count: 1 });
  assert.deepEqual((await follow(bo, aya)).json, first.json);
  assert.equal((await follow(cy, aya)).json.follower_count, 2);
  const seen = await profile(aya, bo);
  assert.equal(seen.follower_count, 2);
  assert.equal(seen.is_followed, true);
  assert.equal(seen.followed_at, first.json.followed_at);
  for (let i = 0; i < 2; i += 1) {
    assert.deepEqual((await unfollow(bo, aya)).json, { user_id: aya.userId, is_followed: false, followed_at: null, follower_count: 1 });
  }
  assert.equal((await unfollow(cy, aya)).json.follower_count, 0);
});

test('nobody follows themselves, or somebody who is not there, or without logging in', async () => {
  const own = await follow(aya, aya);
  assert.deepEqual([own.status, own.json.error.code], [400, 'own_channel']);
  assert.equal((await follow(aya, 4242)).status, 404);
  assert.equal((await unfollow(aya, 4242)).status, 404);
  assert.equal((await troupe.api('PUT', `/users/${aya.userId}/follow`)).status, 401);
  assert.equal((await troupe.api('DELETE', `/users/${aya.userId}/follow`)).status, 401);
  assert.equal((await troupe.api('PATCH', `/users/${aya.userId}/follow`)).status, 405);
  const options = await troupe.api('OPTIONS', `/users/${aya.userId}/follow`);
  assert.deepEqual([options.status, options.headers.get('allow')], [204, 'PUT, DELETE, OPTIONS']);
});

test('a user follows as many channels as the limit says', async () => {
  const others = await Promise.all([0, 1].map(() => troupe.streamer()));
  for (const channel of [aya, bo, others[0]]) assert.equal((await follow(cy, channel)).status, 200);
  const refused = await follow(cy, others[1]);
  assert.deepEqual([refused.status, refused.json.error.code], [409, 'too_many_follows']);
  assert.equal((await profile(cy)).following_count, 3);
  assert.equal((await profile(others[1])).follower_count, 0);
  await unfollow(cy, bo);
  assert.equal((await follow(cy, others[1])).status, 200);
  for (const channel of [aya, ...others]) await unfollow(cy, channel);
  assert.equal((await profile(cy)).following_count, 0);
});

test('lists come newest first, page by page, and survive a kill', async () => {
  const fans = await Promise.all(Array.from({ length: 5 }, () => troupe.streamer()));
  for (const fan of fans) await follow(fan, aya);
  for (const channel of [aya, bo, cy]) await follow(fans[0], channel);
  await troupe.restart('SIGKILL');
  const newest = fans.map((fan) => fan.userId).reverse();
  for (const limit of [1, 2, 5, 100]) {
    assert.deepEqual((await pages(`/users/${aya.userId}/followers`, limit)).map((item) => item.user_id), newest);
  }
  const followed = await pages(`/users/${fans[0].userId}/following`, 2);
  assert.deepEqual(followed.map((item) => [item.user_id, item.username, item.stream]),
    [[cy.userId, cy.username, null], [bo.userId, bo.username, null], [aya.userId, aya.username, null]]);
  assert.equal((await profile(aya)).follower_count, 5);
  assert.deepEqual(await pages(`/users/${fans[1].userId}/followers`, 10), []);
  assert.equal((await troupe.api('GET', '/users/4242/followers')).status, 404);
  assert.equal((await troupe.api('GET', '/users/4242/following')).status, 404);
  for (const path of [`/users/${aya.userId}/followers`, `/users/${aya.userId}/following`]) {
    for (const cursor of ['x', '1', '0-0', '1-x', '-1-1', '1-9007199254740992']) {
      assert.equal((await troupe.api('GET', `${path}?cursor=${cursor}`)).json.error.code, 'invalid_cursor');
    }
  }
});

test('a profile is found by id and by name, in any case of letters', async () => {
  const byName = await troupe.api('GET', `/users?username=${aya.username.toUpperCase()}`, { token: bo.token });
  assert.deepEqual(byName.json, await profile(aya, bo));
  assert.equal(byName.json.username, aya.username);
  assert.equal(byName.json.is_followed, false);
  assert.equal((await profile(aya)).is_followed, null);
  assert.equal((await troupe.api('GET', '/users?username=nobody_has_this')).status, 404);
  assert.equal((await troupe.api('GET', `/users?username=${aya.username}@example.org`)).status, 404);
  assert.equal((await troupe.api('GET', '/users')).status, 400);
  assert.equal((await troupe.api('GET', '/users/4242')).status, 404);
  assert.equal((await troupe.api('GET', `/users/${aya.userId}`, { token: 'forged' })).status, 401);
});

test('follows that race leave exact counts', async () => {
  const channel = await troupe.streamer();
  const fans = await Promise.all(Array.from({ length: 4 }, () => troupe.streamer()));
  const rounds = Array.from({ length: 6 }, (_, i) => i);
  await Promise.all(fans.flatMap((fan, f) => rounds.map((i) => ((i + f) % 2 ? unfollow : follow)(fan, channel))));
  const present = await pages(`/users/${channel.userId}/followers`, 3);
  assert.equal((await profile(channel)).follower_count, present.length);
  for (const fan of fans) {
    const is = present.some((item) => item.user_id === fan.userId);
    assert.equal((await profile(fan)).following_count, Number(is));
    assert.equal((await profile(channel, fan)).is_followed, is);
  }
});

test('who is live among the followed is told, and only them', async () => {
  const live = await troupe.streamer();
  const stranger = await troupe.streamer();
  await follow(bo, live);
  await follow(bo, cy);
  await troupe.api('POST', '/streams/start', { token: cy.token, body: { title: 'not yet' } });  // waits: not live
  assert.deepEqual(await pages('/users/me/following/live', 10, bo.token), []);
  const encoders = [live, stranger].map((user) => publish(troupe.rtmp(user.key), { file: media('main') }));
  try {
    const stream = await troupe.streamWith(live.token, 'live');
    await troupe.streamWith(stranger.token, 'live');
    const found = await pages('/users/me/following/live', 1, bo.token);
    assert.deepEqual(found.map((item) => [item.stream_id, item.user_id, item.username, item.status]),
      [[stream.stream_id, live.userId, live.username, 'live']]);
    const followed = await pages(`/users/${bo.userId}/following`, 10);
    assert.equal(followed.find((item) => item.user_id === live.userId).stream.stream_id, stream.stream_id);
    assert.equal(followed.find((item) => item.user_id === cy.userId).stream, null);
    assert.equal((await profile(live)).stream_id, stream.stream_id);
    assert.equal((await profile(cy)).stream_id, null);
    await troupe.api('POST', `/streams/${stream.stream_id}/end`, { token: live.token });
    assert.deepEqual(await pages('/users/me/following/live', 10, bo.token), []);
    assert.equal((await profile(live)).stream_id, null);
  } finally {
    await Promise.all(encoders.map((encoder) => encoder.stop('SIGKILL')));
  }
});
