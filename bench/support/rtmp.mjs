// SPDX-License-Identifier: GPL-3.0-or-later
// An RTMP publisher that knows to the tenth of a millisecond when each frame left: ffmpeg does not say. Chunks of 4,096
// bytes as OBS sends them, one write per frame. Sends a file in real time (or faster), again and again.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { encode } from './amf0.mjs';
import { read, script } from './flv.mjs';

const chunkSize = 4096;
const type = { setChunkSize: 1, command: 20 };

/** One message as chunks, its first header of type 0 (RTMP 1.0, 5.3.1.2.1). */
function chunks(messageType, stream, time, body) {
  const channel = messageType === 8 ? 4 : messageType === 9 ? 6 : messageType === type.command ? 3 : messageType === script ? 4 : 2;
  const head = Buffer.alloc(12);
  head[0] = channel;
  head.writeUIntBE(time, 1, 3);
  head.writeUIntBE(body.length, 4, 3);
  head[7] = messageType;
  head.writeUInt32LE(stream, 8);
  const out = [head];
  const size = messageType === 8 || messageType === 9 || messageType === script ? chunkSize : Math.max(body.length, 1);
  for (let at = 0; at < body.length; at += size) {
    if (at > 0) out.push(Buffer.from([0xc0 | channel]));
    out.push(body.subarray(at, at + size));
  }
  return Buffer.concat(out);
}

/** What the server says, without chunk headers between: enough to see which answers came. */
class Listener {
  constructor() {
    this.rest = Buffer.alloc(0);
    this.channels = new Map();
    this.size = 128;
    this.said = '';
  }

  take(data) {
    this.rest = Buffer.concat([this.rest, data]);
    for (;;) {
      const used = this.chunk(this.rest);
      if (used === 0) return;
      this.rest = this.rest.subarray(used);
    }
  }

  chunk(data) {
    if (data.length < 1) return 0;
    const kind = data[0] >> 6;
    const channel = this.channels.get(data[0] & 63) ?? { got: [], left: 0, length: 0 };
    const header = 1 + [11, 7, 3, 0][kind];
    if (data.length < header) return 0;
    const length = kind < 2 ? data.readUIntBE(4, 3) : channel.length;
    const left = channel.left > 0 ? channel.left : length;
    const size = Math.min(left, this.size);
    if (data.length < header + size) return 0;
    channel.length = length;
    if (kind < 2) channel.type = data[7];
    channel.got.push(data.subarray(header, header + size));
    channel.left = left - size;
    this.channels.set(data[0] & 63, channel);
    if (channel.left === 0) {
      const body = Buffer.concat(channel.got);
      channel.got = [];
      if (channel.type === type.setChunkSize) this.size = body.readUInt32BE(0);
      if (channel.type === type.command) this.said += body.toString('latin1');
    }
    return header + size;
  }
}

const files = new Map();

/** A file's tags, read once. */
export function source(file) {
  if (!files.has(file)) files.set(file, read(file));
  return files.get(file);
}

export class Publisher {
  /** Resolves when the server has agreed; call run() to send. */
  static async open(port, key, file, { app = 'app' } = {}) {
    const self = new Publisher();
    self.media = source(file);
    self.sent = [];        // performance.now() of each picture's write, in order
    self.listener = new Listener();
    self.socket = connect({ port, host: '127.0.0.1', noDelay: true });
    self.socket.on('error', (error) => { self.broken = error; });
    await once(self.socket, 'connect');
    await self.handshake();
    self.socket.on('data', (data) => { self.listener.take(data); self.heard?.(); });
    self.socket.on('close', () => { self.closed = true; self.heard?.(); });
    const url = `rtmp://127.0.0.1:${port}/${app}`;
    self.write(type.setChunkSize, 0, 0, Buffer.from([0, 0, chunkSize >> 8, chunkSize & 255]));
    self.write(type.command, 0, 0, encode('connect', 1, { app, type: 'nonprivate', flashVer: 'FMLE/3.0 (compatible; bench)', tcUrl: url }));
    await self.answered(/_result/);
    self.write(type.command, 0, 0, encode('releaseStream', 2, null, key));
    self.write(type.command, 0, 0, encode('FCPublish', 3, null, key));
    self.write(type.command, 0, 0, encode('createStream', 4, null));
    // Both servers number a connection's first stream 1; the transaction's number, 4, is 0x4010... as a double.
    await self.answered(/_result\0@\x10\0{6}/);
    self.write(type.command, 1, 0, encode('publish', 5, null, key, 'live'));
    await self.answered(/NetStream\.Publish\.Start/);
    return self;
  }

  async handshake() {
    this.socket.write(Buffer.concat([Buffer.from([3, 0, 0, 0, 0, 0, 0, 0, 0]), randomBytes(1528)]));
    let got = Buffer.alloc(0);
    let replied = false;
    while (got.length < 1 + 2 * 1536) {
      const [data] = await once(this.socket, 'data', { signal: AbortSignal.timeout(5000) });
      got = Buffer.concat([got, data]);
      if (!replied && got.length >= 1537) {
        replied = true;
        this.socket.write(got.subarray(1, 1537));
      }
    }
    this.listener.take(got.subarray(1 + 2 * 1536));
  }

  write(messageType, stream, time, body) {
    return this.socket.write(chunks(messageType, stream, time, body));
  }

  answered(pattern) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no ${pattern} in: ${this.listener.said}`)), 5000);
      this.heard = () => {
        if (pattern.test(this.listener.said)) {
          clearTimeout(timer);
          resolve();
        } else if (this.closed) {
          clearTimeout(timer);
          reject(new Error(`closed before ${pattern}: ${this.listener.said}`));
        }
      };
      this.heard();
    });
  }

  /** Starts to send; speed 1 is real time. What is late is sent at once: the schedule never slips. */
  run({ speed = 1 } = {}) {
    this.speed = speed;
    this.round = 0;
    this.next = 0;
    this.start = performance.now();
    this.step();
  }

  /** From now on at this speed, without a jump in the stream. */
  setSpeed(speed) {
    const now = performance.now();
    const position = (now - this.start) * this.speed;
    this.speed = speed;
    this.start = now - position / speed;
    clearTimeout(this.timer);
    this.step();
  }

  step() {
    const { tags, length } = this.media;
    while (!this.closed && !this.broken) {
      if (this.next === tags.length) {
        this.next = 0;
        this.round += 1;
      }
      const tag = tags[this.next];
      const time = tag.time + this.round * length;
      const wait = this.start + time / this.speed - performance.now();
      if (wait > 0.3) {
        this.timer = setTimeout(() => this.step(), wait);
        return;
      }
      this.next += 1;
      if (this.round > 0 && tag.header) continue;
      if (tag.frame) {
        this.sent.push(performance.now());
        this.onFrame?.(this.sent.length - 1);
      }
      const body = tag.type === script ? Buffer.concat([encode('@setDataFrame'), tag.body]) : tag.body;
      this.write(tag.type, 1, time, body);
    }
  }

  stop() {
    clearTimeout(this.timer);
    this.closed = true;
    this.socket.destroy();
  }
}
