// SPDX-License-Identifier: GPL-3.0-or-later
// The one way to the API. The access token lives in this object and nowhere else; the refresh token
// is an HttpOnly cookie that no script sees. A refresh token works once, so refreshes of this tab
// share one promise, and those of several tabs take turns under a lock.
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
  /** Runs one refresh at a time across tabs. */
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
}

export const loggedInFlag = 'troupe.logged_in';

// A token is renewed this long before it ends, so that it does not expire on the way. Unit: ms.
const renewBefore = 30_000;
// For the chat, which renews a minute before the end. Unit: ms.
const tokenMargin = 120_000;
// A call without an answer is given up. Unit: ms.
const callDeadline = 15_000;

function lockAcrossTabs<T>(run: () => Promise<T>): Promise<T> {
  // Web Locks exist in secure contexts only; over plain HTTP on a LAN each tab is on its own.
  if (typeof navigator !== 'undefined' && navigator.locks) {
    return navigator.locks.request('troupe.refresh', run) as Promise<T>;
  }
  return run();
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

  constructor(options: ApiOptions = {}) {
    this.fetch = options.fetch ?? ((...call) => globalThis.fetch(...call));
    this.flags = options.flags;
    this.now = options.now ?? Date.now;
    this.exclusive = options.exclusive ?? lockAcrossTabs;
  }

  /** Called with false when the session is over, with true after a log-in. */
  onSession(listener: (loggedIn: boolean) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  get hasToken(): boolean {
    return this.token !== null;
  }

  /** On page load: one refresh, and only if this browser was logged in before. */
  async resume(): Promise<boolean> {
    if (this.flag() === null) {
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
    this.keep(await this.call<TokenAnswer>('/auth/token', { method: 'POST', body }));
    this.tell(true);
  }

  /** A change of password ends every log-in and begins this one anew. */
  async changePassword(oldPassword: string, newPassword: string, otp?: string): Promise<void> {
    const body = { old_password: oldPassword, new_password: newPassword, cookie: true, ...(otp ? { otp } : {}) };
    this.keep(await this.call<TokenAnswer>('/users/me/password', { method: 'PUT', body, auth: true }));
  }

  /** Every device, this one included. */
  async logOutEverywhere(): Promise<void> {
    await this.call('/auth/logout-all', { method: 'POST', body: {}, auth: true });
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

  /** Leaves here even when the server does not answer; the cookie then dies of old age. */
  async logOut(): Promise<void> {
    try {
      await this.call('/auth/logout', { method: 'POST', body: {} });
    } finally {
      this.forget();
    }
  }

  /** Another tab logged out. */
  forget(): void {
    this.token = null;
    this.setFlag(false);
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
    this.refreshing ??= this.exclusive(() => this.refreshNow()).finally(() => {
      this.refreshing = null;
    });
    return this.refreshing;
  }

  private async refreshNow(): Promise<boolean> {
    const body = { grant_type: 'refresh_token', cookie: true };
    try {
      this.keep(await this.call<TokenAnswer>('/auth/token', { method: 'POST', body }));
      return true;
    } catch (error) {
      // Only a refusal ends the session. A server that is away, or busy, does not log anyone out.
      if (error instanceof ApiError && (error.status === 400 || error.status === 401)) {
        this.forget();
        return false;
      }
      throw error;
    }
  }

  async call<T>(path: string, options: CallOptions = {}): Promise<T> {
    const wantsAuth = options.auth === true || (options.optionalAuth === true && this.token !== null);
    if (wantsAuth && this.token !== null && this.now() >= this.token.endsAt - renewBefore) {
      await this.refresh();
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
    if (this.token?.value === sent && !(await this.refresh())) {
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
    this.setFlag(true);
  }

  private tell(loggedIn: boolean): void {
    for (const listener of [...this.listeners]) {
      listener(loggedIn);
    }
  }

  private flag(): string | null {
    try {
      return this.flags?.getItem(loggedInFlag) ?? null;
    } catch {
      return null; // storage is switched off: every visit starts logged out
    }
  }

  private setFlag(on: boolean): void {
    try {
      if (on) {
        this.flags?.setItem(loggedInFlag, '1');
      } else {
        this.flags?.removeItem(loggedInFlag);
      }
    } catch {
      // storage is switched off or full: the session lasts as long as this page
    }
  }
}
