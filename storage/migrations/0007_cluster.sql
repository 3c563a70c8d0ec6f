-- The nodes of the cluster, and which of them owns which entity.
-- One row. view_number rises with every change of the table node but those of facts;
-- newest_incarnation is the last one given out.
CREATE TABLE cluster (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  view_number BIGINT NOT NULL,
  newest_incarnation BIGINT NOT NULL
);
INSERT INTO cluster (id, view_number, newest_incarnation) VALUES (1, 0, 0);

-- The newest incarnation of each name. state: 0 joining, 1 active, 2 draining, 3 left, 4 dead.
-- roles are separated by commas, facts are for people, was_refused is of dead ones: all who voted
-- found the port closed.
CREATE TABLE node (
  name TEXT PRIMARY KEY,
  incarnation BIGINT NOT NULL,
  state INTEGER NOT NULL CHECK (state BETWEEN 0 AND 4),
  address TEXT NOT NULL,
  roles TEXT NOT NULL,
  version TEXT NOT NULL,
  id_number INTEGER NOT NULL CHECK (id_number BETWEEN 0 AND 127),
  facts TEXT NOT NULL,
  was_refused INTEGER NOT NULL,
  joined_at BIGINT NOT NULL,
  changed_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX node_id_number ON node (id_number) WHERE state < 3;
CREATE INDEX node_gone ON node (changed_at) WHERE state > 2;

-- When each number that ids are made with was last taken or given back.
CREATE TABLE node_number (
  number INTEGER PRIMARY KEY,
  used_at BIGINT NOT NULL
);
CREATE INDEX node_number_use ON node_number (used_at, number);
INSERT INTO node_number (number, used_at)
  WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 127) SELECT i, 0 FROM n;

CREATE TABLE death_vote (
  target TEXT NOT NULL,
  target_incarnation BIGINT NOT NULL,
  voter TEXT NOT NULL,
  voter_incarnation BIGINT NOT NULL,
  saw_refused INTEGER NOT NULL,
  cast_at BIGINT NOT NULL,
  PRIMARY KEY (target, voter)
);

-- What a node holds, page by page.
CREATE INDEX entity_owner ON entity (owner, incarnation, name);
