// SPDX-License-Identifier: GPL-3.0-or-later
// One room, as docs/chat-protocol.md has it, without its looks: joins, comes back where it was, puts
// events in order, fills what was missed, keeps what was said until the room shows it. Tells its
// listeners at most once per frame. Everything foreign (sockets, HTTP, time, chance) is handed in.
import { Backfill } from './backfill';
import { emptyRoom, type ChatOptions, type ChatState } from './chat_state';
import { Connection } from './connection';
import { Login } from './login';
import { mayBeSaid, Outbox, type Outgoing } from './outbox';
import {
  modeOf,
  parseFrame,
  type BanEvent,
  type ClientFrame,
  type Person,
  type Quote,
  type Refusal,
  type Role,
  type RoomEvent,
  type ServerFrame,
  type Welcome,
} from './protocol';
import { Sequence } from './sequence';
import { Standing } from './standing';
import { mostItems, mostItemsReading, Store } from './store';

const pageLimit = 100;
// After a failure older messages are left alone for this long. Unit: ms.
const olderPause = 3000;
const housekeeping = 1000;

export class ChatClient {
  private readonly store = new Store();
  private readonly sequence = new Sequence();
  private readonly outbox: Outbox;
  private readonly connection: Connection;
  private readonly now: () => number;
  private readonly soon: (run: () => void) => void;
  private listeners = new Set<() => void>();
  private state: ChatState = emptyRoom;
  private told = true;
  private session: string | null = null;
  private resumeToken: string | null = null;
  private welcomed = false;
  /** Who is logged in on this page; null: nobody; undefined while that is not known. */
  private wanted: number | null | undefined = undefined;
  private readonly login: Login;
  private readonly backfill: Backfill;
  private ticker: ReturnType<typeof setInterval> | undefined;
  private reading = false;
  private olderAfter = 0;
  private stopped = true;
  /** Which event the present mode and role are of: a hole that is filled late brings older ones. */
  private asOf = { mode: 0, role: 0 };
  private readonly standing: Standing;
  /** Counts the room's beginnings anew: answers to questions of an older one are not used. */
  private epoch = 0;

  constructor(private readonly options: ChatOptions) {
    this.now = options.now ?? Date.now;
    this.soon = options.soon ?? ((run) => void setTimeout(run, 16));
    this.outbox = new Outbox(options.prefix);
    this.standing = new Standing(this.now);
    this.connection = new Connection({
      open: () => options.open(this.query()),
      onOpen: () => undefined,
      onData: (data) => this.heard(parseFrame(data)),
      onDown: ({ opened, attempt }) => {
        if (!opened && attempt % 2 === 0) {
          options.refused?.();
        }
      },
      onPhase: () => this.phaseChanged(),
      probe: JSON.stringify({ type: 'ping' } satisfies ClientFrame),
      random: options.random ?? Math.random,
      now: this.now,
    });
    this.login = new Login({
      token: options.token,
      send: (token) => this.send({ type: 'auth', token }),
      ended: () => this.set({ user: null, role: null }),
      now: this.now,
    });
    this.backfill = new Backfill({
      sequence: this.sequence,
      history: options.history,
      take: (event) => this.take(event),
      done: () => {
        this.settle();
        this.changed();
      },
      skipTo: (seq) => {
        this.store.dropBefore(seq);
        this.set({ hasOlder: true });
      },
      most: mostItems,
    });
  }

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  snapshot = (): ChatState => this.state;

  start(): void {
    if (this.stopped) {
      this.stopped = false;
      this.ticker = setInterval(() => this.tick(), housekeeping);
      this.connection.start();
    }
  }

  stop(): void {
    this.stopped = true;
    this.epoch += 1;
    clearInterval(this.ticker);
    this.login.down();
    this.backfill.reset();
    this.connection.stop();
  }

