// SPDX-License-Identifier: GPL-3.0-or-later
// The one way to the API. The access token lives in this object and nowhere else; the refresh token
// is an HttpOnly cookie that no script sees. A refresh token works once, so refreshes of this tab
// share one promise, and all that changes the cookie takes turns, across tabs, under a lock.
import type {
  Health,
  Page,
  StartedStream,
  Stream,
  StreamKey,
  TokenAnswer,
  User,
} from './types';

/** What the server said, or `network` / `timeout` when it said nothing. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    /** When trying again may help, if the server said so. Unit: s. */
    readonly retryAfter: number | null = null,
  ) {
    super(message);
    this.name = 'ApiError';
  }
}

/** The part of localStorage that is used; tests give their own. */
export interface FlagStore {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

export interface ApiOptions {
  fetch?: typeof fetch;
  flags?: FlagStore;
  now?: () => number;
  /** Runs one at a time, across tabs, what changes the cookie. */
  exclusive?: <T>(run: () => Promise<T>) => Promise<T>;
}

export interface CallOptions {
  method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  body?: unknown;
  signal?: AbortSignal | undefined;
  /** Sends the access token, refreshing it first when it has run out. */
  auth?: boolean;
  /** Sends the access token if there is one. */
  optionalAuth?: boolean;
  /** Sent while this page has its turn: renews the token without asking for another one. */
  hasTurn?: boolean;
}

export const loggedInFlag = 'troupe.logged_in';
/** Someone logged out here, and the server has not heard of it: the cookie still stands for them. */
export const logOutPendingFlag = 'troupe.log_out_pending';

// A token is renewed this long before it ends, so that it does not expire on the way. Unit: ms.
const renewBefore = 30_000;
// For the chat, which renews a minute before the end. Unit: ms.
const tokenMargin = 120_000;
// A call without an answer is given up. Unit: ms.
const callDeadline = 15_000;

/** Takes turns across tabs; where the browser has no locks (plain HTTP on a LAN), within this one. */
function takingTurns(): <T>(run: () => Promise<T>) => Promise<T> {
  if (typeof navigator !== 'undefined' && navigator.locks) {
    return <T>(run: () => Promise<T>) => navigator.locks.request('troupe.refresh', run) as Promise<T>;
  }
  let last: Promise<unknown> = Promise.resolve();
  return <T>(run: () => Promise<T>): Promise<T> => {
    const mine = last.then(run, run);
    last = mine.catch(() => undefined);
    return mine;
  };
}

function withDeadline(signal: AbortSignal | undefined): { signal: AbortSignal; done: () => void } {
  const controller = new AbortController();
  const abort = () => controller.abort(signal?.reason);
  const timer = setTimeout(() => controller.abort(new ApiError(0, 'timeout', 'no answer in time')), callDeadline);
  if (signal?.aborted) {
    abort();
  }
  signal?.addEventListener('abort', abort);
  return {
    signal: controller.signal,
    done: () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
    },
  };
}

interface Answer {
  status: number;
  ok: boolean;
  text: string;
  retryAfter: number | null;
}

function errorFrom(answer: Answer): ApiError {
  try {
    const body = JSON.parse(answer.text) as { error?: { code?: unknown; message?: unknown } };
    if (typeof body.error?.code === 'string') {
      return new ApiError(answer.status, body.error.code, String(body.error.message ?? ''), answer.retryAfter);
    }
  } catch {
    // Not ours: a proxy's page, or an answer cut short. The status is all there is.
  }
  return new ApiError(answer.status, `http_${answer.status}`, '', answer.retryAfter);
}

/** Some answers have nothing to say; one that is cut short, or not JSON, is not an answer. */
function bodyOf<T>(answer: Answer): T {
  if (answer.text === '') {
    return undefined as T;
  }
  try {
    return JSON.parse(answer.text) as T;
  } catch {
    throw new ApiError(answer.status, 'network', 'not JSON');
  }
}

export class Api {
  private token: { value: string; endsAt: number } | null = null;
  private refreshing: Promise<boolean> | null = null;
  private listeners = new Set<(loggedIn: boolean) => void>();
  private readonly fetch: typeof fetch;
  private readonly flags: FlagStore | undefined;
  private readonly now: () => number;
  private readonly exclusive: <T>(run: () => Promise<T>) => Promise<T>;
  /** Raised when a session ends: what an older one asked for is not used. */
  private epoch = 0;
  /** Where storage is switched off. */
  private logOutPending = false;

  constructor(options: ApiOptions = {}) {
    this.fetch = options.fetch ?? ((...call) => globalThis.fetch(...call));
    this.flags = options.flags;
    this.now = options.now ?? Date.now;
    this.exclusive = options.exclusive ?? takingTurns();
  }

