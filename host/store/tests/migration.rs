//! A store of an earlier version is migrated as a whole, and nothing in it changes.

use std::collections::BTreeMap;
use std::path::Path;

use landfall_store::{
    FILE_NAME, GenerationRow, MissingFilter, Reader, Store, StoreError, VERSION, WindowCounts,
    WindowRow,
};
use rusqlite::Connection;

/// The tables as version 3 made them.
const VERSION_3: &str = include_str!("fixtures/version-3.sql");

const CONTENT: &str = "
    INSERT INTO meta VALUES ('secret', x'07070707070707070707070707070707'), ('created_by', 'landfall 0.1.0'),
        ('known_ms', 1700000000000), ('clock', 'system');
    INSERT INTO generations VALUES (0, 1, 'parity', '1.0.0', 'aa'), (65535, 2, 'parity', '1.1.0', 'bb');
    INSERT INTO missing VALUES
        (1, x'01', 'k1', 'S/1', 1000, 0, 2000, 2000, 9, 65535, x'6672616d65', NULL),
        (2, x'02', 'k2', 'S/1', 1001, 0, 2001, 2001, 4, 65535, NULL, 5000);
    INSERT INTO windows (start_ms, end_ms, schema, raw, delivered, missing, late, closed)
        VALUES (0, 60000, 'S/1', 12, 10, 1, 1, 1);
    INSERT INTO window_judges VALUES (0, 'S/1', 65535);
    INSERT INTO incidents VALUES (4, 'loss', 'schema', 'S/1', 1000, 1001, 2000, NULL, 3000, 2, 1, '[]');
    INSERT INTO samples VALUES (1, 0, 'violation', 'c', 'r', 'raw', 'S/1', 'k', 1000, '', '', NULL);";

fn version_3(dir: &Path) {
    std::fs::create_dir_all(dir).unwrap();
    let connection = Connection::open(dir.join(FILE_NAME)).unwrap();
    connection.execute_batch(VERSION_3).unwrap();
    connection.execute_batch(CONTENT).unwrap();
    connection.pragma_update(None, "user_version", 3).unwrap();
}

fn open(dir: &Path) -> Result<Store, StoreError> {
    Store::open(dir, [9; 16], "test")
}

/// The name and columns of every table, index and view, in the order of the columns.
fn objects(dir: &Path) -> BTreeMap<String, Vec<String>> {
    let connection = Connection::open(dir.join(FILE_NAME)).unwrap();
    let names: Vec<(String, String)> = connection
        .prepare("SELECT type, name FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'")
        .unwrap()
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    let columns = |kind: &str, name: &str| -> Vec<String> {
        let pragma = match kind {
            "index" => {
                "SELECT name || ' ' || (SELECT coalesce(sql, '') FROM sqlite_schema s WHERE s.name = ?1) FROM pragma_index_info(?1)"
            }
            _ => {
                "SELECT name || ' ' || type || ' ' || \"notnull\" || ' ' || coalesce(dflt_value, '') || ' ' || pk FROM pragma_table_info(?1)"
            }
        };
        connection
            .prepare(pragma)
            .unwrap()
            .query_map([name], |row| row.get(0))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap()
    };
    names
        .iter()
        .map(|(kind, name)| (format!("{kind} {name}"), columns(kind, name)))
        .collect()
}

/// The tables as version 4 made them.
const VERSION_4: &str = include_str!("fixtures/version-4.sql");

