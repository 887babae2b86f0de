-- Migrates a store from version 4 to version 5. It runs in one transaction (migrate.rs).

ALTER TABLE missing RENAME COLUMN said_ms TO reported_ms;
ALTER TABLE missing ADD COLUMN hole TEXT NOT NULL DEFAULT '';
ALTER TABLE windows ADD COLUMN unwatched INTEGER NOT NULL DEFAULT 0;

CREATE TABLE coverage (
    stream  TEXT NOT NULL,
    from_ms INTEGER NOT NULL,
    to_ms   INTEGER NOT NULL,
    cause   TEXT NOT NULL,
    PRIMARY KEY (stream, from_ms)
) WITHOUT ROWID;
CREATE INDEX coverage_by_end ON coverage (to_ms);

DROP VIEW missing_utc;
CREATE VIEW missing_utc AS
    SELECT id, key, schema, incident, iif(hole = '', 'missing', 'unconfirmed') AS verdict, hole,
           strftime('%Y-%m-%dT%H:%M:%fZ', arrived_ms / 1000.0, 'unixepoch') AS arrived,
           strftime('%Y-%m-%dT%H:%M:%fZ', deadline_ms / 1000.0, 'unixepoch') AS deadline,
           strftime('%Y-%m-%dT%H:%M:%fZ', landed_ms / 1000.0, 'unixepoch') AS landed
    FROM missing;
