// SPDX-License-Identifier: GPL-3.0-or-later
// AMF0, as much as a publisher needs (Action Message Format 0, 2.2 to 2.5).

export function encode(...values) {
  return Buffer.concat(values.map(one));
}

function text(value) {
  const raw = Buffer.from(value);
  const size = Buffer.alloc(2);
  size.writeUInt16BE(raw.length);
  return Buffer.concat([size, raw]);
}

function one(value) {
  if (value === null) return Buffer.from([5]);
  if (typeof value === 'number') {
    const out = Buffer.alloc(9);
    out.writeDoubleBE(value, 1);
    return out;
  }
  if (typeof value === 'string') return Buffer.concat([Buffer.from([2]), text(value)]);
  const members = Object.entries(value).flatMap(([name, member]) => [text(name), one(member)]);
  return Buffer.concat([Buffer.from([3]), ...members, Buffer.from([0, 0, 9])]);
}