#[test]
fn a_store_of_version_4_becomes_what_a_new_one_is_and_keeps_what_it_holds() {
    let dir = tempfile::tempdir().unwrap();
    let (old, new) = (dir.path().join("old"), dir.path().join("new"));
    std::fs::create_dir_all(&old).unwrap();
    let connection = Connection::open(old.join(FILE_NAME)).unwrap();
    connection.execute_batch(VERSION_4).unwrap();
    let content = "
        INSERT INTO meta VALUES ('secret', x'07070707070707070707070707070707'), ('created_by', 'landfall 0.1.0'),
            ('next_incident', 3), ('next_generation', 1), ('overwrites', 1);
        INSERT INTO missing VALUES (1, x'01', 'k1', 'S/1', 1000, 0, 2000, 2001, 2, 0, x'6672616d65', NULL);
        INSERT INTO windows (start_ms, end_ms, schema, raw, missing) VALUES (0, 60000, 'S/1', 1, 1);";
    connection.execute_batch(content).unwrap();
    connection.pragma_update(None, "user_version", 4).unwrap();
    drop(connection);
    drop(open(&old).unwrap());
    drop(open(&new).unwrap());
    assert_eq!(objects(&old), objects(&new));
    let connection = Connection::open(old.join(FILE_NAME)).unwrap();
    let row: (i64, String, String) = connection
        .query_row(
            "SELECT m.reported_ms, m.hole, v.verdict FROM missing m JOIN missing_utc v USING (id)",
            [],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )
        .unwrap();
    assert_eq!(row, (2001, String::new(), "missing".into()));
    assert_eq!(Reader::open(&old).unwrap().coverage().unwrap(), []);
}

/// The tables as version 5 made them.
const VERSION_5: &str = include_str!("fixtures/version-5.sql");

#[test]
fn a_store_of_version_5_becomes_what_a_new_one_is_and_keeps_what_it_holds() {
    let dir = tempfile::tempdir().unwrap();
    let (old, new) = (dir.path().join("old"), dir.path().join("new"));
    std::fs::create_dir_all(&old).unwrap();
    let connection = Connection::open(old.join(FILE_NAME)).unwrap();
    connection.execute_batch(VERSION_5).unwrap();
    let content = "
        INSERT INTO meta VALUES ('secret', x'07070707070707070707070707070707'), ('created_by', 'landfall 0.1.0'),
            ('next_incident', 3), ('next_generation', 1), ('overwrites', 1);
        INSERT INTO missing (id, fingerprint, key, schema, arrived_ms, place, deadline_ms, reported_ms, incident, generation, hole)
            VALUES (1, x'01010101010101010101010101010101', 'k1', 'S/1', 1000, 0, 2000, 2001, 2, 0, 'paused');
        INSERT INTO windows (start_ms, end_ms, schema, raw, pending, unconfirmed) VALUES (0, 60000, 'S/1', 4, 3, 1);";
    connection.execute_batch(content).unwrap();
    connection.pragma_update(None, "user_version", 5).unwrap();
    drop(connection);
    let mut store = open(&old).unwrap();
    drop(open(&new).unwrap());
    assert_eq!(objects(&old), objects(&new));
    // What waited then has no frame that could be read: it stays pending, and that is known.
    let restored = store.restore(&[], &[], &[]).unwrap();
    assert_eq!((restored.events, restored.lost), (0, 3));
    let row = store.missing_event([1; 16]).unwrap().expect("it is owed");
    assert_eq!((row.is_unconfirmed, row.window_start_ms), (true, None));
    let windows = Reader::open(&old).unwrap().windows().unwrap();
    assert_eq!((windows[0].counts.raw, windows[0].counts.pending), (4, 3));
}

/// The tables as version 6 made them.
const VERSION_6: &str = include_str!("fixtures/version-6.sql");

#[test]
fn a_store_of_version_6_becomes_what_a_new_one_is_and_keeps_what_it_holds() {
    let dir = tempfile::tempdir().unwrap();
    let (old, new) = (dir.path().join("old"), dir.path().join("new"));
    std::fs::create_dir_all(&old).unwrap();
    let connection = Connection::open(old.join(FILE_NAME)).unwrap();
    connection.execute_batch(VERSION_6).unwrap();
    let content = "
        INSERT INTO meta VALUES ('secret', x'07070707070707070707070707070707'), ('created_by', 'landfall 0.1.0'),
            ('next_incident', 3), ('next_generation', 1), ('overwrites', 1);
        INSERT INTO coverage VALUES ('written', 1000, 2000, 'paused');
        INSERT INTO windows (start_ms, end_ms, schema, raw, pending, unconfirmed) VALUES (0, 60000, 'S/1', 4, 3, 1);";
    connection.execute_batch(content).unwrap();
    connection.pragma_update(None, "user_version", 6).unwrap();
    drop(connection);
    drop(open(&old).unwrap());
    drop(open(&new).unwrap());
    assert_eq!(objects(&old), objects(&new));
    let reader = Reader::open(&old).unwrap();
    assert_eq!(reader.coverage().unwrap().len(), 1);
    assert_eq!(reader.unread_frames("written", 0, i64::MAX).unwrap(), 0);
    assert_eq!(reader.windows().unwrap()[0].counts.pending, 3);
}

