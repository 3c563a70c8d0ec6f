// SPDX-License-Identifier: GPL-3.0-or-later
// What stands over the video when there is no picture, or not the right one. One live region, so
// that a change is also spoken.
import type { ReactNode } from 'react';
import type { Stream } from '../api/types';
import { GhostLight, Poster } from '../components/poster';
import { useTexts } from '../i18n/context';
import { clockTime } from '../lib/format';
import { Link } from '../router';
import type { EngineState } from './engine';
import type { ProblemKind } from './problem';
import type { TextKey } from '../i18n/translate';

interface OverlayProps {
  stream: Stream;
  state: EngineState;
  over: boolean;
  unreachable: boolean;
  retry: () => void;
}

export type OverlayKind =
  | 'none'
  | 'waiting'
  | 'loading'
  | 'buffering'
  | 'retrying'
  | 'reconnecting'
  | 'ended'
  | 'problem'
  | 'sound_only';

/** What to show, from what the server says of the stream and what the player sees of it. */
export function overlayKind(status: Stream['status'], state: EngineState, over: boolean): OverlayKind {
  if (over) {
    return 'ended';
  }
  if (status === 'waiting') {
    return 'waiting';
  }
  if (status === 'reconnecting') {
    return 'reconnecting';
  }
  if (state.problem) {
    return 'problem';
  }
  switch (state.phase) {
    case 'loading':
      return state.needsClick ? 'none' : 'loading';
    case 'stalled':
      return 'buffering';
    case 'retrying':
      return 'retrying';
    default:
      return state.soundOnly ? 'sound_only' : 'none';
  }
}

/** Notes stand over the picture, scenes in place of it. */
export function coversPicture(kind: OverlayKind): boolean {
  return kind !== 'none' && kind !== 'buffering' && kind !== 'retrying';
}

const titles: Partial<Record<ProblemKind, TextKey>> = {
  no_key_frame: 'problem.no_key_frame_title',
  no_picture: 'problem.no_picture_title',
  broken: 'problem.broken_title',
  unsupported: 'problem.unsupported_title',
};

export function Overlay({ stream, state, over, unreachable, retry }: OverlayProps) {
  const kind = overlayKind(stream.status, state, over);
  return (
    <div className={`overlay overlay-${kind}`} data-testid="overlay" data-overlay={kind} role="status" aria-live="polite">
      <OverlayContent kind={kind} stream={stream} state={state} retry={retry} />
      {unreachable && kind !== 'retrying' && <Unreachable />}
    </div>
  );
}

function Unreachable() {
  const { t } = useTexts();
  return <p className="overlay-note">{t('watch.unreachable')}</p>;
}

interface ContentProps {
  kind: OverlayKind;
  stream: Stream;
  state: EngineState;
  retry: () => void;
}

function OverlayContent({ kind, stream, state, retry }: ContentProps) {
  const { t } = useTexts();
  const user = stream.username;
  switch (kind) {
    case 'none':
      return null;
    case 'loading':
      return (
        <Scene art={<Poster name={user} />} dim>
          <span className="spinner" aria-hidden="true" />
          <p>{t('watch.loading')}</p>
        </Scene>
      );
    case 'buffering':
      return <p className="overlay-note overlay-note-center"><span className="spinner" aria-hidden="true" />{t('player.buffering')}</p>;
    case 'retrying':
      return <p className="overlay-note overlay-note-center"><span className="spinner" aria-hidden="true" />{t('player.retrying')}</p>;
    case 'waiting':
      return (
        <Scene art={<Poster name={user} />} dim>
          <h2>{t('watch.waiting_title')}</h2>
          <p>{t('watch.waiting_text', { user })}</p>
        </Scene>
      );
    case 'reconnecting':
      return (
        <Scene art={<Poster name={user} />} dim>
          <span className="three-lamps" aria-hidden="true">
            <i />
            <i />
            <i />
          </span>
          <h2>{t('watch.reconnecting_title')}</h2>
          <p>{t('watch.reconnecting_text', { user })}</p>
        </Scene>
      );
    case 'sound_only':
      return <Scene art={<Poster name={user} />}>{null}</Scene>;
    case 'ended':
      return <Ended stream={stream} />;
    case 'problem': {
      const problem = state.problem ?? { kind: 'other' as const, codec: '' };
      return (
        <Scene art={<Poster name={user} />} dim>
          <h2>{t(titles[problem.kind] ?? 'problem.title')}</h2>
          <p data-testid="problem" data-problem={problem.kind}>
            {t(`problem.${problem.kind}`, { codec: problem.codec, user })}
          </p>
          {(problem.kind === 'broken' || problem.kind === 'no_picture') && (
            <button type="button" className="button" onClick={retry}>
              {t('problem.retry')}
            </button>
          )}
        </Scene>
      );
    }
  }
}

function Ended({ stream }: { stream: Stream }) {
  const { t } = useTexts();
  const ran =
    stream.started_at && stream.ended_at
      ? (Date.parse(stream.ended_at) - Date.parse(stream.started_at)) / 1000
      : 0;
  return (
    <Scene art={<GhostLight />}>
      <h2>{t('watch.ended_title')}</h2>
      <p>
        {t('watch.ended_text', { user: stream.username })}{' '}
        {ran > 0 && t('watch.ended_after', { time: clockTime(ran) })}
      </p>
      <Link to="/" className="button">
        {t('watch.ended_action')}
      </Link>
    </Scene>
  );
}

function Scene({ art, dim, children }: { art: ReactNode; dim?: boolean; children: ReactNode }) {
  return (
    <div className={`scene ${dim ? 'scene-dim' : ''}`}>
      <div className="scene-art">{art}</div>
      <div className="scene-text">{children}</div>
    </div>
  );
}
