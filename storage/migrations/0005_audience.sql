-- How many people watch a stream, and did: the mean is watched_ms / measured_ms.
CREATE TABLE stream_audience (
  stream_id BIGINT PRIMARY KEY REFERENCES stream (id),
  viewers BIGINT NOT NULL,
  peak BIGINT NOT NULL,
  watched_ms BIGINT NOT NULL,
  measured_ms BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