  /** Someone logged in or out on this page. Another person is another session. */
  setUser(userId: number | null): void {
    const known = this.state.user?.user_id ?? null;
    const before = this.wanted ?? known;
    this.wanted = userId;
    if (before !== null && before !== userId) {
      this.otherPerson();
    }
    if (this.welcomed && known === null && userId !== null) {
      void this.login.authorize();
    } else if (this.welcomed && known !== userId) {
      this.connection.reconnect();
    }
  }

  /** They pressed the button: followers-only is about them now, or no more. */
  followed(on: boolean): void {
    this.set(this.standing.followed(on, this.state));
  }

  /** The network is back, or the page is looked at again. */
  suspect(): void {
    this.connection.suspect();
  }

  reconnectNow(): void {
    this.connection.reconnect();
  }

  /** Shown at once; false when too much is unanswered already. */
  say(text: string, replyTo: Quote | null = null): boolean {
    const entry = this.wanted === null ? null : this.outbox.add(text, replyTo, this.now());
    if (!entry) {
      return false;
    }
    this.hand(entry);
    this.changed();
    return true;
  }

  retry(nonce: string): void {
    const entry = this.outbox.find(nonce);
    if (!entry || entry.state !== 'failed') {
      return;
    }
    if (mayBeSaid(entry)) {
      // The same nonce: if the room has it, it answers with what became of it, and says it once.
      this.outbox.change(nonce, { state: 'queued', code: null, since: this.now() });
      this.hand(this.outbox.find(nonce) as Outgoing);
    } else {
      this.outbox.remove(nonce);
      this.say(entry.text, entry.replyTo);
    }
    this.changed();
  }

  discard(nonce: string): void {
    this.outbox.remove(nonce);
    this.changed();
  }

  /** While someone reads further up, the old end is kept. */
  setReading(reading: boolean): void {
    this.reading = reading;
    if (!reading && this.store.items.length > mostItems) {
      this.store.trim(mostItems);
      this.changed();
    }
  }

  isDeleted(messageId: number): boolean {
    return this.store.isDeleted(messageId);
  }

  /** One page further back. */
  async loadOlder(): Promise<void> {
    const oldest = this.store.oldest;
    const room = this.store.items.length + pageLimit <= mostItemsReading;
    if (!this.state.hasOlder || this.state.loadingOlder || oldest === null || !room || this.now() < this.olderAfter) {
      return;
    }
    const epoch = this.epoch;
    this.set({ loadingOlder: true });
    try {
      const page = await this.options.history({ before_seq: oldest, limit: 50 });
      if (epoch === this.epoch) {
        page.messages.forEach((event) => this.store.apply(event));
        this.store.trimmed = false;
        this.set({ hasOlder: page.next !== null && page.messages.length > 0 });
      }
    } catch {
      this.olderAfter = this.now() + olderPause; // the next scroll after that asks again
    }
    this.set({ loadingOlder: false });
  }

  private query(): URLSearchParams {
    const query = new URLSearchParams({ viewer: this.options.viewer });
    if (this.options.isNative) {
      query.set('native', '1');
    }
    if (this.resumeToken !== null) {
      query.set('resume', this.resumeToken);
    }
    if (this.state.joined) {
      query.set('after', String(this.sequence.last));
    }
    return query;
  }

  private phaseChanged(): void {
    if (this.connection.phase !== 'open') {
      this.welcomed = false;
      this.login.down();
    }
    this.changed();
  }

