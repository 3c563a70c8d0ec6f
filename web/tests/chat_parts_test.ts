// SPDX-License-Identifier: GPL-3.0-or-later
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { announcementOf } from '../src/chat/announcement';
import { Heights } from '../src/chat/heights';
import type { Outgoing } from '../src/chat/outbox';
import { newerThan, placeOf, rowsOf } from '../src/chat/rows';
import { Sequence } from '../src/chat/sequence';
import type { Item } from '../src/chat/store';
import { asOneLine, codePoints, colourOf, mentions, nameColours, piecesOf } from '../src/chat/text';
import { duration } from '../src/chat/time';
import { translate, translatePlural, type PluralKey, type TextKey, type Values } from '../src/i18n/translate';
import { me, message, other } from './chat_fake';

const t = (key: TextKey, values?: Values) => translate('en', key, values);
const plural = (key: PluralKey, count: number, values?: Values) => translatePlural('en', key, count, values);

describe('chat text', () => {
  const links = (text: string) => piecesOf(text, null).flatMap((piece) => (piece.kind === 'link' ? [piece.href] : []));

  it('recognises links, without the punctuation of the sentence', () => {
    expect(links('see https://example.org/a?b=1&c=2, or (http://example.com/x_(y)).')).toEqual([
      'https://example.org/a?b=1&c=2',
      'http://example.com/x_(y)',
    ]);
    expect(links('見て https://example.org/パス。次')).toEqual(['https://example.org/%E3%83%91%E3%82%B9']);
  });

  it('makes nothing else clickable', () => {
    for (const text of ['javascript:alert(1)', 'data:text/html,x', 'https://', 'ftp://example.org', 'https://user@example.org/', 'example.org', 'xhttps:/a']) {
      expect(links(text)).toEqual([]);
    }
    expect(links('https://example.org/"onclick="x')).toEqual(['https://example.org/']);
  });

  it('gives every character back, whatever the pieces are', () => {
    for (const text of ['', 'plain', '@mika https://a.example @ondine!', '@@mika @mika_@x a@mika.example', '👩‍👩‍👧 @mika👋', 'https://x.example/@mika']) {
      expect(piecesOf(text, 'mika').map((piece) => piece.text).join('')).toBe(text);
    }
  });

  it('finds mentions as words, and one\'s own in any case', () => {
    const found = (text: string) => piecesOf(text, 'Mika').flatMap((piece) => (piece.kind === 'mention' ? [[piece.text, piece.isMe]] : []));
    expect(found('@mika and @ondine: hi')).toEqual([['@mika', true], ['@ondine', false]]);
    expect(found('mail me@mika.example, or https://x.example/@mika')).toEqual([]);
    expect(mentions('hello @MIKA!', 'mika')).toBe(true);
    expect(mentions('hello @mikado', 'mika')).toBe(false);
    expect(mentions('hello @mika', null)).toBe(false);
  });

  it('counts as the server does, and says one line', () => {
    expect(codePoints('👋🏽é')).toBe(3);
    expect(codePoints('e\u0301')).toBe(1);
    expect(asOneLine('a\nb\t\u2028c\u0000d')).toBe('a b c d');
  });

  it('uses no look-behind, which Safari 15 refuses to parse', () => {
    expect(readFileSync(new URL('../src/chat/text.ts', import.meta.url), 'utf8')).not.toMatch(/\(\?<[!=]/);
  });
});

describe('name colours', () => {
  const css = readFileSync(new URL('../src/styles/chat_line.css', import.meta.url), 'utf8');
  const base = readFileSync(new URL('../src/styles/base.css', import.meta.url), 'utf8');
  const [light, dark] = css.split('@media (prefers-color-scheme: dark)').map((part) =>
    [...part.matchAll(/\.name-(\d+) \{ color: (#[0-9a-f]{6})/g)].map(([, , colour]) => colour as string),
  );
  const grounds = (name: string) => [...base.matchAll(new RegExp(`--${name}: (#[0-9a-f]{6})`, 'g'))].map(([, colour]) => colour as string);
  const luminance = (colour: string) => {
    const [r, g, b] = [1, 3, 5].map((at) => {
      const part = parseInt(colour.slice(at, at + 2), 16) / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    }) as [number, number, number];
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (a: string, b: string) => {
    const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x) as [number, number];
    return (high + 0.05) / (low + 0.05);
  };

  it.each(['wing', 'raised', 'warn-back'])('can be read on %s in both themes', (name) => {
    const [onLight, onDark] = grounds(name) as [string, string];
    expect(light).toHaveLength(nameColours);
    expect(dark).toHaveLength(nameColours);
    expect(light?.filter((colour) => contrast(colour, onLight) < 4.5)).toEqual([]);
    expect(dark?.filter((colour) => contrast(colour, onDark) < 4.5)).toEqual([]);
  });

  it('are used evenly, and stay with the person', () => {
    const counts = new Array<number>(nameColours).fill(0);
    for (let id = 70_000_000_000; id < 70_000_001_600; id += 1) {
      counts[colourOf(id)] = (counts[colourOf(id)] ?? 0) + 1;
    }
    expect(Math.min(...counts)).toBeGreaterThan(50);
    expect(colourOf(7)).toBe(colourOf(7));
  });
});

describe('sequence', () => {
  it('says what is new, what is double, and what is missing', () => {
    const s = new Sequence();
    s.restart(10);
    expect([s.accept(11), s.accept(11), s.accept(15), s.accept(10)]).toEqual([true, false, true, false]);
    expect(s.holes).toEqual([{ from: 12, to: 14 }]);
    expect(s.accept(13)).toBe(true);
    expect(s.holes).toEqual([{ from: 12, to: 12 }, { from: 14, to: 14 }]);
    s.close(12);
    expect(s.holes).toEqual([{ from: 14, to: 14 }]);
    s.advance(20);
    expect(s.holes).toEqual([{ from: 14, to: 14 }, { from: 16, to: 20 }]);
  });

  it('is bounded in holes, and never forgets that something is missing', () => {
    const s = new Sequence();
    for (let seq = 2; seq <= 2000; seq += 2) {
      s.accept(seq);
    }
    expect(s.holes.length).toBeLessThanOrEqual(50);
    for (let seq = 1; seq < 2000; seq += 2) {
      expect(s.holes.some(({ from, to }) => from <= seq && seq <= to)).toBe(true);
    }
  });
});

describe('heights', () => {
  const keys = Array.from({ length: 1000 }, (_, i) => `k${i}`);

  it('draws what is seen and a little more, however long the list is', () => {
    const heights = new Heights<string>();
    const view = heights.window(keys, 28 * 500, 280, 5);
    expect([view.first, view.end]).toEqual([495, 515]);
    expect(view.before).toBe(28 * 495);
    expect(view.total).toBe(28_000);
  });

  it('takes what was measured for what it is, and its mean for the rest', () => {
    const heights = new Heights<string>();
    expect(heights.set('k0', 100)).toBe(true);
    expect(heights.set('k0', 100.2)).toBe(false);
    heights.set('k1', 50);
    expect(heights.of('k500')).toBe(75);
    expect(heights.offset(keys, 2)).toBe(150);
    expect(heights.rowAt(keys, 149)).toBe(1);
    expect(heights.rowAt(keys, 150)).toBe(2);
    heights.forget();
    expect(heights.of('k0')).toBe(28);
  });

  it('forgets rows that are gone', () => {
    const heights = new Heights<string>();
    keys.forEach((key) => heights.set(key, 10));
    heights.set('k999', 1010);
    heights.keep(keys.slice(0, 10));
    expect(heights.guess).toBe(10);
  });

  it('has a window at either end, and in an empty list', () => {
    const heights = new Heights<string>();
    expect(heights.window([], 0, 300, 5)).toEqual({ first: 0, end: 0, before: 0, total: 0 });
    expect(heights.window(keys, 1e9, 300, 5).end).toBe(1000);
    expect(heights.window(keys, 0, 300, 5).first).toBe(0);
  });
});

describe('rows', () => {
  it('know where one stands, or stood before it was deleted', () => {
    const row = (key: string, seq: number) => ({ key, item: { seq } as Item });
    const rows = [row('s3', 3), row('s7', 7), row('s9', 9), { key: 'n1', outgoing: {} as Outgoing }];
    expect(placeOf(rows, null)).toBe(4);
    expect(placeOf(rows, 's7')).toBe(1);
    expect(placeOf(rows, 'n1')).toBe(3);
    expect(placeOf(rows, 's1')).toBe(-0.5);
    expect(placeOf(rows, 's8')).toBe(1.5);
    expect(placeOf(rows, 's12')).toBe(2.5);
    expect(placeOf(rows, 'n2')).toBe(3.5);
    expect(placeOf([], 's8')).toBe(-0.5);
  });

  const ban = (seq: number, who: typeof me): Item => ({ type: 'ban', seq, active: true, until: null, ...who });
  const items: Item[] = [message(1), ban(2, other), ban(3, me), { type: 'mode', seq: 4, slow_mode_s: 5, followers_only_min_age_s: null }, message(5)];

  it('tells who was sent out to moderators and to the person concerned', () => {
    const seqs = (role: 'user' | 'moderator', user = me) => rowsOf({ items, outgoing: [], user, role }).map((row) => row.item?.seq);
    expect(seqs('user')).toEqual([1, 3, 4, 5]);
    expect(seqs('moderator')).toEqual([1, 2, 3, 4, 5]);
  });

  it('keeps the row of an item the same object, and ends with what is on its way', () => {
    const outgoing = { nonce: 'n-1' } as Outgoing;
    const [a, b] = [0, 1].map(() => rowsOf({ items, outgoing: [outgoing], user: me, role: 'user' }));
    expect(a?.[0]).toBe(b?.[0]);
    expect(a?.at(-1)).toEqual({ key: 'nn-1', outgoing });
    expect(newerThan(a ?? [], 1)).toBe(1);
    expect(newerThan(a ?? [], 5)).toBe(0);
  });
});

describe('announcements', () => {
  it('reads out the newest three, says how many more there are, and never one\'s own', () => {
    const items = [message(1), message(2), message(3, 'mine', me), message(4), message(5), message(6)];
    expect(announcementOf(items, 1, me, t, plural)).toBe('ondine: m4. ondine: m5. ondine: m6. And 1 more message.');
    expect(announcementOf(items, 6, me, t, plural)).toBe('');
  });

  it('prefers what is said to the person', () => {
    const items = [message(1, '@mika hello'), message(2), message(3)];
    expect(announcementOf(items, 0, me, t, plural)).toBe('ondine: @mika hello. And 2 more messages.');
  });
});

describe('durations', () => {
  it('are said in the largest unit that fits', () => {
    expect([0, 1.2, 59, 60, 90, 600, 3600, 7200, 86_400, 604_800].map((s) => duration(s, t))).toEqual([
      '0 s', '2 s', '59 s', '1 min', '90 s', '10 min', '1 h', '2 h', '1 d', '7 d',
    ]);
  });
});
