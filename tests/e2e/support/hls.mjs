// SPDX-License-Identifier: GPL-3.0-or-later
// A low-latency HLS client as RFC 8216bis describes it, without a decoder: for tests that look at playlists and bytes.
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { binary } from './troupe.mjs';
import { until } from './process.mjs';

const run = promisify(execFile);
const checker = process.env.TROUPE_PLAYLIST_CHECK ?? resolve(binary, '../tests/playlist_check');

export const mediaPath = (stream, name = 'source/media.m3u8') => `/live/${stream.stream_id}/${name}`;

export function parse(text) {
  const lines = text.split('\n');
  const attribute = (line, name) => line.match(new RegExp(`[:,]${name}=("([^"]*)"|[^,]*)`))?.slice(1).findLast((x) => x !== undefined);
  const out = { text, segments: [], ended: false, msn: 0, skipped: 0, discontinuities: 0, maps: [] };
  let parts = [];
  let next = { discontinuity: false };
  for (const line of lines) {
    if (line.startsWith('#EXT-X-MEDIA-SEQUENCE:')) out.msn = Number(line.split(':')[1]);
    else if (line.startsWith('#EXT-X-TARGETDURATION:')) out.target = Number(line.split(':')[1]);
    else if (line.startsWith('#EXT-X-SKIP:')) out.skipped = Number(attribute(line, 'SKIPPED-SEGMENTS'));
    else if (line.startsWith('#EXT-X-MAP:')) out.maps.push(attribute(line, 'URI'));
    else if (line === '#EXT-X-DISCONTINUITY') { next.discontinuity = true; out.discontinuities += 1; }
    else if (line.startsWith('#EXT-X-PROGRAM-DATE-TIME:')) next.date = new Date(line.slice(25));
    else if (line.startsWith('#EXT-X-PART:')) {
      parts.push({ uri: attribute(line, 'URI'), duration: Number(attribute(line, 'DURATION')), independent: /INDEPENDENT=YES/.test(line) });
    } else if (line.startsWith('#EXTINF:')) next.duration = parseFloat(line.slice(8));
    else if (line.startsWith('#EXT-X-PRELOAD-HINT:')) out.hint = attribute(line, 'URI');
    else if (line === '#EXT-X-ENDLIST') out.ended = true;
    else if (line !== '' && !line.startsWith('#')) {
      out.segments.push({ ...next, uri: line, parts, msn: out.msn + out.skipped + out.segments.length, map: out.maps.at(-1) });
      parts = [];
      next = { discontinuity: false };
    }
  }
  out.open = parts;
  out.openDiscontinuity = next.discontinuity;
  out.nextMsn = out.msn + out.skipped + out.segments.length;
  return out;
}

/** The media playlist once it exists and holds something. */
export async function firstPlaylist(troupe, stream, name) {
  return until(async () => {
    const response = await fetch(troupe.origin + mediaPath(stream, name));
    if (response.status !== 200) return undefined;
    const list = parse(await response.text());
    return list.segments.length + list.open.length > 0 ? list : undefined;
  }, { what: 'a media playlist with a part', detail: () => troupe.process.output.slice(-3000) });
}

/** Follows a live playlist with blocking reloads until done(list) holds; answers every playlist seen. */
export async function follow(troupe, stream, done, { deadlineMs = 60_000, name } = {}) {
  const seen = [await firstPlaylist(troupe, stream, name)];
  const deadline = Date.now() + deadlineMs;
  while (!done(seen.at(-1), seen)) {
    if (Date.now() > deadline) throw new Error(`the playlist never came that far:\n${seen.at(-1).text}`);
    const last = seen.at(-1);
    if (last.ended) throw new Error(`the playlist ended:\n${last.text}`);
    const query = `?_HLS_msn=${last.nextMsn}&_HLS_part=${last.open.length}`;
    const response = await fetch(troupe.origin + mediaPath(stream, name) + query, { signal: AbortSignal.timeout(40_000) });
    if (response.status === 503) continue;
    if (response.status !== 200) throw new Error(`${query} answered ${response.status} after\n${last.text}`);
    seen.push(parse(await response.text()));
  }
  return seen;
}

/** Holds a sequence of playlists to RFC 8216bis; throws with what is wrong. */
export async function checkPlaylists(lists, ...flags) {
  const folder = await mkdtemp(join(tmpdir(), 'troupe-playlists-'));
  try {
    const names = await Promise.all(lists.map(async (list, i) => {
      const name = join(folder, `${String(i).padStart(5, '0')}.m3u8`);
      await writeFile(name, list.text);
      return name;
    }));
    await run(checker, [...flags, ...names]);
  } catch (error) {
    throw new Error(`the playlists break RFC 8216bis:\n${error.stdout ?? ''}${error.stderr ?? error}`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export async function bytes(troupe, stream, uri) {
  const response = await fetch(troupe.origin + mediaPath(stream, `source/${uri}`), { signal: AbortSignal.timeout(40_000) });
  if (response.status !== 200) throw new Error(`${uri} answered ${response.status}`);
  return Buffer.from(await response.arrayBuffer());
}

/** ffprobe's packets of these segments, and what a decoder says of them: one continuous file for each initialization section. */
export async function packets(troupe, stream, segments) {
  const all = { list: [], decodeErrors: '' };
  for (let at = 0; at < segments.length;) {
    const end = segments.findIndex((s, i) => i > at && s.map !== segments[at].map);
    const run = segments.slice(at, end < 0 ? undefined : end);
    const { list, decodeErrors } = await packetsOfOneMap(troupe, stream, run);
    all.list.push(...list);
    all.decodeErrors += decodeErrors;
    at += run.length;
  }
  return all;
}

async function packetsOfOneMap(troupe, stream, segments) {
  const folder = await mkdtemp(join(tmpdir(), 'troupe-segments-'));
  try {
    const file = join(folder, 'part.mp4');
    const pieces = [await bytes(troupe, stream, segments[0].map)];
    for (const s of segments) pieces.push(await bytes(troupe, stream, s.uri));
    await writeFile(file, Buffer.concat(pieces));
    const { stdout } = await run('ffprobe', ['-v', 'error', '-show_entries', 'packet=codec_type,pts_time,dts_time,flags,size', '-of', 'json', file], { maxBuffer: 1 << 26 });
    // The frames' own times: a grid of the mean frame rate would complain of a source that is not even.
    const decode = await run('ffmpeg', ['-v', 'error', '-nostdin', '-i', file, '-fps_mode', 'passthrough', '-enc_time_base', '-1', '-f', 'null', '-']);
    return { list: JSON.parse(stdout).packets, decodeErrors: decode.stderr };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
