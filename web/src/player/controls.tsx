// SPDX-License-Identifier: GPL-3.0-or-later
// The bar over the video: everything reachable by keyboard and named for screen readers.
import { useEffect, useRef, useState, type KeyboardEvent } from 'react';
import {
  CheckIcon,
  FullscreenIcon,
  HelpIcon,
  MutedIcon,
  PauseIcon,
  PipIcon,
  PlayIcon,
  QualityIcon,
  ShrinkIcon,
  SoundIcon,
} from '../components/icons';
import { useTexts } from '../i18n/context';
import type { EngineState } from './engine';

export interface Commands {
  toggle: () => void;
  setMuted: (muted: boolean) => void;
  setVolume: (volume: number) => void;
  choose: (index: number) => void;
  goLive: () => void;
  fullscreen: () => void;
  pip: (() => void) | null;
  help: () => void;
}

interface ControlsProps {
  state: EngineState;
  paused: boolean;
  muted: boolean;
  volume: number;
  isFullscreen: boolean;
  isLive: boolean;
  commands: Commands;
}

export function Controls(props: ControlsProps) {
  const { t } = useTexts();
  const { state, commands } = props;
  const silent = props.muted || props.volume === 0;
  return (
    <div className="controls" data-testid="controls">
      <button
        type="button"
        className="control"
        data-testid="play"
        aria-label={t(props.paused ? 'player.play' : 'player.pause')}
        onClick={commands.toggle}
      >
        {props.paused ? <PlayIcon /> : <PauseIcon />}
      </button>
      <div className="volume">
        <button
          type="button"
          className="control"
          data-testid="mute"
          aria-label={t(silent ? 'player.unmute' : 'player.mute')}
          onClick={() => (props.volume === 0 ? commands.setVolume(0.5) : commands.setMuted(!props.muted))}
        >
          {silent ? <MutedIcon /> : <SoundIcon />}
        </button>
        <input
          className="volume-slider"
          data-testid="volume"
          type="range"
          min="0"
          max="1"
          step="0.05"
          aria-label={t('player.volume')}
          aria-valuetext={`${Math.round(props.volume * 100)} %`}
          value={silent ? 0 : props.volume}
          onChange={(event) => commands.setVolume(Number(event.target.value))}
        />
      </div>
      {props.isLive && <LiveMark state={state} paused={props.paused} goLive={commands.goLive} />}
      <span className="controls-gap" />
      <QualityMenu state={state} choose={commands.choose} />
      <button type="button" className="control control-wide" aria-label={t('player.help')} data-testid="help" onClick={commands.help}>
        <HelpIcon />
      </button>
      {commands.pip && (
        <button type="button" className="control control-pip" aria-label={t('player.pip')} data-testid="pip" onClick={commands.pip}>
          <PipIcon />
        </button>
      )}
      <button
        type="button"
        className="control"
        data-testid="fullscreen"
        aria-label={t(props.isFullscreen ? 'player.exit_fullscreen' : 'player.fullscreen')}
        onClick={commands.fullscreen}
      >
        {props.isFullscreen ? <ShrinkIcon /> : <FullscreenIcon />}
      </button>
    </div>
  );
}

function LiveMark({ state, paused, goLive }: { state: EngineState; paused: boolean; goLive: () => void }) {
  const { t, language } = useTexts();
  const behind = state.behind || (paused && state.latency !== null);
  const seconds = state.latency?.toLocaleString(language, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
  return (
    <div className="live-mark">
      {behind ? (
        <button type="button" className="go-live" data-testid="go-to-live" onClick={goLive}>
          <span className="dot" aria-hidden="true" />
          {t('player.go_live')}
        </button>
      ) : (
        <span className="at-live" title={t('player.at_live')}>
          <span className="dot" aria-hidden="true" />
          {t('player.live')}
        </span>
      )}
      <span
        className="latency"
        data-testid="latency"
        data-latency={state.latency ?? ''}
        data-rate={state.rate}
        aria-label={seconds === undefined ? undefined : t('player.latency_label', { seconds })}
        role="img"
      >
        {seconds !== undefined && (
          <>
            <span className="latency-long">{t('player.latency', { seconds })}</span>
            <span className="latency-short">{t('live.seconds', { value: seconds })}</span>
          </>
        )}
      </span>
    </div>
  );
}

function QualityMenu({ state, choose }: { state: EngineState; choose: (index: number) => void }) {
  const { t } = useTexts();
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);

  useEffect(() => {
    if (!open) {
      return undefined;
    }
    root.current?.querySelector<HTMLElement>('[aria-checked="true"]')?.focus();
    const outside = (event: PointerEvent) => {
      if (!root.current?.contains(event.target as Node)) {
        setOpen(false);
      }
    };
    document.addEventListener('pointerdown', outside);
    return () => document.removeEventListener('pointerdown', outside);
  }, [open]);

  if (state.qualities.length === 0) {
    return null;
  }
  const current = state.qualities.find(({ index }) => index === state.current)?.name;
  const auto = current ? `${t('player.quality_auto')} (${current})` : t('player.quality_auto');
  const choices = [{ index: -1, name: auto }, ...state.qualities];
  const shown = state.chosen === -1 ? (current ?? t('player.quality_auto')) : (current ?? '');

  const close = () => {
    setOpen(false);
    button.current?.focus();
  };
  const onKey = (event: KeyboardEvent) => {
    const items = [...(root.current?.querySelectorAll<HTMLElement>('[role="menuitemradio"]') ?? [])];
    const at = items.indexOf(document.activeElement as HTMLElement);
    const moves: Record<string, number> = {
      ArrowDown: (at + 1) % items.length,
      ArrowUp: (at - 1 + items.length) % items.length,
      Home: 0,
      End: items.length - 1,
    };
    if (event.key === 'Escape') {
      event.preventDefault();
      event.stopPropagation();
      close();
    } else if (event.key === 'Tab') {
      setOpen(false);
    } else if (event.key in moves) {
      event.preventDefault();
      items[moves[event.key] as number]?.focus();
    }
  };

  return (
    <div className="quality" ref={root} onKeyDown={open ? onKey : undefined}>
      <button
        type="button"
        ref={button}
        className="control control-text"
        data-testid="quality"
        aria-haspopup="menu"
        aria-expanded={open}
        aria-label={t('player.quality_now', { name: shown })}
        onClick={() => setOpen(!open)}
      >
        <QualityIcon />
        <span className="quality-name">{shown}</span>
      </button>
      {open && (
        <div className="menu" role="menu" aria-label={t('player.quality')}>
          {choices.map(({ index, name }) => (
            <button
              key={index}
              type="button"
              role="menuitemradio"
              aria-checked={state.chosen === index}
              tabIndex={-1}
              className="menu-item"
              onClick={() => {
                choose(index);
                close();
              }}
            >
              <span className="menu-check">{state.chosen === index && <CheckIcon />}</span>
              {name}
            </button>
          ))}
        </div>
      )}
    </div>
  );
}
