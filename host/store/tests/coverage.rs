//! What the store knows of what nobody saw: holes, frames that could not be read, and what may have landed meanwhile.

mod support;

use landfall_store::{
    CoverageRow, MissingFilter, MissingRow, Retention, SequenceGapRow, StoreError, UnreadRow,
};
use support::{missing, open, put, reader};

#[test]
fn a_hole_grows_in_its_place_and_takes_in_those_that_it_reaches() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path()).unwrap();
    let hole = |stream: &str, from_ms, to_ms| CoverageRow {
        stream: stream.into(),
        from_ms,
        to_ms,
        cause: "disconnected".into(),
    };
    let mut write = |rows: &[CoverageRow]| {
        let flush = store.begin().unwrap();
        rows.iter().for_each(|row| flush.coverage(row).unwrap());
        flush.commit().unwrap();
        reader(dir.path()).coverage().unwrap()
    };
    let (raw, first, second) = (
        hole("raw", 5, 9),
        hole("written", 10, 20),
        hole("written", 30, 40),
    );
    assert_eq!(
        write(&[second.clone(), first.clone(), raw.clone()]),
        [raw.clone(), first, second.clone()]
    );
    let grown = hole("written", 10, 29);
    assert_eq!(
        write(std::slice::from_ref(&grown)),
        [raw.clone(), grown.clone(), second]
    );
    let whole = hole("written", 10, 40);
    assert_eq!(write(std::slice::from_ref(&whole)), [raw, whole.clone()]);
}

#[test]
fn what_was_missing_before_a_hole_of_the_written_stream_may_have_landed_in_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path()).unwrap();
    let rows: Vec<MissingRow> = [(1, 100, ""), (2, 200, ""), (3, 201, ""), (4, 300, "paused")]
        .map(|(number, deadline_ms, hole)| MissingRow {
            deadline_ms,
            hole,
            ..missing(number, 0)
        })
        .into();
    put(&mut store, &rows);
    let landed_perhaps = || {
        let reader = reader(dir.path());
        let mut deadlines = Vec::new();
        reader
            .missing_each(&MissingFilter::default(), None, |event| {
                deadlines.extend(event.may_have_landed.then_some(event.deadline_ms));
                Ok::<(), StoreError>(())
            })
            .unwrap();
        let count = |certain| {
            let filter = MissingFilter {
                certain: Some(certain),
                ..MissingFilter::default()
            };
            reader.missing_count(&filter).unwrap()
        };
        assert_eq!(count(false), deadlines.len() as u64);
        assert_eq!(count(true), 4 - deadlines.len() as u64);
        deadlines.sort_unstable();
        deadlines
    };
    assert_eq!(landed_perhaps(), [300], "all was seen but for the last");
    for (stream, to_ms, expected) in [
        ("raw", 1_000, vec![300]),
        ("written", 99, vec![300]),
        ("written", 100, vec![100, 300]),
        ("written", 200, vec![100, 200, 300]),
    ] {
        let flush = store.begin().unwrap();
        let row = CoverageRow {
            stream: stream.into(),
            from_ms: 50,
            to_ms,
            cause: "disconnected".into(),
        };
        flush.coverage(&row).unwrap();
        flush.commit().unwrap();
        assert_eq!(landed_perhaps(), expected, "{stream} {to_ms}");
    }
}

