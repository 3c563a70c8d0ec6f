// SPDX-License-Identifier: GPL-3.0-or-later
// A channel by its owner's name: the room, always, and the stream whenever there is one.
import { useCallback, useState } from 'react';
import { ApiError } from '../api/client';
import { people, type Profile } from '../api/people';
import { useRoomClient, useRoomValue } from '../chat/use_room';
import { GhostLight } from '../components/poster';
import { useTexts, useTitle } from '../i18n/context';
import { usePoll } from '../lib/poll';
import { Link } from '../router';
import { ChannelView, DarkStage } from './channel_view';
import { announcedOf, Curtain, newer, noticeOf, useStream } from './watch';

// The room tells when a stream begins; this is for when it cannot.
const pollEvery = 15_000;

export default function ChannelPage({ username }: { username: string }) {
  const { t } = useTexts();
  const [profile, setProfile] = useState<Profile | null>(null);
  const [missing, setMissing] = useState(false);
  const [known, setStreamId] = useState<string | null>(null);
  const client = useRoomClient(profile?.user_id ?? null);
  const news = useRoomValue(client, noticeOf, '');
  useTitle(profile?.username ?? username);

  const ask = useCallback(
    async (signal: AbortSignal) => {
      try {
        const answer = await people.named(username, signal);
        setProfile((before) => (before?.user_id === answer.user_id ? before : answer));
        if (answer.stream_id !== null) {
          const asked = String(answer.stream_id);
          setStreamId((before) => newer(before, asked)); // one that ended stays until the next one
        }
      } catch (error) {
        setMissing(error instanceof ApiError && error.status === 404);
      }
    },
    [username],
  );
  usePoll(ask, pollEvery, news);
  // The room may know of a stream before the profile does.
  const announced = useRoomValue(client, announcedOf, null);
  const streamId = newer(known, announced);
  if (streamId !== known) {
    setStreamId(streamId);
  }
  const { stream, missing: gone, unreachable } = useStream(streamId, news);

  if (missing && profile === null) {
    return (
      <section className="empty" data-testid="no-channel">
        <GhostLight />
        <div>
          <h1>{t('channel.not_found_title')}</h1>
          <p className="lead">{t('channel.not_found_text')}</p>
          <Link to="/" className="button">
            {t('watch.ended_action')}
          </Link>
        </div>
      </section>
    );
  }
  const isOff = profile !== null && (streamId === null || gone);
  const empty = isOff ? (
    <DarkStage title={t('channel.off', { user: profile.username })} text={t('channel.off_text')} />
  ) : (
    <Curtain unreachable={unreachable} />
  );
  return <ChannelView stream={isOff ? null : stream} channel={profile} client={client} unreachable={unreachable} empty={empty} />;
}
