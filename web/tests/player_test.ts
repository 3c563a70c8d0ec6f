// SPDX-License-Identifier: GPL-3.0-or-later
import { describe, expect, it } from 'vitest';
import { hlsConfig, initialState } from '../src/player/engine';
import { isBehind, latencyOf } from '../src/player/latency';
import { coversPicture, overlayKind } from '../src/player/overlay';
import { actionFor } from '../src/player/shortcuts';

describe('latency', () => {
  const now = Date.parse('2026-01-15T10:30:10Z');
  const shown = (secondsAgo: number) => new Date(now - secondsAgo * 1000);

  it('counts from the program date time when the clocks agree', () => {
    expect(latencyOf(1.1, shown(1.6), now)).toBeCloseTo(1.6);
    expect(latencyOf(null, shown(2), now)).toBeCloseTo(2);
  });

  it('trusts the playlist when the clocks differ', () => {
    expect(latencyOf(1.1, shown(-40), now)).toBe(1.1);
    expect(latencyOf(1.1, shown(90), now)).toBe(1.1);
    expect(latencyOf(1.1, null, now)).toBe(1.1);
    expect(latencyOf(null, shown(-1), now)).toBeNull();
    expect(latencyOf(null, null, now)).toBeNull();
    expect(latencyOf(Number.NaN, null, now)).toBeNull();
  });

  it('offers the way to live when behind, and keeps offering until nearly there', () => {
    expect(isBehind(3.9, 1, false)).toBe(false);
    expect(isBehind(4.1, 1, false)).toBe(true);
    expect(isBehind(3, 1, true)).toBe(true);
    expect(isBehind(2.4, 1, true)).toBe(false);
    expect(isBehind(null, 1, true)).toBe(false);
  });
});

describe('overlay', () => {
  const playing = { ...initialState, phase: 'playing' as const };

  it('covers the picture while the publisher is away, whatever the player does', () => {
    expect(overlayKind('reconnecting', playing, false)).toBe('reconnecting');
    expect(coversPicture('reconnecting')).toBe(true);
  });

  it('says what keeps the picture away', () => {
    const problem = { kind: 'hevc' as const, codec: 'HEVC' };
    expect(overlayKind('live', { ...initialState, problem }, false)).toBe('problem');
    expect(overlayKind('live', initialState, false)).toBe('loading');
    expect(overlayKind('live', { ...initialState, phase: 'retrying' }, false)).toBe('retrying');
    expect(overlayKind('waiting', initialState, false)).toBe('waiting');
    expect(overlayKind('live', { ...playing, soundOnly: true }, false)).toBe('sound_only');
    expect(overlayKind('ended', { ...playing, problem }, true)).toBe('ended');
  });

  it('leaves a playing picture alone, also when the stream has just ended', () => {
    expect(overlayKind('live', playing, false)).toBe('none');
    expect(overlayKind('ended', playing, false)).toBe('none');
    expect(coversPicture('buffering')).toBe(false);
  });
});

describe('shortcuts', () => {
  const press = (key: string, more = {}) => ({ key, ctrlKey: false, metaKey: false, altKey: false, ...more });
  const on = (tag: string, type = '', role: string | null = null) => ({ tag, type, role, editable: false });

  it('knows its keys in either case', () => {
    expect(actionFor(press(' '), null)).toBe('play');
    expect(actionFor(press('K'), null)).toBe('play');
    expect(actionFor(press('m'), null)).toBe('mute');
    expect(actionFor(press('f'), null)).toBe('fullscreen');
    expect(actionFor(press('ArrowUp'), null)).toBe('louder');
    expect(actionFor(press('?'), null)).toBe('help');
    expect(actionFor(press('x'), null)).toBeNull();
  });

  it('leaves the browser its own', () => {
    expect(actionFor(press('f', { ctrlKey: true }), null)).toBeNull();
    expect(actionFor(press('l', { metaKey: true }), null)).toBeNull();
  });

  it('leaves controls their own: typing, pressing, sliding, choosing', () => {
    expect(actionFor(press('k'), on('INPUT', 'text'))).toBeNull();
    expect(actionFor(press('k'), { ...on('DIV'), editable: true })).toBeNull();
    expect(actionFor(press(' '), on('BUTTON'))).toBeNull();
    expect(actionFor(press('k'), on('BUTTON'))).toBe('play');
    expect(actionFor(press('ArrowUp'), on('INPUT', 'range'))).toBeNull();
    expect(actionFor(press('m'), on('INPUT', 'range'))).toBe('mute');
    expect(actionFor(press('ArrowDown'), on('BUTTON', 'button', 'menuitemradio'))).toBeNull();
  });
});

describe('hls.js settings', () => {
  it('catches up at 1.3 and asks for low latency', () => {
    expect(hlsConfig).toMatchObject({ lowLatencyMode: true, maxLiveSyncPlaybackRate: 1.3 });
  });

  it.each([
    [404, true],
    [503, true],
    [0, true],
    [429, true],
    [400, false],
    [403, false],
  ])('after status %i tries again: %s', (code, again) => {
    const retry = hlsConfig.playlistLoadPolicy?.default.errorRetry;
    const answer = { url: '', code, text: '' };
    expect(retry?.shouldRetry?.(retry, 0, false, answer, true)).toBe(again);
    expect(retry?.shouldRetry?.(retry, retry.maxNumRetry, false, answer, true)).toBe(false);
  });
});
