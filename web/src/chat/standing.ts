// SPDX-License-Identifier: GPL-3.0-or-later
// Whether this person may say something now: bans, followers only, slow mode. Each answer is what
// changes of the room's state.
import type { ChatState } from './chat_state';
import type { BanEvent, Mode, Refusal } from './protocol';

type Change = Partial<Pick<ChatState, 'ban' | 'followersOnly' | 'slowUntil'>>;
type Known = Pick<ChatState, 'mode' | 'role' | 'ban' | 'followersOnly'>;

export class Standing {
  private saidAt = 0;
  /** Which event the present ban is of: a hole that is filled late brings older ones. */
  private banAsOf = 0;

  constructor(private readonly now: () => number) {}

  /** Another room, or the same one from its beginning. */
  restart(): void {
    this.banAsOf = 0;
  }

  /** What the one before was told is not this one's. */
  otherPerson(): Change {
    this.saidAt = 0;
    return { ban: null, followersOnly: null, slowUntil: 0 };
  }

  /** The server's word, as of event `seq`; undefined: it does not know. */
  told(refusal: Refusal | null | undefined, seq: number): Change {
    if (refusal === undefined) {
      return {};
    }
    this.banAsOf = Math.max(this.banAsOf, seq);
    const until = refusal?.until ? Date.parse(refusal.until) : null;
    return {
      ban: refusal?.code === 'banned' ? { until, reason: refusal.reason ?? '' } : null,
      followersOnly: refusal?.code === 'followers_only' ? { until } : null,
    };
  }

  /** Null: something newer is known. */
  banned(event: BanEvent): Change | null {
    if (event.seq <= this.banAsOf) {
      return null;
    }
    this.banAsOf = event.seq;
    const until = event.until === null ? null : Date.parse(event.until);
    return { ban: event.active ? { until, reason: '' } : null };
  }

  refused(code: string, retryAt: number | null, known: Known): Change {
    switch (code) {
      case 'slow_mode':
        return retryAt === null ? {} : { slowUntil: retryAt };
      case 'banned':
        return { ban: { until: retryAt, reason: known.ban?.reason ?? '' } };
      case 'followers_only':
        return { followersOnly: { until: retryAt } };
      default:
        return {};
    }
  }

  /** Something of theirs is in the room; isNew: they said it just now. */
  saidNow(at: number, isNew: boolean, known: Known): Change {
    // The server's clock says when it was said; ours, how long ago that is at most.
    const from = Math.min(Number.isFinite(at) ? at : this.now(), this.now());
    this.saidAt = Math.max(this.saidAt, from);
    return { ...this.slow(known.mode, known), ...(isNew ? { followersOnly: null } : {}) };
  }

  /** Whom another rule lets in is seen when they say something. */
  ruled(mode: Mode, known: Known): Change {
    const isSame = mode.followers_only_min_age_s === known.mode.followers_only_min_age_s;
    return { ...this.slow(mode, known), ...(isSame ? {} : { followersOnly: null }) };
  }

  /** They began or ceased to follow the channel just now. */
  followed(on: boolean, { mode, role }: Known): Change {
    const age = mode.followers_only_min_age_s;
    if (age === null || role !== 'user') {
      return {};
    }
    return { followersOnly: on ? (age > 0 ? { until: this.now() + age * 1000 } : null) : { until: null } };
  }

  /** What is over by now; null: nothing. */
  over({ ban, followersOnly }: Known): Change | null {
    const isOver = (what: { until: number | null } | null) => what !== null && what.until !== null && what.until <= this.now();
    const change = { ...(isOver(ban) ? { ban: null } : {}), ...(isOver(followersOnly) ? { followersOnly: null } : {}) };
    return Object.keys(change).length > 0 ? change : null;
  }

  /** Slow mode counts from what was said last, also before it was turned on. */
  private slow(mode: Mode, { role }: Known): Change {
    const isSlow = mode.slow_mode_s > 0 && role === 'user';
    return { slowUntil: isSlow ? this.saidAt + mode.slow_mode_s * 1000 : 0 };
  }
}
