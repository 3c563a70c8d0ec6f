// SPDX-License-Identifier: GPL-3.0-or-later
import { describe, expect, it } from 'vitest';
import type { Stream } from '../src/api/types';
import { firstOf, followedPage } from '../src/lib/use_followed';

const stream = (id: number) => ({ stream_id: id }) as Stream;

/** Streams 1 to `count`, newest first, in pages of at most 100; cursor: the last id before. */
function server(count: number) {
  const asked: [number, string | null][] = [];
  const load = async (limit: number, cursor: string | null) => {
    asked.push([limit, cursor]);
    const from = cursor === null ? count : Number(cursor) - 1;
    const items = Array.from({ length: Math.min(limit, from) }, (_, i) => stream(from - i));
    const last = items.at(-1)?.stream_id ?? 0;
    return { items, next: last > 1 ? String(last) : null };
  };
  return { asked, load };
}

describe('live now among the followed', () => {
  it('is one page, and whether there are more', async () => {
    const { asked, load } = server(30);
    const list = await firstOf(load, followedPage);
    expect(list.items.map((s) => s.stream_id)).toEqual(Array.from({ length: 12 }, (_, i) => 30 - i));
    expect(list.more).toBe(true);
    expect(asked).toEqual([[12, null]]);
    expect(await firstOf(server(12).load, followedPage)).toMatchObject({ more: false });
  });

  it('goes on by the cursor when more is wanted than one call gives', async () => {
    const { asked, load } = server(130);
    const list = await firstOf(load, 120);
    expect(asked).toEqual([[100, null], [20, '31']]);
    expect(list.items).toHaveLength(120);
    expect(list.more).toBe(true);
  });

  it('shows a stream once that moved between two pages, and ends when pages bring nothing new', async () => {
    let calls = 0;
    const stuck = async () => {
      calls += 1;
      return { items: [stream(1)], next: 'again' };
    };
    expect(await firstOf(stuck, 12)).toEqual({ items: [stream(1)], more: false });
    expect(calls).toBe(2);
  });
});
