// SPDX-License-Identifier: GPL-3.0-or-later
// FLV as an encoder sends it, tag by tag (Video File Format 10.1, annex E).
import { execFileSync } from 'node:child_process';

export const audio = 8;
export const video = 9;
export const script = 18;

/** A media file as FLV tags in the order of sending: {type, time (ms), body, frame, header}. frame: a picture, not a header. */
export function read(file) {
  const data = execFileSync('ffmpeg', ['-v', 'error', '-nostdin', '-i', file, '-c', 'copy', '-f', 'flv', '-'], { maxBuffer: 1 << 29 });
  const tags = [];
  for (let at = data.readUInt32BE(5) + 4; at + 11 <= data.length;) {
    const type = data[at];
    const size = data.readUIntBE(at + 1, 3);
    const time = data.readUIntBE(at + 4, 3) | (data[at + 7] << 24);
    const body = data.subarray(at + 11, at + 11 + size);
    const header = type === script || ((type === audio || type === video) && body[1] === 0);
    if (size > 0 && !(type === video && body[1] === 2)) tags.push({ type, time, body, header, frame: type === video && !header });
    at += 11 + size + 4;
  }
  const last = tags.findLast((t) => t.frame);
  const frames = tags.filter((t) => t.frame).length;
  const first = tags.find((t) => t.frame);
  // What one round of a loop lasts: the pictures' own time, so that the next round's first one is on the beat.
  const length = Math.round(((last.time - first.time) / (frames - 1)) * frames);
  return { tags, length, frames };
}
