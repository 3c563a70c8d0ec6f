// SPDX-License-Identifier: GPL-3.0-or-later
// The streamer's page: what the show is called, where to send it, and how it arrives.
import { useCallback, useEffect, useState, type FormEvent } from 'react';
import { ApiError } from '../api/client';
import { api, useSession } from '../api/session';
import type { Stream } from '../api/types';
import { ChatPanel } from '../chat/chat_panel';
import { useRoomClient } from '../chat/use_room';
import { ArrowIcon } from '../components/icons';
import { GhostLight } from '../components/poster';
import { Confirm, Field, Notice, StatusPill } from '../components/ui';
import { useTexts, useTitle } from '../i18n/context';
import { usePoll } from '../lib/poll';
import { Link } from '../router';
import { HealthPanel } from './live_health';
import { KeyPanel } from './live_key';

// A stream also begins when OBS publishes without a word to the API: then it shows up here.
const pollEvery = 4000;

export default function LivePage() {
  const { t } = useTexts();
  const { state } = useSession();
  useTitle(t('live.title'));
  if (state === 'in') {
    return <Studio />;
  }
  return (
    <section className="empty">
      <GhostLight />
      <div>
        <h1>{t('live.title')}</h1>
        {state === 'out' && (
          <>
            <p className="lead">{t('live.log_in_first')}</p>
            <p className="button-row">
              <Link to="/login?next=/live" className="button" data-testid="log-in-first">
                {t('nav.log_in')}
              </Link>
              <Link to="/join?next=/live" className="button button-quiet">
                {t('nav.join')}
              </Link>
            </p>
          </>
        )}
      </div>
    </section>
  );
}

function Studio() {
  const { t } = useTexts();
  // undefined: not known yet
  const [stream, setStream] = useState<Stream | null | undefined>(undefined);
  const [round, setRound] = useState(0);
  const ask = useCallback(async (signal: AbortSignal) => {
    const mine = await api.myStream(signal);
    if (!signal.aborted) {
      setStream(mine);
    }
  }, []);
  usePoll(ask, pollEvery, round);
  const renew = useCallback(() => setRound((n) => n + 1), []);
  const { user } = useSession();
  const client = useRoomClient(user?.user_id ?? null);

  return (
    <div className="studio">
      <div className="studio-head">
        <h1>{t('live.title')}</h1>
        {stream && <StatusPill status={stream.status} />}
        {stream && (
          <Link to={`/watch/${stream.stream_id}`} className="studio-watch" data-testid="watch-link">
            {t('live.watch_link')}
            <ArrowIcon />
          </Link>
        )}
      </div>
      <div className="studio-grid">
        <div className="studio-column">
          <HealthPanel streamId={stream?.stream_id ?? null} />
          <ShowForm stream={stream} changed={renew} />
        </div>
        <div className="studio-column">
          <KeyPanel />
          <ObsSteps />
        </div>
        <div className="studio-column studio-room">{client && user && <ChatPanel client={client} channel={user.user_id} />}</div>
      </div>
    </div>
  );
}

function ShowForm({ stream, changed }: { stream: Stream | null | undefined; changed: () => void }) {
  const { t, errorText } = useTexts();
  const [title, setTitle] = useState('');
  const [game, setGame] = useState('');
  const [code, setCode] = useState<string | null>(null);
  const [said, setSaid] = useState<'live.saved' | 'live.opened' | null>(null);
  const [working, setWorking] = useState(false);
  const [asking, setAsking] = useState(false);

  // The form follows the stream when another one begins, not at every poll: someone may be typing.
  const id = stream?.stream_id ?? null;
  useEffect(() => {
    if (stream) {
      setTitle(stream.title);
      setGame(stream.game_id === null || stream.game_id === undefined ? '' : String(stream.game_id));
    }
  }, [id]);

  const run = async (work: () => Promise<unknown>, then: typeof said) => {
    setWorking(true);
    setCode(null);
    setSaid(null);
    try {
      await work();
      setSaid(then);
      changed();
    } catch (error) {
      setCode(error instanceof ApiError ? error.code : 'network');
    }
    setWorking(false);
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const gameId = /^[0-9]+$/.test(game.trim()) ? Number(game.trim()) : null;
    void run(() => api.startStream(title.trim(), gameId), stream ? 'live.saved' : 'live.opened');
  };

  return (
    <section className="panel" aria-labelledby="show-title">
      <h2 id="show-title">{t('live.about_title')}</h2>
      <form onSubmit={submit} data-testid="start-form">
        <Field label={t('live.stream_title')} name="title" hint={t('live.stream_title_hint')} placeholder={t('live.stream_title_example')} value={title} onChange={setTitle} maxLength={140} required />
        <Field label={t('live.game')} name="game" hint={t('live.game_hint')} value={game} onChange={setGame} inputMode="numeric" maxLength={15} />
        {code && <Notice kind="error">{errorText(code)}</Notice>}
        {said && <Notice kind="good">{t(said)}</Notice>}
        <div className="button-row">
          <button type="submit" className="button" disabled={working || stream === undefined} data-testid="start">
            {t(stream ? 'live.update' : 'live.start')}
          </button>
          {stream && (
            <button type="button" className="button button-danger-quiet" disabled={working} data-testid="end" onClick={() => setAsking(true)}>
              {t('live.end')}
            </button>
          )}
        </div>
      </form>
      {asking && stream && (
        <Confirm
          question={t('live.end_question')}
          text={t('live.end_text')}
          action={t('live.end_confirm')}
          onClose={() => setAsking(false)}
          onConfirm={() => void run(() => api.endStream(stream.stream_id), null)}
        />
      )}
    </section>
  );
}

function ObsSteps() {
  const { t } = useTexts();
  return (
    <section className="panel" aria-labelledby="obs-title">
      <h2 id="obs-title">{t('live.obs_title')}</h2>
      <ol className="steps">
        <li>{t('live.obs_1')}</li>
        <li>{t('live.obs_2')}</li>
        <li>{t('live.obs_3')}</li>
        <li>{t('live.obs_4')}</li>
      </ol>
    </section>
  );
}
