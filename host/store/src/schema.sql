-- The store of Landfall. sqlite3 on this file is a supported interface (docs/STORE.md); reading
-- while the sidecar runs is safe. Times are milliseconds since the Unix epoch, UTC; the views at the
-- end have them as text.

-- About the store itself: created_by, the program that made it; secret, under which keys are fingerprinted;
-- clock, 'system' or 'own'; known_ms, the time by that clock up to which the store has what happened;
-- next_incident and next_generation, the first numbers that were never given; runs, how many there were; retention_ms, the time that
-- retention uses as now.
CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) WITHOUT ROWID;

-- The checks of each generation: one row per check.
CREATE TABLE generations (
    generation INTEGER NOT NULL,
    since_ms   INTEGER NOT NULL,
    check_name TEXT NOT NULL,
    version    TEXT NOT NULL,
    digest     TEXT NOT NULL
);

-- Events that did not land in time. Once one lands, landed_ms is set and its frame is gone.
CREATE TABLE missing (
    id          INTEGER PRIMARY KEY,
    fingerprint BLOB NOT NULL UNIQUE,
    key         TEXT NOT NULL,
    schema      TEXT NOT NULL,
    arrived_ms  INTEGER NOT NULL,
    place       INTEGER NOT NULL,   -- order among those that came at the same time
    deadline_ms INTEGER NOT NULL,
    reported_ms INTEGER NOT NULL,   -- when the verdict was given
    incident    INTEGER NOT NULL,
    generation  INTEGER NOT NULL,
    frame       BLOB,               -- the raw frame, byte for byte; NULL if it landed, or could not be read back
    landed_ms   INTEGER,
    hole        TEXT NOT NULL DEFAULT '',   -- why the event is unconfirmed, a cause of coverage; empty: it is missing
    window_start_ms INTEGER,                -- when the window begins that counts it; NULL: not known
    first_deadline_ms INTEGER               -- the first deadline of an event that was lost again; NULL: deadline_ms
);
CREATE INDEX missing_by_arrival ON missing (arrived_ms, place) WHERE landed_ms IS NULL;
CREATE INDEX missing_by_incident ON missing (incident) WHERE landed_ms IS NULL;
CREATE INDEX missing_by_landing ON missing (landed_ms) WHERE landed_ms IS NOT NULL;

-- Verdicts by window of the raw event's arrival, and schema. raw = the sum of the nine verdicts + pending.
CREATE TABLE windows (
    start_ms    INTEGER NOT NULL,
    end_ms      INTEGER NOT NULL,   -- exclusive
    schema      TEXT NOT NULL,
    raw         INTEGER NOT NULL DEFAULT 0,
    pending     INTEGER NOT NULL DEFAULT 0,
    delivered   INTEGER NOT NULL DEFAULT 0,
    late        INTEGER NOT NULL DEFAULT 0,
    altered     INTEGER NOT NULL DEFAULT 0,
    missing     INTEGER NOT NULL DEFAULT 0,
    unconfirmed INTEGER NOT NULL DEFAULT 0,
    rejected    INTEGER NOT NULL DEFAULT 0,
    leaked      INTEGER NOT NULL DEFAULT 0,
    repeated    INTEGER NOT NULL DEFAULT 0,
    unjudged    INTEGER NOT NULL DEFAULT 0,
    duplicate   INTEGER NOT NULL DEFAULT 0,
    unexpected  INTEGER NOT NULL DEFAULT 0,
    closed      INTEGER NOT NULL DEFAULT 0,
    doubtful    INTEGER NOT NULL DEFAULT 0, -- of delivered: those that may have been late, nobody knows
    unwatched   INTEGER NOT NULL DEFAULT 0, -- rows that landed while nobody watched the raw stream
    lost        INTEGER NOT NULL DEFAULT 0, -- of pending: those that stay so, because their frames are gone
    rejected_unseen INTEGER NOT NULL DEFAULT 0, -- of rejected: those that may have landed unseen
    PRIMARY KEY (start_ms, schema)
) WITHOUT ROWID;

-- Which generations of checks gave the verdicts of a window and schema: more than one around a reload.
CREATE TABLE window_judges (
    start_ms   INTEGER NOT NULL,
    schema     TEXT NOT NULL,
    generation INTEGER NOT NULL,
    PRIMARY KEY (start_ms, schema, generation)
) WITHOUT ROWID;

-- Stretches of time in which nobody saw a stream: frames may have passed.
CREATE TABLE coverage (
    stream  TEXT NOT NULL,      -- raw or written
    from_ms INTEGER NOT NULL,
    to_ms   INTEGER NOT NULL,   -- inclusive; so far, if the hole goes on
    cause   TEXT NOT NULL,      -- not_running never_connected disconnected unanswered paused unreadable
                                -- sequence_gap
    PRIMARY KEY (stream, from_ms)
) WITHOUT ROWID;
CREATE INDEX coverage_by_end ON coverage (to_ms);

-- Frames that are no document, or were refused: each may be any event that came in the window, or landed in it.
CREATE TABLE unread_frames (
    start_ms INTEGER NOT NULL,
    end_ms   INTEGER NOT NULL,   -- exclusive
    stream   TEXT NOT NULL,      -- raw or written
    frames   INTEGER NOT NULL,
    PRIMARY KEY (start_ms, stream)
) WITHOUT ROWID;

