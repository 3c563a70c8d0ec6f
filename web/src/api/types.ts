// SPDX-License-Identifier: GPL-3.0-or-later
// What the server answers under /api/v1. Ids are integers below 2^53.

export type StreamStatus = 'waiting' | 'live' | 'reconnecting' | 'ended';

export interface Stream {
  stream_id: number;
  user_id: number;
  username: string;
  title: string;
  game_id: number | null;
  viewer_count: number;
  status: StreamStatus;
  stream_url: string;
  started_at: string | null;
  ended_at: string | null;
}

export interface Page<T> {
  items: T[];
  next: string | null;
}

export interface User {
  user_id: number;
  username: string;
  email: string;
  is_administrator: boolean;
}

export interface StreamKey {
  ingest_url: string;
  stream_key: string;
}

export interface StartedStream extends StreamKey {
  stream_id: number;
}

export interface HealthWarning {
  code: string;
  message: string;
}

export interface Health {
  status: StreamStatus;
  /** Null while unknown, and for what is not sent. */
  video_codec: string | null;
  audio_codec: string | null;
  width: number;
  height: number;
  frame_rate: number;
  video_bitrate_bps: number;
  audio_bitrate_bps: number;
  key_frame_interval_s: number;
  dropped_frames: number;
  warnings: HealthWarning[];
}

export interface TokenAnswer {
  access_token: string;
  token_type: string;
  expires_in: number;
}
