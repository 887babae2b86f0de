//! The store from outside: what is stored and for how long, what readers see while it changes, who may write.
//!
//! Long: all tests share one store and its rows.

mod support;

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use landfall_store::{
    FindingRow, Frame, GroupBy, IncidentRow, MissingFilter, MissingRow, Retention, SampleRow,
    ShareRow, Store, StoreError, WindowCounts, WindowRow,
};
use support::{keys, missing, open, put, reader, window};

const HOUR: i64 = 3_600_000;

fn incident(id: u64, closed_ms: Option<i64>) -> IncidentRow {
    IncidentRow {
        id,
        cause: "stalled".into(),
        scope: "pipeline".into(),
        subject: String::new(),
        start_ms: 100,
        end_ms: 200,
        opened_ms: 150,
        resumed_ms: None,
        closed_ms,
        events: 1,
        landed_late: 0,
        shares: Vec::new(),
        found: FindingRow::default(),
    }
}

fn land(store: &mut Store, number: u8, at_ms: i64) {
    let flush = store.begin().unwrap();
    flush.landed([number; 16], at_ms).unwrap();
    flush.commit().unwrap();
}

/// Start and generation of all windows' judges.
fn judges(dir: &Path) -> Vec<(i64, u64)> {
    let connection = rusqlite::Connection::open(dir.join("store/landfall.sqlite")).unwrap();
    let mut statement = connection
        .prepare("SELECT start_ms, generation FROM window_judges")
        .unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
    rows.unwrap().collect::<Result<_, _>>().unwrap()
}

const RETENTION: Retention = Retention {
    keep_ms: 24 * HOUR,
    missing_max: 1000,
    samples_max: 1000,
    samples_per_reason_max: 20,
};

fn prune(store: &mut Store, now_ms: i64, retention: &Retention) -> landfall_store::Pruned {
    let flush = store.begin().unwrap();
    let pruned = flush.prune(now_ms, retention).unwrap();
    flush.commit().unwrap();
    pruned
}

#[test]
fn nothing_is_kept_longer_than_it_should_be_least_of_all_frames() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path()).unwrap();
    let now = 100 * HOUR;
    put(
        &mut store,
        &[
            missing(1, now - 30 * HOUR),
            missing(2, now - HOUR),
            missing(3, now - 50 * HOUR),
        ],
    );
    land(&mut store, 3, now - 49 * HOUR);
    let flush = store.begin().unwrap();
    flush.incident(&incident(1, Some(now - 30 * HOUR))).unwrap();
    flush.incident(&incident(2, Some(now - HOUR))).unwrap();
    flush.incident(&incident(3, Some(now - 30 * HOUR))).unwrap();
    for (start_ms, closed) in [
        (now - 30 * HOUR, true),
        (now - 29 * HOUR, false),
        (now - HOUR, true),
    ] {
        let row = WindowRow {
            start_ms,
            end_ms: start_ms + 1,
            schema: "S/1".into(),
            counts: WindowCounts::default(),
        };
        flush.window(&row).unwrap();
        for generation in [7, 8, 7] {
            flush.window_judge(start_ms, "S/1", generation).unwrap();
        }
        if closed {
            flush.close_window(start_ms).unwrap();
        }
    }
    for at_ms in [now - 30 * HOUR, now] {
        let row = SampleRow {
            at_ms,
            ..SampleRow::default()
        };
        flush.sample(&row).unwrap();
    }
    flush.commit().unwrap();

    let pruned = prune(&mut store, now, &RETENTION);
    assert_eq!((pruned.missing_old, pruned.landed), (1, 1));
    assert_eq!((pruned.windows, pruned.samples), (2, 1));
    assert_eq!(judges(dir.path()), [(now - HOUR, 7), (now - HOUR, 8)]);
    // The first still has a missing event that can be backfilled.
    assert_eq!(pruned.incidents, 1);
    let reader = reader(dir.path());
    assert_eq!(keys(&reader), ["key-2"]);
    let left: Vec<u64> = reader
        .incidents()
        .unwrap()
        .iter()
        .map(|row| row.id)
        .collect();
    assert_eq!(left, [1, 2]);
}

