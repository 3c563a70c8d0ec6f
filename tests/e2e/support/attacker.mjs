// SPDX-License-Identifier: GPL-3.0-or-later
// Peers that mean harm: raw sockets, and an RTMP client that says whatever it is told to. Nothing here checks what it
// sends; that is the point.
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import net from 'node:net';
import { until } from './process.mjs';

/** A TCP connection that keeps what it reads and knows when it was closed. */
export class Raw {
  static async open(port, { host = '127.0.0.1', localAddress, pause = false } = {}) {
    const raw = new Raw();
    raw.received = Buffer.alloc(0);
    raw.total = 0;
    raw.socket = net.connect({ port, host, localAddress, allowHalfOpen: true });
    raw.closed = new Promise((resolve) => {
      for (const event of ['close', 'end', 'error']) raw.socket.on(event, () => { raw.over = true; resolve(); });
    });
    if (!pause) {
      raw.socket.on('data', (data) => {
        raw.total += data.length;
        raw.received = Buffer.concat([raw.received, data]).subarray(-65_536);
        raw.onBytes?.();
      });
    }
    await new Promise((resolve, reject) => raw.socket.once('connect', resolve).once('error', reject));
    return raw;
  }

  /** Resolves when the kernel took it, or the connection is gone. */
  async send(data) {
    if (this.over || this.socket.write(data)) return;
    await Promise.race([new Promise((resolve) => this.socket.once('drain', resolve)), this.closed]);
  }

  async text(pattern, deadlineMs = 10_000) {
    return until(() => {
      const found = this.received.toString('latin1').match(pattern);
      if (!found && this.over) throw new Error(`closed before ${pattern}: ${this.received.toString('latin1').slice(0, 400)}`);
      return found;
    }, { deadlineMs, what: `${pattern} from the server` });
  }

  /** Whether the server ends the connection in time. */
  async ends(deadlineMs = 10_000) {
    return until(() => this.over, { deadlineMs, what: 'the server to close the connection' });
  }

  reset() { this.socket.resetAndDestroy(); }
  close() { this.socket.destroy(); }
}

const number = (v) => { const b = Buffer.alloc(9); b.writeDoubleBE(v, 1); return b; };
const raw16 = (text) => { const t = Buffer.from(text, 'latin1'); return Buffer.concat([Buffer.from([t.length >> 8, t.length & 255]), t]); };
export const amf = (value) => {
  if (typeof value === 'number') return number(value);
  if (typeof value === 'string') return Buffer.concat([Buffer.from([2]), raw16(value)]);
  if (value === null) return Buffer.from([5]);
  const members = Object.entries(value).flatMap(([name, v]) => [raw16(name), amf(v)]);
  return Buffer.concat([Buffer.from([3]), ...members, Buffer.from([0, 0, 9])]);
};

/** One message as one chunk; the client has set a chunk size beyond every message. */
export function message(type, payload, { time = 0, stream = 0, chunk = 3, length = payload.length } = {}) {
  const extended = time >= 0xFFFFFF;
  const head = Buffer.alloc(12 + (extended ? 4 : 0));
  head[0] = chunk;
  head.writeUIntBE(extended ? 0xFFFFFF : time, 1, 3);
  head.writeUIntBE(length, 4, 3);
  head[7] = type;
  head.writeUInt32LE(stream, 8);
  if (extended) head.writeUInt32BE(time >>> 0, 12);
  return Buffer.concat([head, payload]);
}

export const largeChunks = message(1, Buffer.from([0x7F, 0xFF, 0xFF, 0xFF]), { chunk: 2 });
export const command = (stream, ...values) => message(20, Buffer.concat(values.map(amf)), { stream, chunk: stream ? 8 : 3 });

export class Encoder extends Raw {
  static async open(port, options) {
    return Object.assign(Object.setPrototypeOf(await Raw.open(port, options), Encoder.prototype), {});
  }

  async greet() {
    await this.send(Buffer.concat([Buffer.from([3]), Buffer.alloc(8), randomBytes(1528)]));
    await until(() => this.total >= 3073 || this.over, { what: 'the handshake' });
    await this.send(Buffer.concat([this.received.subarray(1, 1537), largeChunks]));
  }

  /** Handshake, connect, publish; true when the server said Publish.Start. */
  async publish(key, { app = 'app', flashVer = 'FMLE/3.0' } = {}) {
    await this.greet();
    await this.send(Buffer.concat([command(0, 'connect', 1, { app, flashVer, tcUrl: 'rtmp://127.0.0.1/app' }),
      command(0, 'createStream', 2, null), command(1, 'publish', 3, null, key, 'live')]));
    await until(() => this.over || /NetStream\.Publish\./.test(this.received.toString('latin1')), { what: 'an answer to publish' });
    return /NetStream\.Publish\.Start/.test(this.received.toString('latin1'));
  }

  video(body, time) { return this.send(message(9, body, { time, stream: 1, chunk: 6 })); }
  audio(body, time) { return this.send(message(8, body, { time, stream: 1, chunk: 4 })); }
}

/** The FLV tags of a file: [{type, time, body}], configuration records first. */
export function tags(file, seconds = 4) {
  const flv = execFileSync('ffmpeg', ['-v', 'error', '-nostdin', '-i', file, '-t', `${seconds}`, '-c', 'copy', '-f', 'flv', '-'], { maxBuffer: 1 << 26 });
  const out = [];
  for (let at = 13; at + 11 <= flv.length;) {
    const size = flv.readUIntBE(at + 1, 3);
    out.push({ type: flv[at], time: flv.readUIntBE(at + 4, 3) | (flv[at + 7] << 24), body: flv.subarray(at + 11, at + 11 + size) });
    at += 11 + size + 4;
  }
  return out;
}

/** What a process holds now: resident megabytes, descriptors, CPU seconds so far. */
export function usage(pid) {
  const kb = Number(readFileSync(`/proc/${pid}/status`, 'utf8').match(/VmRSS:\s+(\d+)/)[1]);
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return { mb: kb / 1024, fds: readdirSync(`/proc/${pid}/fd`).length, cpu: (Number(fields[11]) + Number(fields[12])) / 100 };
}
