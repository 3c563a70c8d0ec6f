-- How many people watch a stream, and did: watched_ms is the time of each added up.
CREATE TABLE stream_audience (
  stream_id BIGINT PRIMARY KEY REFERENCES stream (id),
  viewers BIGINT NOT NULL,
  peak BIGINT NOT NULL,
  watched_ms BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
