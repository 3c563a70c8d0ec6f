// SPDX-License-Identifier: GPL-3.0-or-later
// Who is live, as the server pushes it; who of the followed is, asked for every 5 s.
import { useLayoutEffect, useRef, useState } from 'react';
import type { Stream } from '../api/types';
import { PeopleIcon } from '../components/icons';
import { GhostLight, Poster } from '../components/poster';
import { StatusPill } from '../components/ui';
import { useTexts, useTitle } from '../i18n/context';
import { clockTime, compactCount, secondsSince } from '../lib/format';
import { refreshed } from '../lib/merge';
import { useNow } from '../lib/poll';
import { type Followed, useFollowed } from '../lib/use_followed';
import { type Shown, useLiveList } from '../lib/use_live_list';
import { Link } from '../router';

const pageSize = 24;

export default function HomePage() {
  const { t } = useTexts();
  useTitle(t('nav.home'));
  const [wanted, setWanted] = useState(pageSize);
  const { list, unreachable } = useLiveList(wanted);
  const now = useNow();
  const followed = useFollowed();
  // Nothing jumps when those who are followed come a moment later: they stand above.
  const isKnown = list !== null && !followed.pending;
  const streams = isKnown ? list.items : [];
  return (
    <div className="home">
      {(!isKnown || streams.length > 0) && (
        <div className="home-head">
          <h1>{t('home.title')}</h1>
          <p>{t('home.tagline')}</p>
        </div>
      )}
      <p className="home-notice" role="status">
        {unreachable && t('home.unreachable')}
      </p>
      {!isKnown && !unreachable && <Skeletons />}
      {isKnown && streams.length === 0 && <EmptyHouse />}
      {isKnown && <FollowedNow followed={followed} list={list} now={now} />}
      <ul className="grid" data-testid="channels" data-pushed={list?.pushed ?? false}>
        {streams.map((stream) => (
          <li key={stream.stream_id}>
            <Card stream={stream} now={now} />
          </li>
        ))}
      </ul>
      {list?.more && streams.length > 0 && (
        <button type="button" className="button button-quiet home-more" data-testid="more" onClick={() => setWanted(streams.length + pageSize)}>
          {t('home.more')}
        </button>
      )}
      {streams.length > 0 && (
        <p className="hint home-counted" data-testid="viewers-how">
          {t('viewers.how')}
        </p>
      )}
    </div>
  );
}

/** Live now among the followed; nothing while nobody is logged in. */
function FollowedNow({ followed, list, now }: { followed: Followed; list: Shown['list']; now: number }) {
  const { t } = useTexts();
  const { box, showMore } = useKeptFocus(followed);
  // Who is followed is asked for; how they are now, the pushed list knows sooner.
  const streams = refreshed(followed.items, list?.pushed ? list : null);
  if (streams.length === 0) {
    return null;
  }
  return (
    <section aria-labelledby="followed-title" className="home-followed">
      <h2 id="followed-title">{t('home.followed')}</h2>
      <ul ref={box} className="grid" data-testid="followed">
        {streams.map((stream) => (
          <li key={stream.stream_id}>
            <Card stream={stream} now={now} />
          </li>
        ))}
      </ul>
      {followed.more && (
        <button type="button" className="button button-quiet home-more" aria-label={t('home.more_followed')} aria-busy={followed.loading} data-testid="followed-more" onClick={showMore}>
          {t('home.more')}
        </button>
      )}
      <h2>{t('home.all')}</h2>
    </section>
  );
}

/** When the button for more goes because there is no more, the first of the new ones has the focus. */
function useKeptFocus({ items, more, loading, showMore }: Followed) {
  const box = useRef<HTMLUListElement>(null);
  const firstNew = useRef<number | null>(null);
  useLayoutEffect(() => {
    if (firstNew.current !== null && !loading) {
      if (!more && document.activeElement === document.body) {
        box.current?.querySelectorAll('a')[firstNew.current]?.focus({ preventScroll: true });
      }
      firstNew.current = null;
    }
  }, [loading, more]);
  return {
    box,
    showMore: () => {
      firstNew.current = items.length;
      showMore();
    },
  };
}

function Card({ stream, now }: { stream: Stream; now: number }) {
  const { t, plural, language } = useTexts();
  const title = stream.title || t('home.untitled');
  const time = clockTime(secondsSince(stream.started_at, now));
  return (
    <Link
      to={`/watch/${stream.stream_id}`}
      className="card"
      data-testid="channel"
      data-stream-id={stream.stream_id}
      aria-label={t('home.watch', { user: stream.username, title })}
    >
      <div className="card-art">
        <Poster name={stream.username} />
        <StatusPill status={stream.status} />
        <span className="card-time">{time}</span>
      </div>
      <div className="card-text">
        <h2>{title}</h2>
        <p>
          <span className="card-user">{stream.username}</span>
          {stream.viewer_count > 0 && (
            <span className="card-viewers" data-testid="card-viewers" data-viewers={stream.viewer_count} title={plural('viewers', stream.viewer_count, { count: stream.viewer_count.toLocaleString(language) })}>
              <PeopleIcon />
              {compactCount(stream.viewer_count, language)}
            </span>
          )}
        </p>
      </div>
    </Link>
  );
}

function Skeletons() {
  const { t } = useTexts();
  return (
    <div className="grid" role="status" aria-label={t('home.loading')}>
      {[0, 1, 2].map((i) => (
        <div key={i} className="card card-skeleton">
          <div className="card-art" />
          <div className="card-text" />
        </div>
      ))}
    </div>
  );
}

function EmptyHouse() {
  const { t } = useTexts();
  return (
    <section className="empty" data-testid="empty">
      <GhostLight />
      <div>
        <h1>{t('home.empty_title')}</h1>
        <p className="lead">{t('home.empty_text')}</p>
        <ol className="steps">
          <li>{t('home.empty_step_1')}</li>
          <li>{t('home.empty_step_2')}</li>
          <li>{t('home.empty_step_3')}</li>
        </ol>
        <Link to="/live" className="button">
          {t('home.empty_action')}
        </Link>
      </div>
    </section>
  );
}
