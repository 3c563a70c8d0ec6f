// SPDX-License-Identifier: GPL-3.0-or-later
// Several real nodes on one machine, on a PostgreSQL of their own: fixed ports that were free, one data folder (so one
// master.key). Each has its own copy of cluster.conf, as on machines of their own; they differ in the certificate alone.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Postgres } from '../../e2e/support/postgres.mjs';
import { Process, until } from '../../e2e/support/process.mjs';
import { Troupe, binary } from '../../e2e/support/troupe.mjs';
import { hub } from './network.mjs';
import { Relay } from './relay.mjs';

const source = resolve(dirname(fileURLToPath(import.meta.url)), '../../..');

/** So many ports that nobody listens on now; all are held until the last is known, so that they differ. */
export async function freePorts(count) {
  const held = await Promise.all(Array.from({ length: count }, () => new Promise((done, failed) => {
    const server = net.createServer();
    server.once('error', failed);
    server.listen(0, '127.0.0.1', () => done(server));
  })));
  const ports = held.map((server) => server.address().port);
  await Promise.all(held.map((server) => new Promise((done) => { server.close(done); })));
  return ports;
}

/** Runs a command to its end: its exit code, all it printed, and what of that is JSON. */
export async function run(args) {
  const command = new Process(binary, args, { name: `troupe ${args[0]}` });
  const { code } = await command.exited;
  const line = command.output.split('\n').find((text) => text.startsWith('{'));
  return { code, output: command.output, json: line && JSON.parse(line) };
}

export class ClusterNode extends Troupe {
  constructor(cluster, name, [http, rtmp, port], roles) {
    super();
    this.host = cluster.network?.add(name) ?? '127.0.0.1';
    Object.assign(this, { cluster, name, roles, httpPort: http, rtmpPort: rtmp, clusterPort: port, origin: `http://${this.host}:${http}` });
    this.configFile = join(cluster.folder, `${name}.conf`);
  }

  get isRunning() { return this.process !== undefined && !this.process.gone; }

  /** Until its ports are open; see Cluster.settle() for more. */
  async launch() {
    const serve = [binary, 'serve', '--config', this.configFile, '--node', this.name];
    const there = this.cluster.network ? ['nsenter', ...this.cluster.network.enter(this.name)] : [];
    const [command, ...args] = [...there, ...serve];
    this.process = new Process(command, args, { name: `node ${this.name}` });
    await this.process.printed(/ready http=\d+/, 60_000);
  }

  /** kill -9. */
  async murder() { return this.process.stop('SIGKILL'); }

  /** Asks this node, as an operator would. */
  async ask(...args) {
    return run([...args, '--config', this.configFile, '--node', this.name, '--json']);
  }

  /** Whose states it knows: {a: 'active', …}; nothing when it does not answer. */
  async states() {
    const { code, json } = await this.ask('status');
    if (code !== 0) return undefined;
    return Object.fromEntries([[json.node, json.state], ...json.members.map((m) => [m.node, m.state])]);
  }

  /** Where an entity is, {node, state, epoch}. */
  async where(name) {
    const { code, json, output } = await this.ask('where', name);
    if (code !== 0) throw new Error(`where ${name} on ${this.name}: ${output}`);
    return json;
  }

  async move(name, to) {
    const { code, json, output } = await this.ask('move', name, to);
    if (code !== 0) throw new Error(`move ${name} to ${to} on ${this.name}: ${output}`);
    return json;
  }
}

export class Cluster {
  /** names: the nodes; roles: of each name, where not all; tls: with certificates; relays: each node reaches the store
   *  over a relay of its own; network: each is in a namespace of that; config: extra TOML. */
  static async start({ names = ['a', 'b', 'c'], roles = {}, tls = false, relays = false, network, config = '' } = {}) {
    const cluster = new Cluster();
    cluster.network = network;
    cluster.extra = config;
    cluster.tls = tls;
    cluster.relays = relays ? new Map() : undefined;
    cluster.nodes = new Map();
    cluster.folder = await mkdtemp(join(tmpdir(), 'troupe-cluster-'));
    cluster.database = await Postgres.start();
    try {
      if (tls) await cluster.certify('ca', '--out', join(cluster.folder, 'ca'));
      for (const name of names) await cluster.list(name, roles[name]);
      for (const name of names) await cluster.write(cluster.node(name));
      await Promise.all(names.map((name) => cluster.node(name).launch()));
      await cluster.settle();
    } catch (error) {
      await cluster.end();
      throw error;
    }
    return cluster;
  }

