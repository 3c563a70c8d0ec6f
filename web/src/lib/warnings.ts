// SPDX-License-Identifier: GPL-3.0-or-later
// The streamer's warnings in the page's language. The server's own sentence is English, and is shown
// for codes that this page does not know.
import type { Health, HealthWarning } from '../api/types';
import { translate, type Language, type TextKey } from '../i18n/translate';
import { decimal } from './format';

const byCode: Record<string, TextKey> = {
  key_frame_interval: 'warning.key_frame_interval',
  key_frames_too_far_apart: 'warning.key_frame_interval',
  long_key_frame_interval: 'warning.key_frame_interval',
  no_key_frame: 'warning.no_key_frame',
  no_key_frames: 'warning.no_key_frame',
  no_audio: 'warning.no_audio',
  no_video: 'warning.no_video',
  hevc: 'warning.hevc',
  chroma: 'warning.chroma',
  chroma_format: 'warning.chroma',
  bit_depth: 'warning.ten_bit',
  ten_bit: 'warning.ten_bit',
  mp3: 'warning.mp3',
  interlaced: 'warning.interlaced',
  dropped_frames: 'warning.dropped',
};

export function warningText(language: Language, warning: HealthWarning, health: Health): string {
  const key = byCode[warning.code];
  if (!key || (language === 'en' && warning.message !== '')) {
    return warning.message || warning.code;
  }
  return translate(language, key, { value: decimal(health.key_frame_interval_s, language) });
}
