// SPDX-License-Identifier: GPL-3.0-or-later
// Development only: LL-HLS made of ffmpeg's ordinary HLS. ffmpeg writes files of a third of a second;
// each is a part, and six of them are a segment. Blocking reload by looking again every 15 ms.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const partsPerSegment = 6;
const partTarget = 0.334;
const blockAtMost = 6000;
const wait = (ms) => new Promise((done) => setTimeout(done, ms));

/** What ffmpeg has finished: number, duration, date and file of each part. */
function partsOf(folder) {
  const path = join(folder, 'media.m3u8');
  const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
  let number = Number(/#EXT-X-MEDIA-SEQUENCE:(\d+)/.exec(text)?.[1] ?? 0);
  return [...text.matchAll(/#EXTINF:([\d.]+),\n#EXT-X-PROGRAM-DATE-TIME:(\S+)\n(\S+)/g)].map(([, duration, date, file]) => ({
    number: number++,
    duration: Number(duration),
    date,
    file,
  }));
}

function lengthOf(parts, last) {
  const inside = parts.filter(({ number }) => number > last - partsPerSegment && number <= last);
  return inside.reduce((sum, { duration }) => sum + duration, 0).toFixed(6);
}

function playlist(parts) {
  const first = Math.ceil(parts[0].number / partsPerSegment) * partsPerSegment;
  const listed = parts.filter(({ number }) => number >= first);
  const lines = [
    '#EXTM3U',
    '#EXT-X-VERSION:9',
    '#EXT-X-TARGETDURATION:2',
    `#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=${3 * partTarget},HOLD-BACK=6`,
    `#EXT-X-PART-INF:PART-TARGET=${partTarget}`,
    `#EXT-X-MEDIA-SEQUENCE:${first / partsPerSegment}`,
    '#EXT-X-MAP:URI="init.mp4"',
  ];
  const showPartsFrom = (listed.at(-1)?.number ?? 0) - 3 * partsPerSegment;
  for (const part of listed) {
    const at = part.number % partsPerSegment;
    if (at === 0) lines.push(`#EXT-X-PROGRAM-DATE-TIME:${part.date}`);
    if (part.number >= showPartsFrom) lines.push(`#EXT-X-PART:DURATION=${part.duration},URI="part${part.number}.m4s"${at % 3 === 0 ? ',INDEPENDENT=YES' : ''}`);
    if (at === partsPerSegment - 1) lines.push(`#EXTINF:${lengthOf(listed, part.number)},`, `seg${(part.number - at) / partsPerSegment}.m4s`);
  }
  lines.push(`#EXT-X-PRELOAD-HINT:TYPE=PART,URI="part${(listed.at(-1)?.number ?? -1) + 1}.m4s"`);
  return `${lines.join('\n')}\n`;
}

async function until(folder, number) {
  const deadline = Date.now() + blockAtMost;
  for (;;) {
    const parts = partsOf(folder);
    if ((parts.at(-1)?.number ?? -1) >= number) return parts;
    if (Date.now() > deadline) return null;
    await wait(15);
  }
}

/** Arguments for ffmpeg's output: one file per part, a key frame every third. */
export const lowLatencyArguments = ['-f', 'hls', '-hls_time', '0.333', '-hls_list_size', '90', '-hls_segment_type', 'fmp4', '-hls_flags', 'delete_segments+program_date_time+split_by_time'];

/** Answers {status, type, body} for one address below /live/ID/. */
export async function lowLatencyAnswer(folder, name, query) {
  const type = name.endsWith('.m3u8') ? 'application/vnd.apple.mpegurl' : 'video/mp4';
  const found = (body) => ({ status: 200, type, body });
  if (name === 'master.m3u8') {
    const ready = await until(folder, 3 * partsPerSegment - 1);
    const codecs = 'avc1.42c01f,mp4a.40.2';
    return ready ? found(`#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=3000000,RESOLUTION=1280x720,FRAME-RATE=30,CODECS="${codecs}"\nlow.m3u8\n`) : { status: 503 };
  }
  if (name === 'low.m3u8') {
    const segment = Number(query.get('_HLS_msn') ?? 0);
    const part = Number(query.get('_HLS_part') ?? (query.has('_HLS_msn') ? partsPerSegment - 1 : 0));
    const parts = await until(folder, segment * partsPerSegment + part);
    return parts ? found(playlist(parts)) : { status: 503 };
  }
  const [, kind, text] = /^(part|seg)(\d+)\.m4s$/.exec(name) ?? [];
  if (!kind) {
    const path = join(folder, name);
    return existsSync(path) ? found(readFileSync(path)) : { status: 404 };
  }
  const count = kind === 'part' ? 1 : partsPerSegment;
  const first = Number(text) * count;
  const parts = await until(folder, first + count - 1);
  const wanted = parts?.filter(({ number }) => number >= first && number < first + count) ?? [];
  return wanted.length === count ? found(Buffer.concat(wanted.map(({ file }) => readFileSync(join(folder, file))))) : { status: 404 };
}
