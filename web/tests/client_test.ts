// SPDX-License-Identifier: GPL-3.0-or-later
import { beforeEach, describe, expect, it } from 'vitest';
import { Api, ApiError, loggedInFlag, logOutPendingFlag, type FlagStore } from '../src/api/client';

interface Call {
  path: string;
  body: Record<string, unknown> | null;
  authorization: string | undefined;
}
type Answer = { status: number; body?: unknown } | Error;

class Flags implements FlagStore {
  values = new Map<string, string>();
  getItem = (key: string) => this.values.get(key) ?? null;
  setItem = (key: string, value: string) => void this.values.set(key, value);
  removeItem = (key: string) => void this.values.delete(key);
}

const token = (n: number) => ({ status: 200, body: { access_token: `t${n}`, token_type: 'Bearer', expires_in: 900 } });
const failure = (status: number, code: string) => ({ status, body: { error: { code, message: `${code}!` } } });
const user = { status: 200, body: { user_id: 7, username: 'mika' } };

describe('api', () => {
  let calls: Call[];
  let flags: Flags;
  let now: number;

  beforeEach(() => {
    calls = [];
    flags = new Flags();
    now = 1_000_000;
  });

  function apiWith(answer: (call: Call, n: number) => Answer | Promise<Answer>): Api {
    const send = async (url: RequestInfo | URL, init?: RequestInit) => {
      const headers = init?.headers as Record<string, string>;
      const call = {
        path: String(url),
        body: init?.body ? (JSON.parse(String(init.body)) as Record<string, unknown>) : null,
        authorization: headers['authorization'],
      };
      calls.push(call);
      const given = await answer(call, calls.length);
      if (given instanceof Error) {
        throw given;
      }
      return new Response(JSON.stringify(given.body ?? {}), { status: given.status });
    };
    return new Api({ fetch: send, flags, now: () => now, exclusive: (run) => run() });
  }

  const refreshes = () => calls.filter(({ body }) => body?.['grant_type'] === 'refresh_token').length;

  it('logs in with the refresh token in a cookie, and keeps the access token to itself', async () => {
    const api = apiWith((call) => (call.path.endsWith('/auth/token') ? token(1) : user));
    await api.logIn('mika', 'secret');
    expect(calls[0]?.body).toEqual({ grant_type: 'password', username: 'mika', password: 'secret', cookie: true });
    await api.me();
    expect(calls[1]?.authorization).toBe('Bearer t1');
    expect([...flags.values]).toEqual([[loggedInFlag, '1']]);
  });

  it('does not ask for a session when this browser never had one', async () => {
    const api = apiWith(() => token(1));
    expect(await api.resume()).toBe(false);
    expect(calls).toEqual([]);
  });

  it('resumes a session with one refresh', async () => {
    flags.setItem(loggedInFlag, '1');
    const api = apiWith(() => token(1));
    expect(await api.resume()).toBe(true);
    expect(calls.map(({ body }) => body)).toEqual([{ grant_type: 'refresh_token', cookie: true }]);
  });

  it('forgets that it was logged in when the refresh is refused, not when the server is away', async () => {
    flags.setItem(loggedInFlag, '1');
    await expect(apiWith(() => new TypeError('offline')).resume()).rejects.toMatchObject({ code: 'network' });
    await expect(apiWith(() => failure(503, 'unavailable')).resume()).rejects.toMatchObject({ status: 503 });
    expect(flags.getItem(loggedInFlag)).toBe('1');
    expect(await apiWith(() => failure(401, 'invalid_grant')).resume()).toBe(false);
    expect(flags.getItem(loggedInFlag)).toBeNull();
  });

  it('refreshes once for many refused calls, and sends each again with the new token', async () => {
    let current = 't1';
    const api = apiWith(({ path, body, authorization }) => {
      if (path.endsWith('/auth/token')) {
        current = body?.['grant_type'] === 'refresh_token' ? 't2' : 't1';
        return token(current === 't2' ? 2 : 1);
      }
      return authorization === `Bearer ${current}` && current === 't2' ? user : failure(401, 'token_expired');
    });
    await api.logIn('mika', 'secret');
    await Promise.all([api.me(), api.me(), api.streamKey()]);
    expect(refreshes()).toBe(1);
    expect(calls.filter(({ authorization }) => authorization === 'Bearer t2')).toHaveLength(3);
  });

  it('tries a refused call only once more', async () => {
    const api = apiWith(({ path }) => (path.endsWith('/auth/token') ? token(calls.length) : failure(401, 'invalid_token')));
    await api.logIn('mika', 'secret');
    await expect(api.me()).rejects.toMatchObject({ status: 401, code: 'invalid_token' });
    expect(calls.filter(({ path }) => path.endsWith('/users/me'))).toHaveLength(2);
    expect(refreshes()).toBe(1);
  });

  it('renews a token that is about to end before using it', async () => {
    const api = apiWith(({ path }) => (path.endsWith('/auth/token') ? token(calls.length) : user));
    await api.logIn('mika', 'secret');
    now += 860_000;
    await api.me();
    expect(refreshes()).toBe(0);
    now += 20_000; // 20 s before the end
    await api.me();
    expect(refreshes()).toBe(1);
    expect(calls.at(-1)?.authorization).toBe('Bearer t3');
  });

  it('ends the session, tells so once, and says why, when the refresh is refused', async () => {
    const told: boolean[] = [];
    const api = apiWith(({ body }) => (body?.['grant_type'] === 'password' ? token(1) : failure(401, 'token_expired')));
    api.onSession((loggedIn) => told.push(loggedIn));
    await api.logIn('mika', 'secret');
    await expect(api.me()).rejects.toBeInstanceOf(ApiError);
    expect(told).toEqual([true, false]);
    expect(api.hasToken).toBe(false);
  });

  it('is logged out here at once, and remembers what the server has not confirmed until it has', async () => {
    let away = true;
    const api = apiWith(({ path }) => (path.endsWith('/auth/token') ? token(1) : away ? new TypeError('offline') : { status: 200 }));
    const told: boolean[] = [];
    await api.logIn('mika', 'secret');
    api.onSession((loggedIn) => told.push(loggedIn));
    const left = api.logOut();
    expect(api.hasToken).toBe(false);
    expect(await left).toBe(false);
    expect(flags.getItem(loggedInFlag)).toBeNull();
    expect(flags.getItem(logOutPendingFlag)).toBe('1');
    expect(api.isLogOutPending).toBe(true);
    expect(await api.finishLogOut()).toBe(false);
    away = false;
    expect(await api.finishLogOut()).toBe(true);
    expect(flags.getItem(logOutPendingFlag)).toBeNull();
    expect(api.isLogOutPending).toBe(false);
    expect(told).toEqual([false, false]); // what is pending changed: whoever listens looks again
    const sent = calls.length;
    expect(await api.finishLogOut()).toBe(true);
    expect(calls).toHaveLength(sent);
  });

  it('takes a refused log-out for one: there is nothing left to end', async () => {
    const api = apiWith(({ path }) => (path.endsWith('/auth/token') ? token(1) : failure(401, 'invalid_token')));
    await api.logIn('mika', 'secret');
    expect(await api.logOut()).toBe(true);
    expect(api.isLogOutPending).toBe(false);
  });

  it('ends the log-in that was left behind before another one begins', async () => {
    flags.setItem(logOutPendingFlag, '1');
    const api = apiWith(({ path }) => (path.endsWith('/auth/token') ? token(1) : { status: 200 }));
    expect(await api.resume()).toBe(false);
    await api.logIn('mika', 'secret');
    expect(calls.map(({ path }) => path)).toEqual(['/api/v1/auth/logout', '/api/v1/auth/token']);
    expect(flags.getItem(logOutPendingFlag)).toBeNull();
  });

  it('does not come back to life with a refresh that was under way when someone logged out', async () => {
    flags.setItem(loggedInFlag, '1');
    let answer: (given: Answer) => void = () => undefined;
    const api = apiWith(({ path }) =>
      path.endsWith('/auth/token') ? new Promise<Answer>((resolve) => (answer = resolve)) : { status: 200 },
    );
    const resumed = api.resume();
    await Promise.resolve();
    api.forget(); // another tab logged out
    answer(token(1));
    expect(await resumed).toBe(false);
    expect(api.hasToken).toBe(false);
    expect(flags.getItem(loggedInFlag)).toBeNull();
  });

  it('takes turns with itself: log-in, refresh, change of password, log-out never overlap', async () => {
    let turns = Promise.resolve();
    let inside = 0;
    let most = 0;
    const exclusive = <T>(run: () => Promise<T>): Promise<T> => {
      const mine = turns.then(async () => {
        inside += 1;
        most = Math.max(most, inside);
        return run().finally(() => (inside -= 1));
      });
      turns = mine.then(() => undefined, () => undefined);
      return mine;
    };
    const during: [string, number][] = [];
    const api = new Api({
      flags,
      now: () => now,
      exclusive,
      fetch: async (url) => {
        during.push([String(url).replace('/api/v1', ''), inside]);
        await Promise.resolve();
        return new Response(JSON.stringify(token(during.length).body));
      },
    });
    await api.logIn('mika', 'secret');
    now += 890_000; // the token has run out: a change of password renews it inside of its own turn
    await Promise.all([api.changePassword('secret', 'a longer secret'), api.refresh()]);
    await api.logOut();
    expect(during).toEqual([['/auth/token', 1], ['/auth/token', 1], ['/users/me/password', 1], ['/auth/logout', 1]]);
    expect(most).toBe(1);
  });

  it('takes a missing stream of mine for none, and other errors for errors', async () => {
    expect(await apiWith(() => failure(404, 'not_found')).myStream()).toBeNull();
    await expect(apiWith(() => failure(500, 'internal')).myStream()).rejects.toMatchObject({ code: 'internal' });
  });

  it('reads the code and the sentence of an error, and survives an answer that is none', async () => {
    await expect(apiWith(() => failure(409, 'username_taken')).register('a', 'b', 'c')).rejects.toMatchObject({
      status: 409,
      code: 'username_taken',
      message: 'username_taken!',
    });
    const proxy = new Api({ fetch: async () => new Response('<html>', { status: 502 }), exclusive: (run) => run() });
    await expect(proxy.stream('5')).rejects.toMatchObject({ status: 502, code: 'http_502' });
  });

  it('asks for pages by cursor', async () => {
    const api = apiWith(() => ({ status: 200, body: { items: [], next: null } }));
    await api.streams(24, null);
    await api.streams(24, 'a&b');
    expect(calls.map(({ path }) => path)).toEqual([
      '/api/v1/streams?limit=24',
      '/api/v1/streams?limit=24&cursor=a%26b',
    ]);
  });

  it('starts a stream without a game unless there is one', async () => {
    const api = apiWith(() => ({ status: 200, body: {} }));
    await api.startStream('Title', null);
    await api.startStream('Title', 12);
    expect(calls.map(({ body }) => body)).toEqual([{ title: 'Title' }, { title: 'Title', game_id: 12 }]);
  });

  it('sends the code of the second step only when there is one', async () => {
    const api = apiWith(({ body }) => (body?.['otp'] ? token(1) : failure(401, 'second_factor_required')));
    await expect(api.logIn('mika', 'secret')).rejects.toMatchObject({ code: 'second_factor_required' });
    expect(refreshes()).toBe(0);
    await api.logIn('mika', 'secret', '123456');
    expect(calls.map(({ body }) => body?.['otp'])).toEqual([undefined, '123456']);
  });

  it('goes on with the new log-in after a change of password', async () => {
    const api = apiWith(({ path }) => (/token$|password$/.test(path) ? token(calls.length) : user));
    await api.logIn('mika', 'secret');
    await api.changePassword('secret', 'a longer secret');
    await api.me();
    expect(calls[1]?.body).toEqual({ old_password: 'secret', new_password: 'a longer secret', cookie: true });
    expect(calls[2]?.authorization).toBe('Bearer t2');
  });

  it('goes on with the new log-in when the second factor was switched on', async () => {
    const api = apiWith(({ path }) =>
      /token$/.test(path) ? token(1) : /confirm$/.test(path) ? { ...token(2), body: { ...token(2).body, recovery_codes: ['a', 'b'] } } : user);
    await api.logIn('mika', 'secret');
    expect(await api.confirmSecondFactor('123456')).toEqual(['a', 'b']);
    await api.me();
    expect(calls[1]?.body).toEqual({ otp: '123456', cookie: true });
    expect(calls[2]?.authorization).toBe('Bearer t2');
    expect(refreshes()).toBe(0);
  });

  it('stays logged in when the old password was wrong: a refusal of that kind is no 401', async () => {
    const api = apiWith(({ path }) => (path.endsWith('token') ? token(1) : failure(403, 'wrong_password')));
    await api.logIn('mika', 'secret');
    await expect(api.changePassword('x', 'y')).rejects.toMatchObject({ status: 403, code: 'wrong_password' });
    expect(api.hasToken).toBe(true);
    expect(refreshes()).toBe(0);
  });

  it('is logged out everywhere only when the server says so', async () => {
    let away = true;
    const api = apiWith(({ path }) => (path.endsWith('token') ? token(1) : away ? new TypeError('offline') : { status: 200 }));
    await api.logIn('mika', 'secret');
    await expect(api.logOutEverywhere()).rejects.toMatchObject({ code: 'network' });
    expect(api.hasToken).toBe(true);
    away = false;
    await api.logOutEverywhere();
    expect(api.hasToken).toBe(false);
  });

  it('gives the chat a token that is good for a while, and none to strangers', async () => {
    const api = apiWith(() => token(calls.length));
    expect(await api.accessToken()).toBeNull();
    await api.logIn('mika', 'secret');
    expect(await api.accessToken()).toBe('t1');
    now += 800_000; // 100 s before the end
    expect(await api.accessToken()).toBe('t2');
  });

  it('shows itself where that is of use, but does not have to', async () => {
    const api = apiWith(({ path }) => (path.endsWith('token') ? token(1) : user));
    await api.call('/users/7', { optionalAuth: true });
    await api.logIn('mika', 'secret');
    await api.call('/users/7', { optionalAuth: true });
    expect(calls.map(({ authorization }) => authorization)).toEqual([undefined, undefined, 'Bearer t1']);
  });

  it('says after how long another attempt may help', async () => {
    const api = new Api({
      fetch: async () => new Response('{"error":{"code":"too_many_attempts"}}', { status: 429, headers: { 'retry-after': '30' } }),
      exclusive: (run) => run(),
    });
    await expect(api.logIn('a', 'b')).rejects.toMatchObject({ code: 'too_many_attempts', retryAfter: 30 });
  });
});
