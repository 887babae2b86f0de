//! What a power cut may take: nothing that was brought to the disk, and no file that the store still needs.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use landfall_store::spool::{
    FrameKind, Spool, SpoolError, SpoolWriter, SpooledFrames, sync_store_log,
};

const FRAME: [u8; 1_000] = [b'x'; 1_000];

fn open(dir: &Path, bytes_max: u64) -> (Arc<Spool>, Arc<AtomicUsize>) {
    let spool = Spool::open(dir, bytes_max, 1, 10_000).unwrap();
    let wanted: Arc<AtomicUsize> = Arc::default();
    let count = Arc::clone(&wanted);
    spool.keep_until_sync(Box::new(move || {
        count.fetch_add(1, Ordering::Relaxed);
    }));
    (spool, wanted)
}

fn append(writer: &mut SpoolWriter) -> Result<u64, SpoolError> {
    let frames = SpooledFrames {
        bytes: &FRAME,
        ends: &[1_000],
        first_place: 0,
        arrived_ms: &[5],
        source: 0,
        earliest_ms: &[],
        kind: FrameKind::Raw,
    };
    let mut references = Vec::new();
    writer.append_frames(&frames, &mut references)?;
    Ok(references[0])
}

fn files(dir: &Path) -> usize {
    std::fs::read_dir(dir).unwrap().count()
}

#[test]
fn a_file_stays_until_the_store_has_on_the_disk_that_nothing_of_it_is_needed() {
    let dir = tempfile::tempdir().unwrap();
    let (spool, _) = open(dir.path(), 1 << 20);
    let mut writer = spool.writer();
    let frame = append(&mut writer).unwrap();
    let bytes = spool.bytes();
    drop(writer);
    spool.release(frame);
    assert_eq!((files(dir.path()), spool.bytes()), (1, bytes));
    assert_eq!(
        spool.take_removed(),
        [0_u32; 0],
        "the store still has to know its frames"
    );

    // If the store's disk fails, all of it is tried again.
    let failed = spool.sync(|| Err(io::Error::other("no disk")));
    assert!(failed.unwrap_err().to_string().contains("no disk"));
    assert_eq!((files(dir.path()), spool.take_removed().len()), (1, 0));

    let mut seen = 0;
    spool
        .sync(|| {
            seen = files(dir.path());
            Ok(())
        })
        .unwrap();
    assert_eq!(seen, 1, "the store is first");
    assert_eq!((files(dir.path()), spool.bytes()), (0, 0));
    assert_eq!(spool.take_removed().len(), 1);
    assert_eq!(spool.segments(), 0);
}

#[test]
fn what_is_done_with_while_the_disk_is_busy_stays_for_the_next_time() {
    let dir = tempfile::tempdir().unwrap();
    let (spool, _) = open(dir.path(), 1 << 20);
    let mut writer = spool.writer();
    let frame = append(&mut writer).unwrap();
    drop(writer);
    spool
        .sync(|| {
            // It was stored after the log was brought to the disk, for all that is known.
            spool.release(frame);
            Ok(())
        })
        .unwrap();
    assert_eq!(files(dir.path()), 1);
    spool.sync(|| Ok(())).unwrap();
    assert_eq!(files(dir.path()), 0);
}

#[test]
fn a_writer_without_room_asks_for_a_sync_if_that_gives_some_back() {
    let dir = tempfile::tempdir().unwrap();
    let (spool, wanted) = open(dir.path(), 40_000);
    let mut writer = spool.writer();
    let mut frames = Vec::new();
    loop {
        match append(&mut writer) {
            Ok(frame) => frames.push(frame),
            Err(SpoolError::Full { .. }) => break,
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(wanted.load(Ordering::Relaxed), 0, "nothing is done with");
    frames.drain(..).for_each(|frame| spool.release(frame));
    assert!(matches!(append(&mut writer), Err(SpoolError::Full { .. })));
    assert_eq!(wanted.load(Ordering::Relaxed), 1);
    spool.sync(|| Ok(())).unwrap();
    append(&mut writer).unwrap();
}

#[test]
fn a_store_without_a_log_is_on_the_disk() {
    let dir = tempfile::tempdir().unwrap();
    sync_store_log(dir.path()).unwrap();
    std::fs::write(dir.path().join("landfall.sqlite-wal"), b"log").unwrap();
    sync_store_log(dir.path()).unwrap();
}

#[test]
fn on_a_disk_that_fails_for_long_files_are_removed_all_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let (spool, _) = open(dir.path(), 1 << 20);
    let mut writer = spool.writer();
    let frame = append(&mut writer).unwrap();
    drop(writer);
    spool.release(frame);
    for _ in 0..3 {
        spool.sync(|| Err(io::Error::other("no disk"))).unwrap_err();
    }
    assert_eq!(files(dir.path()), 1);
    spool.remove_unsynced();
    assert_eq!((files(dir.path()), spool.bytes()), (0, 0));
    assert_eq!(spool.take_removed().len(), 1);
}
