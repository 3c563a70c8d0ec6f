// SPDX-License-Identifier: GPL-3.0-or-later
// What a log entry's details say, in words: how long, how slow, how many, which words.
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

type Change = { word?: unknown; action?: unknown; from?: unknown; to?: unknown };

/** Which words were changed, a line each; none when it was something else. */
export function wordChanges(details: Record<string, unknown> | null, t: Say): string[] {
  const listed = (key: string) => (Array.isArray(details?.[key]) ? (details[key] as Change[]) : []);
  return [
    ...listed('added').map(({ word, action }) => t('log.word_added', { word: String(word), action: actionName(action, t) })),
    ...listed('changed').map(({ word, from, to }) =>
      t('log.word_changed', { word: String(word), from: actionName(from, t), to: actionName(to, t) }),
    ),
    ...listed('removed').map(({ word, action }) => t('log.word_removed', { word: String(word), action: actionName(action, t) })),
  ];
}

function actionName(action: unknown, t: Say): string {
  return action === 'refuse' || action === 'mask' || action === 'hold' ? t(`mod.action_${action}`) : String(action);
}

function followers(value: unknown, t: Say): string {
  if (typeof value !== 'number') {
    return t('mod.off');
  }
  return value === 0 ? t('mod.any_follower') : t('mod.follower_for', { time: duration(value, t) });
}
