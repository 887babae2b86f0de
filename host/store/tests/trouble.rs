//! The store when its files are moved, damaged or claimed by another, and when a commit fails.

mod support;

use landfall_store::{Retention, Store, StoreError};
use support::{keys, missing, open, put, reader, window};

#[test]
fn a_second_writer_is_refused_though_somebody_removed_the_lock() {
    let dir = tempfile::tempdir().unwrap();
    let held = open(dir.path()).unwrap();
    std::fs::remove_file(dir.path().join("store/lock")).unwrap();
    assert!(matches!(open(dir.path()), Err(StoreError::Locked { .. })));
    drop(held);
    assert!(open(dir.path()).is_ok());
}

#[test]
fn a_store_that_is_not_where_it_was_takes_nothing_until_it_is_back() {
    let dir = tempfile::tempdir().unwrap();
    let (here, away) = (dir.path().join("store"), dir.path().join("away"));
    let mut store = open(dir.path()).unwrap();
    put(&mut store, &[missing(1, 100)]);
    let is_moved = |store: &mut Store| matches!(store.begin(), Err(StoreError::Moved { .. }));

    std::fs::rename(&here, &away).unwrap();
    assert!(is_moved(&mut store), "the directory is gone");
    // Another one in its place, with another file of the same name.
    let other = open(dir.path()).unwrap();
    assert!(is_moved(&mut store), "another store has its place");
    drop(other);
    std::fs::remove_dir_all(&here).unwrap();
    std::fs::rename(&away, &here).unwrap();
    put(&mut store, &[missing(2, 200)]);
    assert_eq!(keys(&reader(dir.path())), ["key-1", "key-2"]);

    let (file, aside) = (here.join("landfall.sqlite"), here.join("aside"));
    std::fs::rename(&file, &aside).unwrap();
    assert!(is_moved(&mut store), "the file is gone");
    std::fs::copy(&aside, &file).unwrap();
    assert!(is_moved(&mut store), "a copy is another file");
}

#[test]
fn a_flush_whose_commit_was_done_and_failed_on_its_way_back_is_known_to_be_there() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path()).unwrap();
    let write = |store: &mut Store, is_lost: bool| {
        if is_lost {
            store.lose_answer();
        }
        let flush = store.begin().unwrap();
        flush.number().unwrap();
        flush.window(&window(0, 1000, 1)).unwrap();
        flush.missing(&missing(1, 100)).unwrap();
        flush.commit()
    };
    write(&mut store, false).unwrap();
    assert!(!store.is_committed().unwrap(), "nothing is in doubt");
    for round in 0..2 {
        assert!(write(&mut store, true).is_err());
        assert!(store.is_committed().unwrap(), "round {round}");
        assert!(!store.is_committed().unwrap(), "it is said once");
    }
    // One that is given up is not taken for the one after it, whose commit was not done.
    assert!(write(&mut store, true).is_err());
    store.give_up_flush();
    assert!(!store.is_committed().unwrap());
    store.fail_commit();
    assert!(write(&mut store, false).is_err());
    assert!(!store.is_committed().unwrap(), "of the flush before it");
    // One that was not done: it is dropped before its commit.
    let flush = store.begin().unwrap();
    flush.number().unwrap();
    drop(flush);
    assert!(!store.is_committed().unwrap());
    // The numbers go on in another process, and rows are counted as they are.
    drop(store);
    let mut store = open(dir.path()).unwrap();
    assert!(write(&mut store, true).is_err());
    assert!(store.is_committed().unwrap());
    let counted = reader(dir.path()).windows().unwrap();
    assert_eq!(counted[0].counts.missing, 5);
    // Rows are counted as they are.
    let none = Retention {
        keep_ms: i64::MAX / 4,
        missing_max: 0,
        samples_max: 0,
        samples_per_reason_max: 0,
    };
    assert!(store.is_beyond(&none));
    let flush = store.begin().unwrap();
    flush.prune(0, &none).unwrap();
    flush.commit().unwrap();
    assert!(!store.is_beyond(&none));
}

#[test]
fn a_damaged_file_is_told_from_trouble_that_may_pass() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()).unwrap());
    let path = dir.path().join("store/landfall.sqlite");
    std::fs::write(&path, vec![b'x'; 8192]).unwrap();
    match open(dir.path()) {
        Err(error) => assert!(error.is_final(), "{error}"),
        Ok(_) => panic!("it opens"),
    }
    std::fs::remove_file(&path).unwrap();
    let mut store = open(dir.path()).unwrap();
    std::fs::remove_file(&path).unwrap();
    let error = store.begin().err().expect("it is gone");
    assert!(!error.is_final(), "{error}");
}
