// SPDX-License-Identifier: GPL-3.0-or-later
// One stream: player, room, and what is known about it. The stream is asked for again and again.
import { useCallback, useState } from 'react';
import { ApiError } from '../api/client';
import { api } from '../api/session';
import type { Stream } from '../api/types';
import { PeopleIcon } from '../components/icons';
import { GhostLight, Seats } from '../components/poster';
import { StatusPill } from '../components/ui';
import { useTexts, useTitle } from '../i18n/context';
import { clockTime, secondsSince } from '../lib/format';
import { useNow, usePoll } from '../lib/poll';
import { Player } from '../player/player';
import { Link } from '../router';

const pollEvery = 3000;
// While everyone looks at "hold your seat", its end should be noticed sooner.
const pollEveryAway = 1500;
// One lost answer is nothing to speak of.
const failuresShown = 2;

export default function WatchPage({ streamId }: { streamId: string }) {
  const { t } = useTexts();
  const [stream, setStream] = useState<Stream | null>(null);
  const [missing, setMissing] = useState(false);
  const [failures, setFailures] = useState(0);
  useTitle(stream ? stream.title || t('watch.page_title', { user: stream.username }) : '');

  const ask = useCallback(
    async (signal: AbortSignal) => {
      try {
        setStream(await api.stream(streamId, signal));
        setFailures(0);
      } catch (error) {
        if (error instanceof ApiError && error.status === 404) {
          setMissing(true);
        } else if (!signal.aborted) {
          setFailures((count) => count + 1);
        }
      }
    },
    [streamId],
  );
  const settled = missing || stream?.status === 'ended';
  usePoll(settled ? null : ask, stream?.status === 'reconnecting' ? pollEveryAway : pollEvery);

  if (missing) {
    return (
      <section className="empty" data-testid="no-stream">
        <GhostLight />
        <div>
          <h1>{t('watch.not_found_title')}</h1>
          <p className="lead">{t('watch.not_found_text')}</p>
          <Link to="/" className="button">
            {t('watch.ended_action')}
          </Link>
        </div>
      </section>
    );
  }
  return (
    <div className="watch">
      <div className="watch-stage">
        {stream ? (
          <Player stream={stream} unreachable={failures >= failuresShown} />
        ) : (
          <div className="player player-empty" role="status">
            <p className="overlay-note overlay-note-center">
              <span className="spinner" aria-hidden="true" />
              {t(failures >= failuresShown ? 'watch.unreachable' : 'watch.loading')}
            </p>
          </div>
        )}
        {stream && <About stream={stream} />}
      </div>
      <Room viewers={stream?.viewer_count ?? 0} />
    </div>
  );
}

function About({ stream }: { stream: Stream }) {
  const { t, plural, language } = useTexts();
  const now = useNow();
  const running = stream.status === 'live' || stream.status === 'reconnecting';
  return (
    <section className="about" aria-label={t('watch.about')}>
      <h1 data-testid="title">{stream.title || t('home.untitled')}</h1>
      <div className="about-line">
        <span className="about-user" data-testid="channel-name">
          {stream.username}
        </span>
        <StatusPill status={stream.status} />
        {running && (
          <>
            {stream.viewer_count > 0 && (
              <span className="about-fact" data-testid="viewers" data-viewers={stream.viewer_count}>
                <PeopleIcon />
                {plural('viewers', stream.viewer_count, { count: stream.viewer_count.toLocaleString(language) })}
              </span>
            )}
            <span className="about-fact" data-testid="uptime">
              {t('watch.uptime', { time: clockTime(secondsSince(stream.started_at, now)) })}
            </span>
          </>
        )}
      </div>
    </section>
  );
}

/** Where the chat comes; until then the audience. */
function Room({ viewers }: { viewers: number }) {
  const { t, plural, language } = useTexts();
  return (
    <aside className="room" aria-label={t('room.title')} data-testid="room">
      <h2>{t('room.title')}</h2>
      <div className="room-calm">
        <Seats taken={viewers} />
        {viewers > 0 && <p className="room-count">{plural('room.seats', viewers, { count: viewers.toLocaleString(language) })}</p>}
        <p>{t('room.text')}</p>
      </div>
    </aside>
  );
}
