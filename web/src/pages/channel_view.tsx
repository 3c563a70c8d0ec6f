// SPDX-License-Identifier: GPL-3.0-or-later
// The picture and what is known about it on one side, the room on the other. The room stays the same
// while streams begin and end.
import { useCallback, useState, type ReactNode } from 'react';
import type { Stream } from '../api/types';
import type { ChatClient } from '../chat/chat_client';
import { ChatPanel } from '../chat/chat_panel';
import { useRoomValue } from '../chat/use_room';
import { Audience } from '../components/audience';
import { FollowButton, FollowerCount, useProfile } from '../components/follow_button';
import { GhostLight } from '../components/poster';
import { StatusPill } from '../components/ui';
import { useTexts } from '../i18n/context';
import { clockTime, secondsSince } from '../lib/format';
import { useNow } from '../lib/poll';
import { readSetting, writeSetting } from '../lib/settings';
import { Player } from '../player/player';
import { Link } from '../router';

const collapsedKey = 'troupe.room_hidden';

interface ViewProps {
  /** Null: not known yet, or off the air. */
  stream: Stream | null;
  channel: { user_id: number; username: string } | null;
  client: ChatClient | null;
  unreachable: boolean;
  /** In place of the picture while there is none. */
  empty: ReactNode;
}

export function ChannelView({ stream, channel, client, unreachable, empty }: ViewProps) {
  const [hidden, setHidden] = useState(() => readSetting(collapsedKey) === '1');
  const hide = useCallback((on: boolean) => {
    writeSetting(collapsedKey, on ? '1' : '0');
    setHidden(on);
  }, []);
  return (
    <div className={`watch ${hidden ? 'watch-alone' : ''}`}>
      <div className="watch-stage">
        {stream ? <Player key={stream.stream_id} stream={stream} unreachable={unreachable} /> : empty}
        {channel && <About stream={stream} channel={channel} client={client} />}
      </div>
      {client && channel ? (
        <ChatPanel client={client} channel={channel.user_id} collapsed={hidden} onCollapse={hide} />
      ) : (
        <aside className="room" data-testid="room" />
      )}
    </div>
  );
}

const viewersOf = (state: { viewers: number | null }) => state.viewers;

function About({ stream, channel, client }: { stream: Stream | null; channel: { user_id: number; username: string }; client: ChatClient | null }) {
  const { t, plural, language } = useTexts();
  const now = useNow();
  const counted = useRoomValue(client, viewersOf, null);
  const [profile, setProfile] = useProfile(channel.user_id);
  const running = stream !== null && (stream.status === 'live' || stream.status === 'reconnecting');
  const viewers = counted ?? stream?.viewer_count ?? 0;
  return (
    <section className="about" aria-label={t(stream ? 'watch.about' : 'channel.about')}>
      {stream ? <h1 data-testid="title">{stream.title || t('home.untitled')}</h1> : <h1>{channel.username}</h1>}
      <div className="about-line">
        {stream && (
          <Link to={`/c/${channel.username}`} className="about-user" data-testid="channel-name">
            {channel.username}
          </Link>
        )}
        {stream && <StatusPill status={stream.status} />}
        {running && viewers > 0 && (
          <Audience viewers={viewers} testId="viewers">
            {plural('viewers', viewers, { count: viewers.toLocaleString(language) })}
          </Audience>
        )}
        {running && (
          <span className="about-fact" data-testid="uptime">
            {t('watch.uptime', { time: clockTime(secondsSince(stream.started_at, now)) })}
          </span>
        )}
        {profile && <FollowerCount profile={profile} />}
        {profile && <FollowButton profile={profile} change={setProfile} done={(on) => client?.followed(on)} small />}
      </div>
    </section>
  );
}

/** The stage while nothing runs on it. */
export function DarkStage({ title, text }: { title: string; text: string }) {
  return (
    <div className="stage-dark" data-testid="off-air">
      <GhostLight />
      <div>
        <h2>{title}</h2>
        <p>{text}</p>
      </div>
    </div>
  );
}
