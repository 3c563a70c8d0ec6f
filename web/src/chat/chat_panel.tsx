// SPDX-License-Identifier: GPL-3.0-or-later
// The room beside the picture: list, field, and what moderators need.
import { lazy, Suspense, useCallback, useEffect, useMemo, useRef, useState, type KeyboardEvent, type RefObject } from 'react';
import { ApiError } from '../api/client';
import { roomApi } from '../api/room';
import { useSession } from '../api/session';
import { Audience } from '../components/audience';
import { ChevronIcon, GearIcon, ShieldIcon } from '../components/icons';
import { Seats } from '../components/poster';
import { Notice } from '../components/ui';
import { useTexts } from '../i18n/context';
import { readSetting, writeSetting } from '../lib/settings';
import { Announcer } from './announcer';
import type { ChatClient } from './chat_client';
import type { ChatState } from './chat_state';
import { Composer } from './composer';
import { DeleteForm } from './delete_form';
import { MessageList } from './message_list';
import { ItemRow, OutgoingRow, type RowActions } from './message_row';
import type { MessageEvent, Person, Quote } from './protocol';
import { rowsOf, type Row } from './rows';
import { duration } from './time';
import { useRoomState } from './use_room';
import { UserCard } from './user_card';

const Moderation = lazy(() => import('./moderation'));

const timesKey = 'troupe.chat_times';
const spokenKey = 'troupe.chat_spoken';
// While a target is looked for further back. Unit: pages.
const mostPagesBack = 20;

export interface PanelProps {
  client: ChatClient;
  channel: number;
  collapsed?: boolean;
  onCollapse?: (collapsed: boolean) => void;
}

function useSwitch(key: string, otherwise: boolean): [boolean, (on: boolean) => void] {
  const [on, setOn] = useState(() => (readSetting(key) ?? (otherwise ? '1' : '0')) === '1');
  const set = useCallback(
    (next: boolean) => {
      writeSetting(key, next ? '1' : '0');
      setOn(next);
    },
    [key],
  );
  return [on, set];
}

