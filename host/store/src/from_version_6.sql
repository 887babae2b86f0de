-- Migrates a store from version 6 to version 7. It runs in one transaction (migrate.rs).

CREATE TABLE unread_frames (
    start_ms INTEGER NOT NULL,
    end_ms   INTEGER NOT NULL,
    stream   TEXT NOT NULL,
    frames   INTEGER NOT NULL,
    PRIMARY KEY (start_ms, stream)
) WITHOUT ROWID;

ALTER TABLE missing ADD COLUMN first_deadline_ms INTEGER;