  /** Called with false when the session is over (again when that is settled with the server), with true after a log-in. */
  onSession(listener: (loggedIn: boolean) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  get hasToken(): boolean {
    return this.token !== null;
  }

  /** On page load: one refresh, and only if this browser was logged in before. */
  async resume(): Promise<boolean> {
    if (!this.hasFlag(loggedInFlag) || this.isLogOutPending) {
      return false;
    }
    return this.refresh();
  }

  async register(username: string, email: string, password: string): Promise<User> {
    return this.call<User>('/users', { method: 'POST', body: { username, email, password } });
  }

  /** otp: six digits or a recovery code, when the server asked for it (second_factor_required). */
  async logIn(username: string, password: string, otp?: string): Promise<void> {
    const body = { grant_type: 'password', username, password, cookie: true, ...(otp ? { otp } : {}) };
    await this.exclusive(async () => {
      if (this.isLogOutPending) {
        await this.tryLogOut();
      }
      this.keep(await this.call<TokenAnswer>('/auth/token', { method: 'POST', body }));
      this.setLogOutPending(false);
    });
    this.tell(true);
  }

  /** A change of password ends every log-in and begins this one anew. */
  async changePassword(oldPassword: string, newPassword: string, otp?: string): Promise<void> {
    const body = { old_password: oldPassword, new_password: newPassword, cookie: true, ...(otp ? { otp } : {}) };
    await this.renewing('/users/me/password', 'PUT', body);
  }

  /** So does the second factor, once it is on. Its recovery codes. */
  async confirmSecondFactor(otp: string): Promise<string[]> {
    const answer = await this.renewing<{ recovery_codes: string[] }>('/users/me/totp/confirm', 'POST', { otp, cookie: true });
    return answer.recovery_codes;
  }

  /** A call whose answer is a log-in in the place of this one. */
  private async renewing<T = unknown>(path: string, method: 'POST' | 'PUT', body: unknown): Promise<T & TokenAnswer> {
    const epoch = this.epoch;
    return this.exclusive(async () => {
      const answer = await this.call<T & TokenAnswer>(path, { method, body, auth: true, hasTurn: true });
      if (epoch === this.epoch) {
        this.keep(answer);
      }
      return answer;
    });
  }

  /** Every device, this one included. */
  async logOutEverywhere(): Promise<void> {
    await this.exclusive(() => this.call('/auth/logout-all', { method: 'POST', body: {}, auth: true, hasTurn: true }));
    this.forget();
  }

  /** Something about the user changed: whoever listens asks again. */
  refreshUser(): void {
    this.tell(true);
  }

  /** A token that is good for a while yet; null when nobody is logged in. */
  async accessToken(): Promise<string | null> {
    if (this.token !== null && this.now() >= this.token.endsAt - tokenMargin) {
      await this.refresh();
    }
    return this.token?.value ?? null;
  }

  get isLogOutPending(): boolean {
    return this.logOutPending || this.hasFlag(logOutPendingFlag);
  }

  /** Leaves here at once. False when the server has not heard of it: until then its cookie stands. */
  async logOut(): Promise<boolean> {
    this.setLogOutPending(true);
    this.forget();
    return this.finishLogOut();
  }

  /** Tells the server again that someone logged out here; true when nothing is left to tell. */
  async finishLogOut(): Promise<boolean> {
    return this.exclusive(async () => {
      // Another tab may have been heard, or have logged in, while this one waited for its turn.
      if (this.isLogOutPending && (await this.tryLogOut())) {
        this.setLogOutPending(false);
        this.tell(false);
      }
      return !this.isLogOutPending;
    });
  }

  /** Another tab logged out. */
  forget(): void {
    this.epoch += 1;
    this.token = null;
    this.setFlag(loggedInFlag, false);
    this.tell(false);
  }

  me(signal?: AbortSignal): Promise<User> {
    return this.call('/users/me', { auth: true, signal });
  }

  /** The user's unfinished stream, or null. */
  async myStream(signal?: AbortSignal): Promise<Stream | null> {
    try {
      return await this.call<Stream>('/users/me/stream', { auth: true, signal });
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) {
        return null;
      }
      throw error;
    }
  }

  streamKey(signal?: AbortSignal): Promise<StreamKey> {
    return this.call('/users/me/stream-key', { auth: true, signal });
  }

  rotateStreamKey(): Promise<StreamKey> {
    return this.call('/users/me/stream-key/rotate', { method: 'POST', body: {}, auth: true });
  }

  startStream(title: string, gameId: number | null): Promise<StartedStream> {
    const body = gameId === null ? { title } : { title, game_id: gameId };
    return this.call('/streams/start', { method: 'POST', body, auth: true });
  }

  endStream(id: number): Promise<unknown> {
    return this.call(`/streams/${id}/end`, { method: 'POST', body: {}, auth: true });
  }

  streams(limit: number, cursor: string | null, signal?: AbortSignal): Promise<Page<Stream>> {
    const query = new URLSearchParams({ limit: String(limit) });
    if (cursor !== null) {
      query.set('cursor', cursor);
    }
    return this.call(`/streams?${query}`, { signal });
  }