export function ChatPanel({ client, channel, collapsed = false, onCollapse }: PanelProps) {
  const { t, language, errorText } = useTexts();
  const session = useSession();
  const state = useRoomState(client);
  const calls = useMemo(() => roomApi(channel), [channel]);
  const [showTimes, setShowTimes] = useSwitch(timesKey, false);
  const [spoken, setSpoken] = useSwitch(spokenKey, true);
  const [settings, setSettings] = useState(false);
  const [moderating, setModerating] = useState(false);
  const [card, setCard] = useState<Person | null>(null);
  const [reply, setReply] = useState<Quote | null>(null);
  const [insert, setInsert] = useState<{ text: string; round: number } | null>(null);
  const [code, setCode] = useState<string | null>(null);
  const [deleting, setDeleting] = useState<MessageEvent | null>(null);
  const isReading = useRef(false);
  const { target, jump } = useJump(client, isReading);
  const field = useRef<HTMLTextAreaElement>(null);

  // Administrators may all that owners may, also where they are nobody in particular.
  const mayAppoint = state.role === 'owner' || (state.user !== null && session.user?.is_administrator === true);
  const isModerator = mayAppoint || state.role === 'moderator';
  const rows = useMemo(() => rowsOf(state), [state.items, state.outgoing, state.user, state.role]);

  const actions = useMemo<RowActions>(
    () => ({
      open: setCard,
      reply: ({ message_id, user, message }: MessageEvent) => {
        setReply({ message_id, user_id: user.user_id, username: user.username, message });
        field.current?.focus();
      },
      askRemove: setDeleting,
      remove: ({ message_id }: MessageEvent, reason = '') => {
        calls.deleteMessage(message_id, reason).then(
          () => setCode(null),
          (error: unknown) => setCode(error instanceof ApiError ? error.code : 'network'),
        );
      },
      jump: (id) => void jump(id),
      retry: (nonce) => client.retry(nonce),
      discard: (nonce) => client.discard(nonce),
      edit: ({ nonce, text }) => {
        client.discard(nonce);
        setInsert((before) => ({ text, round: (before?.round ?? 0) + 1 }));
      },
    }),
    [calls, client, jump],
  );

  const onRowKey = useCallback(
    (event: KeyboardEvent, row: Row) => {
      const item = row.item?.type === 'message' ? row.item : null;
      if (!item || event.ctrlKey || event.metaKey || event.altKey) {
        return;
      }
      const isOwn = item.user.user_id === client.snapshot().user?.user_id;
      if (event.key === 'Enter') {
        actions.open(item.user);
      } else if (event.key === 'r' && client.snapshot().user) {
        actions.reply(item);
      } else if (event.key === 'Delete' && event.shiftKey && !isOwn && isModerator) {
        actions.askRemove(item);
      } else if (event.key === 'Delete' && (isOwn || isModerator)) {
        actions.remove(item);
      } else {
        return;
      }
      event.preventDefault();
    },
    [actions, client, isModerator],
  );

  const mention = useCallback((username: string) => {
    setCard(null);
    setInsert((before) => ({ text: `@${username}`, round: (before?.round ?? 0) + 1 }));
  }, []);
  const loadOlder = useCallback(() => void client.loadOlder(), [client]);
  const onReading = useCallback(
    (reading: boolean) => {
      isReading.current = reading;
      client.setReading(reading);
    },
    [client],
  );
  const canReply = state.user !== null && state.ban === null;
  const draw = (row: Row, marked: boolean) =>
    row.item ? (
      <ItemRow item={row.item} me={state.user} canReply={canReply} canModerate={isModerator} showTime={showTimes} marked={marked} actions={actions} />
    ) : (
      <OutgoingRow outgoing={row.outgoing} me={state.user} showTime={showTimes} actions={actions} />
    );

  if (collapsed) {
    return (
      <aside className="room room-collapsed" aria-label={t('room.title')} data-testid="room">
        <button type="button" className="room-open" aria-expanded={false} data-testid="chat-expand" onClick={() => onCollapse?.(false)}>
          <ChevronIcon />
          <span>{t('chat.show')}</span>
        </button>
      </aside>
    );
  }
  return (
    <aside className="room" aria-label={t('room.title')} data-testid="room" data-phase={state.phase} data-joined={state.joined} data-role={state.role ?? ''}>
      <header className="room-head">
        <h2>{t('room.title')}</h2>
        {state.viewers !== null && (
          <Audience viewers={state.viewers} testId="room-viewers">
            {state.viewers.toLocaleString(language)}
          </Audience>
        )}
        <span className="room-tools">
          {isModerator && (
            <button type="button" className="icon-button" aria-label={t('mod.open')} title={t('mod.open')} data-testid="mod-open" onClick={() => setModerating(true)}>
              <ShieldIcon />
              {state.held > 0 && <span className="room-held" data-testid="mod-held-count">{state.held}</span>}
            </button>
          )}
          <button type="button" className="icon-button" aria-label={t('chat.settings')} title={t('chat.settings')} aria-expanded={settings} data-testid="chat-settings" onClick={() => setSettings(!settings)}>
            <GearIcon />
          </button>
          {onCollapse && (
            <button type="button" className="icon-button room-collapse" aria-label={t('chat.hide')} title={t('chat.hide')} aria-expanded data-testid="chat-collapse" onClick={() => onCollapse(true)}>
              <ChevronIcon />
            </button>
          )}
        </span>
      </header>
      {settings && (
        <div className="room-settings" role="group" aria-label={t('chat.settings')} onKeyDown={(event) => event.key === 'Escape' && setSettings(false)}>
          <Switch label={t('chat.show_times')} on={showTimes} set={setShowTimes} id="chat-times" />
          <Switch label={t('chat.read_aloud')} on={spoken} set={setSpoken} id="chat-spoken" />
          <p className="hint">{t('chat.keys')}</p>
        </div>
      )}
      <ModeLine state={state} />
      <ConnectionLine client={client} state={state} />
      {code && <Notice kind="error">{errorText(code)}</Notice>}
      <div className="room-body">
        <MessageList
          rows={rows}
          hasOlder={state.hasOlder}
          loadingOlder={state.loadingOlder}
          loadOlder={loadOlder}
          onReading={onReading}
          target={target}
          onRowKey={onRowKey}
          draw={draw}
          empty={
            state.joined && (
              <div className="chat-empty">
                <Seats taken={state.viewers ?? 0} />
                <p>{t('chat.empty')}</p>
              </div>
            )
          }
        />
        {card && <UserCard key={card.user_id} person={card} room={state} isModerator={isModerator} calls={calls} onClose={() => setCard(null)} onMention={mention} />}
      </div>
      {deleting && !client.isDeleted(deleting.message_id) && (
        <DeleteForm key={deleting.message_id} message={deleting} remove={actions.remove} close={() => setDeleting(null)} />
      )}
      {spoken && <Announcer state={state} />}
      <Composer client={client} state={state} field={field} reply={reply} setReply={setReply} insert={insert} />
      {moderating && (
        <Suspense fallback={null}>
          <Moderation room={state} calls={calls} mayAppoint={mayAppoint} onClose={() => setModerating(false)} />
        </Suspense>
      )}
    </aside>
  );
}

