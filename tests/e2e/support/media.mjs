// SPDX-License-Identifier: GPL-3.0-or-later
// What the tests stream. The large real files (Big Buck Bunny and Sintel, CC BY 3.0) lie beside the checkout where the
// project is developed; elsewhere a generated file of the same shape takes their place.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const shared = resolve(here, '../../../../shared/media');
const made = resolve(here, '../../../build/e2e-media');

const picture = (size, rate) => ['-f', 'lavfi', '-i', `testsrc2=size=${size}:rate=${rate}:duration=12`];
const tone = (rate) => ['-f', 'lavfi', '-i', `sine=frequency=440:sample_rate=${rate}:duration=12`];
const x264 = (gop, bframes) => ['-c:v', 'libx264', '-preset', 'veryfast', '-pix_fmt', 'yuv420p', '-g', `${gop}`,
  '-keyint_min', `${gop}`, '-sc_threshold', '0', '-bf', `${bframes}`];

// name: [real file, how to make one like it, what is known of it]
const files = {
  main: ['movie-720p30-gop2s-bframes-56s.mp4', [...picture('1280x720', 30), ...tone(48000), ...x264(60, 2), '-c:a', 'aac', '-ac', '2']],
  baseline44k: ['movie-480p30-baseline-nob-aac44k-20s.mp4', [...picture('854x480', 30), ...tone(44100), ...x264(60, 0), '-profile:v', 'baseline', '-c:a', 'aac', '-ac', '2']],
  vertical: ['movie-540x960-vertical-12s.mp4', [...picture('540x960', 30), ...tone(48000), ...x264(60, 2), '-c:a', 'aac', '-ac', '2']],
  sixty: ['bbb-720p60-10s.mp4', [...picture('1280x720', 60), ...tone(48000), ...x264(120, 2), '-c:a', 'aac', '-ac', '2']],
  noaudio: ['movie-360p30-noaudio-8s.mp4', [...picture('640x360', 30), ...x264(60, 2)]],
  mono44k: ['movie-360p30-mono44k-8s.mp4', [...picture('640x360', 30), ...tone(44100), ...x264(60, 2), '-c:a', 'aac', '-ac', '1']],
  vfr: ['movie-360p-vfr-12s.mp4', [...picture('640x360', 30), ...tone(48000), '-vf', "select='not(mod(n\\,3))+lt(t\\,4)'", '-vsync', 'vfr', ...x264(60, 2), '-c:a', 'aac', '-ac', '2']],
  hevc: ['movie-480p30-hevc-hvc1-12s.mp4', [...picture('854x480', 30), '-c:v', 'libx265', '-preset', 'ultrafast', '-tag:v', 'hvc1', '-x265-params', 'keyint=60:min-keyint=60:log-level=error']],
  av1: ['movie-480p30-av1-opus-12s.mp4', [...picture('640x360', 30), '-c:v', 'libsvtav1', '-preset', '10', '-g', '60', '-pix_fmt', 'yuv420p']],
  yuv444: ['movie-360p-yuv444-4s.mp4', [...picture('640x360', 30), ...tone(48000), '-c:v', 'libx264', '-pix_fmt', 'yuv444p', '-g', '60', '-c:a', 'aac', '-ac', '2']],
  tenBit: ['movie-360p-10bit-4s.mp4', [...picture('640x360', 30), ...tone(48000), '-c:v', 'libx264', '-pix_fmt', 'yuv420p10le', '-g', '60', '-c:a', 'aac', '-ac', '2']],
  // Made everywhere: pictures that refer to the GOP before theirs, and key frames that are no IDR after the first.
  openGop: ['open-gop-12s.mp4', [...picture('640x360', 30), ...tone(48000), ...x264(60, 3), '-x264-params', 'open-gop=1:b-adapt=0', '-c:a', 'aac', '-ac', '2']],
  interlaced: ['interlaced-12s.mp4', [...picture('640x360', 30), ...tone(48000), ...x264(60, 0), '-flags', '+ilme+ildct', '-x264-params', 'tff=1', '-c:a', 'aac', '-ac', '2']],
  mp3: ['movie-360p30-mp3-8s.flv', [...picture('640x360', 30), ...tone(44100), ...x264(60, 2), '-c:a', 'libmp3lame', '-ac', '2']],
  singleKey: ['movie-360p-single-keyframe-12s.mp4', [...picture('640x360', 30), ...tone(48000), ...x264(9999, 2), '-c:a', 'aac', '-ac', '2']],
};

/** The path of a file of that kind. */
export function media(name) {
  const [real, recipe] = files[name];
  const path = join(shared, real);
  if (existsSync(path)) return path;
  mkdirSync(made, { recursive: true });
  const target = join(made, real);
  if (!existsSync(target)) {
    const partial = join(made, `partial-${process.pid}-${real}`);
    execFileSync('ffmpeg', ['-hide_banner', '-loglevel', 'error', '-nostdin', '-y', ...recipe, partial]);
    renameSync(partial, target);
  }
  return target;
}