/// The tables as version 7 made them.
const VERSION_7: &str = include_str!("fixtures/version-7.sql");

#[test]
fn a_store_of_version_7_becomes_what_a_new_one_is_and_keeps_what_it_holds() {
    let dir = tempfile::tempdir().unwrap();
    let (old, new) = (dir.path().join("old"), dir.path().join("new"));
    std::fs::create_dir_all(&old).unwrap();
    let connection = Connection::open(old.join(FILE_NAME)).unwrap();
    connection.execute_batch(VERSION_7).unwrap();
    let content = "
        INSERT INTO meta VALUES ('secret', x'07070707070707070707070707070707'), ('created_by', 'landfall 0.1.0'),
            ('next_incident', 3), ('next_generation', 1), ('overwrites', 1);
        INSERT INTO unread_frames VALUES (0, 60000, 'written', 5);
        INSERT INTO windows (start_ms, end_ms, schema, raw, rejected) VALUES (0, 60000, 'S/1', 4, 4);";
    connection.execute_batch(content).unwrap();
    connection.pragma_update(None, "user_version", 7).unwrap();
    drop(connection);
    drop(open(&old).unwrap());
    drop(open(&new).unwrap());
    assert_eq!(objects(&old), objects(&new));
    let reader = Reader::open(&old).unwrap();
    assert_eq!(reader.unread_frames("written", 0, i64::MAX).unwrap(), 5);
    let counts = reader.windows().unwrap()[0].counts;
    assert_eq!((counts.rejected, counts.rejected_unseen), (4, 0));
}

/// The tables as version 8 made them.
const VERSION_8: &str = include_str!("fixtures/version-8.sql");

#[test]
fn a_store_of_version_8_becomes_what_a_new_one_is_and_keeps_what_it_holds() {
    let dir = tempfile::tempdir().unwrap();
    let (old, new) = (dir.path().join("old"), dir.path().join("new"));
    std::fs::create_dir_all(&old).unwrap();
    let connection = Connection::open(old.join(FILE_NAME)).unwrap();
    connection.execute_batch(VERSION_8).unwrap();
    let content = "
        INSERT INTO meta VALUES ('secret', x'07070707070707070707070707070707'), ('created_by', 'landfall 0.1.0'),
            ('next_incident', 3), ('next_generation', 1), ('overwrites', 1);
        INSERT INTO windows (start_ms, end_ms, schema, raw, rejected, rejected_unseen)
            VALUES (0, 60000, 'S/1', 4, 4, 2);";
    connection.execute_batch(content).unwrap();
    connection.pragma_update(None, "user_version", 8).unwrap();
    drop(connection);
    drop(open(&old).unwrap());
    drop(open(&new).unwrap());
    assert_eq!(objects(&old), objects(&new));
    let reader = Reader::open(&old).unwrap();
    assert_eq!(reader.sequence_gaps().unwrap(), []);
    assert_eq!(reader.windows().unwrap()[0].counts.rejected_unseen, 2);
}

#[test]
fn a_store_of_version_3_becomes_what_a_new_one_is() {
    let dir = tempfile::tempdir().unwrap();
    let (old, new) = (dir.path().join("old"), dir.path().join("new"));
    version_3(&old);
    drop(open(&old).unwrap());
    drop(open(&new).unwrap());
    let (old, new) = (objects(&old), objects(&new));
    assert!(new.contains_key("index missing_by_landing"));
    assert_eq!(old, new);
}

