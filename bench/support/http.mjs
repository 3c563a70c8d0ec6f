// SPDX-License-Identifier: GPL-3.0-or-later
// HTTP as the measurements need it: kept connections, little work of its own, and the moment the last byte came.
import { Agent, request } from 'node:http';

export class Client {
  constructor(origin) {
    this.origin = origin;
    this.agent = new Agent({ keepAlive: true });
  }

  /** {status, body, at}: at is performance.now() when all of it was there. */
  get(path, { deadlineMs = 20_000 } = {}) {
    return new Promise((resolve, reject) => {
      const asked = request(this.origin + path, { agent: this.agent, timeout: deadlineMs }, (response) => {
        const got = [];
        response.on('data', (piece) => got.push(piece));
        response.on('end', () => resolve({ status: response.statusCode, body: Buffer.concat(got), at: performance.now() }));
        response.on('error', reject);
      });
      asked.on('timeout', () => asked.destroy(new Error(`${path} was not answered in ${deadlineMs} ms`)));
      asked.on('error', reject);
      asked.end();
    });
  }

  /** The body, or an error when it is not 200. */
  async need(path) {
    const answer = await this.get(path);
    if (answer.status !== 200) throw new Error(`${path} answered ${answer.status}: ${answer.body.subarray(0, 200)}`);
    return answer;
  }

  close() {
    this.agent.destroy();
  }
}
