// SPDX-License-Identifier: GPL-3.0-or-later
// A chat client on npm's ws, as a bot would be written: keeps every frame and lets tests wait for one.
import WebSocket from 'ws';
import { until } from './process.mjs';

/** All events in frames, batches opened, in the order they came. */
export function eventsOf(frames) {
  return frames.flatMap((f) => (f.type === 'batch' ? f.messages : f.type === 'welcome' ? f.history : [f]))
    .filter((f) => typeof f.seq === 'number' && f.type !== 'ack');
}

export class ChatClient {
  /** where: {channel} or {stream}; query: {after, resume, token, viewer, native}. Resolves once welcomed. */
  static async join(origin, where, { query = {}, headers = {}, options = {} } = {}) {
    const client = ChatClient.open(origin, where, { query, headers, options });
    await client.frame((f) => f.type === 'welcome', 'the welcome');
    return client;
  }

  static open(origin, where, { query = {}, headers = {}, options = {} } = {}) {
    const room = where.channel === undefined ? `streams/${where.stream}` : `channels/${where.channel}`;
    const client = new ChatClient();
    client.frames = [];
    client.listeners = new Set();
    const text = new URLSearchParams(Object.entries(query).map(([k, v]) => [k, String(v)])).toString();
    client.socket = new WebSocket(`${origin.replace('http', 'ws')}/api/v1/${room}/chat/ws${text && `?${text}`}`,
      { perMessageDeflate: false, headers, ...options });
    client.socket.on('message', (data, isBinary) => {
      if (isBinary) throw new Error('a binary frame');
      const frame = JSON.parse(data.toString());
      if (frame.resume) client.resume = frame.resume;
      client.frames.push(frame);
      client.wake();
    });
    client.socket.on('unexpected-response', (_, response) => {
      client.refused = response.statusCode;
      response.resume();
      client.wake();
    });
    client.socket.on('error', (error) => { client.error = error; client.wake(); });
    client.closed = new Promise((resolve) => {
      client.socket.on('close', (code, reason) => {
        client.close_code = code;
        resolve({ code, reason: reason.toString() });
        client.wake();
      });
    });
    return client;
  }

  wake() {
    for (const listener of [...this.listeners]) listener();
  }

  get welcome() {
    return this.frames.find((f) => f.type === 'welcome');
  }

  get events() {
    return eventsOf(this.frames);
  }

  get isOpen() {
    return this.socket.readyState === WebSocket.OPEN;
  }

  send(frame) {
    this.socket.send(typeof frame === 'string' ? frame : JSON.stringify(frame));
  }

  say(message, nonce, more = {}) {
    this.send({ type: 'message', message, nonce, ...more });
  }

  /** The first frame that fits; batches are looked into. Fails when the socket closes before. */
  async frame(fits, what = 'a frame', deadlineMs = 15_000) {
    return until(() => {
      for (const f of this.frames) {
        if (fits(f)) return f;
        const inside = f.type === 'batch' && f.messages.find(fits);
        if (inside) return inside;
      }
      if (this.close_code !== undefined || this.refused) throw new Error(`closed (${this.refused ?? this.close_code}) before ${what}`);
      return undefined;
    }, { deadlineMs, what, subscribe: this.listeners, detail: () => JSON.stringify(this.frames.slice(-10)) });
  }

  /** What became of a message: its ack or its error. */
  answer(nonce) {
    return this.frame((f) => (f.type === 'ack' || f.type === 'error') && f.nonce === nonce, `an answer to ${nonce}`);
  }

  close() {
    this.socket.close();
    return this.closed;
  }

  kill() {
    this.socket.terminate();
  }
}
