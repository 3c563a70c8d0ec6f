// SPDX-License-Identifier: GPL-3.0-or-later
// How many pictures a piece of media holds. Pictures keep the order in which they were sent, so counting tells which.

function* boxes(data, from = 0, to = data.length) {
  for (let at = from; at + 8 <= to;) {
    const size = data.readUInt32BE(at);
    if (size < 8) throw new Error(`a box of ${size} bytes`);
    yield { type: data.toString('latin1', at + 4, at + 8), from: at + 8, to: at + size };
    at += size;
  }
}

function find(data, path, from = 0, to = data.length) {
  const out = [];
  for (const box of boxes(data, from, to)) {
    if (box.type !== path[0]) continue;
    if (path.length === 1) out.push(box);
    else out.push(...find(data, path.slice(1), box.from, box.to));
  }
  return out;
}

/** The track of an init section that holds pictures. */
export function videoTrack(init) {
  for (const track of find(init, ['moov', 'trak'])) {
    const [handler] = find(init, ['mdia', 'hdlr'], track.from, track.to);
    if (init.toString('latin1', handler.from + 8, handler.from + 12) !== 'vide') continue;
    const [header] = find(init, ['tkhd'], track.from, track.to);
    return init.readUInt32BE(header.from + (init[header.from] === 1 ? 20 : 12));
  }
  throw new Error('an init section without pictures');
}

/** Pictures in a part or segment (ISO/IEC 14496-12, 8.8). */
export function picturesOfMp4(data, track) {
  let count = 0;
  for (const fragment of find(data, ['moof', 'traf'])) {
    const [header] = find(data, ['tfhd'], fragment.from, fragment.to);
    if (data.readUInt32BE(header.from + 4) !== track) continue;
    for (const run of find(data, ['trun'], fragment.from, fragment.to)) count += data.readUInt32BE(run.from + 4);
  }
  return count;
}

/** Pictures in an MPEG transport stream: starts of PES packets whose stream id is a video's (ISO/IEC 13818-1, 2.4.3). */
export function picturesOfTs(data) {
  let count = 0;
  for (let at = 0; at + 188 <= data.length; at += 188) {
    if (data[at] !== 0x47) throw new Error('a transport stream out of step');
    if (!(data[at + 1] & 0x40)) continue;
    const payload = at + 4 + (data[at + 3] & 0x20 ? data[at + 4] + 1 : 0);
    if (payload + 4 <= at + 188 && data.readUIntBE(payload, 3) === 1 && (data[payload + 3] & 0xf0) === 0xe0) count += 1;
  }
  return count;
}