#[test]
fn frames_that_could_not_be_read_add_up_by_window_and_stream_and_are_kept_as_long_as_windows() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path()).unwrap();
    let row = |start_ms, stream: &str, frames| UnreadRow {
        start_ms,
        end_ms: start_ms + 60_000,
        stream: stream.into(),
        frames,
    };
    let flush = store.begin().unwrap();
    for row in [
        row(0, "written", 2),
        row(0, "written", 3),
        row(0, "raw", 10),
        row(60_000, "written", 100),
    ] {
        flush.unread(&row).unwrap();
    }
    flush.commit().unwrap();
    for (stream, from_ms, to_ms, frames) in [
        ("written", 0, 1, 5),
        ("written", 59_999, 60_000, 5),
        ("written", 59_999, 60_001, 105),
        ("written", 60_000, 60_001, 100),
        ("written", 120_000, 120_001, 0),
        ("raw", i64::MIN, i64::MAX, 10),
    ] {
        let found = reader(dir.path()).unread_frames(stream, from_ms, to_ms);
        assert_eq!(found.unwrap(), frames, "{stream} {from_ms} to {to_ms}");
    }
    let flush = store.begin().unwrap();
    let retention = Retention {
        keep_ms: 60_000,
        missing_max: 1_000,
        samples_max: 1_000,
        samples_per_reason_max: 20,
    };
    flush.prune(60_000 + 60_001, &retention).unwrap();
    flush.commit().unwrap();
    let left = reader(dir.path()).unread_frames("written", i64::MIN, i64::MAX);
    assert_eq!(left.unwrap(), 100);
}

#[test]
fn numbers_that_were_left_out_are_counted_by_window_and_go_with_retention() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path()).unwrap();
    let row = |start_ms, stream: &str, numbers, landed, came_late| SequenceGapRow {
        unread: came_late * 2,
        start_ms,
        end_ms: start_ms + 60_000,
        stream: stream.into(),
        numbers,
        landed,
        came_late,
    };
    let flush = store.begin().unwrap();
    for row in [
        row(60_000, "raw", 7, 0, 0),
        row(0, "raw", 5, 1, 0),
        row(0, "raw", 0, 2, 1),
        row(0, "written", 9, 0, 0),
    ] {
        flush.sequence_gap(&row).unwrap();
    }
    flush.commit().unwrap();
    assert_eq!(
        reader(dir.path()).sequence_gaps().unwrap(),
        [
            row(0, "raw", 5, 3, 1),
            row(0, "written", 9, 0, 0),
            row(60_000, "raw", 7, 0, 0)
        ]
    );
    let flush = store.begin().unwrap();
    let retention = Retention {
        keep_ms: 60_000,
        missing_max: 1_000,
        samples_max: 1_000,
        samples_per_reason_max: 20,
    };
    flush.prune(60_000 + 60_001, &retention).unwrap();
    flush.commit().unwrap();
    let left = reader(dir.path()).sequence_gaps().unwrap();
    assert_eq!(left, [row(60_000, "raw", 7, 0, 0)]);
}

/// What may have landed when the event was missing first stays so: the second loss says nothing of it.
#[test]
fn an_event_that_is_lost_again_after_a_hole_may_have_landed_in_it_all_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path()).unwrap();
    put(&mut store, &[missing(1, 0), missing(2, 0)]);
    let hole = |from_ms, to_ms| CoverageRow {
        stream: "written".into(),
        from_ms,
        to_ms,
        cause: "disconnected".into(),
    };
    let doubtful = || {
        let filter = MissingFilter {
            certain: Some(false),
            ..MissingFilter::default()
        };
        reader(dir.path()).missing_count(&filter).unwrap()
    };
    let flush = store.begin().unwrap();
    flush.known(50_000, true).unwrap();
    // Both were missing at 1,000; the hole is behind that.
    flush.coverage(&hole(2_000, 3_000)).unwrap();
    flush.missing_again([1; 16], 2, 9_000, 9_000, "").unwrap();
    flush.missing_again([1; 16], 3, 12_000, 12_000, "").unwrap();
    flush.commit().unwrap();
    assert_eq!(doubtful(), 2);
}

#[test]
fn a_hole_of_a_date_that_was_wrong_makes_nothing_doubtful() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path()).unwrap();
    put(&mut store, &[missing(1, 0)]);
    let flush = store.begin().unwrap();
    flush.known(50_000, true).unwrap();
    let hole = CoverageRow {
        stream: "written".into(),
        from_ms: 4_000_000_000_000,
        to_ms: 4_000_000_000_000,
        cause: "not_running".into(),
    };
    flush.coverage(&hole).unwrap();
    flush.commit().unwrap();
    let filter = MissingFilter {
        certain: Some(true),
        ..MissingFilter::default()
    };
    let count = reader(dir.path()).missing_count(&filter).unwrap();
    assert_eq!(count, 1);
}
