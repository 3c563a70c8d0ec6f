// SPDX-License-Identifier: GPL-3.0-or-later
// How the stream arrives, every 2 s: figures, a line of the bitrate, and what to change.
import { useCallback, useEffect, useState, type ReactNode } from 'react';
import { api } from '../api/session';
import type { Health } from '../api/types';
import { CheckIcon, WarningIcon } from '../components/icons';
import { useTexts } from '../i18n/context';
import { describeCodec } from '../lib/codecs';
import { bitrate, decimal } from '../lib/format';
import { usePoll } from '../lib/poll';
import { sparkline } from '../lib/sparkline';
import { warningText } from '../lib/warnings';

const pollEvery = 2000;
const slots = 60; // two minutes
const failuresShown = 2;

export function HealthPanel({ streamId }: { streamId: number | null }) {
  const { t } = useTexts();
  const [health, setHealth] = useState<Health | null>(null);
  const [history, setHistory] = useState<number[]>([]);
  const [failures, setFailures] = useState(0);

  useEffect(() => {
    setHealth(null);
    setHistory([]);
    setFailures(0);
  }, [streamId]);

  const ask = useCallback(
    async (signal: AbortSignal) => {
      if (streamId === null) {
        return;
      }
      try {
        const answer = await api.health(streamId, signal);
        if (!signal.aborted) {
          setHealth(answer);
          setHistory((old) => [...old, answer.video_bitrate_bps].slice(-slots));
          setFailures(0);
        }
      } catch {
        if (!signal.aborted) {
          setFailures((count) => count + 1);
        }
      }
    },
    [streamId],
  );
  usePoll(streamId === null ? null : ask, pollEvery, streamId);

  const arriving = health !== null && (health.status === 'live' || health.status === 'reconnecting');
  return (
    <section className="panel health" aria-labelledby="health-title" data-testid="health" data-status={health?.status ?? 'none'}>
      <h2 id="health-title">{t('live.health_title')}</h2>
      {failures >= failuresShown && <p className="field-error" role="status">{t('live.health_lost')}</p>}
      {arriving ? <Figures health={health} history={history} /> : <p className="health-none">{t('live.health_none')}</p>}
    </section>
  );
}

export function Figures({ health, history }: { health: Health; history: number[] }) {
  const { t, language } = useTexts();
  const size = health.width > 0 ? `${health.width} × ${health.height}` : '–';
  const interval = decimal(health.key_frame_interval_s, language);
  const now = bitrate(health.video_bitrate_bps, language);
  return (
    <>
      <div className="health-chart">
        <div className="figure figure-large">
          <span className="figure-label">{t('live.video_bitrate')}</span>
          <span className="figure-value" data-testid="health-video-bitrate" data-value={health.video_bitrate_bps}>
            {now}
          </span>
        </div>
        <Chart values={history} label={t('live.bitrate_chart', { value: now })} />
      </div>
      <dl className="figures">
        <Figure label={t('live.resolution')} id="resolution">{size}</Figure>
        <Figure label={t('live.frame_rate')} id="frame-rate">{decimal(health.frame_rate, language)}</Figure>
        <Figure label={t('live.key_frames')} id="key-frames">
          {interval === '–' ? interval : t('live.seconds', { value: interval })}
        </Figure>
        <Figure label={t('live.dropped')} id="dropped">{health.dropped_frames.toLocaleString(language)}</Figure>
        <Figure label={t('live.video_codec')} id="video-codec"><Codec codec={health.video_codec} /></Figure>
        <Figure label={t('live.audio_codec')} id="audio-codec"><Codec codec={health.audio_codec} /></Figure>
        <Figure label={t('live.audio_bitrate')} id="audio-bitrate">{bitrate(health.audio_bitrate_bps, language)}</Figure>
      </dl>
      <Warnings health={health} />
    </>
  );
}

function Figure({ label, id, children }: { label: string; id: string; children: ReactNode }) {
  return (
    <div className="figure">
      <dt className="figure-label">{label}</dt>
      <dd className="figure-value" data-testid={`health-${id}`}>
        {children}
      </dd>
    </div>
  );
}

function Codec({ codec }: { codec: string | null }) {
  const { t } = useTexts();
  return !codec ? <>{t('live.none')}</> : <span title={codec}>{describeCodec(codec).name}</span>;
}

function Chart({ values, label }: { values: number[]; label: string }) {
  const width = 240;
  const height = 56;
  const line = sparkline(values, width, height, slots);
  const start = /^M([\d.]+)/.exec(line)?.[1] ?? '0';
  return (
    <svg className="chart" viewBox={`0 -3 ${width} ${height + 6}`} preserveAspectRatio="none" role="img" aria-label={label}>
      <path className="chart-base" d={`M0 ${height}H${width}`} />
      {line !== '' && (
        <>
          <path className="chart-area" d={`${line}L${width} ${height}L${start} ${height}z`} />
          <path className="chart-line" d={line} />
        </>
      )}
    </svg>
  );
}

function Warnings({ health }: { health: Health }) {
  const { t, language } = useTexts();
  return (
    <div aria-live="polite" data-testid="warnings">
      {health.warnings.length === 0 && health.status === 'live' && (
        <p className="health-good">
          <CheckIcon />
          {t('live.health_good')}
        </p>
      )}
      {health.warnings.length > 0 && (
        <>
          <h3>{t('live.warnings')}</h3>
          <ul className="warnings">
            {health.warnings.map((warning) => (
              <li key={warning.code} data-warning={warning.code}>
                <WarningIcon />
                <span>{warningText(language, warning, health)}</span>
              </li>
            ))}
          </ul>
        </>
      )}
    </div>
  );
}
