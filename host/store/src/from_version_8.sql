-- Migrates a store from version 8 to version 9. It runs in one transaction (migrate.rs).

CREATE TABLE sequence_gaps (
    start_ms  INTEGER NOT NULL,
    end_ms    INTEGER NOT NULL,
    stream    TEXT NOT NULL,
    numbers   INTEGER NOT NULL,
    landed    INTEGER NOT NULL,
    unread    INTEGER NOT NULL,
    came_late INTEGER NOT NULL,
    PRIMARY KEY (start_ms, stream)
) WITHOUT ROWID;
