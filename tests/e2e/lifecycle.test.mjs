// SPDX-License-Identifier: GPL-3.0-or-later
// Starts, ends, crashes and bad surroundings of the program.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { firstPlaylist, follow } from './support/hls.mjs';
import { media } from './support/media.mjs';
import { Process, until } from './support/process.mjs';
import { stall } from './support/stalled_store.mjs';
import { binary, publish, Troupe } from './support/troupe.mjs';

async function running(use, options) {
  const troupe = await Troupe.start(options);
  try {
    await use(troupe);
  } finally {
    await troupe.close();
  }
}

/** Runs the program on a configuration it must refuse, and answers what it said. */
async function refused(config, folder, ...args) {
  const file = join(folder, 'bad.conf');
  await writeFile(file, config);
  const program = new Process(binary, ['serve', '--config', file, ...args]);
  const timer = setTimeout(() => program.kill('SIGKILL'), 15_000);
  const { code } = await program.exited;
  clearTimeout(timer);
  assert.ok(code > 0, `exit code ${code}\n${program.output}`);
  return program.output;
}

test('SIGTERM with a live stream ends within ten seconds, the stream waits for its publisher, who finds it again', async () => {
  await running(async (troupe) => {
    const user = await troupe.streamer();
    const encoder = publish(troupe.rtmp(user.key), { file: media('main') });
    const stream = await troupe.streamWith(user.token, 'live');
    const before = await firstPlaylist(troupe, stream);
    const began = Date.now();
    const end = await troupe.restart('SIGTERM');
    assert.deepEqual([end.code, end.signal], [0, null]);
    assert.ok(Date.now() - began < 15_000);
    await encoder.stop('SIGKILL');
    assert.equal((await troupe.api('GET', `/streams/${stream.stream_id}`)).json.status, 'reconnecting');
    const again = publish(troupe.rtmp(user.key), { file: media('main') });
    try {
      const same = await troupe.streamWith(user.token, 'live');
      assert.equal(same.stream_id, stream.stream_id);
      const after = await firstPlaylist(troupe, stream);
      assert.ok(after.msn > before.msn, 'the numbering goes on above');
    } finally {
      await again.stop('SIGKILL');
    }
  });
});

for (const store of ['sqlite', 'postgresql']) {
  test(`SIGTERM while ${store} stalls: what waits is answered 503, and it ends within ten seconds`, async () => {
    await running(async (troupe) => {
      const user = await troupe.streamer();
      const encoder = publish(troupe.rtmp(user.key), { file: media('main') });
      const stream = await troupe.streamWith(user.token, 'live');
      const release = await stall(troupe);
      try {
        const asked = Array.from({ length: 60 }, (_, i) =>
          troupe.api('POST', '/streams/start', { token: user.token, body: { title: `title ${i}` } }).catch((e) => e));
        await until(async () => await troupe.metric('troupe_worker_queue_jobs') >= 40, { what: 'requests that wait for the store' });
        const began = Date.now();
        const end = await troupe.process.stop('SIGTERM', 20_000);
        const took = Date.now() - began;
        assert.deepEqual([end.code, end.signal], [0, null], troupe.process.output);
        assert.ok(took < 10_000, `it took ${took} ms`);
        const refused = (await Promise.all(asked)).filter((a) => a.status === 503);
        assert.ok(refused.length >= 40, `${refused.length} were answered`);
      } finally {
        await encoder.stop('SIGKILL');
        await release();
      }
      await troupe.launch();
      const same = await troupe.api('POST', '/streams/start', { token: user.token, body: { title: 'again' } });
      assert.deepEqual([same.status, same.json.stream_id], [200, stream.stream_id]);
    }, { store });
  });
}

test('kill -9 loses no account and no stream; the encoder goes on with the same stream', async () => {
  await running(async (troupe) => {
    const users = [];
    for (let i = 0; i < 4; i += 1) users.push(await troupe.streamer());
    const waiting = await troupe.api('POST', '/streams/start', { token: users[1].token, body: { title: 'soon' } });
    const encoder = publish(troupe.rtmp(users[0].key), { file: media('main') });
    const stream = await troupe.streamWith(users[0].token, 'live');
    const [before] = (await follow(troupe, stream, (l) => l.segments.length >= 2)).slice(-1);
    await troupe.restart('SIGKILL');
    await encoder.stop('SIGKILL');
    for (const user of users) {
      const { status, json } = await troupe.api('POST', '/auth/token', { body: { grant_type: 'password', username: user.username, password: user.password } });
      assert.equal(status, 200);
      const key = await troupe.api('GET', '/users/me/stream-key', { token: json.access_token });
      assert.equal(key.json.stream_key, user.key);
    }
    assert.equal((await troupe.api('GET', `/streams/${waiting.json.stream_id}`)).json.status, 'waiting');
    assert.equal((await troupe.api('GET', `/streams/${stream.stream_id}`)).json.status, 'reconnecting');
    const again = publish(troupe.rtmp(users[0].key), { file: media('main') });
    try {
      const same = await troupe.streamWith(users[0].token, 'live');
      assert.equal(same.stream_id, stream.stream_id);
      const after = await firstPlaylist(troupe, stream);
      assert.ok(after.msn >= before.nextMsn, `${after.msn} after ${before.nextMsn}`);
    } finally {
      await again.stop('SIGKILL');
    }
  });
});

