-- Who follows whom. The three indexes are the three ways to ask: does A follow B and since when,
-- whom does A follow, and who follows B, the last two newest first.
CREATE TABLE follow (
  follower_id BIGINT NOT NULL REFERENCES users (id),
  channel_id BIGINT NOT NULL REFERENCES users (id),
  created_at BIGINT NOT NULL,
  PRIMARY KEY (follower_id, channel_id)
);
CREATE INDEX follow_channel ON follow (channel_id, created_at, follower_id);
CREATE INDEX follow_follower ON follow (follower_id, created_at, channel_id);

-- Counted in the transaction that changes follow; no row is zero. Two tables, because each such
-- transaction first takes its follower's row and then its channel's: in one table, two users who
-- follow each other at once would wait for each other.
CREATE TABLE following_count (
  user_id BIGINT PRIMARY KEY REFERENCES users (id),
  total BIGINT NOT NULL CHECK (total >= 0)
);
CREATE TABLE follower_count (
  user_id BIGINT PRIMARY KEY REFERENCES users (id),
  total BIGINT NOT NULL CHECK (total >= 0)
);
