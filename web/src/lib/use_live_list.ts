// SPDX-License-Identifier: GPL-3.0-or-later
// The newest live streams, pushed while that works, asked for every few seconds while it does not. Both rest while
// the tab is hidden.
import { useCallback, useEffect, useRef, useState } from 'react';
import { api } from '../api/session';
import type { Stream } from '../api/types';
import type { SocketLike } from '../chat/connection';
import { type LiveList, LiveListClient, longestList } from './live_list';
import { mergeStreams } from './merge';
import { usePoll } from './poll';

const pollEvery = 5000;
// The most that one call gives.
const largestPage = 100;

export interface ShownList extends LiveList {
  pushed: boolean;
}

export interface Shown {
  /** Null until the first answer. */
  list: ShownList | null;
  unreachable: boolean;
}

/** The newest `wanted` live streams. */
export function useLiveList(wanted: number): Shown {
  const pushed = usePushed(wanted);
  const [asked, setAsked] = useState<LiveList | null>(null);
  const [unreachable, setUnreachable] = useState(false);

  const ask = useCallback(
    async (signal: AbortSignal) => {
      try {
        const list = await askFor(wanted, signal);
        if (!signal.aborted) {
          setAsked(list);
          setUnreachable(false);
        }
      } catch (error) {
        if (!signal.aborted) {
          setUnreachable(true);
        }
        throw error;
      }
    },
    [wanted],
  );
  usePoll(pushed === null ? ask : null, pollEvery, wanted);

  // Until the first answer to a poll that follows a push, what was pushed last stands.
  const last = useRef<LiveList | null>(null);
  useEffect(() => {
    if (pushed !== null) {
      last.current = pushed;
      setAsked(null);
      setUnreachable(false);
    }
  }, [pushed]);
  const list = pushed ?? asked ?? last.current;
  return { list: list && { ...cut(list, wanted), pushed: pushed !== null }, unreachable: unreachable && pushed === null };
}

/** Lists are pushed in a few lengths: more may come than is wanted. */
function cut(list: LiveList, wanted: number): LiveList {
  return list.items.length <= wanted ? list : { items: list.items.slice(0, wanted), more: true };
}

async function askFor(wanted: number, signal: AbortSignal): Promise<LiveList> {
  let items: Stream[] = [];
  let next: string | null = null;
  do {
    const page = await api.streams(Math.min(largestPage, wanted - items.length), next, signal);
    items = mergeStreams(items, page.items);
    next = page.next;
  } while (next !== null && items.length < wanted);
  return { items, more: next !== null };
}

function usePushed(wanted: number): LiveList | null {
  const [list, setList] = useState<LiveList | null>(null);
  const client = useRef<LiveListClient | null>(null);
  const latest = useRef(wanted);
  latest.current = wanted;
  const isFollowed = wanted <= longestList;

  useEffect(() => {
    if (!isFollowed) {
      return undefined;
    }
    const mine = new LiveListClient({ open: (limit) => new WebSocket(address(limit)) as SocketLike, onChange: () => setList(mine.list) });
    client.current = mine;
    mine.want(latest.current);
    const seen = () => (document.hidden ? mine.stop() : mine.start());
    const online = () => mine.suspect();
    document.addEventListener('visibilitychange', seen);
    window.addEventListener('online', online);
    seen();
    return () => {
      document.removeEventListener('visibilitychange', seen);
      window.removeEventListener('online', online);
      mine.stop();
      client.current = null;
    };
  }, [isFollowed]);
  useEffect(() => client.current?.want(wanted), [wanted]);
  return list;
}

function address(limit: number): string {
  const scheme = window.location.protocol === 'https:' ? 'wss:' : 'ws:';
  return `${scheme}//${window.location.host}/api/v1/streams/ws?limit=${limit}`;
}
