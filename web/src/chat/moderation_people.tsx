// SPDX-License-Identifier: GPL-3.0-or-later
// Who is banned and who moderates; by name also those who are not in view.
import { useCallback, useEffect, useState, type FormEvent, type ReactNode } from 'react';
import { people } from '../api/people';
import type { Ban, Moderator, RoomApi } from '../api/room';
import { Notice } from '../components/ui';
import { useTexts } from '../i18n/context';
import { Name } from './message_row';
import { Listing, More, usePages } from './moderation_lists';
import type { Why } from './reason';
import { duration } from './time';
import { useCall } from './use_call';

// The last is the protocol's longest time-out. Unit: s.
const timeOuts = [60, 600, 3600, 86_400, 604_800, 1_209_600];
const forGood = 'for_good';

interface Props {
  calls: RoomApi;
  why: Why;
}

export function Bans({ calls, why }: Props) {
  const { t, language } = useTexts();
  const { items, setItems, next, more, working, code, run } = usePages<Ban>(calls.bans);
  const lift = (id: number) =>
    void run(async () => {
      await calls.unban(id, why.reason);
      why.used();
      setItems((before) => before?.filter(({ user_id }) => user_id !== id) ?? null);
    });
  const [length, setLength] = useState(forGood);
  const ban = async (id: number) => {
    await calls.ban(id, length === forGood ? null : Number(length), why.reason);
    why.used();
    more(null);
  };
  return (
    <>
      <ByName action={t('card.ban')} did={(user) => t('mod.did_ban', { user })} testId="ban-name" act={ban} danger>
        <select aria-label={t('mod.how_long')} value={length} data-testid="ban-length" onChange={(event) => setLength(event.target.value)}>
          <option value={forGood}>{t('mod.for_good')}</option>
          {timeOuts.map((seconds) => (
            <option key={seconds} value={seconds}>
              {duration(seconds, t)}
            </option>
          ))}
        </select>
      </ByName>
      <Listing code={code} count={items?.length ?? null} none="mod.bans_none">
        {items?.map((ban_) => (
          <li key={ban_.user_id} data-testid="banned-user" data-user={ban_.username}>
            <p>
              <Name person={ban_} />{' '}
              {ban_.until ? t('mod.until', { time: new Date(ban_.until).toLocaleString(language) }) : t('mod.for_good')}
            </p>
            <p className="hint">
              {ban_.reason ? `${ban_.reason} · ` : ''}
              {ban_.by ? `${t('mod.by', { user: ban_.by.username })} · ` : ''}
              {new Date(ban_.created_at).toLocaleString(language)}
            </p>
            <button type="button" className="button button-quiet button-small" disabled={working} aria-label={t('mod.unban', { user: ban_.username })} data-testid="lift" onClick={() => lift(ban_.user_id)}>
              {t('card.unban')}
            </button>
          </li>
        ))}
      </Listing>
      <More next={next} more={more} working={working} />
    </>
  );
}

export function Moderators({ calls, why, mayAppoint }: Props & { mayAppoint: boolean }) {
  const { t, language } = useTexts();
  const [items, setItems] = useState<Moderator[] | null>(null);
  const { working, code, run } = useCall();
  const learn = useCallback(() => void run(async () => setItems((await calls.moderators()).items)), [calls, run]);
  useEffect(learn, [learn]);
  const dismiss = (id: number) =>
    void run(async () => {
      await calls.setModerator(id, false, why.reason);
      why.used();
      setItems((before) => before?.filter(({ user_id }) => user_id !== id) ?? null);
    });
  const appoint = async (id: number) => {
    await calls.setModerator(id, true, why.reason);
    why.used();
    learn();
  };
  return (
    <>
      {mayAppoint ? (
        <ByName action={t('mod.appoint')} did={(user) => t('mod.did_appoint', { user })} testId="appoint-name" act={appoint} />
      ) : (
        <p className="hint">{t('mod.who_appoints')}</p>
      )}
      <Listing code={code} count={items?.length ?? null} none="mod.moderators_none">
        {items?.map((moderator) => (
          <li key={moderator.user_id} data-testid="moderator" data-user={moderator.username}>
            <p>
              <Name person={moderator} /> {t('mod.since', { date: new Date(moderator.since).toLocaleDateString(language) })}
            </p>
            {mayAppoint && (
              <button type="button" className="button button-quiet button-small" disabled={working} aria-label={t('mod.dismiss', { user: moderator.username })} data-testid="dismiss-listed" onClick={() => dismiss(moderator.user_id)}>
                {t('card.dismiss')}
              </button>
            )}
          </li>
        ))}
      </Listing>
    </>
  );
}

interface ByNameProps {
  action: string;
  did: (username: string) => string;
  act: (userId: number) => Promise<unknown>;
  testId: string;
  danger?: boolean;
  children?: ReactNode;
}

/** Does something to who is called so, wherever they are. */
function ByName({ action, did, act, testId, danger = false, children }: ByNameProps) {
  const { t, errorText } = useTexts();
  const [name, setName] = useState('');
  const [done, setDone] = useState<string | null>(null);
  const { working, code, run } = useCall();
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setDone(null);
    let username = '';
    const worked = await run(async () => {
      const person = await people.meant(name);
      username = person.username;
      await act(person.user_id);
    });
    if (worked) {
      setName('');
      setDone(did(username));
    }
  };
  return (
    <>
      <form className="mod-add" onSubmit={(event) => void submit(event)}>
        <input aria-label={t('account.username')} placeholder={t('account.username')} value={name} maxLength={40} autoComplete="off" autoCapitalize="none" spellCheck={false} data-testid={testId} onChange={(event) => setName(event.target.value)} />
        {children}
        <button type="submit" className={`button button-small ${danger ? 'button-danger' : ''}`} disabled={working || name.trim() === ''} data-testid={`${testId}-do`}>
          {action}
        </button>
      </form>
      {code && <Notice kind="error">{errorText(code)}</Notice>}
      {done && <Notice kind="good">{done}</Notice>}
    </>
  );
}
