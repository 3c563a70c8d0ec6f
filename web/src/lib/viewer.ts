// SPDX-License-Identifier: GPL-3.0-or-later
// Made once per browser, so that several tabs of one person count as one viewer.
import { readSetting, writeSetting } from './settings';

const key = 'troupe.viewer';

/** Random characters that are safe in an address. */
export function randomText(length: number): string {
  const letters = 'abcdefghijklmnopqrstuvwxyz0123456789';
  const bytes = crypto.getRandomValues(new Uint8Array(length));
  return [...bytes].map((byte) => letters[byte % letters.length]).join('');
}

export function viewerId(): string {
  const saved = readSetting(key);
  if (saved !== null && /^[\w-]{16,64}$/.test(saved)) {
    return saved;
  }
  const made = randomText(24);
  writeSetting(key, made);
  return made;
}

/** True where hls.js cannot run and the browser's own player is used, as on iPhones of before iOS 17. */
export function playsNatively(): boolean {
  const scope = window as { ManagedMediaSource?: typeof MediaSource; MediaSource?: typeof MediaSource };
  const source = scope.ManagedMediaSource ?? scope.MediaSource;
  const canFeed = source?.isTypeSupported?.('video/mp4; codecs="avc1.42E01E,mp4a.40.2"') ?? false;
  return !canFeed && document.createElement('video').canPlayType('application/vnd.apple.mpegurl') !== '';
}