/** Shows a message, and loads further back until it is there. */
function useJump(client: ChatClient, isReading: RefObject<boolean>) {
  const [target, setTarget] = useState<{ messageId: number; round: number } | null>(null);
  const round = useRef(0);
  const jump = useCallback(
    async (messageId: number) => {
      const has = () => client.snapshot().items.some((item) => item.type === 'message' && item.message_id === messageId);
      round.current += 1;
      const mine = round.current;
      client.setReading(true);
      for (let page = 0; page < mostPagesBack && !has() && mine === round.current; page += 1) {
        const oldest = client.snapshot().items.find((item) => item.type === 'message');
        if (!client.snapshot().hasOlder || (oldest?.type === 'message' && oldest.message_id < messageId)) {
          break;
        }
        await client.loadOlder();
        await new Promise((drawn) => setTimeout(drawn, 60));
      }
      if (has() && mine === round.current) {
        setTarget({ messageId, round: mine });
      } else if (mine === round.current) {
        client.setReading(isReading.current);
      }
    },
    [client, isReading],
  );
  return { target, jump };
}

function Switch({ label, on, set, id }: { label: string; on: boolean; set: (on: boolean) => void; id: string }) {
  return (
    <label className="switch">
      <input type="checkbox" role="switch" checked={on} data-testid={id} onChange={(event) => set(event.target.checked)} />
      {label}
    </label>
  );
}

function ModeLine({ state }: { state: ChatState }) {
  const { t } = useTexts();
  const { slow_mode_s: slow, followers_only_min_age_s: age } = state.mode;
  if (slow === 0 && age === null) {
    return null;
  }
  return (
    <p className="room-mode" data-testid="chat-mode">
      {slow > 0 && <span>{t('chat.mode_slow', { time: duration(slow, t) })}</span>}
      {age !== null && <span>{age > 0 ? t('chat.mode_followers_age', { time: duration(age, t) }) : t('chat.mode_followers')}</span>}
    </p>
  );
}

// A break of this length is not worth a word. Unit: ms.
const quietBreak = 1500;

function ConnectionLine({ client, state }: { client: ChatClient; state: ChatState }) {
  const { t } = useTexts();
  const isUp = state.phase === 'open';
  const [shown, setShown] = useState(false);
  useEffect(() => {
    if (isUp) {
      setShown(false);
      return undefined;
    }
    const timer = setTimeout(() => setShown(true), quietBreak);
    return () => clearTimeout(timer);
  }, [isUp]);
  return (
    <div className="room-connection" role="status" data-testid="chat-connection">
      {shown && !isUp && (
        <p>
          {t(state.joined ? 'chat.reconnecting' : 'chat.connecting')}
          {state.phase === 'waiting' && (
            <button type="button" className="link-button" onClick={() => client.reconnectNow()}>
              {t('chat.now')}
            </button>
          )}
        </p>
      )}
    </div>
  );
}
