// SPDX-License-Identifier: GPL-3.0-or-later
// One row of the list: a message, a notice, or something said that is not shown to others yet.
import { memo, useMemo, type ReactNode } from 'react';
import { CloseIcon, LampIcon, NoteIcon, ReplyIcon, ShieldIcon, TrashIcon } from '../components/icons';
import { useTexts } from '../i18n/context';
import { useNow } from '../lib/poll';
import type { Outgoing } from './outbox';
import type { MessageEvent, Person, Quote, Role } from './protocol';
import type { Item } from './store';
import { colourOf, mentions, piecesOf } from './text';
import { duration } from './time';

export interface RowActions {
  open: (person: Person) => void;
  reply: (message: MessageEvent) => void;
  remove: (message: MessageEvent, reason?: string) => void;
  /** Deletes it too, but asks why first. */
  askRemove: (message: MessageEvent) => void;
  jump: (messageId: number) => void;
  retry: (nonce: string) => void;
  discard: (nonce: string) => void;
  /** Puts what was refused back into the field. */
  edit: (outgoing: Outgoing) => void;
}

// Said again just so, these are refused again.
const wantsOtherWords = new Set(['blocked_word', 'invalid_message', 'not_found', 'nonce_reused', 'held_denied']);

interface RowProps {
  item: Item;
  me: Person | null;
  canReply: boolean;
  canModerate: boolean;
  showTime: boolean;
  marked: boolean;
  actions: RowActions;
}

export const ItemRow = memo(function ItemRow(props: RowProps) {
  const { item } = props;
  return item.type === 'message' ? <MessageRow {...props} message={item} /> : <NoticeRow item={item} me={props.me} />;
});

function MessageRow({ message, me, canReply, canModerate, showTime, marked, actions }: RowProps & { message: MessageEvent }) {
  const { t } = useTexts();
  const isOwn = message.user.user_id === me?.user_id;
  const isForMe =
    !isOwn && (mentions(message.message, me?.username ?? null) || (message.reply_to?.user_id ?? -1) === me?.user_id);
  const classes = ['chat-line', isForMe ? 'chat-for-me' : '', marked ? 'chat-marked' : ''].filter(Boolean).join(' ');
  return (
    <div className={classes} data-testid="chat-message" data-message-id={message.message_id} data-seq={message.seq} data-for-me={isForMe}>
      {message.reply_to && <QuoteLine quote={message.reply_to} jump={actions.jump} />}
      <p className="chat-text" dir="auto">
        {showTime && <Time iso={message.created_at} />}
        <Badge role={message.user.role ?? 'user'} />
        <Name person={message.user} open={actions.open} />
        <span className="chat-colon">: </span>
        <MessageText text={message.message} me={me} />
      </p>
      {(canReply || canModerate || isOwn) && (
        <span className="chat-actions">
          {canReply && (
            <button type="button" tabIndex={-1} aria-label={t('chat.reply_to', { user: message.user.username })} title={t('chat.reply')} aria-keyshortcuts="R" data-testid="chat-reply" onClick={() => actions.reply(message)}>
              <ReplyIcon />
            </button>
          )}
          {(canModerate || isOwn) && (
            <button type="button" tabIndex={-1} aria-label={t('chat.delete_of', { user: message.user.username })} title={t('chat.delete')} aria-keyshortcuts="Delete" data-testid="chat-delete" onClick={() => actions.remove(message)}>
              <TrashIcon />
            </button>
          )}
          {canModerate && !isOwn && (
            <button type="button" tabIndex={-1} aria-label={t('chat.delete_why_of', { user: message.user.username })} title={t('chat.delete_why')} aria-keyshortcuts="Shift+Delete" data-testid="chat-delete-why" onClick={() => actions.askRemove(message)}>
              <NoteIcon />
            </button>
          )}
        </span>
      )}
    </div>
  );
}

export function Name({ person, open }: { person: Person; open?: (person: Person) => void }) {
  const className = `chat-name name-${colourOf(person.user_id)}`;
  return open ? (
    <button type="button" tabIndex={-1} className={className} data-testid="chat-name" onClick={() => open({ user_id: person.user_id, username: person.username })}>
      <bdi>{person.username}</bdi>
    </button>
  ) : (
    <bdi className={className}>{person.username}</bdi>
  );
}

export function Badge({ role }: { role: Role }) {
  const { t } = useTexts();
  if (role === 'user') {
    return null;
  }
  return (
    <span className={`chat-badge chat-badge-${role}`} role="img" aria-label={t(`role.${role}`)} title={t(`role.${role}`)}>
      {role === 'owner' ? <LampIcon /> : <ShieldIcon />}
    </span>
  );
}

export function Time({ iso }: { iso: string }) {
  const { language } = useTexts();
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) {
    return null;
  }
  return (
    <time className="chat-time" dateTime={iso} title={at.toLocaleString(language)}>
      {at.toLocaleTimeString(language, { hour: '2-digit', minute: '2-digit' })}
    </time>
  );
}

