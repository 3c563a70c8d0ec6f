// SPDX-License-Identifier: GPL-3.0-or-later
// People and whom they follow.
import { ApiError } from './client';
import { api } from './session';
import type { Page, Stream } from './types';

export interface Profile {
  user_id: number;
  username: string;
  created_at: string;
  follower_count: number;
  following_count: number;
  stream_id: number | null;
  /** Null while nobody is logged in. */
  is_followed: boolean | null;
  followed_at: string | null;
}

export interface Relation {
  user_id: number;
  is_followed: boolean;
  followed_at: string | null;
  follower_count: number;
}

export const people = {
  profile: (id: number, signal?: AbortSignal) => api.call<Profile>(`/users/${id}`, { optionalAuth: true, signal }),
  named: (name: string, signal?: AbortSignal) =>
    api.call<Profile>(`/users?username=${encodeURIComponent(name)}`, { optionalAuth: true, signal }),
  /** Who is meant by a name as somebody types it. */
  meant: async (typed: string): Promise<Profile> => {
    try {
      return await people.named(typed.trim().replace(/^@/, ''));
    } catch (error) {
      // No such name, or one that nobody can have.
      const isUnknown = error instanceof ApiError && (error.status === 404 || error.status === 400);
      throw isUnknown ? new ApiError(error.status, 'no_such_user', error.message) : error;
    }
  },
  follow: (id: number, on: boolean) =>
    api.call<Relation>(`/users/${id}/follow`, { method: on ? 'PUT' : 'DELETE', auth: true }),
  liveFollowed: (limit: number, cursor: string | null, signal?: AbortSignal) =>
    api.call<Page<Stream>>(`/users/me/following/live?limit=${limit}${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`, { auth: true, signal }),
};
