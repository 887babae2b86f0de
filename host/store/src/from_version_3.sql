-- Migrates a store from version 3 to version 4. It runs in one transaction (migrate.rs).

ALTER TABLE windows ADD COLUMN doubtful INTEGER NOT NULL DEFAULT 0;

ALTER TABLE incidents ADD COLUMN check_name TEXT NOT NULL DEFAULT '';
ALTER TABLE incidents ADD COLUMN reason TEXT NOT NULL DEFAULT '';
ALTER TABLE incidents ADD COLUMN help TEXT NOT NULL DEFAULT '';
ALTER TABLE incidents ADD COLUMN severity TEXT NOT NULL DEFAULT '';
ALTER TABLE incidents ADD COLUMN detail TEXT NOT NULL DEFAULT '';
UPDATE incidents SET cause = 'finding' WHERE cause = 'objective';
DROP VIEW incidents_utc;
CREATE VIEW incidents_utc AS
    SELECT id, cause, scope, subject, check_name, reason, severity, events, landed_late,
           strftime('%Y-%m-%dT%H:%M:%SZ', start_ms / 1000, 'unixepoch') AS start,
           strftime('%Y-%m-%dT%H:%M:%SZ', end_ms / 1000, 'unixepoch') AS end,
           strftime('%Y-%m-%dT%H:%M:%SZ', opened_ms / 1000, 'unixepoch') AS opened,
           strftime('%Y-%m-%dT%H:%M:%SZ', closed_ms / 1000, 'unixepoch') AS closed
    FROM incidents;

DROP INDEX missing_by_incident;
CREATE INDEX missing_by_incident ON missing (incident) WHERE landed_ms IS NULL;
CREATE INDEX missing_by_landing ON missing (landed_ms) WHERE landed_ms IS NOT NULL;
CREATE INDEX incidents_by_end ON incidents (closed_ms) WHERE closed_ms IS NOT NULL;
CREATE INDEX samples_by_time ON samples (at_ms);

-- The first numbers that were never given: those that any row still has were given.
INSERT INTO meta SELECT 'next_incident', 1 + max(
    (SELECT coalesce(max(id), 0) FROM incidents),
    (SELECT coalesce(max(incident), 0) FROM missing));
INSERT INTO meta SELECT 'next_generation', max(
    (SELECT coalesce(max(generation) + 1, 0) FROM generations),
    (SELECT coalesce(max(generation) + 1, 0) FROM missing),
    (SELECT coalesce(max(generation) + 1, 0) FROM window_judges),
    (SELECT coalesce(max(generation) + 1, 0) FROM samples));

-- Retention goes on from the last time that was known by the system's clock.
INSERT INTO meta SELECT 'retention_ms', value FROM meta WHERE name = 'known_ms'
    AND EXISTS (SELECT 1 FROM meta WHERE name = 'clock' AND value = 'system');
