// SPDX-License-Identifier: GPL-3.0-or-later
// The room over HTTP: history, and what moderators do. docs/chat-protocol.md, "HTTP".
import type { HistoryPage } from '../chat/chat_state';
import type { MessageEvent, Mode, Person, Role } from '../chat/protocol';
import { api } from './session';
import type { Page } from './types';

export type WordAction = 'refuse' | 'mask' | 'hold';
export interface WordRule {
  word: string;
  action: WordAction;
}

export interface Ban extends Person {
  until: string | null;
  reason: string | null;
  /** Null: not known any more. */
  by: Person | null;
  created_at: string;
}

export interface HeldMessage {
  message_id: number;
  user: Person;
  message: string;
  word: string;
  created_at: string;
}

export interface LogEntry {
  log_id: number;
  action: string;
  by: Person | null;
  user: Person | null;
  message_id: number | null;
  message: string | null;
  reason: string | null;
  details: Record<string, unknown> | null;
  created_at: string;
}

export interface Moderator extends Person {
  since: string;
}

export interface MemberCard extends Person {
  role: Role;
  banned: boolean;
  until: string | null;
  followed_at: string | null;
  /** Also what is gone: moderators see what it was. */
  messages: (Pick<MessageEvent, 'message_id' | 'message' | 'created_at'> & { deleted: boolean })[];
}

/** The longest reason the page sends; the server takes 500. Unit: characters. */
export const longestReason = 300;

const base = (channel: number) => `/channels/${channel}`;
const withReason = (reason: string) => (reason.trim() === '' ? {} : { reason: reason.trim().slice(0, longestReason) });

/** Calls about one channel. */
export function roomApi(channel: number) {
  const chat = `${base(channel)}/chat`;
  return {
    history: (query: { before_seq?: number; after_seq?: number; limit: number }) => {
      const entries = Object.entries(query).map(([key, value]) => [key, String(value)]);
      return api.call<HistoryPage>(`${chat}?${new URLSearchParams(entries)}`);
    },
    deleteMessage: (id: number, reason = '') =>
      api.call(`${chat}/${id}`, { method: 'DELETE', body: withReason(reason), auth: true }),
    setMode: (change: Partial<Mode>, reason = '') =>
      api.call<Mode>(`${chat}/mode`, { method: 'PATCH', body: { ...change, ...withReason(reason) }, auth: true }),
    moderators: () => api.call<Page<Moderator>>(`${base(channel)}/moderators`),
    setModerator: (user: number, on: boolean, reason = '') =>
      api.call(`${base(channel)}/moderators/${user}`, { method: on ? 'PUT' : 'DELETE', body: withReason(reason), auth: true }),
    bans: (cursor: string | null) =>
      api.call<Page<Ban>>(`${base(channel)}/bans?limit=50${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`, { auth: true }),
    /** seconds null: for good. */
    ban: (user: number, seconds: number | null, reason: string) =>
      api.call(`${base(channel)}/bans/${user}`, {
        method: 'PUT',
        body: { ...(seconds === null ? {} : { duration_s: seconds }), ...withReason(reason) },
        auth: true,
      }),
    unban: (user: number, reason = '') =>
      api.call(`${base(channel)}/bans/${user}`, { method: 'DELETE', body: withReason(reason), auth: true }),
    words: () => api.call<{ words: WordRule[] }>(`${chat}/words`, { auth: true }),
    setWords: (words: WordRule[], reason = '') =>
      api.call(`${chat}/words`, { method: 'PUT', body: { words, ...withReason(reason) }, auth: true }),
    held: () => api.call<Page<HeldMessage>>(`${chat}/held`, { auth: true }),
    decideHeld: (id: number, action: 'allow' | 'deny', reason = '') =>
      api.call(`${chat}/held/${id}`, { method: 'POST', body: { action, ...withReason(reason) }, auth: true }),
    log: (cursor: string | null) =>
      api.call<Page<LogEntry>>(`${chat}/log?limit=50${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`, { auth: true }),
    card: (user: number) => api.call<MemberCard>(`${chat}/users/${user}`, { auth: true }),
  };
}

export type RoomApi = ReturnType<typeof roomApi>;
