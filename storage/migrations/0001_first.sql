-- Users, their log-ins and streams; the durable half of entities; shared secrets.
-- Both engines read this text. Times are microseconds since 1970 in UTC, flags are 0 and 1.
CREATE TABLE users (
  id BIGINT PRIMARY KEY,
  username TEXT NOT NULL,
  username_key TEXT NOT NULL UNIQUE,
  email TEXT NOT NULL,
  email_key TEXT NOT NULL UNIQUE,
  password_hash TEXT NOT NULL,
  is_administrator INTEGER NOT NULL,
  created_at BIGINT NOT NULL,
  sealed_stream_key BYTEA NOT NULL,
  stream_key_digest BYTEA NOT NULL UNIQUE
);
CREATE INDEX users_administrator ON users (id) WHERE is_administrator = 1;

-- One row per log-in, however often it is renewed. Both keys are digests.
CREATE TABLE token_family (
  family BYTEA PRIMARY KEY,
  secret BYTEA NOT NULL,
  user_id BIGINT NOT NULL REFERENCES users (id),
  used_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
);
CREATE INDEX token_family_user ON token_family (user_id, used_at);
CREATE INDEX token_family_expiry ON token_family (expires_at);

-- status: 0 waiting, 1 live, 2 reconnecting, 3 ended.
CREATE TABLE stream (
  id BIGINT PRIMARY KEY,
  user_id BIGINT NOT NULL REFERENCES users (id),
  title TEXT NOT NULL,
  game_id BIGINT,
  status INTEGER NOT NULL,
  epoch BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  started_at BIGINT,
  ended_at BIGINT,
  last_seen_at BIGINT NOT NULL,
  progress BYTEA NOT NULL
);
-- A user has at most one unfinished stream.
CREATE UNIQUE INDEX stream_unfinished_user ON stream (user_id) WHERE status <> 3;
CREATE INDEX stream_user ON stream (user_id, id);
CREATE INDEX stream_unfinished ON stream (id) WHERE status <> 3;
CREATE INDEX stream_live ON stream (id) WHERE status IN (1, 2);
CREATE INDEX stream_live_game ON stream (game_id, id) WHERE status IN (1, 2);
CREATE INDEX stream_waiting ON stream (created_at) WHERE status = 0;

-- What is remembered of a user's broadcasts from one to the next.
CREATE TABLE channel (
  user_id BIGINT PRIMARY KEY REFERENCES users (id),
  key_frame_interval_ms BIGINT NOT NULL
);

CREATE TABLE entity (
  name TEXT PRIMARY KEY,
  owner TEXT NOT NULL,
  incarnation BIGINT NOT NULL,
  epoch BIGINT NOT NULL,
  version BIGINT NOT NULL,
  kind_version INTEGER NOT NULL,
  state BYTEA NOT NULL,
  answers BYTEA NOT NULL
);

CREATE TABLE secret (
  name TEXT PRIMARY KEY,
  sealed BYTEA NOT NULL,
  created_at BIGINT NOT NULL
);
