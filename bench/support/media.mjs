// SPDX-License-Identifier: GPL-3.0-or-later
// What the measurements send. "main" is the film of the end-to-end tests; "clock" carries its frame number as black and
// white squares, so that a browser can read which frame it shows; at 2.8 Mbit/s its segments are of 0.7 MB.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export { media } from '../../tests/e2e/support/media.mjs';

const made = resolve(dirname(fileURLToPath(import.meta.url)), '../../build/bench-media');

export const clock = { bits: 10, square: 40, frames: 900, rate: 30 };

/** 30 s of 720p30, key frames every 2 s, no B-frames: as an encoder set for low latency. */
export function clockFile() {
  const target = join(made, 'clock-720p30-v2.mp4');
  if (existsSync(target)) return target;
  mkdirSync(made, { recursive: true });
  const at = (bit) => `x=${bit * clock.square}:y=0:w=${clock.square}:h=${clock.square}:t=fill`;
  const squares = Array.from({ length: clock.bits }, (_, bit) =>
    `drawbox=${at(bit)}:color=black,drawbox=${at(bit)}:color=white:enable='gte(mod(n,${2 ** (bit + 1)}),${2 ** bit})'`);
  // The last two are always white and black: who reads other than that reads no clock.
  squares.push(`drawbox=${at(clock.bits)}:color=white,drawbox=${at(clock.bits + 1)}:color=black`);
  const partial = join(made, `partial-${process.pid}.mp4`);
  const length = clock.frames / clock.rate;
  execFileSync('ffmpeg', ['-v', 'error', '-nostdin', '-y', '-f', 'lavfi', '-i', `testsrc2=size=1280x720:rate=${clock.rate}:duration=${length}`,
    '-f', 'lavfi', '-i', `sine=frequency=440:sample_rate=48000:duration=${length}`, '-vf', `${squares.join(',')},noise=alls=6:allf=t`,
    '-c:v', 'libx264', '-preset', 'superfast', '-tune', 'zerolatency', '-pix_fmt', 'yuv420p', '-g', '60', '-keyint_min', '60', '-sc_threshold', '0',
    '-b:v', '2700k', '-minrate', '2700k', '-maxrate', '2700k', '-bufsize', '2700k', '-nal-hrd', 'cbr', '-c:a', 'aac', '-b:a', '128k', '-ac', '2', partial]);
  renameSync(partial, target);
  return target;
}