#[test]
fn what_lands_between_the_list_and_its_turn_is_told_to_have_landed() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path()).unwrap();
    let rows: Vec<MissingRow> = (0..5).map(|n| missing(n, i64::from(n))).collect();
    put(&mut store, &rows);
    let reader = reader(dir.path());
    let mut frames = Vec::new();
    reader
        .missing_each(&MissingFilter::default(), None, |event| {
            if event.key == "key-0" {
                // While the list is gone through, the sidecar writes.
                land(&mut store, 1, 50);
                land(&mut store, 3, 50);
                put(&mut store, &[missing(9, 2)]);
            }
            frames.push((event.key.clone(), reader.frame(event.id)?));
            Ok::<(), StoreError>(())
        })
        .unwrap();
    let kept = |number: u8| Frame::Kept(vec![number; 3]);
    assert_eq!(
        frames,
        [
            ("key-0".into(), kept(0)),
            ("key-1".into(), Frame::Landed),
            ("key-2".into(), kept(2)),
            ("key-3".into(), Frame::Landed),
            ("key-4".into(), kept(4)),
        ]
    );
}

#[test]
fn pages_join_without_a_gap_or_an_overlap() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path()).unwrap();
    let rows: Vec<MissingRow> = (0..2500u32)
        .map(|n| MissingRow {
            fingerprint: u128::from(n).to_be_bytes(),
            key: n.to_string(),
            // Many at the same time, and not in the order in which they were put.
            place: u64::from(n.wrapping_mul(104_729) % 50),
            ..missing(0, i64::from(n.wrapping_mul(7919) % 30))
        })
        .collect();
    put(&mut store, &rows);
    let reader = reader(dir.path());
    let mut listed = Vec::new();
    let filter = MissingFilter {
        schema: Some("S".into()),
        ..MissingFilter::default()
    };
    reader
        .missing_each(&filter, None, |event| {
            listed.push((event.arrived_ms, event.place, event.id));
            Ok::<(), StoreError>(())
        })
        .unwrap();
    let mut sorted = listed.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(listed.len(), 2500);
    assert_eq!(listed, sorted);
    let mut few = 0;
    reader
        .missing_each(&filter, Some(1500), |_| {
            few += 1;
            Ok::<(), StoreError>(())
        })
        .unwrap();
    assert_eq!(few, 1500);
}

#[test]
fn a_key_that_is_lost_once_more_after_it_had_landed_is_missing_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path()).unwrap();
    put(&mut store, &[missing(1, 10), missing(2, 20)]);
    land(&mut store, 1, 500);
    let again = MissingRow {
        frame: b"again".to_vec(),
        ..missing(1, 9000)
    };
    put(&mut store, &[again, missing(2, 9000)]);
    let reader = reader(dir.path());
    assert_eq!(keys(&reader), ["key-2", "key-1"], "and no key twice");
    let mut last = None;
    reader
        .missing_each(&MissingFilter::default(), None, |event| {
            last = Some(reader.frame(event.id)?);
            Ok::<(), StoreError>(())
        })
        .unwrap();
    assert_eq!(last, Some(Frame::Kept(b"again".to_vec())));
}

#[test]
fn windows_of_two_lengths_that_begin_at_the_same_time_are_one_that_holds_the_events_of_both() {
    for lengths in [[1_000, 7_000], [7_000, 1_000]] {
        let dir = tempfile::tempdir().unwrap();
        let mut store = open(dir.path()).unwrap();
        let flush = store.begin().unwrap();
        for length in lengths {
            flush.window(&window(0, length, 1)).unwrap();
        }
        let late = WindowCounts {
            late: 1,
            missing: -1,
            ..WindowCounts::default()
        };
        // One arrived early in both, one in the longer alone.
        flush.window_revised(500, "S/1", None, &late).unwrap();
        flush.window_revised(5_000, "S/1", None, &late).unwrap();
        flush.commit().unwrap();
        let windows = reader(dir.path()).windows().unwrap();
        let counts = WindowCounts {
            raw: 2,
            late: 2,
            ..WindowCounts::default()
        };
        let whole = WindowRow {
            counts,
            ..window(0, 7_000, 0)
        };
        assert_eq!(windows, [whole]);
    }
}