  private heard(frame: ServerFrame | null): void {
    switch (frame?.type) {
      case 'welcome':
        this.welcome(frame);
        return;
      case 'batch':
        frame.messages.forEach((event) => this.event(event));
        return;
      case 'message':
      case 'deleted':
      case 'cleared':
      case 'ban':
      case 'role':
      case 'mode':
        this.event(frame);
        return;
      case 'ack':
        this.acknowledged(frame.nonce, frame.status === 'held' ? null : (frame.seq ?? null));
        return;
      case 'pending':
        this.outbox.change(frame.nonce, { state: 'waiting' });
        this.changed();
        return;
      case 'error':
        this.refused(frame.nonce, frame.code, frame.retry_after_ms ?? null);
        return;
      case 'missed':
        this.sequence.advance(frame.to);
        this.backfill.fill();
        return;
      case 'auth':
        this.authorized(frame.user, frame.role ?? frame.user.role ?? 'user', frame.expires_at, frame.refusal);
        return;
      case 'token_expired':
        void this.login.authorize();
        return;
      case 'resume':
        this.resumeToken = frame.resume;
        return;
      case 'reconnect':
        this.resumeToken = frame.resume;
        this.connection.leaveIn(Math.max(0, frame.after_ms));
        return;
      case 'viewers':
        this.set({ viewers: frame.count });
        return;
      case 'stream':
        this.set({ stream: { stream_id: frame.stream_id, status: frame.status, title: frame.title ?? '' } });
        return;
      case 'held':
        this.set({ held: frame.count });
        return;
      default:
    }
  }

  private welcome(frame: Welcome): void {
    const continues = this.state.joined && frame.seq >= this.sequence.last;
    if (continues) {
      this.sequence.advance(frame.seq);
    } else {
      // The first time; or the room is not the one we knew.
      this.epoch += 1;
      this.backfill.reset();
      this.standing.restart();
      this.store.clear();
      const oldest = frame.history[0]?.seq ?? frame.seq + 1;
      this.sequence.restart(frame.seq);
      this.set({ hasOlder: oldest > 1 });
    }
    const isSameSession = this.session === frame.session;
    if (this.session !== null && !isSameSession) {
      this.outbox.lostSession();
    }
    this.session = frame.session;
    this.resumeToken = frame.resume;
    this.welcomed = true;
    // The cookie may speak for someone who is logged out here already, or for another one.
    const isWanted = this.wanted === undefined || frame.user?.user_id === this.wanted;
    this.set({
      joined: true,
      user: isWanted ? frame.user : null,
      role: isWanted ? frame.role : null,
      channel: frame.channel,
      mode: modeOf(frame.mode),
      stream: frame.stream,
      viewers: frame.viewers,
      held: 0,
      ...(isWanted ? this.standing.told(frame.refusal, frame.seq) : {}),
    });
    this.asOf.mode = this.asOf.role = frame.seq;
    frame.history.forEach((event) => {
      if (this.sequence.accept(event.seq) || !continues) {
        this.take(event);
      }
    });
    this.settle();
    this.backfill.fill();
    if (this.state.user === null && this.wanted) {
      void this.login.authorize();
    } else {
      this.handAll();
    }
  }

  /** What the one before said, or was told about themselves, is not this one's. */
  private otherPerson(): void {
    this.session = null;
    this.resumeToken = null;
    this.outbox.clear();
    this.set({ user: null, role: null, ...this.standing.otherPerson() });
  }

  private event(event: RoomEvent): void {
    if (this.sequence.accept(event.seq)) {
      this.take(event);
      this.settle();
      this.backfill.fill();
      this.changed();
    }
  }

  private take(event: RoomEvent): void {
    this.store.apply(event);
    const me = this.state.user?.user_id;
    if (event.type === 'message' && event.user.user_id === me && event.nonce !== undefined) {
      const isNew = this.outbox.find(event.nonce) !== undefined;
      this.outbox.remove(event.nonce);
      this.set(this.standing.saidNow(Date.parse(event.created_at), isNew, this.state));
    } else if (event.type === 'mode' && event.seq > this.asOf.mode) {
      this.asOf.mode = event.seq;
      this.set({ mode: modeOf(event), ...this.standing.ruled(event, this.state) });
    } else if (event.type === 'role' && event.user_id === me && event.seq > this.asOf.role) {
      this.asOf.role = event.seq;
      this.set({ role: event.role, ...(event.role === 'moderator' ? { followersOnly: null } : {}) });
    } else if (event.type === 'ban' && event.user_id === me) {
      this.banned(event);
    }
  }

