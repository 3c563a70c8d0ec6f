// SPDX-License-Identifier: GPL-3.0-or-later
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { renderToStaticMarkup } from 'react-dom/server';
import { describe, expect, it, vi } from 'vitest';
import { compressFile } from '../build_tools/precompress';
import { inlineCodeIn } from '../build_tools/refuse_inline_code';
import type { Health, Stream } from '../src/api/types';
import { TextsProvider } from '../src/i18n/context';
import { Figures } from '../src/pages/live_health';
import { Poster, Seats } from '../src/components/poster';
import { mergeStreams } from '../src/lib/merge';
import { sceneFor } from '../src/lib/scene';
import { sparkline } from '../src/lib/sparkline';
import { warningText } from '../src/lib/warnings';

const stream = (id: number) => ({ stream_id: id, title: String(id) }) as Stream;

describe('home', () => {
  it('shows a stream once that moved from one page of the list to the next', () => {
    expect(mergeStreams([stream(3), stream(2)], [stream(2), stream(1)]).map((s) => s.stream_id)).toEqual([3, 2, 1]);
  });

  it('makes the same set for the same name, and different ones for different names', () => {
    expect(sceneFor('mika')).toEqual(sceneFor('mika'));
    const sets = new Set(Array.from({ length: 50 }, (_, i) => JSON.stringify(sceneFor(`user${i}`))));
    expect(sets.size).toBe(50);
    for (let i = 0; i < 200; i += 1) {
      for (const figure of sceneFor(`user${i}`).figures) {
        expect(figure.x - figure.width / 2).toBeGreaterThan(20);
        expect(figure.x + figure.width / 2).toBeLessThan(300);
        expect(figure.height).toBeLessThan(130);
      }
    }
  });

  it('draws posters without anything the Content-Security-Policy forbids', () => {
    const markup = renderToStaticMarkup(<Poster name='"><script>' />);
    expect(inlineCodeIn(markup)).toEqual([]);
    expect(markup).toContain('aria-hidden="true"');
  });

  it('lights as many seats as there are viewers, and never more than there are', () => {
    const lit = (taken: number) => renderToStaticMarkup(<Seats taken={taken} />).split('seat-taken').length - 1;
    expect(lit(0)).toBe(0);
    expect(lit(5)).toBe(5);
    expect(lit(34)).toBe(34);
    expect(lit(100_000)).toBe(34);
  });
});

describe('health', () => {
  const health = { key_frame_interval_s: 8.02 } as Health;

  it('says known warnings in Japanese and unknown ones in the words of the server', () => {
    const known = { code: 'key_frames_far_apart', message: 'key frames are 8 s apart' };
    expect(warningText('ja', known, health)).toContain('8 秒');
    expect(warningText('en', known, health)).toBe('key frames are 8 s apart');
    expect(warningText('en', { ...known, message: '' }, health)).toContain('8 s apart');
    expect(warningText('ja', { code: 'new', message: 'A new one.' }, health)).toBe('A new one.');
    expect(warningText('ja', { code: 'new', message: '' }, health)).toBe('new');
  });

  it('is shown while codecs are not known yet, and of a stream without sound', () => {
    vi.stubGlobal('navigator', { languages: ['en'] });
    const early: Health = { ...({} as Health), status: 'live', video_codec: null, audio_codec: null, width: 0, height: 0, frame_rate: 0, video_bitrate_bps: 0, audio_bitrate_bps: 0, key_frame_interval_s: 0, dropped_frames: 0, warnings: [] };
    const drawn = (health: Health) => renderToStaticMarkup(<TextsProvider><Figures health={health} history={[]} /></TextsProvider>);
    expect(drawn(early).match(/none<\/dd>/g)).toHaveLength(2);
    expect(drawn({ ...early, video_codec: 'avc1.64001f' })).toContain('H.264 High');
  });

  it('draws the newest value at the right edge, scaled from zero', () => {
    expect(sparkline([50, 100], 100, 10, 11)).toBe('M90.0 5.0L100.0 0.0');
    expect(sparkline([7], 100, 10, 11)).toBe('');
    expect(sparkline([0, 0], 100, 10, 2)).toBe('M0.0 10.0L100.0 10.0');
  });
});

describe('build', () => {
  it('finds inline code and other hosts in a page', () => {
    expect(inlineCodeIn('<script type="module" src="/assets/a.js"></script><link href="/a.css">')).toEqual([]);
    for (const bad of [
      '<script>alert(1)</script>',
      '<style>a{}</style>',
      '<p style="color:red">',
      '<body onload="x()">',
      '<script src="https://cdn.example/a.js"></script>',
      '<link rel="stylesheet" href="//fonts.example/a.css">',
    ]) {
      expect(inlineCodeIn(bad)).toHaveLength(1);
    }
  });

  it('writes compressed copies that give the same bytes back, only where they are smaller', () => {
    const folder = mkdtempSync(join(tmpdir(), 'troupe-web-'));
    try {
      const script = join(folder, 'a.js');
      writeFileSync(script, 'const answer = 42;\n'.repeat(200));
      expect(compressFile(script)).toEqual([`${script}.br`, `${script}.gz`]);
      const bytes = readFileSync(script);
      expect(brotliDecompressSync(readFileSync(`${script}.br`)).equals(bytes)).toBe(true);
      expect(gunzipSync(readFileSync(`${script}.gz`)).equals(bytes)).toBe(true);

      const short = join(folder, 'b.js');
      writeFileSync(short, 'let a;');
      const picture = join(folder, 'c.png');
      writeFileSync(picture, 'x'.repeat(5000));
      expect([...compressFile(short), ...compressFile(picture)]).toEqual([]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
