// SPDX-License-Identifier: GPL-3.0-or-later
// Where one writes. Enter sends, unless an input method is still composing; Escape leaves a reply;
// the arrow up brings the last message back into an empty field.
import { useCallback, useEffect, useLayoutEffect, useRef, useState, type FormEvent, type KeyboardEvent, type RefObject } from 'react';
import { useSession } from '../api/session';
import { CloseIcon, ReplyIcon, SendIcon } from '../components/icons';
import { useTexts } from '../i18n/context';
import { useNow } from '../lib/poll';
import { Link, nextAfterLogin, useNavigation } from '../router';
import type { ChatClient } from './chat_client';
import type { Ban, ChatState } from './chat_state';
import type { Quote } from './protocol';
import { asOneLine, codePoints, longestMessage } from './text';
import { duration } from './time';

// From here on the number of characters left is shown.
const counterFrom = 400;

interface ComposerProps {
  client: ChatClient;
  state: ChatState;
  field: RefObject<HTMLTextAreaElement | null>;
  reply: Quote | null;
  setReply: (reply: Quote | null) => void;
  /** Text that another part of the panel puts in, such as a mention. */
  insert: { text: string; round: number } | null;
}

export function Composer(props: ComposerProps) {
  const { t } = useTexts();
  const { state: session } = useSession();
  const { route, search } = useNavigation();
  const { state } = props;
  if (state.user === null) {
    if (session === 'in' || session === 'unknown' || !state.joined) {
      return <div className="chat-composer chat-composer-idle" />;
    }
    const after = nextAfterLogin(route, search);
    return (
      <p className="chat-composer chat-guest" data-testid="chat-guest">
        <Link to={`/login${after}`}>{t('nav.log_in')}</Link> {t('chat.guest_or')} <Link to={`/join${after}`}>{t('nav.join')}</Link>{' '}
        {t('chat.guest')}
      </p>
    );
  }
  return <Field {...props} />;
}

function Field({ client, state, field, reply, setReply, insert }: ComposerProps) {
  const { t } = useTexts();
  const [text, setText] = useState('');
  const [full, setFull] = useState(false);
  const last = useRef('');
  const now = useNow();

  const length = codePoints(text);
  const slowLeft = state.role === 'user' ? Math.ceil((state.slowUntil - now) / 1000) : 0;
  const isBanned = state.ban !== null;
  const isTooLong = length > longestMessage;

  useLayoutEffect(() => {
    const area = field.current;
    if (area) {
      area.style.height = '0';
      area.style.height = `${area.scrollHeight + 2}px`;
    }
  }, [text, field]);

  useEffect(() => {
    if (insert) {
      setText((before) => `${before === '' || before.endsWith(' ') ? before : `${before} `}${insert.text} `);
      field.current?.focus();
    }
  }, [insert, field]);

  const send = useCallback(() => {
    const said = asOneLine(text).trim();
    if (said === '' || isTooLong || isBanned || slowLeft > 0) {
      return;
    }
    if (client.say(said, reply)) {
      last.current = said;
      setText('');
      setFull(false);
      setReply(null);
    } else {
      setFull(true);
    }
  }, [client, text, reply, isTooLong, isBanned, slowLeft, setReply]);

  const onKey = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    // 229: an input method has the key, also where isComposing is already false (Safari).
    if (event.nativeEvent.isComposing || event.keyCode === 229) {
      return;
    }
    if (event.key === 'Enter' && !event.shiftKey) {
      event.preventDefault();
      send();
    } else if (event.key === 'Escape' && reply) {
      event.preventDefault();
      setReply(null);
    } else if (event.key === 'ArrowUp' && text === '' && last.current !== '') {
      event.preventDefault();
      setText(last.current);
    }
  };

  const submit = (event: FormEvent) => {
    event.preventDefault();
    send();
    field.current?.focus();
  };

  return (
    <form className="chat-composer" onSubmit={submit} data-testid="chat-form">
      {reply && (
        <p className="chat-replying" data-testid="chat-replying">
          <ReplyIcon />
          <span>
            {t('chat.replying', { user: reply.username })} {reply.message}
          </span>
          <button type="button" aria-label={t('chat.leave_reply')} title={t('chat.leave_reply')} onClick={() => setReply(null)}>
            <CloseIcon />
          </button>
        </p>
      )}
      {state.ban && <BanNotice ban={state.ban} now={now} />}
      {!isBanned && state.followersOnly && <FollowersNotice until={state.followersOnly.until} now={now} />}
      {full && <p className="chat-why chat-why-bad" role="alert">{t('chat.too_many')}</p>}
      <div className="chat-field">
        <textarea
          ref={field}
          rows={1}
          value={text}
          data-testid="chat-input"
          aria-label={t('chat.say')}
          aria-describedby="chat-count"
          aria-invalid={isTooLong || undefined}
          placeholder={t('chat.say')}
          disabled={isBanned}
          enterKeyHint="send"
          autoComplete="off"
          onChange={(event) => setText(event.target.value)}
          onKeyDown={onKey}
        />
        <button type="submit" className="chat-send" aria-label={t('chat.send')} title={t('chat.send')} data-testid="chat-send" disabled={isBanned || isTooLong || slowLeft > 0 || text.trim() === ''}>
          <SendIcon />
        </button>
      </div>
      <p id="chat-count" className={`chat-below ${isTooLong ? 'chat-why-bad' : ''}`} role="status">
        {slowLeft > 0 && <span data-testid="chat-slow">{t('chat.slow_left', { time: duration(slowLeft, t) })}</span>}
        {length >= counterFrom && (
          <span className="chat-count" data-testid="chat-count">
            {isTooLong ? t('chat.over', { count: length - longestMessage }) : t('chat.left', { count: longestMessage - length })}
          </span>
        )}
      </p>
    </form>
  );
}

const secondsLeft = (until: number | null, now: number) => (until === null ? null : Math.max(0, Math.ceil((until - now) / 1000)));

function BanNotice({ ban: { until, reason }, now }: { ban: Ban; now: number }) {
  const { t } = useTexts();
  const left = secondsLeft(until, now);
  return (
    <p className="chat-ban" role="alert" data-testid="chat-ban" data-permanent={left === null}>
      {left === null ? t('chat.you_banned') : t('chat.you_timed_out_for', { time: duration(left, t) })}
      {reason !== '' && <bdi> {t('chat.ban_reason', { reason })}</bdi>}
    </p>
  );
}

/** The field stays open: they may have followed elsewhere, and the room knows best. */
function FollowersNotice({ until, now }: { until: number | null; now: number }) {
  const { t } = useTexts();
  const left = secondsLeft(until, now);
  return (
    <p className="chat-why" role="status" data-testid="chat-followers-only" data-follows={left !== null}>
      {left === null ? t('chat.follow_first') : t('chat.follow_longer', { time: duration(left, t) })}
    </p>
  );
}
