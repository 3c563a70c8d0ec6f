// SPDX-License-Identifier: GPL-3.0-or-later
// Who someone is, over the list. Moderators act from here.
import { useCallback, useEffect, useRef, useState, type FormEvent, type ReactNode } from 'react';
import type { MemberCard, RoomApi } from '../api/room';
import { useSession } from '../api/session';
import { CloseIcon, TrashIcon } from '../components/icons';
import { FollowButton, FollowerCount, useProfile } from '../components/follow_button';
import { Notice } from '../components/ui';
import { useTexts } from '../i18n/context';
import { Link } from '../router';
import type { ChatState } from './chat_state';
import { Badge, Name, Time } from './message_row';
import type { Person, Role } from './protocol';
import { ReasonField } from './reason';
import { duration } from './time';
import { useCall } from './use_call';

interface CardProps {
  person: Person;
  room: ChatState;
  isModerator: boolean;
  calls: RoomApi;
  onClose: () => void;
  onMention: (username: string) => void;
}

const timeOuts = [60, 600, 3600, 86_400];
// Two weeks, the protocol's longest time-out. Unit: s.
const longestTimeOut = 1_209_600;

export function UserCard({ person, room, isModerator, calls, onClose, onMention }: CardProps) {
  const { t, language } = useTexts();
  const [profile, setProfile] = useProfile(person.user_id);
  const frame = useRef<HTMLElement>(null);
  const isMe = room.user?.user_id === person.user_id;

  useEffect(() => {
    const before = document.activeElement;
    frame.current?.focus();
    return () => {
      if (before instanceof HTMLElement && before.isConnected) {
        before.focus({ preventScroll: true });
      }
    };
  }, []);

  return (
    <section
      ref={frame}
      className="user-card"
      role="dialog"
      aria-label={t('card.label', { user: person.username })}
      tabIndex={-1}
      data-testid="user-card"
      onKeyDown={(event) => {
        if (event.key === 'Escape') {
          event.stopPropagation();
          onClose();
        }
      }}
    >
      <header>
        <h3>
          <Name person={person} />
        </h3>
        <button type="button" className="icon-button" aria-label={t('card.close')} data-testid="card-close" onClick={onClose}>
          <CloseIcon />
        </button>
      </header>
      {profile && (
        <p className="user-card-facts">
          <FollowerCount profile={profile} />
          <span>{t('card.since', { date: new Date(profile.created_at).toLocaleDateString(language) })}</span>
        </p>
      )}
      <div className="button-row">
        {profile && !isMe && <FollowButton profile={profile} change={setProfile} small />}
        {room.user && !isMe && (
          <button type="button" className="button button-quiet button-small" data-testid="card-mention" onClick={() => onMention(person.username)}>
            {t('card.mention')}
          </button>
        )}
        <Link to={`/c/${person.username}`} className="button button-quiet button-small">
          {t('card.channel')}
        </Link>
      </div>
      {isModerator && <ModeratorPart person={person} room={room} calls={calls} isMe={isMe} />}
    </section>
  );
}

