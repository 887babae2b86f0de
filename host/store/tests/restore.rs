//! What a run needs to go on where the last one ended.

mod support;

use landfall_store::{Restored, SettledKeysRow, Store, WindowCounts, WindowRow};
use support::{open, reader};

fn window(start_ms: i64, schema: &str, raw: i64, delivered: i64) -> WindowRow {
    WindowRow {
        start_ms,
        end_ms: start_ms + 1_000,
        schema: schema.into(),
        counts: WindowCounts {
            raw,
            delivered,
            pending: raw - delivered,
            ..WindowCounts::default()
        },
    }
}

fn put(store: &mut Store, rows: &[WindowRow]) {
    let flush = store.begin().unwrap();
    for row in rows {
        flush.window(row).unwrap();
        flush.close_window(row.start_ms).unwrap();
    }
    flush.commit().unwrap();
}

/// Raw and pending of each window.
fn waiting(dir: &std::path::Path) -> Vec<(i64, i64)> {
    let windows = reader(dir).windows().unwrap();
    let counts = windows.iter().map(|window| &window.counts);
    counts.map(|counts| (counts.raw, counts.pending)).collect()
}

#[test]
fn what_is_judged_again_is_taken_out_of_its_window_and_what_is_gone_stays() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path()).unwrap();
    put(
        &mut store,
        &[
            window(0, "A/1", 5, 2),
            window(0, "B/1", 4, 4),
            window(1_000, "A/1", 2, 0),
            window(1_000, "B/1", 3, 0),
            window(5_000, "A/1", 7, 0),
        ],
    );
    // Three in the first window, four of five in the second one, none in the last.
    let arrivals_ms = [10, 20, 999, 1_000, 1_001, 1_500, 1_999, 2_000];
    let restored = store.restore(&arrivals_ms, &[], &[]).unwrap();
    assert_eq!(restored, Restored { events: 7, lost: 8 });
    let expected = [(2, 0), (4, 0), (0, 0), (1, 1), (7, 7)];
    assert_eq!(waiting(dir.path()), expected);
    // Killed before anything was judged: what is lost stays so, and is not found anew.
    let restored = store.restore(&arrivals_ms, &[], &[]).unwrap();
    assert_eq!(restored, Restored::default());
    assert_eq!(waiting(dir.path()), expected);
    // More come, are counted, and wait. Those that are lost are not taken for them.
    put(&mut store, &[window(5_000, "A/1", 2, 0)]);
    let restored = store.restore(&[5_001, 5_002, 5_003], &[], &[]).unwrap();
    assert_eq!(restored, Restored { events: 2, lost: 0 });
    assert_eq!(waiting(dir.path()), expected);
}

#[test]
fn settled_frames_are_known_until_their_segment_is_removed() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path()).unwrap();
    let flush = store.begin().unwrap();
    flush.settled_frames(1, &[8, 48]).unwrap();
    flush.settled_frames(2, &[8]).unwrap();
    flush.settled_frames(1, &[u32::MAX]).unwrap();
    flush.settled_frames(3, &[7]).unwrap();
    flush.commit().unwrap();
    let settled = store.settled_frames().unwrap();
    assert_eq!(settled.len(), 3);
    assert_eq!(settled[&1], [8, 48, u32::MAX].into());
    let flush = store.begin().unwrap();
    flush.forget_segment(2).unwrap();
    flush.commit().unwrap();
    // The file of a segment was removed, and the process was killed before that was stored.
    store.restore(&[], &[1], &[(1, 99)]).unwrap();
    let settled = store.settled_frames().unwrap();
    assert_eq!(settled.keys().collect::<Vec<_>>(), [&1]);
    assert!(settled[&1].contains(&99), "a copy that is not needed");
}

#[test]
fn settled_keys_are_kept_by_age_and_number() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path()).unwrap();
    let run = store.begin_run().unwrap();
    assert_eq!((run, store.begin_run().unwrap()), (1, 2));
    let row = |number: u8| SettledKeysRow {
        run,
        shard: 1,
        shards: 2,
        window_ms: 60_000,
        at_ms: i64::from(number) * 100,
        has_claims: number == 3,
        keys_before: u64::from(number) * 2,
        records: vec![number; 32],
    };
    let flush = store.begin().unwrap();
    for number in 0..10 {
        flush.settled_keys(&row(number)).unwrap();
    }
    flush.run_schema(run, 2, "A/1").unwrap();
    flush.commit().unwrap();
    let known = |store: &Store| {
        let mut rows = Vec::new();
        let keys = store.settled_keys(|row| rows.push(row)).unwrap();
        (keys, rows)
    };
    assert_eq!(known(&store), (20, (0..10).map(row).collect()));
    let prune = |store: &mut Store, before_ms, before_keys| {
        let flush = store.begin().unwrap();
        flush.prune_settled_keys(before_ms, before_keys, 1).unwrap();
        flush.commit().unwrap();
    };
    prune(&mut store, 300, 0);
    assert_eq!(known(&store), (20, (3..10).map(row).collect()));
    prune(&mut store, i64::MIN, 14);
    assert_eq!(known(&store), (20, (7..10).map(row).collect()));
    // The names of schemas stay as long as a row has their numbers.
    store.begin_run().unwrap();
    assert_eq!(store.run_schemas().unwrap()[&(run, 2)], "A/1");
    prune(&mut store, i64::MAX, 0);
    assert_eq!(known(&store), (0, Vec::new()));
    store.begin_run().unwrap();
    assert!(store.run_schemas().unwrap().is_empty());
}
