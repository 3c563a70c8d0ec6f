// SPDX-License-Identifier: GPL-3.0-or-later
// Child processes that tests start: each is ended by its own id when its test is over, whatever happened.
import { spawn } from 'node:child_process';

const sanitizerReport = /WARNING: ThreadSanitizer|ERROR: (Address|Leak)Sanitizer|runtime error: /;

export class Process {
  constructor(command, args, { name = command, env = {}, stdin = 'ignore' } = {}) {
    this.name = name;
    this.output = '';
    this.listeners = new Set();
    this.child = spawn(command, args, { stdio: [stdin, 'pipe', 'pipe'], env: { ...process.env, ...env } });
    this.exited = new Promise((resolve) => {
      this.child.on('exit', (code, signal) => resolve({ code, signal }));
      this.child.on('error', (error) => resolve({ code: -1, signal: null, error }));
    });
    this.exited.then(() => { this.gone = true; this.wake(); });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream.setEncoding('utf8');
      stream.on('data', (text) => {
        this.output = (this.output + text).slice(-200_000);
        if (!this.sanitizerReport && sanitizerReport.test(this.output)) this.keepReport();
        else if (this.sanitizerReport && this.sanitizerReport.length < 20_000) this.sanitizerReport += text;
        this.wake();
      });
    }
  }

  /** From its first line on, because the output's beginning is forgotten. */
  keepReport() {
    this.sanitizerReport = this.output.slice(this.output.search(sanitizerReport));
  }

  wake() {
    for (const listener of [...this.listeners]) listener();
  }

  /** The first match of pattern in what the process printed; fails when it exits or the deadline passes first. */
  async printed(pattern, deadlineMs = 20_000) {
    return until(() => {
      const found = this.output.match(pattern);
      if (!found && this.gone) throw new Error(`${this.name} exited before it printed ${pattern}:\n${this.output}`);
      return found;
    }, { deadlineMs, what: `${this.name} to print ${pattern}`, subscribe: this.listeners, detail: () => this.output });
  }

  kill(signal = 'SIGTERM') {
    if (!this.gone) this.child.kill(signal);
  }

  /** Asks it to end, insists after the deadline, and answers how it ended. */
  async stop(signal = 'SIGTERM', deadlineMs = 12_000) {
    this.kill(signal);
    const timer = setTimeout(() => this.kill('SIGKILL'), deadlineMs);
    const end = await this.exited;
    clearTimeout(timer);
    return end;
  }
}

/** Waits for a condition, not for a time: check is asked again whenever something happened, and every 100 ms. */
export async function until(check, { deadlineMs = 20_000, what = 'the condition', subscribe, detail } = {}) {
  const deadline = Date.now() + deadlineMs;
  for (;;) {
    const value = await check();
    if (value) return value;
    if (Date.now() > deadline) {
      throw new Error(`waited ${deadlineMs} ms in vain for ${what}${detail ? `\n${detail()}` : ''}`);
    }
    await new Promise((resolve) => {
      const timer = setTimeout(done, 100);
      function done() {
        clearTimeout(timer);
        subscribe?.delete(done);
        resolve();
      }
      subscribe?.add(done);
    });
  }
}