  /** What was said up to the first hole is shown. */
  private settle(): void {
    const firstHole = this.sequence.holes[0];
    this.outbox.shown(firstHole ? firstHole.from - 1 : this.sequence.last);
    this.store.trim(this.reading ? mostItemsReading : mostItems);
  }

  private banned(event: BanEvent): void {
    const change = this.standing.banned(event);
    if (change) {
      this.set(change);
      if (change.ban) {
        this.outbox.failHeld('banned'); // nobody will decide on them any more
        void this.login.authorize(); // its answer has the reason
      }
    }
  }

  private acknowledged(nonce: string, seq: number | null): void {
    if (seq === null) {
      this.outbox.change(nonce, { state: 'held', since: this.now() });
    } else {
      this.outbox.change(nonce, { state: 'said', seq, since: this.now() });
      if (this.outbox.find(nonce)) {
        this.set(this.standing.saidNow(this.now(), true, this.state));
      }
      this.settle();
    }
    this.changed();
  }

  private refused(nonce: string | undefined, code: string, retryAfter: number | null): void {
    const retryAt = retryAfter === null ? null : this.now() + retryAfter;
    this.set(this.standing.refused(code, retryAt, this.state));
    if (code === 'unauthenticated' && this.wanted && nonce !== undefined && this.outbox.find(nonce)) {
      // The token ran out while it was on its way: it goes again with the new one.
      this.outbox.change(nonce, { state: 'queued' });
      void this.login.authorize();
    } else if (nonce !== undefined) {
      this.outbox.fail(nonce, code, retryAt);
    } else if (code === 'invalid_token') {
      // Ended early, or signed with a key that is gone: another one may do.
      this.options.refused?.();
      this.login.refused();
    }
    this.changed();
  }

  private authorized(user: Person, role: Role, expiresAt: string, refusal: Refusal | null | undefined): void {
    if (this.wanted === null) {
      return; // someone logged out while it was on its way
    }
    this.set({ user: { user_id: user.user_id, username: user.username }, role, ...this.standing.told(refusal, this.sequence.last) });
    this.login.accepted(expiresAt);
    this.handAll();
  }

  private send(frame: ClientFrame): boolean {
    return this.welcomed && this.connection.send(JSON.stringify(frame));
  }

  private hand(entry: Outgoing): void {
    if (this.state.user === null) {
      return; // goes with the answer to `auth`
    }
    const reply = entry.replyTo ? { reply_to: entry.replyTo.message_id } : {};
    if (this.send({ type: 'message', message: entry.text, nonce: entry.nonce, ...reply })) {
      this.outbox.change(entry.nonce, { state: entry.state === 'waiting' ? 'waiting' : 'sent' });
    }
  }

  /** In the order they were said; those of an older socket of this session once more. */
  private handAll(): void {
    this.outbox.unanswered().forEach((entry) => this.hand(entry));
    this.changed();
  }

  private tick(): void {
    // Durable, but its broadcast never came: fetched like anything else that was missed.
    const late = this.outbox.unseen(this.now());
    if (late.length > 0 && this.welcomed) {
      late.forEach(({ seq }) => this.sequence.advance(seq ?? 0));
      this.backfill.fill();
    }
    const over = this.standing.over(this.state);
    if (over) {
      this.set(over);
    }
    if (this.outbox.expire(this.now())) {
      this.changed();
    }
  }

  private set(change: Partial<ChatState>): void {
    this.state = { ...this.state, ...change };
    this.changed();
  }

  /** Listeners hear of everything since the last frame at once. */
  private changed(): void {
    if (!this.told) {
      return;
    }
    this.told = false;
    this.soon(() => {
      this.told = true;
      this.state = {
        ...this.state,
        phase: this.connection.phase,
        retryAt: this.connection.retryAt,
        items: this.store.items,
        outgoing: this.outbox.list,
        hasOlder: this.state.hasOlder || (this.store.trimmed && this.store.items.length > 0),
      };
      [...this.listeners].forEach((listener) => listener());
    });
  }
}
