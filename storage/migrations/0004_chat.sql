-- Chat rooms: numbered events, answers to nonces, what moderators decided. A room is named by its
-- owner's user id. Written only under the lock of the room's row, which knows the epoch.
CREATE TABLE chat_room (
  user_id BIGINT PRIMARY KEY REFERENCES users (id),
  epoch BIGINT NOT NULL,
  last_seq BIGINT NOT NULL,
  last_message_id BIGINT NOT NULL,
  settings TEXT NOT NULL
);

-- kind: 0 message, 1 deleted, 2 cleared, 3 mode, 4 ban, 5 role. No reference to users: it would cost
-- a lock and a look-up for each message. The text of a message that is gone stays, for moderators.
CREATE TABLE chat_event (
  room BIGINT NOT NULL,
  seq BIGINT NOT NULL,
  kind INTEGER NOT NULL,
  message_id BIGINT NOT NULL,
  stream_id BIGINT,
  user_id BIGINT NOT NULL,
  username TEXT NOT NULL,
  author_role INTEGER NOT NULL,
  text TEXT NOT NULL,
  nonce TEXT NOT NULL,
  reply_to BIGINT NOT NULL,
  details TEXT NOT NULL,
  until BIGINT,
  is_on INTEGER NOT NULL,
  is_gone INTEGER NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (room, seq)
);
-- Ids rise with seq: a page by id finds its seq here and then walks the primary key.
CREATE UNIQUE INDEX chat_event_message ON chat_event (room, message_id) WHERE kind = 0;
CREATE INDEX chat_event_author ON chat_event (room, user_id, seq) WHERE kind = 0;

-- What this user said in this room below seq is gone. One row instead of a mark on each message:
-- who has said 100,000 is banned as quickly as who has said one.
CREATE TABLE chat_cleared (
  room BIGINT NOT NULL,
  user_id BIGINT NOT NULL,
  seq BIGINT NOT NULL,
  PRIMARY KEY (room, user_id)
);

-- No key: the room's one activation tells repetitions, and these rows live for ten minutes.
CREATE TABLE chat_nonce (
  room BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  session TEXT NOT NULL,
  nonce TEXT NOT NULL,
  digest TEXT NOT NULL,
  message_id BIGINT NOT NULL,
  seq BIGINT NOT NULL,
  text TEXT NOT NULL
);
CREATE INDEX chat_nonce_room ON chat_nonce (room, created_at);
CREATE INDEX chat_nonce_age ON chat_nonce (created_at);

CREATE TABLE chat_member (
  room BIGINT NOT NULL,
  user_id BIGINT NOT NULL,
  username TEXT NOT NULL,
  is_moderator INTEGER NOT NULL,
  moderator_since BIGINT,
  is_banned INTEGER NOT NULL,
  banned_until BIGINT,
  ban_reason TEXT NOT NULL,
  banned_by BIGINT NOT NULL,
  banned_by_name TEXT NOT NULL,
  banned_at BIGINT NOT NULL,
  PRIMARY KEY (room, user_id)
);
CREATE INDEX chat_member_moderator ON chat_member (room, user_id) WHERE is_moderator = 1;
CREATE INDEX chat_member_banned ON chat_member (room, banned_at, user_id) WHERE is_banned = 1;

CREATE TABLE chat_held (
  room BIGINT NOT NULL,
  message_id BIGINT NOT NULL,
  user_id BIGINT NOT NULL,
  username TEXT NOT NULL,
  session TEXT NOT NULL,
  nonce TEXT NOT NULL,
  text TEXT NOT NULL,
  word TEXT NOT NULL,
  reply_to BIGINT NOT NULL,
  stream_id BIGINT,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (room, message_id)
);

CREATE TABLE chat_log (
  room BIGINT NOT NULL,
  log_id BIGINT NOT NULL,
  action TEXT NOT NULL,
  by_id BIGINT NOT NULL,
  by_name TEXT NOT NULL,
  user_id BIGINT NOT NULL,
  username TEXT NOT NULL,
  message_id BIGINT NOT NULL,
  text TEXT NOT NULL,
  reason TEXT NOT NULL,
  details TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (room, log_id)
);
