// SPDX-License-Identifier: GPL-3.0-or-later
// Codec names for people. Source of the strings: RFC 6381, ISO/IEC 14496-15 annex E, AV1 in ISOBMFF 5.

/** Why a browser may refuse a codec: what the sentence on the player is about. */
export type CodecTrouble = 'hevc' | 'av1' | 'chroma444' | 'chroma422' | 'ten_bit' | 'mp3' | 'other';

export interface CodecName {
  name: string;
  trouble: CodecTrouble;
}

// profile_idc, the first byte after "avc1."
const avcProfiles: Record<string, [string, CodecTrouble]> = {
  '42': ['H.264 Baseline', 'other'],
  '4d': ['H.264 Main', 'other'],
  '58': ['H.264 Extended', 'other'],
  '64': ['H.264 High', 'other'],
  '6e': ['H.264 High 10', 'ten_bit'],
  '7a': ['H.264 High 4:2:2', 'chroma422'],
  f4: ['H.264 High 4:4:4', 'chroma444'],
};

export function describeCodec(codec: string): CodecName {
  const text = codec.trim().toLowerCase();
  const parts = text.split('.');
  switch (parts[0]) {
    case 'avc1':
    case 'avc3': {
      const [name, trouble] = avcProfiles[(parts[1] ?? '').slice(0, 2)] ?? ['H.264', 'other'];
      return { name, trouble };
    }
    case 'hvc1':
    case 'hev1':
      return { name: /^[a-c]?2$/.test(parts[1] ?? '') ? 'HEVC Main 10' : 'HEVC', trouble: 'hevc' };
    case 'av01':
      return { name: 'AV1', trouble: 'av1' };
    case 'mp4a':
      if (parts[1] === '6b' || parts[1] === '69' || parts[2] === '34') {
        return { name: 'MP3', trouble: 'mp3' };
      }
      return { name: parts[2] === '5' || parts[2] === '29' ? 'HE-AAC' : 'AAC', trouble: 'other' };
    case 'mp3':
      return { name: 'MP3', trouble: 'mp3' };
    case 'opus':
      return { name: 'Opus', trouble: 'other' };
    default:
      return { name: codec, trouble: 'other' };
  }
}

export function isVideoCodec(codec: string): boolean {
  return /^(avc[13]|hvc1|hev1|av01|vp0?[89]|dvh[1e])\b/i.test(codec.trim());
}

/** Every codec a multivariant playlist names, in order, each once. */
export function codecsOfMaster(playlist: string): string[] {
  const found = new Set<string>();
  for (const line of playlist.split(/\r?\n/)) {
    const list = /^#EXT-X-STREAM-INF:.*?\bCODECS="([^"]*)"/.exec(line)?.[1];
    for (const codec of list?.split(',') ?? []) {
      if (codec.trim() !== '') {
        found.add(codec.trim());
      }
    }
  }
  return [...found];
}