#[test]
fn what_becomes_of_an_old_incidents_events_is_counted_in_their_share() {
    let share = |schema: &str, events, landed_late| ShareRow {
        schema: schema.into(),
        events,
        landed_late,
        first_ms: 100,
        last_ms: 200,
    };
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path()).unwrap();
    let flush = store.begin().unwrap();
    let row = IncidentRow {
        events: 5,
        shares: vec![share("(unknown)", 2, 0), share("S/1", 3, 0)],
        ..incident(1, Some(300))
    };
    flush.incident(&row).unwrap();
    flush.incident_landed_late(1, "S/1").unwrap();
    flush.incident_lost_again(1, "S/1").unwrap();
    // It had lost its name when it was counted.
    flush.incident_landed_late(1, "S/2").unwrap();
    flush.incident_lost_again(1, "S/2").unwrap();
    // Nobody knows it any more.
    flush.incident_lost_again(2, "S/1").unwrap();
    flush.commit().unwrap();
    let found = reader(dir.path()).incidents().unwrap();
    let expected = IncidentRow {
        events: 3,
        landed_late: 2,
        shares: vec![share("(unknown)", 1, 1), share("S/1", 2, 1)],
        ..row
    };
    assert_eq!(found, [expected]);
}

#[test]
fn a_frame_that_could_not_be_read_back_is_told_from_one_that_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path()).unwrap();
    let row = MissingRow {
        frame: Vec::new(),
        ..missing(1, 10)
    };
    put(&mut store, &[row]);
    let reader = reader(dir.path());
    reader
        .missing_each(&MissingFilter::default(), None, |event| {
            assert_eq!(reader.frame(event.id)?, Frame::Lost);
            Ok::<(), StoreError>(())
        })
        .unwrap();
    assert_eq!(reader.missing_count(&MissingFilter::default()).unwrap(), 1);
}

#[test]
fn missing_events_are_counted_in_several_ways_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path()).unwrap();
    put(
        &mut store,
        &[
            missing(1, 0),
            missing(2, 1),
            missing(3, 2),
            missing(5, HOUR),
        ],
    );
    let groups = reader(dir.path())
        .missing_groups(&MissingFilter::default(), &[GroupBy::Schema, GroupBy::Hour])
        .unwrap();
    let counted: Vec<(String, u64)> = groups
        .into_iter()
        .map(|group| (group.group.join(" "), group.events))
        .collect();
    assert_eq!(
        counted,
        [
            ("S/1 0".into(), 2),
            ("S/0 0".into(), 1),
            (format!("S/1 {HOUR}"), 1)
        ]
    );
}

#[test]
fn what_an_earlier_run_left_open_is_closed_as_of_the_last_time_it_knew() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path()).unwrap();
    let flush = store.begin().unwrap();
    flush.incident(&incident(1, None)).unwrap();
    let lost = IncidentRow {
        cause: "loss".into(),
        ..incident(2, None)
    };
    flush.incident(&lost).unwrap();
    flush.incident(&incident(3, Some(300))).unwrap();
    let row = WindowRow {
        start_ms: 0,
        end_ms: 10,
        schema: "S/1".into(),
        counts: WindowCounts::default(),
    };
    flush.window(&row).unwrap();
    flush.known(5000, true).unwrap();
    flush.commit().unwrap();
    drop(store);
    let mut store = open(dir.path()).unwrap();
    let left = store.close_leftovers(&[]).unwrap();
    assert_eq!((left.incidents, left.windows), (2, 1));
    let closed: Vec<_> = reader(dir.path())
        .incidents()
        .unwrap()
        .iter()
        .map(|row| (row.id, row.end_ms, row.closed_ms))
        .collect();
    assert_eq!(
        closed,
        [
            // Nothing had landed again: the outage lasted until then at least.
            (1, 5000, Some(5000)),
            (2, 200, Some(5000)),
            (3, 200, Some(300)),
        ]
    );
}

#[test]
fn a_store_with_a_clock_of_its_own_says_what_time_it_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path()).unwrap();
    let mut known = |follows_system| {
        let flush = store.begin().unwrap();
        flush.known(1_416_276_720_000, follows_system).unwrap();
        flush.commit().unwrap();
        reader(dir.path()).own_time_ms().unwrap()
    };
    assert_eq!(known(true), None);
    assert_eq!(known(false), Some(1_416_276_720_000));
}

#[test]
fn a_second_writer_is_refused_and_a_reader_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let first = open(dir.path()).unwrap();
    let Err(error) = open(dir.path()) else {
        panic!("two writers");
    };
    assert!(matches!(error, StoreError::Locked { .. }));
    assert!(error.to_string().contains("store.dir"), "{error}");
    assert_eq!(keys(&reader(dir.path())), [""; 0]);
    drop(first);
    open(dir.path()).expect("it is free again");
}

