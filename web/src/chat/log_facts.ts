// SPDX-License-Identifier: GPL-3.0-or-later
// What a log entry's details say, in words: how long, how slow, how many.
import type { TextKey, Values } from '../i18n/translate';
import { duration } from './time';

type Say = (key: TextKey, values?: Values) => string;

/** details: as the server sends them; what this page does not know is shown as it is. */
export function logFacts(action: string, details: Record<string, unknown> | null, t: Say): string[] {
  const facts = Object.entries(details ?? {});
  return facts.flatMap(([key, value]) => {
    if (key === 'duration_s' && typeof value === 'number') {
      return [t('log.for', { time: duration(value, t) })];
    }
    if (key === 'slow_mode_s' && typeof value === 'number') {
      return [t('log.slow', { value: value === 0 ? t('mod.off') : t('mod.every', { time: duration(value, t) }) })];
    }
    if (key === 'followers_only_min_age_s') {
      return [t('log.followers', { value: followers(value, t) })];
    }
    if (key === 'count' && action === 'words') {
      return [t('log.word_count', { count: String(value) })];
    }
    return value === null || typeof value === 'object' ? [] : [`${key}: ${String(value)}`];
  });
}

function followers(value: unknown, t: Say): string {
  if (typeof value !== 'number') {
    return t('mod.off');
  }
  return value === 0 ? t('mod.any_follower') : t('mod.follower_for', { time: duration(value, t) });
}
