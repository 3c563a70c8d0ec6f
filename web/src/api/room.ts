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
  by: Person;
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
  by: Person;
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
  messages: Pick<MessageEvent, 'message_id' | 'message' | 'created_at'>[];
}

const base = (channel: number) => `/channels/${channel}`;
const reasonBody = (reason: string) => (reason.trim() === '' ? {} : { reason: reason.trim() });

/** Calls about one channel. */
export function roomApi(channel: number) {
  const chat = `${base(channel)}/chat`;
  return {
    history: (query: { before_seq?: number; after_seq?: number; limit: number }) => {
      const entries = Object.entries(query).map(([key, value]) => [key, String(value)]);
      return api.call<HistoryPage>(`${chat}?${new URLSearchParams(entries)}`);
    },
    deleteMessage: (id: number, reason = '') =>
      api.call(`${chat}/${id}`, { method: 'DELETE', body: reasonBody(reason), auth: true }),
    setMode: (change: Partial<Mode>) => api.call<Mode>(`${chat}/mode`, { method: 'PATCH', body: change, auth: true }),
    moderators: () => api.call<Page<Moderator>>(`${base(channel)}/moderators`),
    setModerator: (user: number, on: boolean) =>
      api.call(`${base(channel)}/moderators/${user}`, { method: on ? 'PUT' : 'DELETE', auth: true }),
    bans: (cursor: string | null) =>
      api.call<Page<Ban>>(`${base(channel)}/bans?limit=50${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`, { auth: true }),
    /** seconds null: for good. */
    ban: (user: number, seconds: number | null, reason: string) =>
      api.call(`${base(channel)}/bans/${user}`, {
        method: 'PUT',
        body: { ...(seconds === null ? {} : { duration_s: seconds }), ...reasonBody(reason) },
        auth: true,
      }),
    unban: (user: number) => api.call(`${base(channel)}/bans/${user}`, { method: 'DELETE', auth: true }),
    words: () => api.call<{ words: WordRule[] }>(`${chat}/words`, { auth: true }),
    setWords: (words: WordRule[]) => api.call(`${chat}/words`, { method: 'PUT', body: { words }, auth: true }),
    held: () => api.call<Page<HeldMessage>>(`${chat}/held`, { auth: true }),
    decideHeld: (id: number, action: 'allow' | 'deny') =>
      api.call(`${chat}/held/${id}`, { method: 'POST', body: { action }, auth: true }),
    log: (cursor: string | null) =>
      api.call<Page<LogEntry>>(`${chat}/log?limit=50${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`, { auth: true }),
    card: (user: number) => api.call<MemberCard>(`${chat}/users/${user}`, { auth: true }),
  };
}

export type RoomApi = ReturnType<typeof roomApi>;
