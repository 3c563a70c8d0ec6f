// SPDX-License-Identifier: GPL-3.0-or-later
// The frames of docs/chat-protocol.md, as the page reads and writes them.
import type { StreamStatus } from '../api/types';

export type Role = 'owner' | 'moderator' | 'user';

export interface Person {
  user_id: number;
  username: string;
}

export interface Quote extends Person {
  message_id: number;
  message: string;
}

export interface Mode {
  slow_mode_s: number;
  followers_only_min_age_s: number | null;
}

export interface MessageEvent {
  type: 'message';
  seq: number;
  message_id: number;
  stream_id: number | null;
  user: Person & { role?: Role };
  message: string;
  nonce?: string;
  reply_to?: Quote | null;
  created_at: string;
}

export type DeletedEvent = { type: 'deleted'; seq: number; message_id: number };
export type ClearedEvent = { type: 'cleared'; seq: number; user_id: number };
export type BanEvent = { type: 'ban'; seq: number; active: boolean; until: string | null } & Person;
export type RoleEvent = { type: 'role'; seq: number; role: 'moderator' | 'user' } & Person;
export type ModeEvent = { type: 'mode'; seq: number } & Mode;

/** What has a sequence number. */
export type RoomEvent = MessageEvent | DeletedEvent | ClearedEvent | BanEvent | RoleEvent | ModeEvent;

/** Why this person may not write, whatever they say. */
export interface Refusal {
  code: string;
  /** Null: it does not end by itself. */
  until: string | null;
  reason?: string;
}

export interface Welcome {
  type: 'welcome';
  session: string;
  resume: string;
  seq: number;
  history: RoomEvent[];
  user: Person | null;
  channel: Person;
  mode: Mode;
  role: Role | null;
  /** Null: they may; absent: not known. */
  refusal?: Refusal | null;
  stream: { stream_id: number; status: StreamStatus } | null;
  viewers: number;
}

export interface StreamNotice {
  stream_id: number;
  status: StreamStatus;
  title?: string;
}

export type ServerFrame =
  | RoomEvent
  | Welcome
  | { type: 'batch'; messages: RoomEvent[] }
  | { type: 'ack'; nonce: string; message_id?: number; seq?: number; status?: 'held' }
  | { type: 'pending'; nonce: string }
  | { type: 'error'; nonce?: string; session?: string; code: string; message: string; retry_after_ms?: number }
  | { type: 'missed'; from: number; to: number }
  | { type: 'auth'; user: Person & { role?: Role }; role?: Role; expires_at: string; refusal?: Refusal | null }
  | { type: 'token_expired' }
  | { type: 'resume'; resume: string }
  | { type: 'reconnect'; resume: string; after_ms: number }
  | { type: 'viewers'; count: number }
  | ({ type: 'stream' } & StreamNotice)
  | { type: 'held'; count: number }
  | { type: 'ping' }
  | { type: 'pong' };

export type ClientFrame =
  | { type: 'auth'; token: string }
  | { type: 'message'; message: string; nonce: string; reply_to?: number }
  | { type: 'ping' };

export function modeOf({ slow_mode_s, followers_only_min_age_s }: Mode): Mode {
  return { slow_mode_s, followers_only_min_age_s };
}

/** Null for what is no frame: a newer server may say more than this page knows. */
export function parseFrame(data: unknown): ServerFrame | null {
  if (typeof data !== 'string') {
    return null;
  }
  try {
    const frame = JSON.parse(data) as ServerFrame | null;
    return typeof frame === 'object' && frame !== null && typeof frame.type === 'string' ? frame : null;
  } catch {
    return null;
  }
}
