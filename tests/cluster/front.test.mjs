// SPDX-License-Identifier: GPL-3.0-or-later
// The front of docs/haproxy.cfg with the real HAProxy: TLS 1.3 and HTTP/2 towards viewers, leastconn, and nodes that go and
// come without a viewer's request failing.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import http2 from 'node:http2';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import tls from 'node:tls';
import { ChatClient } from '../e2e/support/chat.mjs';
import { Process, until } from '../e2e/support/process.mjs';
import { publish } from '../e2e/support/troupe.mjs';
import { freePorts, withCluster } from './support/cluster.mjs';
import { unlimited } from './support/talk.mjs';

const file = resolve(dirname(fileURLToPath(import.meta.url)), '../../docs/haproxy.cfg');
const names = ['a', 'b', 'c'];

class Front {
  static async start(cluster) {
    const front = new Front();
    front.folder = await mkdtemp(join(tmpdir(), 'troupe-front-'));
    const [https, rtmp] = await freePorts(2);
    Object.assign(front, { https, rtmp, origin: `https://127.0.0.1:${https}` });
    const key = join(front.folder, 'key.pem');
    const certificate = join(front.folder, 'certificate.pem');
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2',
      '-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', certificate], { stdio: 'ignore' });
    front.ca = await readFile(certificate);
    const both = join(front.folder, 'both.pem');
    await writeFile(both, Buffer.concat([front.ca, await readFile(key)]));
    const env = { FRONT_HTTPS: `127.0.0.1:${https}`, FRONT_RTMP: `127.0.0.1:${rtmp}`, FRONT_CERTIFICATE: both };
    for (const name of names) {
      const node = cluster.node(name);
      const upper = name.toUpperCase();
      Object.assign(env, { [`NODE_${upper}`]: '127.0.0.1', [`HTTP_${upper}`]: node.httpPort, [`RTMP_${upper}`]: node.rtmpPort });
    }
    front.certificate = certificate;
    front.process = new Process('haproxy', ['-db', '-f', file], { name: 'haproxy', env });
    front.session = await until(() => front.connect().catch(() => undefined),
      { what: 'the front to listen', detail: () => front.process.output });
    await until(async () => (await front.get('/readyz')).status === 200, { what: 'a node behind the front', detail: () => front.process.output });
    return front;
  }

  /** An HTTP/2 session of a viewer's, TLS 1.3. */
  connect() {
    return new Promise((done, failed) => {
      const session = http2.connect(this.origin, { ca: this.ca });
      session.once('connect', () => done(session));
      session.once('error', failed);
      session.on('error', () => {});
    });
  }

  get(path) {
    return new Promise((done, failed) => {
      const request = this.session.request({ ':path': path });
      let status;
      const parts = [];
      request.on('response', (headers) => { status = headers[':status']; });
      request.on('data', (data) => parts.push(data));
      request.on('end', () => done({ status, body: Buffer.concat(parts) }));
      request.on('error', failed);
      request.end();
    });
  }

  async close() {
    this.session.destroy();
    await this.process.stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** How many connections for chat each node has. */
async function sockets(cluster) {
  const counts = await Promise.all(names.map((name) => cluster.node(name).metric('troupe_chat_sockets')));
  return counts;
}

test('the sample front: HTTP/2, TLS 1.3, leastconn, and nodes that go without a failed request', { timeout: 240_000 }, async () => {
  await withCluster({ config: unlimited }, async (cluster) => {
    const front = await Front.start(cluster);
    const clients = [];
    let encoder;
    try {
      const socket = front.session.socket;
      assert.deepEqual([socket.getProtocol(), socket.alpnProtocol], ['TLSv1.3', 'h2']);
      await assert.rejects(new Promise((done, failed) => {
        const old = tls.connect({ host: '127.0.0.1', port: front.https, ca: front.ca, maxVersion: 'TLSv1.2' }, () => done(old.destroy()));
        old.on('error', failed);
      }), 'nothing older than TLS 1.3');
      assert.equal((await front.get('/metrics')).status, 404);
      const page = await front.get('/');
      assert.equal(page.status, 200);
      assert.match(page.body.toString(), /<title>/);

      // An encoder through the front; viewers through it find the stream.
      const owner = await cluster.node('a').streamer();
      encoder = publish(`rtmp://127.0.0.1:${front.rtmp}/app/${owner.key}`);
      const stream = await cluster.node('a').streamWith(owner.token, 'live');
      assert.equal((await front.get(`/api/v1/streams/${stream.stream_id}`)).status, 200);

      // Chat: connections are spread.
      for (let i = 0; i < 9; i += 1) clients.push(await ChatClient.join(front.origin, { channel: owner.userId }, { options: { ca: front.ca } }));
      assert.deepEqual(await sockets(cluster), [3, 3, 3], 'leastconn');

      // A node goes and comes back while viewers ask: nothing fails, and who chatted there is told to come back.
      let asked = 0;
      const wrong = [];
      let over = false;
      const asking = (async () => {
        while (!over) {
          const { status, body } = await front.get(`/api/v1/streams/${stream.stream_id}`);
          asked += 1;
          if (status !== 200) wrong.push(`${status} ${body}`);
        }
      })();
      await until(() => asked > 50, { what: 'some answers' });
      const leaving = 'b';
      const end = await cluster.node(leaving).process.stop('SIGTERM', 60_000);
      assert.equal(end.code, 0);
      const gone = clients.filter((c) => !c.isOpen);
      assert.equal(gone.length, 3);
      for (const c of gone) {
        const told = c.frames.find((f) => f.type === 'reconnect');
        assert.ok(told?.resume);
        clients.push(await ChatClient.join(front.origin, { channel: owner.userId }, { query: { resume: told.resume }, options: { ca: front.ca } }));
      }
      await cluster.node(leaving).launch();
      await cluster.settle();
      const soFar = asked;
      await until(() => asked > soFar + 50, { what: 'some more answers' });
      over = true;
      await asking;
      assert.deepEqual(wrong, [], `of ${asked} requests`);
      assert.doesNotMatch(front.process.output, /config.*(WARNING|ALERT)|ALERT.*config/, 'HAProxy has nothing to say against the file');
    } finally {
      for (const c of clients) c.kill();
      await encoder?.stop('SIGKILL');
      await front.close();
    }
  });
});
