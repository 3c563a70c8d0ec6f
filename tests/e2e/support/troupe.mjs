// SPDX-License-Identifier: GPL-3.0-or-later
// A real Troupe on free ports and a data folder of its own, and what tests do with it over HTTP.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { assertConforms } from '../openapi/check.mjs';
import { Postgres } from './postgres.mjs';
import { Process, until } from './process.mjs';

const source = resolve(dirname(fileURLToPath(import.meta.url)), '../../..');
export const binary = process.env.TROUPE_BINARY ?? join(source, 'build/release/troupe');

// CTest runs some files a second time with "postgresql".
const engine = process.env.TROUPE_E2E_STORE ?? 'sqlite';

export class Troupe {
  /** options.config: extra TOML; options.folder: an existing data folder, for restarts; options.store: the engine; options.listen: the address. */
  static async start({ config = '', folder, store = engine, listen = '127.0.0.1' } = {}) {
    const troupe = new Troupe();
    troupe.folder = folder ?? (await mkdtemp(join(tmpdir(), 'troupe-e2e-')));
    troupe.configFile = join(troupe.folder, 'cluster.conf');
    if (store === 'postgresql') troupe.database = await Postgres.start();
    else if (store !== 'sqlite') throw new Error(`TROUPE_E2E_STORE: there is no ${store}`);
    const web = join(source, 'web/dist');
    await writeFile(troupe.configFile, `
[cluster]
store = "${troupe.database?.url ?? 'sqlite:data/troupe.db'}"
data = "data"
objects = "file:data/objects"
[[node]]
name = "a"
listen = "${listen}"
http = ${troupe.httpPort ?? 0}
rtmp = ${troupe.rtmpPort ?? 0}
web = "${web}"
${config}`);
    try {
      await troupe.launch();
    } catch (error) {
      await troupe.database?.close();
      throw error;
    }
    return troupe;
  }

  async launch() {
    this.process = new Process(binary, ['serve', '--config', this.configFile], { name: 'troupe' });
    const [, http, rtmp] = await this.process.printed(/ready http=(\d+) rtmp=(\d+)/, 30_000);
    this.httpPort = Number(http);
    this.rtmpPort = Number(rtmp);
    this.origin = `http://127.0.0.1:${http}`;
  }

  /** The same data folder again; ports are new ones. */
  async restart(signal = 'SIGTERM') {
    const end = await this.process.stop(signal);
    this.assertNoReport();
    await this.launch();
    return end;
  }

  /** Ends the program and removes its folder. Fails when the log says that something of ours broke. */
  async close() {
    const end = await this.process.stop();
    await this.database?.close();
    await rm(this.folder, { recursive: true, force: true });
    this.assertNoReport();
    if (end.code !== 0) throw new Error(`it did not end in order (code ${end.code}, ${end.signal}):\n${this.process.output}`);
    if (/critical/.test(this.process.output)) throw new Error(`critical line in the log:\n${this.process.output}`);
    return end;
  }

  /** Fails when a sanitizer found something, in builds that have one (scripts/test --tsan -L e2e). */
  assertNoReport() {
    if (this.process.sanitizerReport) throw new Error(`a sanitizer's report:\n${this.process.sanitizerReport}`);
  }

  command(...args) {
    return new Process(binary, [...args, '--config', this.configFile], { name: `troupe ${args[0]}`, stdin: 'pipe' });
  }

  rtmp(key, app = 'app') {
    return `rtmp://127.0.0.1:${this.rtmpPort}/${app}/${key}`;
  }

  /** One call of the API, its answer held to the OpenAPI document. path without the prefix /api/v1. */
  async api(method, path, { token, body, headers = {}, form } = {}) {
    const all = { ...headers };
    if (token) all.authorization = `Bearer ${token}`;
    if (form) all['content-type'] = 'application/x-www-form-urlencoded';
    else if (body !== undefined) all['content-type'] ??= 'application/json';
    const response = await fetch(`${this.origin}/api/v1${path}`, {
      method, headers: all, signal: AbortSignal.timeout(15_000),
      body: form ? new URLSearchParams(form).toString() : body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body),
    });
    const text = await response.text();
    const json = text === '' ? undefined : JSON.parse(text);
    await assertConforms(method, `/api/v1${path}`, response.status, Object.fromEntries(response.headers), json);
    return { status: response.status, headers: response.headers, json };
  }

  /** A registered, logged-in streamer with a stream key. */
  async streamer(username = `streamer${Math.floor(Math.random() * 1e9)}`) {
    const password = 'correct horse battery';
    const made = await this.api('POST', '/users', { body: { username, email: `${username}@example.org`, password } });
    if (made.status !== 201) throw new Error(`registration answered ${made.status}: ${JSON.stringify(made.json)}`);
    const { json: tokens } = await this.api('POST', '/auth/token', { body: { grant_type: 'password', username, password } });
    const { json: key } = await this.api('GET', '/users/me/stream-key', { token: tokens.access_token });
    return { username, password, userId: made.json.user_id, token: tokens.access_token, refresh: tokens.refresh_token, key: key.stream_key };
  }

  /** The user's stream once it has the wanted status. */
  async streamWith(token, status, deadlineMs = 20_000) {
    return until(async () => {
      const { status: code, json } = await this.api('GET', '/users/me/stream', { token });
      return code === 200 && json.status === status ? json : undefined;
    }, { deadlineMs, what: `a stream that is ${status}`, detail: () => this.process.output.slice(-3000) });
  }

  async text(path, { status = 200 } = {}) {
    const response = await fetch(this.origin + path, { signal: AbortSignal.timeout(30_000) });
    const text = await response.text();
    if (response.status !== status) throw new Error(`${path} answered ${response.status}: ${text.slice(0, 300)}`);
    return text;
  }

  /** The value of a metric, summed over its labels. */
  async metric(name) {
    const text = await this.text('/metrics');
    return text.split('\n').filter((line) => line.startsWith(name) && /[ {]/.test(line[name.length]))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
  }
}

/** ffmpeg sends a file, or a generated picture, in real time. */
export function publish(url, { file, args = [], loop = true, name = 'ffmpeg publisher' } = {}) {
  const input = file ? [...(loop ? ['-stream_loop', '-1'] : []), '-i', file, '-c', 'copy'] : [
    '-f', 'lavfi', '-i', 'testsrc2=size=640x360:rate=30', '-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=48000',
    '-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-g', '60', '-keyint_min', '60', '-sc_threshold', '0',
    '-pix_fmt', 'yuv420p', '-b:v', '800k', '-c:a', 'aac', '-ac', '2'];
  return new Process('ffmpeg', ['-hide_banner', '-loglevel', 'warning', '-nostdin', '-re', ...input, ...args, '-f', 'flv', url], { name });
}
