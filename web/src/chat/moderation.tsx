// SPDX-License-Identifier: GPL-3.0-or-later
// The moderators' drawer: who may speak, which words may not, what waits, what was done.
import { useCallback, useEffect, useMemo, useState, type KeyboardEvent } from 'react';
import type { HeldMessage, RoomApi } from '../api/room';
import { Dialog } from '../components/ui';
import { useTexts } from '../i18n/context';
import type { TextKey } from '../i18n/translate';
import type { ChatState } from './chat_state';
import { Name, Time } from './message_row';
import { ModeEditor, WordsEditor } from './moderation_forms';
import { Listing } from './moderation_lists';
import { Log } from './moderation_log';
import { Bans, Moderators } from './moderation_people';
import { ReasonField, type Why } from './reason';
import { useCall } from './use_call';

interface Props {
  room: ChatState;
  calls: RoomApi;
  /** The owner, or an administrator. */
  mayAppoint: boolean;
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

export default function Moderation({ room, calls, mayAppoint, onClose }: Props) {
  const { t } = useTexts();
  const [tab, setTab] = useState<Tab>(room.held > 0 ? 'held' : 'mode');
  const [reason, setReason] = useState('');
  const why = useMemo<Why>(() => ({ reason, used: () => setReason('') }), [reason]);
  const doesSomething = tab !== 'log' && (tab !== 'moderators' || mayAppoint);
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
          {doesSomething && <ReasonField label={t('mod.reason')} hint={t('mod.reason_hint')} value={reason} onChange={setReason} testId="mod-reason" />}
          {tab === 'mode' && <ModeEditor mode={room.mode} calls={calls} why={why} />}
          {tab === 'held' && <Held calls={calls} count={room.held} why={why} />}
          {tab === 'words' && <WordsEditor calls={calls} why={why} />}
          {tab === 'bans' && <Bans calls={calls} why={why} />}
          {tab === 'moderators' && <Moderators calls={calls} why={why} mayAppoint={mayAppoint} />}
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

function Held({ calls, count, why }: { calls: RoomApi; count: number; why: Why }) {
  const { t } = useTexts();
  const [items, setItems] = useState<HeldMessage[] | null>(null);
  const { working, code, run } = useCall();
  const learn = useCallback(() => void run(async () => setItems((await calls.held()).items)), [calls, run]);
  useEffect(learn, [learn, count]);
  const decide = (id: number, action: 'allow' | 'deny') =>
    void run(async () => {
      await calls.decideHeld(id, action, why.reason);
      why.used();
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
