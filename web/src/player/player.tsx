// SPDX-License-Identifier: GPL-3.0-or-later
// The player: a video, the controls over it, and a word for every state without a picture.
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import type { Stream } from '../api/types';
import { PlayIcon, MutedIcon } from '../components/icons';
import { useTexts } from '../i18n/context';
import { readSetting, writeSetting } from '../lib/settings';
import { Controls, type Commands } from './controls';
import { Engine, initialState, type EngineState } from './engine';
import { coversPicture, Overlay, overlayKind } from './overlay';
import { actionFor, focusedElement } from './shortcuts';
import { ShortcutHelp } from './shortcut_help';

const volumeKey = 'troupe.volume';
const mutedKey = 'troupe.muted';
// The controls leave after this long without a movement. Unit: ms.
const idleAfter = 2800;

interface PlayerProps {
  stream: Stream;
  /** The server has not answered lately. */
  unreachable: boolean;
}

export function Player({ stream, unreachable }: PlayerProps) {
  const { t } = useTexts();
  const box = useRef<HTMLDivElement>(null);
  const video = useRef<HTMLVideoElement>(null);
  const engine = useRef<Engine | null>(null);
  const [state, setState] = useState<EngineState>(initialState);
  const [sound, setSound] = useState({ muted: false, volume: 1 });
  const [paused, setPaused] = useState(true);
  const [help, setHelp] = useState(false);
  const isFullscreen = useFullscreen(box);
  const { awake, wake, touch } = useIdle();

  // Once begun it plays on to the end, also when the status says "ended" before the buffer is empty.
  const [begun, setBegun] = useState(false);
  const playable = stream.status === 'live' || stream.status === 'reconnecting';
  useEffect(() => {
    if (playable) {
      setBegun(true);
    }
  }, [playable]);

  useEffect(() => {
    const element = video.current;
    if (!element || !begun) {
      return undefined;
    }
    const saved = Number(readSetting(volumeKey) ?? '1');
    element.volume = Number.isFinite(saved) ? Math.min(1, Math.max(0, saved)) : 1;
    element.muted = readSetting(mutedKey) === '1';
    const heard = () => setSound({ muted: element.muted, volume: element.volume });
    const moved = () => setPaused(element.paused);
    element.addEventListener('volumechange', heard);
    element.addEventListener('play', moved);
    element.addEventListener('pause', moved);
    heard();
    const made = new Engine(element, stream.stream_url, setState);
    engine.current = made;
    return () => {
      element.removeEventListener('volumechange', heard);
      element.removeEventListener('play', moved);
      element.removeEventListener('pause', moved);
      made.destroy();
      engine.current = null;
      setState(initialState);
    };
  }, [begun, stream.stream_url]);

  useEffect(() => {
    if (stream.status === 'live') {
      engine.current?.nudge();
    }
  }, [stream.status]);

  const commands = useMemo<Commands>(() => {
    const keep = () => {
      const element = video.current;
      if (element) {
        writeSetting(volumeKey, String(element.volume));
        writeSetting(mutedKey, element.muted ? '1' : '0');
      }
    };
    return {
      toggle: () => engine.current?.toggle(),
      setMuted: (muted) => {
        engine.current?.setMuted(muted);
        keep();
      },
      setVolume: (volume) => {
        engine.current?.setVolume(volume);
        keep();
      },
      choose: (index) => engine.current?.choose(index),
      goLive: () => engine.current?.goLive(),
      fullscreen: () => void toggleFullscreen(box.current, video.current),
      pip: document.pictureInPictureEnabled ? () => void togglePip(video.current) : null,
      help: () => setHelp(true),
    };
  }, []);

  const onKey = useCallback(
    (event: KeyboardEvent) => {
      const element = video.current;
      const action = help || event.defaultPrevented ? null : actionFor(event, focusedElement());
      if (!action || !element) {
        return;
      }
      event.preventDefault();
      wake();
      const step = (change: number) => commands.setVolume(Math.round((element.volume + change) * 20) / 20);
      const run: Record<typeof action, () => void> = {
        play: commands.toggle,
        mute: () => commands.setMuted(!element.muted),
        fullscreen: commands.fullscreen,
        louder: () => step(0.1),
        quieter: () => step(-0.1),
        back: () => engine.current?.seekBy(-5),
        forward: () => engine.current?.seekBy(5),
        live: commands.goLive,
        help: commands.help,
      };
      run[action]();
    },
    [commands, help, wake],
  );
  useEffect(() => {
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, [onKey]);

  const over = stream.status === 'ended' && (!begun || state.phase !== 'playing');
  const kind = overlayKind(stream.status, state, over);
  const covered = coversPicture(kind);
  const hasPicture = begun && (!covered || kind === 'sound_only');
  const idle = !awake && !paused && hasPicture;

  return (
    <div
      ref={box}
      className={`player ${idle ? 'player-idle' : ''} ${covered ? 'player-covered' : ''}`}
      data-testid="player"
      data-phase={over ? 'over' : state.phase}
      data-status={stream.status}
      role="region"
      aria-label={t('player.label')}
      onPointerMove={(event) => event.pointerType === 'mouse' && wake()}
      onFocus={wake}
    >
      <video
        ref={video}
        className="player-video"
        data-testid="video"
        aria-label={t('player.video', { user: stream.username })}
        playsInline
        onPointerUp={(event) => (event.pointerType === 'mouse' ? commands.toggle() : touch())}
        onDoubleClick={commands.fullscreen}
      />
      <Overlay stream={stream} state={state} over={over} unreachable={unreachable} retry={() => engine.current?.retry()} />
      {begun && state.needsClick && stream.status !== 'reconnecting' && !state.problem && (
        <button type="button" className="big-play" data-testid="big-play" onClick={commands.toggle}>
          <PlayIcon />
          {t('player.tap_to_play')}
        </button>
      )}
      {hasPicture && state.silenced && !state.needsClick && (
        <button type="button" className="sound-on" data-testid="tap-for-sound" onClick={() => commands.setMuted(false)}>
          <MutedIcon />
          {t('player.tap_for_sound')}
        </button>
      )}
      {hasPicture && state.phase !== 'loading' && (
        <Controls
          state={state}
          paused={paused}
          muted={sound.muted}
          volume={sound.volume}
          isFullscreen={isFullscreen}
          isLive={state.phase !== 'ended'}
          commands={commands}
        />
      )}
      {help && <ShortcutHelp onClose={() => setHelp(false)} />}
    </div>
  );
}

function useFullscreen(box: React.RefObject<HTMLElement | null>): boolean {
  const [is, setIs] = useState(false);
  useEffect(() => {
    const changed = () => setIs(document.fullscreenElement !== null && document.fullscreenElement === box.current);
    document.addEventListener('fullscreenchange', changed);
    return () => document.removeEventListener('fullscreenchange', changed);
  }, [box]);
  return is;
}

async function toggleFullscreen(box: HTMLElement | null, video: HTMLVideoElement | null): Promise<void> {
  try {
    if (document.fullscreenElement) {
      await document.exitFullscreen();
    } else if (box && typeof box.requestFullscreen === 'function') {
      await box.requestFullscreen();
    } else {
      // iPhones put only the video itself on the full screen.
      (video as (HTMLVideoElement & { webkitEnterFullscreen?: () => void }) | null)?.webkitEnterFullscreen?.();
    }
  } catch {
    // Refused, for instance inside a frame: nothing changes on the screen.
  }
}

async function togglePip(video: HTMLVideoElement | null): Promise<void> {
  try {
    if (document.pictureInPictureElement) {
      await document.exitPictureInPicture();
    } else {
      await video?.requestPictureInPicture();
    }
  } catch {
    // No picture yet, or refused: nothing changes on the screen.
  }
}

/** Awake while someone moves; a touch on the picture shows or hides the controls. */
function useIdle() {
  const [awake, setAwake] = useState(true);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const wake = useCallback(() => {
    setAwake(true);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setAwake(false), idleAfter);
  }, []);
  const touch = useCallback(() => {
    if (awake) {
      clearTimeout(timer.current);
      setAwake(false);
    } else {
      wake();
    }
  }, [awake, wake]);
  useEffect(() => {
    wake();
    return () => clearTimeout(timer.current);
  }, [wake]);
  return { awake, wake, touch };
}
