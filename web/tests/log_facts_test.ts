// SPDX-License-Identifier: GPL-3.0-or-later
import { describe, expect, it } from 'vitest';
import { logFacts, wordChanges } from '../src/chat/log_facts';
import { newer } from '../src/pages/watch';
import { translate } from '../src/i18n/translate';

const say: Parameters<typeof logFacts>[2] = (key, values) => translate('en', key, values);

describe('log facts', () => {
  it('says in words how long, how slow, who and how many', () => {
    expect(logFacts('timeout', { duration_s: 600 }, say)).toEqual(['for 10 min']);
    expect(logFacts('mode', { slow_mode_s: 30, followers_only_min_age_s: null }, say)).toEqual([
      'Slow mode: One message every 30 s',
      'Followers only: Off',
    ]);
    expect(logFacts('mode', { slow_mode_s: 0, followers_only_min_age_s: 0 }, say)).toEqual(['Slow mode: Off', 'Followers only: All followers']);
    expect(logFacts('words', { count: 3 }, say)).toEqual(['Words now: 3']);
  });

  it('names every word that was added, changed or removed, with what happens at it', () => {
    const details = {
      count: 2,
      added: [{ word: 'curtain', action: 'hold' }],
      changed: [{ word: 'trapdoor', from: 'refuse', to: 'mask' }],
      removed: [{ word: 'prompter', action: 'later' }],
    };
    expect(wordChanges(details, say)).toEqual(['Added “curtain”: Hold', 'Changed “trapdoor”: Refuse → Mask', 'Removed “prompter”: later']);
    // The lists are no facts besides.
    expect(logFacts('words', details, say)).toEqual(['Words now: 2']);
    expect(wordChanges({ count: 3 }, say)).toEqual([]);
    expect(wordChanges(null, say)).toEqual([]);
  });

  it('has nothing to say of nothing, and shows what it does not know as it is', () => {
    expect(logFacts('ban', null, say)).toEqual([]);
    expect(logFacts('later', { colour: 'red', deep: {}, none: null }, say)).toEqual(['colour: red']);
  });
});

describe('which stream a channel shows', () => {
  it('is the newer one of what the profile and the room tell', () => {
    expect(newer(null, null)).toBeNull();
    expect(newer(null, '5')).toBe('5');
    expect(newer('5', null)).toBe('5');
    expect(newer('9', '10')).toBe('10');
    expect(newer('10', '9')).toBe('10');
  });
});
