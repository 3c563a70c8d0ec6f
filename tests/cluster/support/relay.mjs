// SPDX-License-Identifier: GPL-3.0-or-later
// A TCP relay of the tests' own: lets through, falls silent (takes bytes and connections, passes nothing on), or refuses.
import net from 'node:net';

export class Relay {
  /** target: {host, port}; host: where it listens. */
  static async start(target, { host = '127.0.0.1' } = {}) {
    const relay = new Relay();
    Object.assign(relay, { target, host, port: 0, pairs: new Set(), isSilent: false });
    await relay.listen();
    return relay;
  }

  listen() {
    this.server = net.createServer({ pauseOnConnect: true }, (from) => this.take(from));
    return new Promise((done, failed) => {
      this.server.once('error', failed);
      this.server.listen(this.port, this.host, () => {
        this.port = this.server.address().port;
        done();
      });
    });
  }

  take(from) {
    const pair = { from };
    this.pairs.add(pair);
    from.on('error', () => {});
    from.on('close', () => {
      pair.to?.destroy();
      this.pairs.delete(pair);
    });
    if (!this.isSilent) this.connect(pair);
  }

  connect(pair) {
    const { from } = pair;
    pair.to = net.connect(this.target);
    pair.to.on('error', () => from.destroy());
    pair.to.on('close', () => from.destroy());
    this.join(pair);
  }

  join({ from, to }) {
    from.pipe(to);
    to.pipe(from);
  }

  /** Connections stay, and new ones are taken, but nothing passes. */
  silence() {
    this.isSilent = true;
    for (const { from, to } of this.pairs) {
      for (const socket of [from, to]) {
        socket?.unpipe();
        socket?.pause();
      }
    }
  }

  /** Connections break, and new ones are refused. */
  async refuse() {
    const closed = new Promise((done) => { this.server.close(done); });
    for (const { from } of this.pairs) from.resetAndDestroy();
    await closed;
  }

  /** As at first. What was held back in silence arrives now. */
  async open() {
    if (this.isClosed) return;  // the test that would have opened it has failed meanwhile
    this.isSilent = false;
    if (!this.server.listening) await this.listen();
    for (const pair of this.pairs) {
      if (pair.to) this.join(pair);
      else this.connect(pair);
    }
  }

  async close() {
    this.isClosed = true;
    if (this.server.listening) await this.refuse();
  }
}
