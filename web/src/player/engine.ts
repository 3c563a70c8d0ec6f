// SPDX-License-Identifier: GPL-3.0-or-later
// The player without its looks: one <video>, one address, hls.js or the browser's own HLS. Reports
// a state; recovers by itself from what passes, and names what does not.
import type Hls from 'hls.js';
import type { ErrorData, HlsConfig, LevelDetails, LoadPolicy } from 'hls.js';
import { codecsOfMaster, isVideoCodec } from '../lib/codecs';
import { rungName } from '../lib/format';
import { latencyOf, isBehind } from './latency';
import { refusedCodec, whyNoPicture, type Problem } from './problem';

export interface Quality {
  index: number;
  name: string;
}

export interface EngineState {
  /** loading: no picture yet; stalled: there was one; retrying: the server or network refuses. */
  phase: 'loading' | 'playing' | 'paused' | 'stalled' | 'retrying' | 'ended';
  problem: Problem | null;
  qualities: Quality[];
  /** -1: automatic. */
  chosen: number;
  current: number;
  latency: number | null;
  behind: boolean;
  rate: number;
  /** There is no video in the stream. */
  soundOnly: boolean;
  /** The browser refused sound without a click, so playback began muted. */
  silenced: boolean;
  /** The browser refused to play at all without a click. */
  needsClick: boolean;
}

export const initialState: EngineState = {
  phase: 'loading',
  problem: null,
  qualities: [],
  chosen: -1,
  current: -1,
  latency: null,
  behind: false,
  rate: 1,
  soundOnly: false,
  silenced: false,
  needsClick: false,
};

// A stream that just went live, or a node that was replaced, answers 404 or 503 for a moment. While
// the publisher is away a blocked request gets 503 after three target durations. Unit: ms.
const patient: LoadPolicy['default'] = {
  maxTimeToFirstByteMs: 15_000,
  maxLoadTimeMs: 20_000,
  timeoutRetry: { maxNumRetry: 4, retryDelayMs: 0, maxRetryDelayMs: 0 },
  errorRetry: {
    maxNumRetry: 8,
    retryDelayMs: 400,
    maxRetryDelayMs: 3000,
    backoff: 'exponential',
    shouldRetry: (policy, count, isTimeout, response) => {
      const code = response?.code ?? 0;
      const passes = isTimeout || code === 0 || code === 404 || code === 429 || code >= 500;
      return passes && count < (policy?.maxNumRetry ?? 0);
    },
  },
};

export const hlsConfig: Partial<HlsConfig> = {
  lowLatencyMode: true,
  maxLiveSyncPlaybackRate: 1.3,
  // Each stall moves the aim back by this much; hls.js's own 1 s doubles our latency at the first.
  liveSyncOnStallIncrease: 0.35,
  liveDurationInfinity: true,
  backBufferLength: 40, // what the playlist lists; seeking back further is not possible anyway
  maxBufferLength: 20,
  manifestLoadPolicy: { default: patient },
  playlistLoadPolicy: { default: patient },
  fragLoadPolicy: { default: { ...patient, maxTimeToFirstByteMs: 12_000, maxLoadTimeMs: 60_000 } },
};

// After hls.js has given up, it is started again this much later, doubling. Unit: ms.
const firstRestart = 1000;
const slowestRestart = 8000;
// recoverMediaError is tried this often within a minute before the viewer is told.
const mediaRecoveries = 3;
const recoveryWindow = 60_000;
// Media that arrives for this long without a picture is a problem worth a sentence. Unit: ms.
const pictureDeadline = 5000;
const tick = 250;

const unplayable = new Set([
  'manifestIncompatibleCodecsError',
  'bufferAddCodecError',
  'bufferIncompatibleCodecsError',
]);

export class Engine {
  private state = initialState;
  private hls: Hls | null = null;
  private details: LevelDetails | null = null;
  private masterText = '';
  private restartDelay = firstRestart;
  private restartTimer: ReturnType<typeof setTimeout> | undefined;
  private readonly ticker: ReturnType<typeof setInterval>;
  private recoveries: number[] = [];
  private mediaSince: number | null = null;
  private wantsToPlay = true;
  private gone = false;
  private readonly unlisten: () => void;

  constructor(
    private readonly video: HTMLVideoElement,
    private readonly url: string,
    private readonly report: (state: EngineState) => void,
  ) {
    this.unlisten = this.listenToVideo();
    this.ticker = setInterval(() => this.measure(), tick);
    void this.begin();
  }

  destroy(): void {
    this.gone = true;
    clearInterval(this.ticker);
    clearTimeout(this.restartTimer);
    this.unlisten();
    this.hls?.destroy();
    this.hls = null;
    this.video.removeAttribute('src');
    this.video.load();
  }

  /** Plays; muted if the browser wants a click first, and not at all if it refuses that too. */
  async play(): Promise<void> {
    this.wantsToPlay = true;
    try {
      await this.video.play();
      this.set({ needsClick: false });
    } catch (error) {
      if (!(error instanceof DOMException) || error.name !== 'NotAllowedError' || this.gone) {
        return; // interrupted by a new load; the next one plays
      }
      if (this.video.muted) {
        this.set({ needsClick: true });
        return;
      }
      this.video.muted = true;
      this.set({ silenced: true });
      await this.play();
    }
  }

