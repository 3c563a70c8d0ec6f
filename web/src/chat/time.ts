// SPDX-License-Identifier: GPL-3.0-or-later
// Durations as people say them, in the largest unit that fits.
import type { TextKey, Values } from '../i18n/translate';

type Say = (key: TextKey, values?: Values) => string;

export function duration(seconds: number, t: Say): string {
  const whole = Math.max(0, Math.ceil(seconds));
  const units: [number, TextKey][] = [
    [86_400, 'time.days'],
    [3600, 'time.hours'],
    [60, 'time.minutes'],
  ];
  for (const [size, key] of units) {
    // 90 s are 90 s, 120 s are two minutes.
    if (whole >= size * 2 || whole === size) {
      return t(key, { value: Math.round(whole / size) });
    }
  }
  return t('time.seconds', { value: whole });
}
