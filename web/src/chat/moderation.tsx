// SPDX-License-Identifier: GPL-3.0-or-later
// The moderators' drawer: who may speak, which words may not, what waits, what was done.
import { useCallback, useEffect, useState, type KeyboardEvent, type ReactNode } from 'react';
import type { Ban, HeldMessage, LogEntry, Moderator, RoomApi } from '../api/room';
import { Dialog, Notice } from '../components/ui';
import { useTexts } from '../i18n/context';
import type { TextKey } from '../i18n/translate';
import type { ChatState } from './chat_state';
import { logFacts } from './log_facts';
import { Name, Time } from './message_row';
import { ModeEditor, WordsEditor } from './moderation_forms';
import { useCall } from './use_call';

interface Props {
  room: ChatState;
  calls: RoomApi;
  onClose: () => void;
}

type Tab = 'mode' | 'held' | 'words' | 'bans' | 'moderators' | 'log';
const tabs: { id: Tab; name: TextKey }[] = [
  { id: 'mode', name: 'mod.mode' },
  { id: 'held', name: 'mod.held' },
  { id: 'words', name: 'mod.words' },
  { id: 'bans', name: 'mod.bans' },
  { id: 'moderators', name: 'mod.moderators' },
  { id: 'log', name: 'mod.log' },
];

export default function Moderation({ room, calls, onClose }: Props) {
  const { t } = useTexts();
  const [tab, setTab] = useState<Tab>(room.held > 0 ? 'held' : 'mode');
  // As in any row of tabs: one stop for the Tab key, arrows inside.
  const onKey = (event: KeyboardEvent) => {
    const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
    if (step !== 0) {
      event.preventDefault();
      const at = tabs.findIndex(({ id }) => id === tab);
      const next = tabs[(at + step + tabs.length) % tabs.length] as (typeof tabs)[number];
      setTab(next.id);
      document.getElementById(`tab-${next.id}`)?.focus();
    }
  };
  return (
    <Dialog title={t('mod.title')} onClose={onClose} wide>
      <div className="mod" data-testid="moderation">
        <div className="mod-tabs" role="tablist" aria-label={t('mod.title')} onKeyDown={onKey}>
          {tabs.map(({ id, name }) => (
            <button key={id} type="button" role="tab" id={`tab-${id}`} aria-selected={tab === id} aria-controls="mod-panel" tabIndex={tab === id ? 0 : -1} data-testid={`mod-tab-${id}`} onClick={() => setTab(id)}>
              {t(name)}
              {id === 'held' && room.held > 0 && <span className="room-held">{room.held}</span>}
            </button>
          ))}
        </div>
        <div className="mod-panel" role="tabpanel" id="mod-panel" aria-labelledby={`tab-${tab}`} tabIndex={0}>
          {tab === 'mode' && <ModeEditor mode={room.mode} calls={calls} />}
          {tab === 'held' && <Held calls={calls} count={room.held} />}
          {tab === 'words' && <WordsEditor calls={calls} />}
          {tab === 'bans' && <Bans calls={calls} />}
          {tab === 'moderators' && <Moderators calls={calls} isOwner={room.role === 'owner'} />}
          {tab === 'log' && <Log calls={calls} />}
        </div>
        <div className="dialog-actions">
          <button type="button" className="button button-quiet button-small" data-testid="mod-close" onClick={onClose}>
            {t('card.close')}
          </button>
        </div>
      </div>
    </Dialog>
  );
}

function Listing({ code, count, none, children }: { code: string | null; count: number | null; none: TextKey; children: ReactNode }) {
  const { t, errorText } = useTexts();
  return (
    <>
      {code && <Notice kind="error">{errorText(code)}</Notice>}
      {count === 0 && <p className="hint">{t(none)}</p>}
      {count !== null && count > 0 && <ul className="mod-list">{children}</ul>}
    </>
  );
}

function Held({ calls, count }: { calls: RoomApi; count: number }) {
  const { t } = useTexts();
  const [items, setItems] = useState<HeldMessage[] | null>(null);
  const { working, code, run } = useCall();
  const learn = useCallback(() => void run(async () => setItems((await calls.held()).items)), [calls, run]);
  useEffect(learn, [learn, count]);
  const decide = (id: number, action: 'allow' | 'deny') =>
    void run(async () => {
      await calls.decideHeld(id, action);
      setItems((before) => before?.filter(({ message_id }) => message_id !== id) ?? null);
    });
  return (
    <Listing code={code} count={items?.length ?? null} none="mod.held_none">
      {items?.map((held) => (
        <li key={held.message_id} data-testid="held">
          <p>
            <Time iso={held.created_at} /> <Name person={held.user} />: <bdi>{held.message}</bdi>
          </p>
          <p className="hint">{t('mod.held_word', { word: held.word })}</p>
          <div className="button-row">
            <button type="button" className="button button-small" disabled={working} data-testid="held-allow" onClick={() => decide(held.message_id, 'allow')}>
              {t('mod.allow')}
            </button>
            <button type="button" className="button button-danger-quiet button-small" disabled={working} data-testid="held-deny" onClick={() => decide(held.message_id, 'deny')}>
              {t('mod.deny')}
            </button>
          </div>
        </li>
      ))}
    </Listing>
  );
}

