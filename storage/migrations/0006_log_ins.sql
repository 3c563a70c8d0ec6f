-- Where users have logged in from, keyed digests, kept over their log-outs: a flood of guesses does
-- not hold them up there. Bounded per user.
CREATE TABLE known_network (
  user_id BIGINT NOT NULL REFERENCES users (id),
  network BIGINT NOT NULL,
  used_at BIGINT NOT NULL,
  PRIMARY KEY (user_id, network)
);
CREATE INDEX known_network_user ON known_network (user_id, used_at);
INSERT INTO known_network (user_id, network, used_at)
  SELECT user_id, network, MAX(used_at) FROM token_family WHERE network <> 0
  GROUP BY user_id, network;
