//! What retention removes, in which order, and how much of it at a time.

use std::path::Path;

use landfall_store::{
    IncidentRow, MissingFilter, MissingRow, PRUNE_ROWS_MAX, Pruned, Reader, Retention, SampleRow,
    Store, StoreError,
};

const RETENTION: Retention = Retention {
    keep_ms: 1_000_000_000,
    missing_max: 4,
    samples_max: 1000,
    samples_per_reason_max: 20,
};

fn open(dir: &Path) -> Store {
    Store::open(dir, [7; 16], "test").unwrap()
}

fn missing(number: u32) -> MissingRow {
    MissingRow {
        fingerprint: u128::from(number).to_be_bytes(),
        key: number.to_string(),
        schema: "S/1".into(),
        arrived_ms: i64::from(number),
        place: 0,
        deadline_ms: 1000,
        reported_ms: 1000,
        incident: 1,
        generation: 0,
        frame: vec![1; 3],
        hole: "",
        window_start_ms: None,
    }
}

fn put(store: &mut Store, numbers: impl IntoIterator<Item = u32>) {
    let flush = store.begin().unwrap();
    for number in numbers {
        flush.missing(&missing(number)).unwrap();
    }
    flush.commit().unwrap();
}

fn land(store: &mut Store, numbers: impl IntoIterator<Item = u32>) {
    let flush = store.begin().unwrap();
    for number in numbers {
        flush
            .landed(
                u128::from(number).to_be_bytes(),
                100_000 + i64::from(number),
            )
            .unwrap();
    }
    flush.commit().unwrap();
}

fn prune(store: &mut Store, now_ms: i64, retention: &Retention) -> Pruned {
    let flush = store.begin().unwrap();
    let pruned = flush.prune(now_ms, retention).unwrap();
    flush.commit().unwrap();
    pruned
}

/// Prunes until there is no more; how often that took.
fn prune_all(store: &mut Store, now_ms: i64, retention: &Retention) -> (Pruned, usize) {
    let mut all = Pruned::default();
    for step in 1.. {
        let pruned = prune(store, now_ms, retention);
        all.windows += pruned.windows;
        all.landed += pruned.landed;
        all.missing_old += pruned.missing_old;
        all.missing_excess += pruned.missing_excess;
        all.samples += pruned.samples;
        all.incidents += pruned.incidents;
        if !pruned.more {
            return (all, step);
        }
    }
    unreachable!("it ends")
}

fn keys(dir: &Path) -> Vec<String> {
    let mut keys = Vec::new();
    Reader::open(dir)
        .unwrap()
        .missing_each(&MissingFilter::default(), None, |event| {
            keys.push(event.key);
            Ok::<(), StoreError>(())
        })
        .unwrap();
    keys
}

fn rows(dir: &Path, table: &str) -> i64 {
    rusqlite::Connection::open(dir.join("landfall.sqlite"))
        .unwrap()
        .query_row(&format!("SELECT count(*) FROM {table}"), [], |row| {
            row.get(0)
        })
        .unwrap()
}

#[test]
fn beyond_the_number_the_oldest_go_and_are_counted() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    put(&mut store, 0..10);
    assert!(store.is_beyond(&RETENTION));
    let pruned = prune(&mut store, 10, &RETENTION);
    assert_eq!((pruned.missing_excess, pruned.missing_old), (6, 0));
    assert_eq!(keys(dir.path()), ["6", "7", "8", "9"]);
    assert!(!pruned.more && !store.is_beyond(&RETENTION));
}

#[test]
fn an_event_that_landed_never_displaces_one_that_is_owed() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    put(&mut store, 0..3);
    // Many that are newer went missing and landed.
    put(&mut store, 10..30);
    land(&mut store, 10..30);
    let pruned = prune(&mut store, 10, &RETENTION);
    assert_eq!((pruned.missing_excess, pruned.landed), (0, 19));
    assert_eq!(keys(dir.path()), ["0", "1", "2"]);
    assert_eq!(rows(dir.path(), "missing"), 4);

    // Missing events that have not landed take their place.
    put(&mut store, 30..32);
    let pruned = prune(&mut store, 10, &RETENTION);
    assert_eq!((pruned.missing_excess, pruned.landed), (1, 1));
    assert_eq!(keys(dir.path()), ["1", "2", "30", "31"]);
    assert_eq!(rows(dir.path(), "missing"), 4);
}

#[test]
fn the_numbers_stay_right_whatever_a_flush_does_and_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    let beyond = |store: &Store, missing_max: u64| {
        store.is_beyond(&Retention {
            missing_max,
            ..RETENTION
        })
    };
    put(&mut store, 0..5);
    // The same event twice is one row; one that landed and is lost again is missing again.
    put(&mut store, 0..5);
    land(&mut store, 0..2);
    put(&mut store, 0..1);
    let flush = store.begin().unwrap();
    flush.missing(&missing(90)).unwrap();
    // Not committed: it never was.
    drop(flush);
    for _ in 0..2 {
        assert!(!beyond(&store, 5) && beyond(&store, 4));
        drop(store);
        store = open(dir.path());
    }
    let (pruned, _) = prune_all(
        &mut store,
        10,
        &Retention {
            missing_max: 0,
            ..RETENTION
        },
    );
    assert_eq!((pruned.landed, pruned.missing_excess), (1, 4));
    assert!(!beyond(&store, 0));
}

