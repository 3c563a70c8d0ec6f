// SPDX-License-Identifier: GPL-3.0-or-later
import { describe, expect, it } from 'vitest';
import { matchRoute, nextAfterLogin, safeNext } from '../src/router';

describe('router', () => {
  it('knows the addresses of the page', () => {
    expect(matchRoute('/')).toEqual({ page: 'home' });
    expect(matchRoute('/watch/9007199254740991')).toEqual({ page: 'watch', streamId: '9007199254740991' });
    expect(matchRoute('/watch/12/')).toEqual({ page: 'watch', streamId: '12' });
    expect(matchRoute('/join')).toEqual({ page: 'join' });
    expect(matchRoute('/login/')).toEqual({ page: 'login' });
    expect(matchRoute('/live')).toEqual({ page: 'live' });
    expect(matchRoute('/settings')).toEqual({ page: 'settings' });
    expect(matchRoute('/cluster')).toEqual({ page: 'cluster' });
    expect(matchRoute('/c/Mika_plays')).toEqual({ page: 'channel', username: 'Mika_plays' });
  });

  it.each(['/watch', '/watch/abc', '/watch/1/2', '/watch/12345678901234567', '/live/5', '/nowhere', '/watch/-1', '/c', '/c/a-b', '/c/a/b', '/settings/x', '/cluster/a'])(
    'knows nothing at %s',
    (path) => {
      expect(matchRoute(path)).toEqual({ page: 'not_found' });
    },
  );

  it('goes on after log-in only to its own pages', () => {
    expect(safeNext('next=/live')).toBe('/live');
    expect(safeNext('next=/watch/5')).toBe('/watch/5');
    expect(safeNext('')).toBe('/');
    expect(safeNext(nextAfterLogin({ page: 'watch', streamId: '5' }, '').slice(1))).toBe('/watch/5');
    expect(safeNext(nextAfterLogin({ page: 'channel', username: 'mika' }, '').slice(1))).toBe('/c/mika');
    expect(safeNext(nextAfterLogin({ page: 'settings' }, '').slice(1))).toBe('/settings');
    expect(safeNext(nextAfterLogin({ page: 'cluster' }, '').slice(1))).toBe('/cluster');
    expect(nextAfterLogin({ page: 'login' }, 'next=/live')).toBe('?next=/live');
    expect(nextAfterLogin({ page: 'home' }, 'x=1')).toBe('');
    for (const bad of ['//evil.example', 'https://evil.example', '/\\evil.example', 'javascript:alert(1)', '/nowhere']) {
      expect(safeNext(`next=${encodeURIComponent(bad)}`)).toBe('/');
    }
  });
});
