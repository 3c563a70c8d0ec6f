// SPDX-License-Identifier: GPL-3.0-or-later
// A PostgreSQL of a test's own, empty, started and ended by tests/support/postgres.sh: it ends with this process at the latest.
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Process } from './process.mjs';

const script = resolve(dirname(fileURLToPath(import.meta.url)), '../../support/postgres.sh');
const missing = 77;  // what the script exits with

export class Postgres {
  static async start() {
    const server = new Postgres();
    server.folder = await mkdtemp(join(tmpdir(), 'troupe-pg-'));
    await chmod(server.folder, 0o755);  // as root the server runs as a user of its own
    server.process = new Process(script, ['serve', join(server.folder, 'server')], { name: 'PostgreSQL', stdin: 'pipe' });
    try {
      [server.url] = await server.process.printed(/postgresql:\S+/, 60_000);
    } catch (error) {
      const { code } = server.process.gone ? await server.process.exited : {};
      await server.close();
      throw code === missing ? new Error('PostgreSQL is not installed here; scripts/test installs it') : error;
    }
    return server;
  }

  async close() {
    this.process.child.stdin.end();
    await this.process.exited;
    await rm(this.folder, { recursive: true, force: true });
  }
}
