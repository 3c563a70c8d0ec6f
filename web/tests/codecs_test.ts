// SPDX-License-Identifier: GPL-3.0-or-later
import { describe, expect, it } from 'vitest';
import { codecsOfMaster, describeCodec } from '../src/lib/codecs';
import { refusedCodec, whyNoPicture } from '../src/player/problem';

const master = (codecs: string) =>
  `#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-STREAM-INF:BANDWIDTH=3000000,CODECS="${codecs}",RESOLUTION=1280x720\nmedia.m3u8\n`;

describe('codecs', () => {
  it('names profiles and what browsers dislike about them', () => {
    expect(describeCodec('avc1.64001f')).toEqual({ name: 'H.264 High', trouble: 'other' });
    expect(describeCodec('avc1.6E001F')).toEqual({ name: 'H.264 High 10', trouble: 'ten_bit' });
    expect(describeCodec('avc1.7a001f')).toEqual({ name: 'H.264 High 4:2:2', trouble: 'chroma422' });
    expect(describeCodec('avc1.f4001e')).toEqual({ name: 'H.264 High 4:4:4', trouble: 'chroma444' });
    expect(describeCodec('hvc1.1.6.L93.B0')).toEqual({ name: 'HEVC', trouble: 'hevc' });
    expect(describeCodec('hvc1.2.4.L93.B0').name).toBe('HEVC Main 10');
    expect(describeCodec('mp4a.40.2').name).toBe('AAC');
    expect(describeCodec('mp4a.40.34')).toEqual({ name: 'MP3', trouble: 'mp3' });
    expect(describeCodec('av01.0.04M.08').trouble).toBe('av1');
  });

  it('reads the codecs of a multivariant playlist, each once', () => {
    const two = master('avc1.64001f,mp4a.40.2') + '#EXT-X-STREAM-INF:CODECS="avc1.4d401f, mp4a.40.2"\r\nb.m3u8\r\n';
    expect(codecsOfMaster(two)).toEqual(['avc1.64001f', 'mp4a.40.2', 'avc1.4d401f']);
    expect(codecsOfMaster('')).toEqual([]);
  });

  it('finds the codec that a browser refuses', () => {
    const asked: string[] = [];
    const noHevc = (type: string) => {
      asked.push(type);
      return !type.includes('hvc1');
    };
    expect(refusedCodec(master('mp4a.40.2,hvc1.1.6.L93.B0'), noHevc)).toEqual({ kind: 'hevc', codec: 'HEVC' });
    expect(asked).toEqual(['audio/mp4;codecs="mp4a.40.2"', 'video/mp4;codecs="hvc1.1.6.L93.B0"']);
    expect(refusedCodec(master('avc1.64001f,mp4a.40.2'), noHevc)).toBeNull();
  });

  it('tells a missing key frame from a decoder that shows nothing', () => {
    expect(whyNoPicture(master('avc1.64001f'), false).kind).toBe('no_key_frame');
    expect(whyNoPicture(master('avc1.64001f'), true)).toEqual({ kind: 'no_picture', codec: 'H.264 High' });
    expect(whyNoPicture(master('avc1.f4001e'), true).kind).toBe('chroma444');
  });
});