  stream(id: string, signal?: AbortSignal): Promise<Stream> {
    return this.call(`/streams/${encodeURIComponent(id)}`, { signal });
  }

  health(id: number, signal?: AbortSignal): Promise<Health> {
    return this.call(`/streams/${id}/health`, { auth: true, signal });
  }

  /** True when there is an access token afterwards. Concurrent callers share one request. */
  refresh(): Promise<boolean> {
    if (!this.refreshing) {
      const { token, epoch } = this;
      const mine = this.exclusive(() => this.refreshNow(token, epoch)).finally(() => {
        if (this.refreshing === mine) {
          this.refreshing = null;
        }
      });
      this.refreshing = mine;
    }
    return this.refreshing;
  }

  /** token, epoch: as they were when this was asked for; what came since makes it needless, or void. */
  private async refreshNow(token: Api['token'], epoch: number): Promise<boolean> {
    if (epoch !== this.epoch || this.token !== token) {
      return this.token !== null;
    }
    const body = { grant_type: 'refresh_token', cookie: true };
    try {
      const answer = await this.call<TokenAnswer>('/auth/token', { method: 'POST', body });
      if (epoch === this.epoch) {
        this.keep(answer);
      }
    } catch (error) {
      // Only a refusal ends the session. A server that is away, or busy, does not log anyone out.
      if (!(error instanceof ApiError && (error.status === 400 || error.status === 401))) {
        throw error;
      }
      if (epoch === this.epoch) {
        this.forget();
      }
    }
    return this.token !== null;
  }

  private renew(options: CallOptions): Promise<boolean> {
    return options.hasTurn ? this.refreshNow(this.token, this.epoch) : this.refresh();
  }

  /** True when the server will not take the cookie any more. */
  private async tryLogOut(): Promise<boolean> {
    try {
      await this.call('/auth/logout', { method: 'POST', body: {} });
      return true;
    } catch (error) {
      return error instanceof ApiError && (error.status === 400 || error.status === 401);
    }
  }

  async call<T>(path: string, options: CallOptions = {}): Promise<T> {
    const wantsAuth = options.auth === true || (options.optionalAuth === true && this.token !== null);
    if (wantsAuth && this.token !== null && this.now() >= this.token.endsAt - renewBefore) {
      await this.renew(options);
    }
    const sent = this.token?.value;
    const answer = await this.send(path, options);
    if (answer.ok) {
      return bodyOf(answer);
    }
    const error = errorFrom(answer);
    if (answer.status !== 401 || !wantsAuth || sent === undefined) {
      throw error;
    }
    // Someone else may have renewed it while this call was under way: then that token is tried.
    if (this.token?.value === sent) {
      await this.renew(options);
    }
    if (this.token === null) {
      throw error;
    }
    const again = await this.send(path, options);
    if (again.ok) {
      return bodyOf(again);
    }
    throw errorFrom(again);
  }

  private async send(path: string, options: CallOptions): Promise<Answer> {
    const headers: Record<string, string> = { accept: 'application/json' };
    if (options.body !== undefined) {
      headers['content-type'] = 'application/json';
    }
    if ((options.auth || options.optionalAuth) && this.token) {
      headers['authorization'] = `Bearer ${this.token.value}`;
    }
    const deadline = withDeadline(options.signal);
    try {
      const response = await this.fetch(`/api/v1${path}`, {
        method: options.method ?? 'GET',
        headers,
        credentials: 'same-origin',
        cache: 'no-store',
        signal: deadline.signal,
        ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
      });
      // The deadline covers the body too.
      const wait = Number(response.headers.get('retry-after') ?? Number.NaN);
      const retryAfter = Number.isFinite(wait) ? wait : null;
      return { status: response.status, ok: response.ok, text: await response.text(), retryAfter };
    } catch (error) {
      if (options.signal?.aborted || error instanceof ApiError) {
        throw error;
      }
      throw new ApiError(0, 'network', String(error));
    } finally {
      deadline.done();
    }
  }

  private keep(answer: TokenAnswer): void {
    this.token = { value: answer.access_token, endsAt: this.now() + answer.expires_in * 1000 };
    this.setFlag(loggedInFlag, true);
  }

  private tell(loggedIn: boolean): void {
    for (const listener of [...this.listeners]) {
      listener(loggedIn);
    }
  }

  private setLogOutPending(on: boolean): void {
    this.logOutPending = !this.setFlag(logOutPendingFlag, on) && on;
  }

  private hasFlag(name: string): boolean {
    try {
      return (this.flags?.getItem(name) ?? null) !== null;
    } catch {
      return false; // storage is switched off: every visit starts logged out
    }
  }

  /** False when it could not be kept: storage is switched off or full, the session lasts as long as this page. */
  private setFlag(name: string, on: boolean): boolean {
    try {
      if (on) {
        this.flags?.setItem(name, '1');
      } else {
        this.flags?.removeItem(name);
      }
      return this.flags !== undefined;
    } catch {
      return false;
    }
  }
}
