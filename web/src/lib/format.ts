// SPDX-License-Identifier: GPL-3.0-or-later
// Numbers and times as people read them. Pure functions; the clock is an argument.

/** "4:07", "1:02:33". Negative and unknown times read as zero. */
export function clockTime(seconds: number): string {
  const whole = Number.isFinite(seconds) ? Math.max(0, Math.floor(seconds)) : 0;
  const pad = (n: number) => String(n).padStart(2, '0');
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  return hours > 0
    ? `${hours}:${pad(minutes)}:${pad(whole % 60)}`
    : `${minutes}:${pad(whole % 60)}`;
}

/** Seconds since an ISO time; 0 for none, or for one that lies ahead (clocks differ). */
export function secondsSince(iso: string | null, nowMs: number): number {
  const then = iso === null ? Number.NaN : Date.parse(iso);
  return Number.isNaN(then) ? 0 : Math.max(0, (nowMs - then) / 1000);
}

/** 2_480_000 → "2.5 Mbps"; 128_000 → "128 kbps". Decimal units, as encoders show them. */
export function bitrate(bitsPerSecond: number, locale: string): string {
  if (!(bitsPerSecond > 0)) {
    return '–';
  }
  const mega = bitsPerSecond >= 999_500;
  const digits = mega ? 1 : 0;
  const value = bitsPerSecond / (mega ? 1e6 : 1e3);
  const text = value.toLocaleString(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return `${text} ${mega ? 'Mbps' : 'kbps'}`;
}

/** At most one decimal, and none when it is zero: 29.97 → "30", 59.94 → "59.9". */
export function decimal(value: number, locale: string, digits = 1): string {
  if (!Number.isFinite(value) || value <= 0) {
    return '–';
  }
  return value.toLocaleString(locale, { maximumFractionDigits: digits });
}

/** 950 → "950", 12_400 → "12.4K" (ja: "1.2万"). */
export function compactCount(count: number, locale: string): string {
  return new Intl.NumberFormat(locale, { notation: 'compact', maximumFractionDigits: 1 }).format(
    Math.max(0, count),
  );
}

/** Name of one rung in the quality menu: "720p60"; frame rates of 30 and less go without saying. */
export function rungName(level: { width: number; height: number; frameRate: number; bitrate: number }): string {
  const lines = Math.min(level.width, level.height);
  if (lines > 0) {
    return level.frameRate > 32 ? `${lines}p${Math.round(level.frameRate)}` : `${lines}p`;
  }
  return level.bitrate > 0 ? bitrate(level.bitrate, 'en') : 'source';
}