test('a stream whose publisher does not come back after a crash ends by itself', async () => {
  await running(async (troupe) => {
    const user = await troupe.streamer();
    const encoder = publish(troupe.rtmp(user.key), { file: media('noaudio') });
    const stream = await troupe.streamWith(user.token, 'live');
    await encoder.stop('SIGKILL');
    await troupe.restart('SIGKILL');
    await until(async () => (await troupe.api('GET', `/streams/${stream.stream_id}`)).json.status === 'ended', { what: 'the end' });
  }, { config: '[stream]\ngrace_period_s = 3\n' });
});

test('status, tree and where answer for a running node', async () => {
  await running(async (troupe) => {
    const user = await troupe.streamer();
    const encoder = publish(troupe.rtmp(user.key), { file: media('noaudio') });
    try {
      const stream = await troupe.streamWith(user.token, 'live');
      const ask = async (...args) => {
        const command = troupe.command(...args, '--json');
        const { code } = await command.exited;
        assert.equal(code, 0, command.output);
        return command.output;
      };
      assert.match(await ask('status'), /"node": ?"a"/);
      assert.match(await ask('tree'), new RegExp(`stream/${stream.stream_id}`));
      const text = troupe.command('tree');
      await text.exited;
      for (const service of ['rtmp', 'http', 'housekeeping', 'presence']) assert.match(text.output, new RegExp(`  ${service} running`));
      const where = JSON.parse(await ask('where', `stream/${stream.stream_id}`));
      assert.equal(where.node, 'a');
      assert.equal(where.state, 'active');
      for (const nobody of ['stream/12345', 'stream/x', 'room/12345']) {
        const command = troupe.command('where', nobody);
        assert.notEqual((await command.exited).code, 0);
        assert.match(command.output, new RegExp(`there is no ${nobody}`));
      }
      const idle = troupe.command('where', `room/${user.userId}`);
      assert.equal((await idle.exited).code, 0, idle.output);
      assert.match(idle.output, /is (not in use; it would start|active) on node a/);
    } finally {
      await encoder.stop('SIGKILL');
    }
  });
});

test('a second program on the same data folder is refused', async () => {
  await running(async (troupe) => {
    const second = troupe.command('serve');
    const { code } = await second.exited;
    assert.notEqual(code, 0);
    assert.match(second.output, /already runs/);
  });
});

test('bad surroundings are named and change nothing', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'troupe-e2e-bad-'));
  try {
    assert.match(await refused('[cluster]\nstore = "sqlite:x.db"\ncolour = "red"\n', folder), /bad\.conf:3.*colour/);
    await writeFile(join(folder, 'not.db'), 'this is no database at all, but long enough to look like a file\n'.repeat(50));
    assert.match(await refused('[cluster]\nstore = "sqlite:not.db"\ndata = "d1"\n[[node]]\nname = "a"\nhttp = 0\nrtmp = 0\n', folder), /database/);
    const two = ['a', 'b'].map((name) => `[[node]]\nname = "${name}"\nhost = "127.0.0.1"\nhttp = 0\nrtmp = 0\n`).join('');
    assert.match(await refused(`[cluster]\nstore = "sqlite:two.db"\ndata = "d2"\n${two}`, folder, '--node', 'a'), /postgresql.*for 2 nodes, found SQLite/);
    assert.match(await refused(`[cluster]\nstore = "postgresql://t@127.0.0.1:1/t"\ndata = "d3"\n${two}`, folder, '--node', 'a'), /opening the store/);
    await writeFile(join(folder, 'file'), '');
    assert.match(await refused('[cluster]\nstore = "sqlite:ok.db"\ndata = "file/below"\n[[node]]\nname = "a"\nhttp = 0\nrtmp = 0\n', folder), /data folder/);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test('a full disk is a clear error; what was acknowledged is there when there is room again', {
  skip: process.getuid() !== 0 && 'only root can mount a small disk',
}, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'troupe-e2e-full-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', folder], { stdio: 'ignore' });
  } catch {
    await rm(folder, { recursive: true, force: true });
    t.skip('mounting is not allowed here');
    return;
  }
  try {
    await mkdir(join(folder, 'data'));
    const troupe = await Troupe.start({ folder });
    try {
      const user = await troupe.streamer();
      await writeFile(join(folder, 'ballast'), Buffer.alloc(8 << 20)).catch(() => {});  // takes all there is
      let failed;
      for (let i = 0; i < 200 && !failed; i += 1) {
        const answer = await troupe.api('POST', '/streams/start', { token: user.token, body: { title: 'x'.repeat(100) + i } });
        if (answer.status !== 200) failed = answer;
      }
      assert.equal(failed?.status, 503);
      assert.match(failed.json.error.code, /disk_full|unavailable/);
      await rm(join(folder, 'ballast'));
      await until(async () => (await troupe.api('POST', '/streams/start', { token: user.token, body: { title: 'room again' } })).status === 200,
        { what: 'the store to answer again' });
      await troupe.restart('SIGKILL');
      assert.equal((await troupe.api('GET', '/users/me/stream', { token: user.token })).json.title, 'room again');
    } finally {
      await troupe.process.stop();
    }
  } finally {
    execFileSync('umount', ['-l', folder]);
    await rm(folder, { recursive: true, force: true });
  }
});
