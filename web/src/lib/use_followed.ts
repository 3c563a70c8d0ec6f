// SPDX-License-Identifier: GPL-3.0-or-later
// Who of the followed is live, asked for every few seconds; a longer list page by page.
import { useCallback, useEffect, useState } from 'react';
import { people } from '../api/people';
import { useSession } from '../api/session';
import type { Page, Stream } from '../api/types';
import type { LiveList } from './live_list';
import { mergeStreams } from './merge';
import { usePoll } from './poll';

// About what one looks through at a glance.
export const followedPage = 12;
// The most that one call gives.
const largestPage = 100;
const pollEvery = 5000;
// What stands below is not held back for longer. Unit: ms.
const longestWait = 1500;

type Load = (limit: number, cursor: string | null) => Promise<Page<Stream>>;

/** The first `wanted`, and whether there are more. */
export async function firstOf(load: Load, wanted: number): Promise<LiveList> {
  let items: Stream[] = [];
  let next: string | null = null;
  do {
    const page: Page<Stream> = await load(Math.min(largestPage, wanted - items.length), next);
    const before = items.length;
    items = mergeStreams(items, page.items);
    next = items.length > before ? page.next : null;
  } while (next !== null && items.length < wanted);
  return { items, more: next !== null };
}

export interface Followed extends LiveList {
  /** A longer list was asked for and is not here yet. */
  loading: boolean;
  showMore: () => void;
  /** Not known yet, and may be at any moment: what is shown below would jump. */
  pending: boolean;
}

/** Empty while nobody is logged in. */
export function useFollowed(): Followed {
  const { state, user } = useSession();
  const owner = state === 'in' ? user?.user_id : undefined;
  const [wanted, setWanted] = useState(followedPage);
  // Whose list it is: another one's is not shown.
  const [known, setKnown] = useState<(LiveList & { owner: number | undefined; wanted: number }) | null>(null);
  const ask = useCallback(
    async (signal: AbortSignal) => {
      const list = await firstOf((limit, cursor) => people.liveFollowed(limit, cursor, signal), wanted);
      if (!signal.aborted) {
        setKnown({ ...list, owner, wanted });
      }
    },
    [owner, wanted],
  );
  usePoll(owner === undefined ? null : ask, pollEvery, `${owner} ${wanted}`);
  const [late, setLate] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), longestWait);
    return () => clearTimeout(timer);
  }, []);
  const mine = known !== null && known.owner === owner ? known : null;
  const showMore = useCallback(() => setWanted((count) => count + followedPage), []);
  return {
    items: mine?.items ?? [],
    more: mine?.more ?? false,
    loading: mine !== null && mine.wanted !== wanted,
    showMore,
    pending: mine === null && state !== 'out' && !late,
  };
}