  pause(): void {
    this.wantsToPlay = false;
    this.video.pause();
  }

  toggle(): void {
    if (this.video.paused) {
      this.set({ silenced: false });
      void this.play();
    } else {
      this.pause();
    }
  }

  setMuted(muted: boolean): void {
    this.video.muted = muted;
    this.set({ silenced: false });
  }

  setVolume(volume: number): void {
    this.video.volume = Math.min(1, Math.max(0, volume));
    this.setMuted(this.video.volume === 0);
  }

  choose(index: number): void {
    if (this.hls) {
      this.hls.nextLevel = index;
      this.set({ chosen: index });
    }
  }

  goLive(): void {
    const { seekable } = this.video;
    const edge = seekable.length > 0 ? seekable.end(seekable.length - 1) : null;
    const target = this.hls?.liveSyncPosition ?? (edge === null ? null : edge - 6);
    if (target !== null) {
      this.video.currentTime = target;
    }
    void this.play();
  }

  seekBy(seconds: number): void {
    const { seekable } = this.video;
    if (seekable.length === 0) {
      return;
    }
    const last = this.hls?.liveSyncPosition ?? seekable.end(seekable.length - 1);
    const wanted = this.video.currentTime + seconds;
    this.video.currentTime = Math.max(seekable.start(0) + 0.5, Math.min(wanted, last));
  }

  /** The stream's status says there is something to fetch again: do not wait for the next attempt. */
  nudge(): void {
    if (this.state.phase === 'retrying') {
      this.restart();
    }
  }

  /** A new beginning, on the viewer's wish after a problem. */
  retry(): void {
    this.recoveries = [];
    this.mediaSince = null;
    this.set({ problem: null, phase: 'loading' });
    this.hls?.destroy();
    this.hls = null;
    void this.begin();
  }

  private set(change: Partial<EngineState>): void {
    const next = { ...this.state, ...change };
    const changed = (Object.keys(change) as (keyof EngineState)[]).some((key) => next[key] !== this.state[key]);
    if (changed && !this.gone) {
      this.state = next;
      this.report(next);
    }
  }

  private async begin(): Promise<void> {
    let module: typeof import('hls.js/light');
    try {
      module = await import('hls.js/light');
    } catch {
      this.scheduleRestart(); // the chunk did not load: the network is away
      return;
    }
    if (this.gone) {
      return;
    }
    // hls.js first: Chromium says "maybe" to HLS and then plays it without low latency.
    if (module.default.isSupported()) {
      this.beginHls(module);
    } else if (this.video.canPlayType('application/vnd.apple.mpegurl') !== '') {
      this.video.src = this.url;
      void this.play();
    } else {
      this.set({ problem: { kind: 'unsupported', codec: '' } });
    }
  }

  private beginHls(module: typeof import('hls.js/light')): void {
    const { Events } = module;
    const hls = new module.default(hlsConfig);
    this.hls = hls;
    hls.on(Events.MANIFEST_LOADED, (_event, data) => {
      const details: unknown = data.networkDetails;
      if (details instanceof XMLHttpRequest && typeof details.responseText === 'string') {
        this.masterText = details.responseText;
      }
    });
    hls.on(Events.MANIFEST_PARSED, (_event, data) => {
      this.restartDelay = firstRestart;
      const qualities = data.levels.map((level, index) => ({ index, name: rungName(level) }));
      const soundOnly = data.levels.every((level) => level.audioCodec && !level.videoCodec && !level.width);
      this.set({ qualities: qualities.reverse(), soundOnly });
      if (this.wantsToPlay) {
        void this.play();
      }
    });
    hls.on(Events.LEVEL_SWITCHED, (_event, data) => this.set({ current: data.level }));
    hls.on(Events.LEVEL_UPDATED, (_event, data) => {
      this.details = data.details;
      this.restartDelay = firstRestart;
      if (this.state.phase === 'retrying') {
        this.set({ phase: this.video.readyState >= 3 ? 'playing' : 'stalled' });
      }
    });
    hls.on(Events.FRAG_BUFFERED, (_event, { frag }) => {
      if (frag.sn !== 'initSegment') {
        this.mediaSince ??= performance.now();
      }
    });
    hls.on(Events.ERROR, (_event, data) => this.onError(data));
    hls.attachMedia(this.video);
    hls.loadSource(this.url);
  }

  private onError(data: ErrorData): void {
    if (unplayable.has(data.details) && (data.fatal || data.details === 'bufferAddCodecError')) {
      void this.nameRefusedCodec();
    } else if (data.fatal && data.type === 'networkError') {
      this.scheduleRestart();
    } else if (data.fatal && data.type === 'mediaError') {
      this.recoverMedia();
    } else if (data.fatal) {
      this.scheduleRestart();
    }
  }

  private async nameRefusedCodec(): Promise<void> {
    const text = await this.master();
    const problem = refusedCodec(text, (type) => this.supports(type));
    this.giveUp(problem ?? whyNoPicture(text, true));
  }

