// SPDX-License-Identifier: GPL-3.0-or-later
import type { Stream } from '../api/types';

/** The newest first page, then what was opened by "more"; a stream that is in both is shown once. */
export function mergeStreams(first: Stream[], more: Stream[]): Stream[] {
  const seen = new Set<number>();
  return [...first, ...more].filter(({ stream_id: id }) => !seen.has(id) && seen.add(id));
}
