// SPDX-License-Identifier: GPL-3.0-or-later
// The streamer's warnings in the page's language. The server's own sentence is English, and is shown
// for codes that this page does not know.
import type { Health, HealthWarning } from '../api/types';
import { translate, type Language, type TextKey } from '../i18n/translate';
import { decimal } from './format';

// The codes of actors/stream/health_report.cpp, media/track_info.cpp and net/rtmp/flv_demuxer.cpp.
const byCode: Record<string, TextKey> = {
  no_key_frame: 'warning.no_key_frame',
  key_frames_missing: 'warning.key_frames_missing',
  key_frames_far_apart: 'warning.key_frame_interval',
  frames_dropped: 'warning.dropped',
  bitrate_high: 'warning.bitrate',
  hevc_support: 'warning.hevc',
  chroma_444: 'warning.chroma',
  chroma_422: 'warning.chroma',
  h264_bit_depth: 'warning.ten_bit',
  interlaced: 'warning.interlaced',
  audio_mp3: 'warning.mp3',
  audio_opus: 'warning.opus',
};

export function warningText(language: Language, warning: HealthWarning, health: Health): string {
  const key = byCode[warning.code];
  if (!key || (language === 'en' && warning.message !== '')) {
    return warning.message || warning.code;
  }
  return translate(language, key, {
    value: decimal(health.key_frame_interval_s, language),
    rate: decimal(health.video_bitrate_bps / 1e6, language),
  });
}
