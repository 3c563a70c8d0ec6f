// SPDX-License-Identifier: GPL-3.0-or-later
// One stream and the room of its channel. The stream is asked for again and again, and at once when
// the room hears that something changed.
import { useCallback, useState } from 'react';
import { ApiError } from '../api/client';
import { api } from '../api/session';
import type { Stream } from '../api/types';
import type { ChatState } from '../chat/chat_state';
import { useRoomClient, useRoomValue } from '../chat/use_room';
import { GhostLight } from '../components/poster';
import { useTexts, useTitle } from '../i18n/context';
import { usePoll } from '../lib/poll';
import { Link } from '../router';
import { ChannelView } from './channel_view';

const pollEvery = 3000;
// While everyone looks at "hold your seat", its end should be noticed sooner.
const pollEveryAway = 1500;
// One lost answer is nothing to speak of.
const failuresShown = 2;

/** What changes when the room is told of the stream. */
export const noticeOf = ({ stream }: ChatState) => (stream ? `${stream.stream_id} ${stream.status} ${stream.title ?? ''}` : '');

/** The stream that the room says is on, or about to be. */
export const announcedOf = ({ stream }: ChatState) => (stream && stream.status !== 'ended' ? String(stream.stream_id) : null);

/** Of two streams the newer one: ids grow. */
export function newer(a: string | null, b: string | null): string | null {
  return a === null || (b !== null && Number(b) > Number(a)) ? b : a;
}

/** A stream by its id, kept fresh; null while there is no id. `news`: asked at once when it changes. */
export function useStream(streamId: string | null, news: string) {
  const [stream, setStream] = useState<Stream | null>(null);
  // Which question had no such stream for an answer: with news it is asked once more.
  const [missingAt, setMissingAt] = useState<string | null>(null);
  const [failures, setFailures] = useState(0);
  const question = `${streamId} ${news}`;
  const missing = missingAt === question;
  const ask = useCallback(
    async (signal: AbortSignal) => {
      if (streamId === null) {
        return;
      }
      try {
        const answer = await api.stream(streamId, signal);
        if (!signal.aborted) {
          setStream(answer);
          setMissingAt(null);
          setFailures(0);
        }
      } catch (error) {
        if (error instanceof ApiError && error.status === 404) {
          setMissingAt(question);
        } else if (!signal.aborted) {
          setFailures((count) => count + 1);
        }
      }
    },
    [streamId, question],
  );
  const mine = stream !== null && String(stream.stream_id) === streamId ? stream : null;
  const settled = streamId === null || missing || mine?.status === 'ended';
  usePoll(settled ? null : ask, mine?.status === 'reconnecting' ? pollEveryAway : pollEvery, question);
  return { stream: mine, missing, unreachable: failures >= failuresShown };
}

export default function WatchPage({ streamId }: { streamId: string }) {
  const { t } = useTexts();
  const [owner, setOwner] = useState<{ user_id: number; username: string } | null>(null);
  const client = useRoomClient(owner?.user_id ?? null);
  const news = useRoomValue(client, noticeOf, '');
  const { stream, missing, unreachable } = useStream(streamId, news);
  useTitle(stream ? stream.title || t('watch.page_title', { user: stream.username }) : '');
  if (stream && owner === null) {
    setOwner({ user_id: stream.user_id, username: stream.username });
  }

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
  return <ChannelView stream={stream} channel={owner} client={client} unreachable={unreachable} empty={<Curtain unreachable={unreachable} />} />;
}

export function Curtain({ unreachable }: { unreachable: boolean }) {
  const { t } = useTexts();
  return (
    <div className="player player-empty" role="status">
      <p className="overlay-note overlay-note-center">
        <span className="spinner" aria-hidden="true" />
        {t(unreachable ? 'watch.unreachable' : 'watch.loading')}
      </p>
    </div>
  );
}