export function MessageText({ text, me }: { text: string; me: Person | null }) {
  const pieces = useMemo(() => piecesOf(text, me?.username ?? null), [text, me?.username]);
  return (
    <bdi className="chat-words" data-testid="chat-words">
      {pieces.map((piece, i): ReactNode => {
        switch (piece.kind) {
          case 'link':
            return (
              <a key={i} href={piece.href} target="_blank" rel="noopener noreferrer nofollow ugc" referrerPolicy="no-referrer" tabIndex={-1}>
                {piece.text}
              </a>
            );
          case 'mention':
            return (
              <span key={i} className={piece.isMe ? 'chat-mention chat-mention-me' : 'chat-mention'}>
                {piece.text}
              </span>
            );
          default:
            return piece.text;
        }
      })}
    </bdi>
  );
}

function QuoteLine({ quote, jump }: { quote: Quote; jump: (messageId: number) => void }) {
  const { t } = useTexts();
  const isGone = quote.message === '';
  return (
    <button type="button" tabIndex={-1} className="chat-quote" data-testid="chat-quote" disabled={isGone} aria-label={t('chat.jump', { user: quote.username })} onClick={() => jump(quote.message_id)}>
      <ReplyIcon />
      <span>{isGone ? t('chat.quote_gone') : `@${quote.username} ${quote.message}`}</span>
    </button>
  );
}

function NoticeRow({ item, me }: { item: Exclude<Item, MessageEvent>; me: Person | null }) {
  const { t } = useTexts();
  return (
    <p className="chat-notice" data-testid="chat-notice" data-kind={item.type}>
      {noticeText(item, me, t)}
    </p>
  );
}

function noticeText(item: Exclude<Item, MessageEvent>, me: Person | null, t: ReturnType<typeof useTexts>['t']): string {
  if (item.type === 'mode') {
    const slow = item.slow_mode_s > 0 ? t('chat.mode_slow', { time: duration(item.slow_mode_s, t) }) : '';
    const age = item.followers_only_min_age_s;
    const followers = age === null ? '' : age > 0 ? t('chat.mode_followers_age', { time: duration(age, t) }) : t('chat.mode_followers');
    return [slow, followers].filter(Boolean).join(' ') || t('chat.mode_open');
  }
  const isMe = item.user_id === me?.user_id;
  const user = item.username;
  if (item.type === 'role') {
    const isModerator = item.role === 'moderator';
    return isMe
      ? t(isModerator ? 'chat.you_moderate' : 'chat.you_no_longer')
      : t(isModerator ? 'chat.now_moderates' : 'chat.no_longer_moderates', { user });
  }
  if (!item.active) {
    return isMe ? t('chat.you_unbanned') : t('chat.unbanned', { user });
  }
  if (item.until === null) {
    return isMe ? t('chat.you_banned') : t('chat.banned', { user });
  }
  return isMe ? t('chat.you_timed_out') : t('chat.timed_out', { user });
}

interface OutgoingProps {
  outgoing: Outgoing;
  me: Person | null;
  showTime: boolean;
  actions: RowActions;
}

export const OutgoingRow = memo(function OutgoingRow({ outgoing, me, showTime, actions }: OutgoingProps) {
  const { t } = useTexts();
  const isFailed = outgoing.state === 'failed';
  return (
    <div className={`chat-line chat-outgoing chat-outgoing-${outgoing.state}`} data-testid="chat-outgoing" data-state={outgoing.state} data-code={outgoing.code ?? ''}>
      {outgoing.replyTo && <QuoteLine quote={outgoing.replyTo} jump={actions.jump} />}
      <p className="chat-text" dir="auto">
        {showTime && <Time iso={new Date(outgoing.since).toISOString()} />}
        {me && <Name person={me} />}
        <span className="chat-colon">: </span>
        <MessageText text={outgoing.text} me={null} />
      </p>
      {outgoing.state === 'held' && <p className="chat-why">{t('chat.held')}</p>}
      {outgoing.state === 'waiting' && <p className="chat-why">{t('chat.waiting')}</p>}
      {isFailed && <Refusal outgoing={outgoing} actions={actions} />}
    </div>
  );
});

function Refusal({ outgoing, actions }: { outgoing: Outgoing; actions: RowActions }) {
  const { t, chatError } = useTexts();
  const now = useNow();
  const left = outgoing.retryAt === null ? 0 : Math.ceil((outgoing.retryAt - now) / 1000);
  return (
    <div className="chat-refusal" role="alert">
      <p className="chat-why chat-why-bad" data-testid="chat-why">
        {chatError(outgoing.code ?? 'unknown')}
        {left > 0 && ` ${t('chat.again_in', { time: duration(left, t) })}`}
      </p>
      <span className="chat-refusal-choices">
        {wantsOtherWords.has(outgoing.code ?? '') ? (
          <button type="button" className="link-button" data-testid="chat-edit" onClick={() => actions.edit(outgoing)}>
            {t('chat.edit')}
          </button>
        ) : (
          <button type="button" className="link-button" data-testid="chat-retry" onClick={() => actions.retry(outgoing.nonce)}>
            {t('chat.retry')}
          </button>
        )}
        <button type="button" className="chat-discard" aria-label={t('chat.discard')} title={t('chat.discard')} data-testid="chat-discard" onClick={() => actions.discard(outgoing.nonce)}>
          <CloseIcon />
        </button>
      </span>
    </div>
  );
}
