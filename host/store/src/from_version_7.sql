-- Migrates a store from version 7 to version 8. It runs in one transaction (migrate.rs).

ALTER TABLE windows ADD COLUMN rejected_unseen INTEGER NOT NULL DEFAULT 0;