#[test]
fn what_a_store_of_version_3_holds_is_there_afterwards_and_can_be_added_to() {
    let dir = tempfile::tempdir().unwrap();
    version_3(dir.path());
    let mut store = open(dir.path()).unwrap();
    assert_eq!(store.secret().unwrap(), [7; 16], "keys are still found");
    // An incident that only a missing event still names was given.
    assert_eq!(store.next_incident().unwrap(), 10);
    assert_eq!(store.next_generation().unwrap(), 65_536);
    let flush = store.begin().unwrap();
    let row = WindowRow {
        start_ms: 0,
        end_ms: 60_000,
        schema: "S/1".into(),
        counts: WindowCounts {
            raw: 3,
            delivered: 3,
            doubtful: 2,
            ..WindowCounts::default()
        },
    };
    flush.window(&row).unwrap();
    flush.window(&row).unwrap();
    flush.commit().unwrap();
    let connection = Connection::open(dir.path().join(FILE_NAME)).unwrap();
    let counts: (i64, i64, i64, i64) = connection
        .query_row(
            "SELECT raw, delivered, missing, doubtful FROM windows_utc",
            [],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
        )
        .unwrap();
    assert_eq!(counts, (18, 16, 1, 4));
    let reader = Reader::open(dir.path()).unwrap();
    assert_eq!(reader.missing_count(&MissingFilter::default()).unwrap(), 1);
    drop(store);
    assert_eq!(open(dir.path()).unwrap().next_incident().unwrap(), 10);
}

#[test]
fn a_migration_that_cannot_be_finished_leaves_the_store_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    version_3(dir.path());
    let connection = Connection::open(dir.path().join(FILE_NAME)).unwrap();
    // The last step of it fails.
    connection
        .execute_batch("INSERT INTO meta VALUES ('next_generation', 'somebody wrote here')")
        .unwrap();
    drop(connection);
    let before = objects(dir.path());
    let error = open(dir.path()).err().expect("it fails").to_string();
    assert!(error.contains("bring up the tables"), "{error}");
    assert_eq!(objects(dir.path()), before);
    let connection = Connection::open(dir.path().join(FILE_NAME)).unwrap();
    connection
        .execute("DELETE FROM meta WHERE name = 'next_generation'", [])
        .unwrap();
    drop(connection);
    open(dir.path()).expect("and can be tried again");
}

#[test]
fn a_reader_says_how_an_old_store_is_brought_up_and_a_newer_one_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    version_3(dir.path());
    let error = Reader::open(dir.path()).err().unwrap().to_string();
    assert!(
        error.contains("version 3") && error.contains("landfall run"),
        "{error}"
    );
    for version in [1, 2, VERSION + 1] {
        let connection = Connection::open(dir.path().join(FILE_NAME)).unwrap();
        connection
            .pragma_update(None, "user_version", version)
            .unwrap();
        drop(connection);
        let refused = open(dir.path()).err().expect("it is of another program");
        assert!(matches!(refused, StoreError::Version { .. }), "{refused}");
        let refused = Reader::open(dir.path()).err().expect("a reader too");
        assert!(matches!(refused, StoreError::Version { .. }), "{refused}");
    }
}

#[test]
fn a_number_is_given_once_whatever_becomes_of_its_row() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path()).unwrap();
    assert_eq!(
        (
            store.next_incident().unwrap(),
            store.next_generation().unwrap()
        ),
        (1, 0)
    );
    let flush = store.begin().unwrap();
    let row = GenerationRow {
        generation: 70_000,
        since_ms: 0,
        check_name: "c".into(),
        version: "1".into(),
        digest: "aa".into(),
    };
    flush.generation(&row).unwrap();
    flush.generations_given(70_001).unwrap();
    flush.incidents_given(8).unwrap();
    // Never back.
    flush.incidents_given(5).unwrap();
    flush.commit().unwrap();
    drop(store);
    let connection = Connection::open(dir.path().join(FILE_NAME)).unwrap();
    connection
        .execute_batch("DELETE FROM generations; DELETE FROM incidents;")
        .unwrap();
    drop(connection);
    let mut store = open(dir.path()).unwrap();
    assert_eq!(
        (
            store.next_incident().unwrap(),
            store.next_generation().unwrap()
        ),
        (8, 70_001)
    );
    // What was not committed was not given.
    let flush = store.begin().unwrap();
    flush.incidents_given(100).unwrap();
    drop(flush);
    assert_eq!(store.next_incident().unwrap(), 8);
}
