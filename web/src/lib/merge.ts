// SPDX-License-Identifier: GPL-3.0-or-later
import type { Stream } from '../api/types';
import type { LiveList } from './live_list';

/** The newest first page, then what follows; a stream that is in both is shown once. */
export function mergeStreams(first: Stream[], more: Stream[]): Stream[] {
  const seen = new Set<number>();
  return [...first, ...more].filter(({ stream_id: id }) => !seen.has(id) && seen.add(id));
}

/** Streams from elsewhere as a newer list has them; who must be in it and is not has ended. */
export function refreshed(streams: Stream[], list: LiveList | null): Stream[] {
  if (list === null) {
    return streams;
  }
  const byId = new Map(list.items.map((stream) => [stream.stream_id, stream]));
  const oldest = list.more ? (list.items.at(-1)?.stream_id ?? Infinity) : 0;
  return streams.map((stream) => byId.get(stream.stream_id) ?? stream).filter(({ stream_id: id }) => byId.has(id) || id < oldest);
}
