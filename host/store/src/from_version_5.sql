-- Migrates a store from version 5 to version 6. It runs in one transaction (migrate.rs).

ALTER TABLE missing ADD COLUMN window_start_ms INTEGER;

ALTER TABLE windows ADD COLUMN lost INTEGER NOT NULL DEFAULT 0;

CREATE TABLE settled_frames (
    id      INTEGER PRIMARY KEY,
    segment INTEGER NOT NULL,
    entries BLOB NOT NULL
);
CREATE INDEX settled_frames_by_segment ON settled_frames (segment);


CREATE TABLE settled_keys (
    id          INTEGER PRIMARY KEY,
    run         INTEGER NOT NULL,
    shard       INTEGER NOT NULL,
    shards      INTEGER NOT NULL,
    window_ms   INTEGER NOT NULL,
    at_ms       INTEGER NOT NULL,
    has_claims  INTEGER NOT NULL,
    keys_before INTEGER NOT NULL,
    records     BLOB NOT NULL
);


CREATE TABLE run_schemas (
    run    INTEGER NOT NULL,
    number INTEGER NOT NULL,
    schema TEXT NOT NULL,
    PRIMARY KEY (run, number)
) WITHOUT ROWID;
