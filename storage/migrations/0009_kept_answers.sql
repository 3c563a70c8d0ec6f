-- First answers to requests with an Idempotency-Key, given again for 24 h. answered = 0: one that
-- is under way since then. Bounded per user; old ones are swept.
CREATE TABLE kept_answer (
  user_id BIGINT NOT NULL REFERENCES users (id),
  route TEXT NOT NULL,
  key TEXT NOT NULL,
  fingerprint BYTEA NOT NULL,
  since BIGINT NOT NULL,
  answered SMALLINT NOT NULL,
  answer BYTEA NOT NULL,
  PRIMARY KEY (user_id, route, key)
);
CREATE INDEX kept_answer_user ON kept_answer (user_id, since);
CREATE INDEX kept_answer_since ON kept_answer (since);
