-- Names that look alike, log-outs everywhere, where log-ins come from, second factors.
-- What two names that look alike share; NULL until a program that knows it has filled it in.
ALTER TABLE users ADD COLUMN username_skeleton TEXT;
CREATE UNIQUE INDEX users_username_skeleton ON users (username_skeleton);
CREATE INDEX users_without_skeleton ON users (id) WHERE username_skeleton IS NULL;

-- How often the user ended all log-ins, and when last. What was given out under a lower number
-- counts no more.
ALTER TABLE users ADD COLUMN generation BIGINT NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN log_ins_ended_at BIGINT;
CREATE INDEX users_log_ins_ended ON users (log_ins_ended_at) WHERE log_ins_ended_at IS NOT NULL;
ALTER TABLE token_family ADD COLUMN generation BIGINT NOT NULL DEFAULT 0;

-- A keyed digest of the network it was begun from; 0: not known.
ALTER TABLE token_family ADD COLUMN network BIGINT NOT NULL DEFAULT 0;

-- last_step: the latest time step whose code was accepted. recovery: digests of the codes that are
-- left, sealed.
CREATE TABLE second_factor (
  user_id BIGINT PRIMARY KEY REFERENCES users (id),
  sealed_secret BYTEA NOT NULL,
  is_confirmed INTEGER NOT NULL,
  last_step BIGINT NOT NULL,
  recovery BYTEA NOT NULL
);