/** A list that comes in pages. */
function usePages<T>(load: (cursor: string | null) => Promise<{ items: T[]; next: string | null }>) {
  const [items, setItems] = useState<T[] | null>(null);
  const [next, setNext] = useState<string | null>(null);
  const { working, code, run } = useCall();
  const more = useCallback(
    (cursor: string | null) =>
      void run(async () => {
        const page = await load(cursor);
        setItems((before) => (cursor === null ? page.items : [...(before ?? []), ...page.items]));
        setNext(page.next);
      }),
    [load, run],
  );
  useEffect(() => more(null), [more]);
  return { items, setItems, next, more, working, code, run };
}

function More({ next, more, working }: { next: string | null; more: (cursor: string) => void; working: boolean }) {
  const { t } = useTexts();
  return next === null ? null : (
    <button type="button" className="button button-quiet button-small" disabled={working} onClick={() => more(next)}>
      {t('home.more')}
    </button>
  );
}

function Bans({ calls }: { calls: RoomApi }) {
  const { t, language } = useTexts();
  const { items, setItems, next, more, working, code, run } = usePages<Ban>(calls.bans);
  const lift = (id: number) =>
    void run(async () => {
      await calls.unban(id);
      setItems((before) => before?.filter(({ user_id }) => user_id !== id) ?? null);
    });
  return (
    <>
      <Listing code={code} count={items?.length ?? null} none="mod.bans_none">
        {items?.map((ban) => (
          <li key={ban.user_id} data-testid="banned-user">
            <p>
              <Name person={ban} />{' '}
              {ban.until ? t('mod.until', { time: new Date(ban.until).toLocaleString(language) }) : t('mod.for_good')}
            </p>
            <p className="hint">
              {ban.reason ? `${ban.reason} · ` : ''}
              {t('mod.by', { user: ban.by.username })} · {new Date(ban.created_at).toLocaleString(language)}
            </p>
            <button type="button" className="button button-quiet button-small" disabled={working} onClick={() => lift(ban.user_id)}>
              {t('card.unban')}
            </button>
          </li>
        ))}
      </Listing>
      <More next={next} more={more} working={working} />
    </>
  );
}

function Moderators({ calls, isOwner }: { calls: RoomApi; isOwner: boolean }) {
  const { t, language } = useTexts();
  const [items, setItems] = useState<Moderator[] | null>(null);
  const { working, code, run } = useCall();
  useEffect(() => void run(async () => setItems((await calls.moderators()).items)), [calls, run]);
  const dismiss = (id: number) =>
    void run(async () => {
      await calls.setModerator(id, false);
      setItems((before) => before?.filter(({ user_id }) => user_id !== id) ?? null);
    });
  return (
    <>
      <p className="hint">{t('mod.how_to_appoint')}</p>
      <Listing code={code} count={items?.length ?? null} none="mod.moderators_none">
        {items?.map((moderator) => (
          <li key={moderator.user_id} data-testid="moderator">
            <p>
              <Name person={moderator} /> {t('mod.since', { date: new Date(moderator.since).toLocaleDateString(language) })}
            </p>
            {isOwner && (
              <button type="button" className="button button-quiet button-small" disabled={working} onClick={() => dismiss(moderator.user_id)}>
                {t('card.dismiss')}
              </button>
            )}
          </li>
        ))}
      </Listing>
    </>
  );
}

function Log({ calls }: { calls: RoomApi }) {
  const { t, language } = useTexts();
  const { items, next, more, working, code } = usePages<LogEntry>(calls.log);
  return (
    <>
      <Listing code={code} count={items?.length ?? null} none="mod.log_none">
        {items?.map((entry) => (
          <li key={entry.log_id} data-testid="log-entry" data-action={entry.action}>
            <p>
              <LogLine entry={entry} />
            </p>
            {entry.message && (
              <p>
                <q>{entry.message}</q>
              </p>
            )}
            <p className="hint">
              {new Date(entry.created_at).toLocaleString(language)}
              {entry.reason ? ` · ${entry.reason}` : ''}
              {logFacts(entry.action, entry.details, t).map((fact) => ` · ${fact}`)}
            </p>
          </li>
        ))}
      </Listing>
      <More next={next} more={more} working={working} />
    </>
  );
}

const actionTexts: Record<string, TextKey> = {
  delete: 'log.delete',
  ban: 'log.ban',
  timeout: 'log.time_out',
  time_out: 'log.time_out',
  unban: 'log.unban',
  mode: 'log.mode',
  words: 'log.words',
  allow: 'log.allow',
  deny: 'log.deny',
  appoint: 'log.appoint',
  dismiss: 'log.dismiss',
};

function LogLine({ entry }: { entry: LogEntry }) {
  const { t } = useTexts();
  if (entry.action === 'delete' && entry.user?.user_id === entry.by.user_id) {
    return (
      <>
        <Name person={entry.by} /> {t('log.delete_own')}
      </>
    );
  }
  const key = actionTexts[entry.action];
  return (
    <>
      {/* What a newer server does is named in its own word. */}
      <Name person={entry.by} /> {key ? t(key) : entry.action} {entry.user && <Name person={entry.user} />}
    </>
  );
}