-- Numbers that a stream's sources gave to what they sent, and that were left out, by the window in which they must have
-- come.
CREATE TABLE sequence_gaps (
    start_ms  INTEGER NOT NULL,
    end_ms    INTEGER NOT NULL,   -- exclusive
    stream    TEXT NOT NULL,      -- raw or written
    numbers   INTEGER NOT NULL,   -- that were left out
    landed    INTEGER NOT NULL,   -- of them: the event landed, so Landfall missed its frame
    unread    INTEGER NOT NULL,   -- of them: as many frames came meanwhile and could not be read
    came_late INTEGER NOT NULL,   -- of them: the frame came after all, too late to fill the gap
    PRIMARY KEY (start_ms, stream)
) WITHOUT ROWID;

-- Frames of the spool whose events are settled: after a restart they are not judged again. The rows of a segment are
-- removed with its file.
CREATE TABLE settled_frames (
    id      INTEGER PRIMARY KEY,
    segment INTEGER NOT NULL,
    entries BLOB NOT NULL   -- positions of index entries in the segment's file, each a little-endian u32
);
CREATE INDEX settled_frames_by_segment ON settled_frames (segment);

-- Keys that are settled, in the order in which that happened: what the next run remembers of them.
CREATE TABLE settled_keys (
    id          INTEGER PRIMARY KEY,
    run         INTEGER NOT NULL,   -- whose numbers of schemas they have
    shard       INTEGER NOT NULL,
    shards      INTEGER NOT NULL,   -- how many there were
    window_ms   INTEGER NOT NULL,   -- how long windows were
    at_ms       INTEGER NOT NULL,   -- what came before had been applied
    has_claims  INTEGER NOT NULL,   -- 1: events of different schemas came under one key, or may have come
    keys_before INTEGER NOT NULL,   -- how many keys all rows before it have had
    records     BLOB NOT NULL       -- 16 bytes each: 64 bits of the key, 64 of what is known
);

-- The numbers that schemas had in the runs of settled_keys.
CREATE TABLE run_schemas (
    run    INTEGER NOT NULL,
    number INTEGER NOT NULL,
    schema TEXT NOT NULL,
    PRIMARY KEY (run, number)
) WITHOUT ROWID;

-- Stretches of time in which something was wrong.
CREATE TABLE incidents (
    id          INTEGER PRIMARY KEY,
    cause       TEXT NOT NULL,      -- stalled loss altered leaked duplicate unexpected unjudged silent finding unwatched
    scope       TEXT NOT NULL,      -- pipeline, schema, others or stream
    subject     TEXT NOT NULL,      -- the schema or stream, else empty
    start_ms    INTEGER NOT NULL,   -- arrival of the first event concerned
    end_ms      INTEGER NOT NULL,   -- arrival of the last
    opened_ms   INTEGER NOT NULL,   -- when Landfall said so
    resumed_ms  INTEGER,            -- when landings came again
    closed_ms   INTEGER,
    events      INTEGER NOT NULL,
    landed_late INTEGER NOT NULL,
    shares      TEXT NOT NULL,      -- JSON: by schema, {"events", "landed_late", "first_ms", "last_ms"}
    -- Of what a window check found, else empty.
    check_name  TEXT NOT NULL DEFAULT '',
    reason      TEXT NOT NULL DEFAULT '',
    help        TEXT NOT NULL DEFAULT '',   -- what the check's manifest says of the reason
    severity    TEXT NOT NULL DEFAULT '',   -- warning or critical: the highest
    detail      TEXT NOT NULL DEFAULT ''    -- what the check said of the last window
);
CREATE INDEX incidents_by_end ON incidents (closed_ms) WHERE closed_ms IS NOT NULL;

-- The newest examples of each kind, check, reason and schema, redacted where they are documents.
CREATE TABLE samples (
    id         INTEGER PRIMARY KEY,
    generation INTEGER,             -- the checks that said so; NULL if that is no longer known
    kind       TEXT NOT NULL,       -- violation undecodable fault altered leaked duplicate unexpected
    check_name TEXT NOT NULL,
    reason     TEXT NOT NULL,
    stream     TEXT NOT NULL,
    schema     TEXT NOT NULL,
    key        TEXT NOT NULL,
    at_ms      INTEGER NOT NULL,
    detail     TEXT NOT NULL,
    document   TEXT NOT NULL,       -- redacted JSON, or empty
    frame      BLOB                 -- whole, of frames that could not be decoded or judged: to replay them
);
CREATE INDEX samples_by_reason ON samples (kind, check_name, reason, id);
CREATE INDEX samples_by_time ON samples (at_ms);

CREATE VIEW missing_utc AS
    SELECT id, key, schema, incident, iif(hole = '', 'missing', 'unconfirmed') AS verdict, hole,
           strftime('%Y-%m-%dT%H:%M:%fZ', arrived_ms / 1000.0, 'unixepoch') AS arrived,
           strftime('%Y-%m-%dT%H:%M:%fZ', deadline_ms / 1000.0, 'unixepoch') AS deadline,
           strftime('%Y-%m-%dT%H:%M:%fZ', landed_ms / 1000.0, 'unixepoch') AS landed
    FROM missing;
CREATE VIEW windows_utc AS
    SELECT strftime('%Y-%m-%dT%H:%M:%SZ', start_ms / 1000, 'unixepoch') AS start, windows.* FROM windows;
CREATE VIEW incidents_utc AS
    SELECT id, cause, scope, subject, check_name, reason, severity, events, landed_late,
           strftime('%Y-%m-%dT%H:%M:%SZ', start_ms / 1000, 'unixepoch') AS start,
           strftime('%Y-%m-%dT%H:%M:%SZ', end_ms / 1000, 'unixepoch') AS end,
           strftime('%Y-%m-%dT%H:%M:%SZ', opened_ms / 1000, 'unixepoch') AS opened,
           strftime('%Y-%m-%dT%H:%M:%SZ', closed_ms / 1000, 'unixepoch') AS closed
    FROM incidents;