function ModeratorPart({ person, room, calls, isMe }: Omit<CardProps, 'onClose' | 'onMention' | 'isModerator'> & { isMe: boolean }) {
  const { t, errorText } = useTexts();
  const { user } = useSession();
  const [card, setCard] = useState<MemberCard | null>(null);
  const [reason, setReason] = useState('');
  const [done, setDone] = useState<string | null>(null);
  const { working, code, run } = useCall();
  const isOwner = room.role === 'owner' || user?.is_administrator === true;

  const learn = useCallback(() => {
    calls.card(person.user_id).then(setCard, () => undefined);
  }, [calls, person.user_id]);
  useEffect(learn, [learn]);

  const act = async (work: () => Promise<unknown>, said: string) => {
    setDone(null);
    if (await run(work)) {
      setDone(said);
      setReason('');
    }
    learn();
  };
  const role: Role = card?.role ?? 'user';
  const mayAppoint = isOwner && !isMe && role !== 'owner';
  // Nobody bans the owner; moderators do not ban moderators.
  const mayBan = !isMe && role !== 'owner' && (role === 'user' || isOwner);
  const standing = card?.messages.some(({ deleted }) => !deleted) ?? false;

  return (
    <div className="user-card-mod" data-testid="card-moderation">
      {card && (
        <p className="user-card-facts">
          <Badge role={role} />
          <span>{card.followed_at ? t('card.follows') : t('card.follows_not')}</span>
          {card.banned && <strong data-testid="card-banned">{card.until ? t('card.timed_out_now') : t('card.banned_now')}</strong>}
        </p>
      )}
      {code && <Notice kind="error">{errorText(code)}</Notice>}
      {done && <Notice kind="good">{done}</Notice>}
      {(mayBan || mayAppoint || (standing && !isMe)) && (
        <ReasonField label={t('mod.reason')} hint={mayBan ? t('card.reason_hint') : undefined} value={reason} onChange={setReason} testId="card-reason" />
      )}
      {mayBan && (
        <>
          <div className="user-card-times" role="group" aria-label={t('card.time_out')}>
            <span>{t('card.time_out')}</span>
            {timeOuts.map((seconds) => (
              <button key={seconds} type="button" className="button button-quiet button-small" disabled={working} data-testid={`time-out-${seconds}`} onClick={() => void act(() => calls.ban(person.user_id, seconds, reason), t('card.did_time_out'))}>
                {duration(seconds, t)}
              </button>
            ))}
          </div>
          <CustomTime disabled={working} choose={(seconds) => void act(() => calls.ban(person.user_id, seconds, reason), t('card.did_time_out'))} />
          <div className="button-row">
            <button type="button" className="button button-danger button-small" disabled={working} data-testid="ban" onClick={() => void act(() => calls.ban(person.user_id, null, reason), t('card.did_ban'))}>
              {t('card.ban')}
            </button>
            {card?.banned && (
              <button type="button" className="button button-quiet button-small" disabled={working} data-testid="unban" onClick={() => void act(() => calls.unban(person.user_id, reason), t('card.did_unban'))}>
                {t('card.unban')}
              </button>
            )}
          </div>
        </>
      )}
      {mayAppoint && (
        <button type="button" className="link-button" disabled={working} data-testid={role === 'moderator' ? 'dismiss' : 'appoint'} onClick={() => void act(() => calls.setModerator(person.user_id, role !== 'moderator', reason), t(role === 'moderator' ? 'card.did_dismiss' : 'card.did_appoint'))}>
          {t(role === 'moderator' ? 'card.dismiss' : 'card.appoint')}
        </button>
      )}
      {card && card.messages.length > 0 && (
        <Said>
          {card.messages.map((message) => (
            <li key={message.message_id} data-testid="card-message" data-deleted={message.deleted}>
              <Time iso={message.created_at} />{' '}
              {message.deleted ? (
                <>
                  <del>
                    <bdi>{message.message}</bdi>
                  </del>{' '}
                  <span className="user-card-gone">{t('card.deleted')}</span>
                </>
              ) : (
                <>
                  <bdi>{message.message}</bdi>
                  <button type="button" className="chat-discard" disabled={working} aria-label={t('chat.delete_text', { message: message.message })} title={t('chat.delete')} data-testid="card-delete" onClick={() => void act(() => calls.deleteMessage(message.message_id, reason), t('card.did_delete'))}>
                    <TrashIcon />
                  </button>
                </>
              )}
            </li>
          ))}
        </Said>
      )}
    </div>
  );
}

function Said({ children }: { children: ReactNode }) {
  const { t } = useTexts();
  return (
    <>
      <h4>{t('card.said')}</h4>
      <ul className="user-card-said" data-testid="card-said">
        {children}
      </ul>
    </>
  );
}

function CustomTime({ disabled, choose }: { disabled: boolean; choose: (seconds: number) => void }) {
  const { t } = useTexts();
  const [minutes, setMinutes] = useState('');
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const seconds = Math.round(Number(minutes) * 60);
    if (Number.isFinite(seconds) && seconds >= 1) {
      choose(Math.min(seconds, longestTimeOut));
    }
  };
  return (
    <form className="user-card-custom" onSubmit={submit}>
      <label>
        <span>{t('card.minutes')}</span>
        <input type="number" min="1" max={longestTimeOut / 60} step="1" value={minutes} data-testid="card-minutes" onChange={(event) => setMinutes(event.target.value)} />
      </label>
      <button type="submit" className="button button-quiet button-small" disabled={disabled || minutes === ''} data-testid="time-out-custom">
        {t('card.time_out')}
      </button>
    </form>
  );
}