#[test]
fn one_step_removes_no_more_than_its_bound_and_the_steps_come_to_an_end() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    let step = u32::try_from(PRUNE_ROWS_MAX).unwrap();
    put(&mut store, 0..2 * step + 100);
    land(&mut store, 0..step + 50);
    let flush = store.begin().unwrap();
    for n in 0..step + 7 {
        let row = SampleRow {
            at_ms: i64::from(n),
            ..SampleRow::default()
        };
        flush.sample(&row).unwrap();
    }
    flush.commit().unwrap();
    let retention = Retention {
        samples_max: 5,
        ..RETENTION
    };
    let pruned = prune(&mut store, 10, &retention);
    let bound = PRUNE_ROWS_MAX as usize;
    assert_eq!(
        (pruned.landed, pruned.missing_excess, pruned.samples),
        (bound, bound, bound)
    );
    assert!(pruned.more);
    let (rest, steps) = prune_all(&mut store, 10, &retention);
    assert_eq!((rest.landed, rest.missing_excess), (50, 46));
    assert_eq!(rest.samples, 2);
    assert!(steps <= 2, "{steps}");
    assert_eq!(keys(dir.path()).len(), 4);

    // By age too.
    let far = i64::from(step) + retention.keep_ms + 10;
    let old = Retention {
        missing_max: 1_000_000,
        ..retention
    };
    put(&mut store, 0..step + 1);
    let pruned = prune(&mut store, far, &old);
    assert_eq!(pruned.missing_old, bound);
    assert!(pruned.more);
    assert!(!prune_all(&mut store, far, &old).0.more);
    assert_eq!(rows(dir.path(), "missing"), 4);
}

#[test]
fn every_statement_of_retention_goes_by_an_index() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()));
    let connection = rusqlite::Connection::open(dir.path().join("landfall.sqlite")).unwrap();
    let source = include_str!("../src/prune.rs");
    let mut seen = 0;
    for statement in source.split("\"DELETE FROM").skip(1) {
        // Of samples there are few (store.samples_max), and which are rare takes looking at all.
        if statement.contains("PARTITION BY") {
            continue;
        }
        let statement = format!("DELETE FROM{}", statement.split('"').next().unwrap());
        let mut plan = connection
            .prepare(&format!("EXPLAIN QUERY PLAN {statement}"))
            .unwrap();
        let count = plan.parameter_count();
        let steps: Vec<String> = plan
            .query_map(rusqlite::params_from_iter(vec![1; count]), |row| row.get(3))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        for step in &steps {
            // A scan in the order of an index stops at the LIMIT.
            let bounded = !step.contains("SCAN")
                || step.contains("USING")
                || statement.contains("ORDER BY id LIMIT");
            assert!(bounded, "{statement}: {steps:?}");
            assert!(
                !step.contains("TEMP B-TREE FOR ORDER BY"),
                "{statement}: {steps:?}"
            );
        }
        seen += 1;
    }
    assert_eq!(seen, 11);
}

#[test]
fn an_old_incident_stays_while_an_event_of_it_is_owed() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    put(&mut store, 10..12);
    let flush = store.begin().unwrap();
    for id in [1, 2] {
        let row = IncidentRow {
            id,
            cause: "loss".into(),
            scope: "schema".into(),
            subject: "S/1".into(),
            start_ms: 1,
            end_ms: 2,
            opened_ms: 2,
            resumed_ms: None,
            closed_ms: Some(3),
            events: 2,
            landed_late: 0,
            shares: Vec::new(),
            found: landfall_store::FindingRow::default(),
        };
        flush.incident(&row).unwrap();
    }
    flush.commit().unwrap();
    let now_ms = RETENTION.keep_ms;
    assert_eq!(prune(&mut store, now_ms + 4, &RETENTION).incidents, 1);
    put(&mut store, [1_000_000]);
    land(&mut store, [10, 11, 1_000_000]);
    assert_eq!(prune(&mut store, now_ms + 4, &RETENTION).incidents, 1);
    assert_eq!(rows(dir.path(), "incidents"), 0);
}

#[test]
fn the_time_of_retention_is_kept_beside_the_time_that_is_known() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    assert_eq!(store.retention_ms().unwrap(), None);
    let flush = store.begin().unwrap();
    flush.known(4_070_908_800_000, true).unwrap();
    flush.retention_time(1_700_000_000_000).unwrap();
    flush.commit().unwrap();
    drop(store);
    let mut store = open(dir.path());
    assert_eq!(store.retention_ms().unwrap(), Some(1_700_000_000_000));
    assert_eq!(store.known_time().unwrap(), Some((4_070_908_800_000, true)));
    let flush = store.begin().unwrap();
    flush.known(5, false).unwrap();
    flush.commit().unwrap();
    assert!(
        store
            .known_time()
            .unwrap()
            .is_none_or(|(_, system)| !system)
    );
}
