// SPDX-License-Identifier: GPL-3.0-or-later
// Log-ins by password as fast as the server takes them, eight at a time: bcrypt of cost 12 is meant to be all of it. Peer: the
// same hash by the same library (libxcrypt) and nothing else, in two processes of perl, as the server has two threads for it.
import { spawn } from 'node:child_process';
import * as ours from '../support/ours.mjs';
import { cpuMs } from '../support/process.mjs';

const atOnce = 8;
const processes = 2;
const password = 'correct horse battery staple';
// Of variables: perl would work out a constant once.
const oneHash = 'crypt($word . $n, $setting) =~ /^.2b/ or die "no bcrypt";';
const hashing = `use Time::HiRes "time"; my ($word, $setting) = ("correct horse", q($2b$12$abcdefghijklmnopqrstuu)); my $until = time + $ARGV[0]; my $n = 0; my $began = time;
while (time < $until) { ${oneHash} ++$n } my ($user, $system) = times; print $n / (time - $began), " ", 1000 * ($user + $system) / $n;`;

async function logInTrial(seconds) {
  const troupe = await ours.start({ config: '[limits]\nlog_ins_per_minute_address = 0\n' });
  try {
    const made = await troupe.api('POST', '/users', { body: { username: 'walker', email: 'walker@example.org', password } });
    if (made.status !== 201) throw new Error(`registering answered ${made.status}`);
    const logIn = () => troupe.api('POST', '/auth/token', { body: { grant_type: 'password', username: 'walker', password } });
    await logIn();
    const before = cpuMs(troupe.pid);
    const began = performance.now();
    const times = [];
    await Promise.all(Array.from({ length: atOnce }, async () => {
      while (performance.now() - began < seconds * 1000) {
        const asked = performance.now();
        const { status } = await logIn();
        if (status !== 200) throw new Error(`a log-in answered ${status}`);
        times.push(performance.now() - asked);
      }
    }));
    const took = (performance.now() - began) / 1000;
    return { rate: times.length / took, cpu: (cpuMs(troupe.pid) - before) / times.length };
  } finally {
    await troupe.close();
  }
}

function perl(seconds) {
  return new Promise((resolve, reject) => {
    const child = spawn('perl', ['-e', hashing, seconds], { stdio: ['ignore', 'pipe', 'inherit'], timeout: (seconds + 20) * 1000 });
    let said = '';
    child.stdout.on('data', (text) => { said += text; });
    child.on('error', reject);
    child.on('close', (code) => {
      const [rate, cpu] = said.split(' ').map(Number);
      if (code !== 0 || !(rate > 0)) reject(new Error(`perl ended with ${code}: ${said}`));
      else resolve({ rate, cpu });
    });
  });
}

async function hashTrial(seconds) {
  const all = await Promise.all(Array.from({ length: processes }, () => perl(seconds)));
  return { rate: all.reduce((sum, one) => sum + one.rate, 0), cpu: all.reduce((sum, one) => sum + one.cpu, 0) / all.length };
}

export async function run({ quick }) {
  const rate = { name: 'log-ins by password, beside bare bcrypt', unit: 'a second', ours: [], peer: [], higher: true, atLeast: (peer) => peer * 0.8, aim: (peer) => peer * 0.95 };
  const cpu = { name: 'CPU of a log-in, beside bare bcrypt', unit: 'ms', ours: [], peer: [], atLeast: (peer) => peer * 1.2, aim: (peer) => peer * 1.05 };
  for (let i = 0; i < (quick ? 1 : 3); i += 1) {
    const mine = await logInTrial(quick ? 3 : 8);
    const bare = await hashTrial(quick ? 3 : 8);
    rate.ours.push(mine.rate);
    rate.peer.push(bare.rate);
    cpu.ours.push(mine.cpu);
    cpu.peer.push(bare.cpu);
  }
  return [rate, cpu];
}