  async certify(...args) {
    const end = await run(['cert', ...args]);
    if (end.code !== 0) throw new Error(end.output);
  }

  /** A further [[node]], and its copy of cluster.conf; the nodes that run do not see it. */
  async list(name, roles) {
    const node = new ClusterNode(this, name, await freePorts(3), roles);
    this.nodes.set(name, node);
    if (this.tls) {
      await this.certify('node', name, '--ca', join(this.folder, 'ca'), '--out', join(this.folder, `tls-${name}`), '--host', node.host);
    }
    if (this.relays) this.relays.set(name, await Relay.start({ host: '127.0.0.1', port: Number(new URL(this.database.url).port) }, { host: this.network ? hub : '127.0.0.1' }));
    await this.write(node);
    return node;
  }

  /** Where that node finds the store. */
  storeOf(name) {
    if (!this.relays) return this.database.url;
    const url = new URL(this.database.url);
    Object.assign(url, { hostname: this.relays.get(name).host, port: this.relays.get(name).port });
    return url.href;
  }

  async write(node) {
    const { name } = node;
    const blocks = [...this.nodes.values()].map((n) => `[[node]]
name = "${n.name}"
host = "${n.host}"
listen = "${n.host}"
http = ${n.httpPort}
rtmp = ${n.rtmpPort}
cluster = ${n.clusterPort}
web = "${join(source, 'web/dist')}"
${n.roles ? `roles = ${JSON.stringify(n.roles)}\n` : ''}`);
    await writeFile(node.configFile, `
[cluster]
store = "${this.storeOf(name)}"
data = "data"
objects = "file:data/objects"
${this.tls ? `[cluster.tls]\nca = "tls-${name}/ca.pem"\ncert = "tls-${name}/node.pem"\nkey = "tls-${name}/node.key"\n` : ''}
${blocks.join('')}
${this.extra}`);
  }

  node(name) { return this.nodes.get(name); }

  get running() { return [...this.nodes.values()].filter((n) => n.isRunning); }

  /** Until every running node knows all of them, and no other, as active; and is ready. */
  async settle(deadlineMs = 30_000) {
    const names = this.running.map((n) => n.name).sort();
    const seen = {};
    await until(async () => {
      for (const n of this.running) {
        const states = (await n.states()) ?? {};
        seen[n.name] = states;
        const active = Object.keys(states).filter((name) => states[name] === 'active').sort();
        if (active.join() !== names.join()) return false;
        if ((await fetch(`${n.origin}/readyz`, { signal: AbortSignal.timeout(5000) })).status !== 200) return false;
      }
      return true;
    }, { deadlineMs, what: `${names} to be active`, detail: () => `${JSON.stringify(seen)}\n${this.log()}` });
  }

  /** Until that node knows another to be in that state. */
  async knows(observer, name, state, deadlineMs = 20_000) {
    await until(async () => (await this.node(observer).states())?.[name] === state,
      { deadlineMs, what: `${observer} to know ${name} as ${state}`, detail: () => this.log() });
  }

  log(length = 3000) {
    return [...this.nodes.values()].filter((n) => n.process).map((n) => `--- ${n.name}\n${n.process.output.slice(-length)}`).join('\n');
  }

  /** Ends everything; says nothing of how. */
  async end() {
    await Promise.all([...this.nodes.values()].map((n) => n.process?.stop('SIGKILL')));
    for (const relay of this.relays?.values() ?? []) await relay.close();
    await this.database.close();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Ends everything in order, one node after the other; fails when one of them broke. */
  async close() {
    const ends = [];
    for (const n of this.running) ends.push([n, await n.process.stop('SIGTERM', 60_000)]);
    const wrong = ends.filter(([, end]) => end.code !== 0).map(([n, end]) => `${n.name} ended with ${end.code ?? end.signal}`);
    const log = this.log(20_000);
    await this.end();
    for (const [n] of ends) n.assertNoReport();
    if (wrong.length > 0 || /critical/.test(log)) throw new Error(`${wrong.join(', ')}\n${log}`);
  }
}

/** Runs f with a cluster, which ends whatever happens; its log is printed when f fails. */
export async function withCluster(options, f) {
  const cluster = await Cluster.start(options);
  try {
    await f(cluster);
  } catch (error) {
    console.error(cluster.log());
    await cluster.end();
    throw error;
  }
  await cluster.close();
}