  private supports(type: string): boolean {
    const source = (window as { ManagedMediaSource?: typeof MediaSource }).ManagedMediaSource ?? window.MediaSource;
    return source?.isTypeSupported(type) ?? false;
  }

  private async master(): Promise<string> {
    if (this.masterText === '') {
      try {
        const response = await fetch(this.url);
        this.masterText = response.ok ? await response.text() : '';
      } catch {
        return '';
      }
    }
    return this.masterText;
  }

  private giveUp(problem: Problem): void {
    this.hls?.destroy();
    this.hls = null;
    clearTimeout(this.restartTimer);
    this.set({ problem, phase: 'paused' });
  }

  private recoverMedia(): void {
    const now = performance.now();
    this.recoveries = this.recoveries.filter((then) => now - then < recoveryWindow);
    if (this.recoveries.length >= mediaRecoveries) {
      void this.nameBrokenMedia();
      return;
    }
    this.recoveries.push(now);
    this.hls?.recoverMediaError();
    if (this.wantsToPlay) {
      void this.play();
    }
  }

  private async nameBrokenMedia(): Promise<void> {
    const neverPlayed = this.video.getVideoPlaybackQuality().totalVideoFrames === 0;
    const problem = neverPlayed ? whyNoPicture(await this.master(), true) : null;
    this.giveUp(problem ?? { kind: 'broken', codec: '' });
  }

  private scheduleRestart(): void {
    if (this.state.problem) {
      return;
    }
    this.set({ phase: 'retrying' });
    clearTimeout(this.restartTimer);
    this.restartTimer = setTimeout(() => this.restart(), this.restartDelay);
    this.restartDelay = Math.min(this.restartDelay * 2, slowestRestart);
  }

  private restart(): void {
    clearTimeout(this.restartTimer);
    if (this.gone) {
      return;
    }
    if (!this.hls) {
      void this.begin();
    } else if (this.hls.levels.length === 0) {
      this.hls.loadSource(this.url);
    } else {
      this.hls.startLoad();
    }
  }

  private listenToVideo(): () => void {
    const { video } = this;
    const playing = () => this.set({ phase: 'playing', needsClick: false });
    const waiting = () => {
      if (this.state.phase === 'playing') {
        this.set({ phase: 'stalled' });
      }
    };
    const paused = () => {
      if (!video.ended && !this.state.problem && this.state.phase !== 'retrying') {
        this.set({ phase: 'paused' });
      }
    };
    const ended = () => this.set({ phase: 'ended' });
    // Native playback only: hls.js reports its own.
    const failed = () => {
      if (!this.hls && video.src !== '' && video.error) {
        this.scheduleRestart();
      }
    };
    const listeners: [string, () => void][] = [
      ['playing', playing],
      ['waiting', waiting],
      ['pause', paused],
      ['ended', ended],
      ['error', failed],
    ];
    for (const [name, listener] of listeners) {
      video.addEventListener(name, listener);
    }
    return () => listeners.forEach(([name, listener]) => video.removeEventListener(name, listener));
  }

  private playingDate(): Date | null {
    if (this.hls) {
      return this.hls.playingDate;
    }
    const native = this.video as HTMLVideoElement & { getStartDate?: () => Date };
    const start = native.getStartDate?.().getTime() ?? Number.NaN;
    return Number.isNaN(start) ? null : new Date(start + this.video.currentTime * 1000);
  }

  private measure(): void {
    const { video, hls } = this;
    const started = video.readyState >= 2 && video.currentTime > 0;
    const edge = hls && this.details && started ? hls.latency : null;
    const latency = started ? latencyOf(edge, this.playingDate(), Date.now()) : null;
    const target = hls?.targetLatency ?? null;
    const distance = edge ?? latency;
    this.set({
      latency: latency === null ? null : Math.round(latency * 10) / 10,
      behind: this.details?.live !== false && isBehind(distance, target, this.state.behind),
      rate: video.playbackRate,
    });
    this.watchForPicture();
  }

  private watchForPicture(): void {
    if (this.mediaSince === null || this.gone) {
      return;
    }
    const shown = this.hasPicture();
    const late = performance.now() - this.mediaSince > pictureDeadline;
    if (shown) {
      this.mediaSince = null;
      this.set({ problem: null }); // the key frame came after all
    } else if (late && !this.state.problem) {
      void this.nameMissingPicture();
    }
  }

  /** The size is known from the init section alone; only a decoded frame is a picture. */
  private hasPicture(): boolean {
    return this.video.readyState >= 2 && this.video.getVideoPlaybackQuality().totalVideoFrames > 0;
  }

  private async nameMissingPicture(): Promise<void> {
    const text = await this.master();
    const soundOnly = !codecsOfMaster(text).some(isVideoCodec);
    if (soundOnly) {
      this.mediaSince = null; // a stream too: nothing is missing
      this.set({ soundOnly: true });
    } else if (!this.hasPicture() && this.mediaSince !== null) {
      this.set({ problem: whyNoPicture(text, this.video.readyState >= 2) });
    }
  }
}
