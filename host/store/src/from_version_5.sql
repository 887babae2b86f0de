-- Migrates a store from version 5 to version 6. It runs in one transaction (migrate.rs).

CREATE TABLE settled_frames (
    id      INTEGER PRIMARY KEY,
    segment INTEGER NOT NULL,
    entries BLOB NOT NULL
);
CREATE INDEX settled_frames_by_segment ON settled_frames (segment);
