// SPDX-License-Identifier: GPL-3.0-or-later
// A network of the test's own: each node in a network namespace, joined by a bridge. Packets from one to another are made to
// vanish by a wrong neighbour entry on the sender's side, so a way can be cut in one direction and without a word to either side.
// Everything lives in the namespace of the test's process, and is gone with it.
import { execFileSync, spawn, spawnSync } from 'node:child_process';

const inside = 'TROUPE_OWN_NETWORK';
export const hub = '10.77.0.1';
const nobody = '02:00:00:00:00:99';

export const canMakeNetworks = process.getuid() === 0 && spawnSync('unshare', ['--net', 'ip', 'link'], { stdio: 'ignore' }).status === 0;
export const isInside = process.env[inside] === '1';

/** Runs the test file again in a namespace of its own; its exit code. */
export function runInside(file) {
  const env = { ...process.env, [inside]: '1' };
  delete env.NODE_TEST_CONTEXT;
  return spawnSync('unshare', ['--net', process.execPath, '--test', file], { env, stdio: 'inherit' }).status;
}

function ip(...args) {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}

export class Network {
  static make() {
    const network = new Network();
    network.nodes = new Map();
    if (spawnSync('ip', ['link', 'show', 'hub'], { stdio: 'ignore' }).status === 0) ip('link', 'del', 'hub');
    ip('link', 'set', 'lo', 'up');
    ip('link', 'add', 'hub', 'type', 'bridge');
    ip('addr', 'add', `${hub}/24`, 'dev', 'hub');
    ip('link', 'set', 'hub', 'up');
    return network;
  }

  /** Its address. */
  add(name) {
    const holder = spawn('unshare', ['--net', 'sleep', '1000'], { stdio: 'ignore' });
    const address = `10.77.0.${this.nodes.size + 11}`;
    const node = { name, holder, address };
    this.nodes.set(name, node);
    // The process is in its namespace only a moment after it was started.
    const own = execFileSync('readlink', ['/proc/self/ns/net']).toString();
    const deadline = Date.now() + 10_000;
    while (execFileSync('readlink', [`/proc/${holder.pid}/ns/net`]).toString() === own) {
      if (Date.now() > deadline) throw new Error(`no network namespace for node ${name} within 10 s`);
    }
    ip('link', 'add', `to-${name}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', String(holder.pid));
    ip('link', 'set', `to-${name}`, 'master', 'hub', 'up');
    this.in(name, 'link', 'set', 'lo', 'up');
    this.in(name, 'addr', 'add', `${address}/24`, 'dev', 'eth0');
    this.in(name, 'link', 'set', 'eth0', 'up');
    return address;
  }

  /** ip(8) there. */
  in(name, ...args) {
    execFileSync('nsenter', [...this.enter(name), 'ip', ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  }

  /** What nsenter(1) needs to run something there. */
  enter(name) { return ['--target', String(this.nodes.get(name).holder.pid), '--net']; }

  /** What one sends to the other vanishes from now on. */
  cut(from, to) {
    this.in(from, 'neigh', 'replace', this.nodes.get(to).address, 'lladdr', nobody, 'nud', 'permanent', 'dev', 'eth0');
  }

  cutBoth(one, other) {
    this.cut(one, other);
    this.cut(other, one);
  }

  heal() {
    for (const from of this.nodes.keys()) this.in(from, 'neigh', 'flush', 'all', 'nud', 'permanent');
  }

  close() {
    for (const { holder } of this.nodes.values()) holder.kill('SIGKILL');
    ip('link', 'del', 'hub');
  }
}