#[test]
fn only_a_directory_of_its_own_becomes_a_store() {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("store");
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let chmod = |mode| {
        std::fs::set_permissions(&store, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    std::fs::create_dir(&store).unwrap();

    chmod(0o777);
    let error = open(dir.path())
        .err()
        .expect("others can write")
        .to_string();
    assert!(error.contains("chmod go-w"), "{error}");
    assert_eq!(mode(&store), 0o777, "it is left as it was");

    chmod(0o755);
    std::fs::write(store.join("thesis.tex"), "years of work").unwrap();
    let error = open(dir.path()).err().expect("it is in use").to_string();
    assert!(error.contains("thesis.tex"), "{error}");
    assert_eq!(std::fs::read_dir(&store).unwrap().count(), 1);

    std::fs::remove_file(store.join("thesis.tex")).unwrap();
    // What a process that was killed leaves when its damaged database is moved away.
    drop(std::os::unix::net::UnixListener::bind(store.join("control")).unwrap());
    std::fs::write(store.join("lock"), "").unwrap();
    drop(open(dir.path()).expect("it holds only a store's own"));
    assert_eq!(mode(&store), 0o755, "and the operator's own choice");
    assert_eq!(mode(&store.join("landfall.sqlite")), 0o600);
    std::fs::write(store.join("lost.log"), "a backfill").unwrap();
    open(dir.path()).expect("a store stays one");
}

#[test]
fn samples_beyond_the_bound_go_where_there_are_newer_ones_like_them() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path()).unwrap();
    let now = 1000;
    let flush = store.begin().unwrap();
    let add = |reason: &str, schema: &str| {
        let row = SampleRow {
            kind: "altered".into(),
            check_name: "parity".into(),
            reason: reason.into(),
            schema: schema.into(),
            at_ms: now,
            ..SampleRow::default()
        };
        flush.sample(&row).unwrap();
        flush
            .trim_samples("altered", "parity", reason, schema, 20)
            .unwrap();
    };
    add("rare", "S/1");
    (0..30).for_each(|_| add("frequent", "S/1"));
    (0..5).for_each(|_| add("frequent", "S/2"));
    let retention = Retention {
        samples_max: 10,
        ..RETENTION
    };
    let pruned = flush.prune(now, &retention).unwrap();
    assert_eq!(pruned.samples, 1 + 20 + 5 - 10);
    flush.commit().unwrap();
    let path = dir.path().join("store/landfall.sqlite");
    let read = rusqlite::Connection::open(path).unwrap();
    let count = |reason: &str, schema: &str| -> i64 {
        read.query_row(
            "SELECT count(*) FROM samples WHERE reason = ?1 AND schema = ?2",
            [reason, schema],
            |row| row.get(0),
        )
        .unwrap()
    };
    assert_eq!(count("rare", "S/1"), 1, "however old");
    assert_eq!((count("frequent", "S/1"), count("frequent", "S/2")), (4, 5));
}

#[test]
fn an_unconfirmed_event_is_told_from_a_missing_one_and_a_second_loss_can_make_one() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path()).unwrap();
    let unconfirmed = MissingRow {
        hole: "paused",
        ..missing(1, 10)
    };
    put(&mut store, &[unconfirmed, missing(2, 20), missing(3, 30)]);
    let flush = store.begin().unwrap();
    flush.missing_again([1; 16], 2, 5_000, 5_001, "").unwrap();
    flush
        .missing_again([2; 16], 2, 5_000, 5_001, "disconnected")
        .unwrap();
    flush.commit().unwrap();
    assert!(
        store
            .missing_event([2; 16])
            .unwrap()
            .unwrap()
            .is_unconfirmed
    );
    assert!(
        !store
            .missing_event([3; 16])
            .unwrap()
            .unwrap()
            .is_unconfirmed
    );
    let reader = reader(dir.path());
    let mut holes = Vec::new();
    let all = MissingFilter::default();
    reader
        .missing_each(&all, None, |event| {
            holes.push((event.key, event.hole));
            Ok::<(), StoreError>(())
        })
        .unwrap();
    let expected = [
        ("key-1", "paused"),
        ("key-2", "disconnected"),
        ("key-3", ""),
    ];
    assert_eq!(
        holes,
        expected.map(|(key, hole)| (key.to_owned(), hole.to_owned()))
    );
    for (unconfirmed, count) in [(None, 3), (Some(true), 2), (Some(false), 1)] {
        let filter = MissingFilter {
            unconfirmed,
            ..all.clone()
        };
        assert_eq!(
            reader.missing_count(&filter).unwrap(),
            count,
            "{unconfirmed:?}"
        );
    }
}
