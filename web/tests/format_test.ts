// SPDX-License-Identifier: GPL-3.0-or-later
import { describe, expect, it } from 'vitest';
import { bitrate, clockTime, compactCount, decimal, rungName, secondsSince } from '../src/lib/format';

describe('format', () => {
  it('writes times as clocks do', () => {
    expect(clockTime(0)).toBe('0:00');
    expect(clockTime(247.9)).toBe('4:07');
    expect(clockTime(3753)).toBe('1:02:33');
    expect(clockTime(-5)).toBe('0:00');
    expect(clockTime(Number.NaN)).toBe('0:00');
  });

  it('counts seconds since an ISO time, and none for what lies ahead or is not known', () => {
    const now = Date.parse('2026-01-15T10:30:10Z');
    expect(secondsSince('2026-01-15T10:30:00.500Z', now)).toBe(9.5);
    expect(secondsSince('2026-01-15T10:30:11Z', now)).toBe(0);
    expect(secondsSince(null, now)).toBe(0);
    expect(secondsSince('yesterday', now)).toBe(0);
  });

  it('writes bitrates in decimal units, and changes the unit where rounding would', () => {
    expect(bitrate(2_480_000, 'en')).toBe('2.5 Mbps');
    expect(bitrate(999_499, 'en')).toBe('999 kbps');
    expect(bitrate(999_500, 'en')).toBe('1.0 Mbps');
    expect(bitrate(0, 'en')).toBe('–');
  });

  it('shows at most one decimal', () => {
    expect(decimal(29.97, 'en')).toBe('30');
    expect(decimal(59.94, 'en')).toBe('59.9');
    expect(decimal(0, 'en')).toBe('–');
  });

  it('shortens large counts in the way of the language', () => {
    expect(compactCount(950, 'en')).toBe('950');
    expect(compactCount(12_400, 'en')).toBe('12.4K');
    expect(compactCount(12_400, 'ja')).toBe('1.2万');
  });

  it('names a rung by its shorter side, so that upright video reads as expected', () => {
    expect(rungName({ width: 1280, height: 720, frameRate: 60, bitrate: 1 })).toBe('720p60');
    expect(rungName({ width: 540, height: 960, frameRate: 30, bitrate: 1 })).toBe('540p');
    expect(rungName({ width: 0, height: 0, frameRate: 0, bitrate: 128_000 })).toBe('128 kbps');
  });
});
