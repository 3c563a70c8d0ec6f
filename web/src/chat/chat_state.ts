// SPDX-License-Identifier: GPL-3.0-or-later
// What a room needs from outside, and what it shows.
import type { Phase, SocketLike } from './connection';
import type { Outgoing } from './outbox';
import type { Mode, Person, Role, RoomEvent, StreamNotice } from './protocol';
import type { Item } from './store';

export interface HistoryPage {
  messages: RoomEvent[];
  next: number | null;
}

export interface ChatOptions {
  /** Opens a socket to the room with this query. */
  open: (query: URLSearchParams) => SocketLike;
  history: (query: { before_seq?: number; after_seq?: number; limit: number }) => Promise<HistoryPage>;
  /** An access token that is good for a while yet, or null when nobody is logged in. */
  token: () => Promise<string | null>;
  /** Socket or token were refused: perhaps the log-in is over. */
  refused?: () => void;
  viewer: string;
  isNative?: boolean;
  now?: () => number;
  random?: () => number;
  /** Runs soon, once: the browser's next frame. */
  soon?: (run: () => void) => void;
  /** Random characters that begin every nonce: two pages of one session never use the same. */
  prefix: string;
}

export interface Ban {
  /** Unit: ms of the clock; null: for good. */
  until: number | null;
  /** The moderator's, as far as it was told. */
  reason: string;
}

export interface ChatState {
  phase: Phase;
  /** The first welcome came: what is shown is the room. */
  joined: boolean;
  /** Unit: ms of the clock. */
  retryAt: number | null;
  items: readonly Item[];
  outgoing: readonly Outgoing[];
  user: Person | null;
  role: Role | null;
  channel: Person | null;
  mode: Mode;
  stream: StreamNotice | null;
  viewers: number | null;
  held: number;
  ban: Ban | null;
  /** This person may not write for want of following; until null: they do not follow. Unit: ms of the clock. */
  followersOnly: { until: number | null } | null;
  /** Before this moment slow mode refuses the next message. Unit: ms of the clock. */
  slowUntil: number;
  /** More can be loaded at the old end. */
  hasOlder: boolean;
  loadingOlder: boolean;
}

export const emptyRoom: ChatState = {
  phase: 'closed',
  joined: false,
  retryAt: null,
  items: [],
  outgoing: [],
  user: null,
  role: null,
  channel: null,
  mode: { slow_mode_s: 0, followers_only_min_age_s: null },
  stream: null,
  viewers: null,
  held: 0,
  ban: null,
  followersOnly: null,
  slowUntil: 0,
  hasOlder: false,
  loadingOlder: false,
};
