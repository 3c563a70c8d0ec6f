// SPDX-License-Identifier: GPL-3.0-or-later
// What keeps the picture away, as something a sentence can be said about.
import { codecsOfMaster, describeCodec, isVideoCodec, type CodecTrouble } from '../lib/codecs';

export type ProblemKind = CodecTrouble | 'no_key_frame' | 'no_picture' | 'broken' | 'unsupported';

export interface Problem {
  kind: ProblemKind;
  /** For people: "HEVC". */
  codec: string;
}

/** The first codec of a multivariant playlist that this browser refuses, or null. */
export function refusedCodec(
  playlist: string,
  isTypeSupported: (type: string) => boolean,
): Problem | null {
  for (const codec of codecsOfMaster(playlist)) {
    const container = isVideoCodec(codec) ? 'video/mp4' : 'audio/mp4';
    if (!isTypeSupported(`${container};codecs="${codec}"`)) {
      const { name, trouble } = describeCodec(codec);
      return { kind: trouble, codec: name };
    }
  }
  return null;
}

/**
 * Media was appended, but no picture came. A browser drops video up to the first key frame, so
 * without one there is nothing to play at all; with one the decoder has failed without a word.
 */
export function whyNoPicture(playlist: string, hasSomethingToPlay: boolean): Problem {
  const codec = codecsOfMaster(playlist).find(isVideoCodec);
  const described = codec === undefined ? null : describeCodec(codec);
  if (described && described.trouble !== 'other') {
    return { kind: described.trouble, codec: described.name };
  }
  return { kind: hasSomethingToPlay ? 'no_picture' : 'no_key_frame', codec: described?.name ?? '?' };
}
