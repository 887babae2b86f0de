//! Frames come back as they went in, and segments go when the last of them does.

use proptest::prelude::*;

use super::*;

pub(super) fn pack(frames: &[Vec<u8>]) -> (Vec<u8>, Vec<u32>) {
    let mut bytes = Vec::new();
    let ends = frames
        .iter()
        .map(|frame| {
            bytes.extend_from_slice(frame);
            bytes.len() as u32
        })
        .collect();
    (bytes, ends)
}

proptest! {
    #[test]
    fn every_frame_reads_back_byte_for_byte_and_with_its_place(batches in prop::collection::vec(prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..20), 1..10)) {
        let dir = tempfile::tempdir().unwrap();
        let spool = Spool::open(dir.path(), u64::MAX, 1, 0).unwrap();
        let mut writer = spool.writer();
        let mut references = Vec::new();
        for batch in &batches {
            let (bytes, ends) = pack(batch);
            writer.append(&bytes, &ends, 7 + references.len() as u64, &mut references).unwrap();
        }
        let mut frame = Vec::new();
        for ((place, reference), wanted) in (7..).zip(&references).zip(batches.iter().flatten()) {
            prop_assert_eq!(spool.read(*reference, &mut frame).unwrap(), place);
            prop_assert_eq!(&frame, wanted);
        }
        prop_assert_eq!(references.len(), batches.iter().flatten().count());
    }
}

#[test]
fn a_sealed_segment_goes_with_its_last_frame_and_not_before() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::open(dir.path(), u64::MAX, 1, 0).unwrap();
    let mut writer = spool.writer();
    let mut references = Vec::new();
    writer.append(b"ab", &[1, 2], 0, &mut references).unwrap();
    spool.release(references[0]);
    drop(writer);
    let mut frame = Vec::new();
    spool.read(references[1], &mut frame).unwrap();
    assert_eq!(frame, b"b");
    spool.release(references[1]);
    assert_eq!((spool.segments(), spool.bytes()), (0, 0));
    assert!(matches!(
        spool.read(references[1], &mut frame),
        Err(SpoolError::Gone { .. })
    ));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

/// The number of the segment that a reference is in.
pub(super) fn segment(reference: u64) -> u32 {
    (reference >> SEGMENT_SHIFT) as u32
}

const SMALL: u64 = 1 << 20;

#[test]
fn a_spool_through_which_everything_passes_never_fills() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::open(dir.path(), SMALL, 2, 100_000).unwrap();
    let mut writer = spool.writer();
    // Another writer that put something down once and then has nothing to do.
    let mut idle = spool.writer();
    let mut references = Vec::new();
    idle.append(&[1; 200_000], &[200_000], 0, &mut references)
        .unwrap();
    spool.release(references[0]);
    for _ in 0..100 {
        references.clear();
        writer
            .append(&[7; 100_000], &[50_000, 100_000], 0, &mut references)
            .expect("room");
        references
            .iter()
            .for_each(|reference| spool.release(*reference));
    }
    assert!(spool.bytes() <= SMALL);
}

#[test]
fn a_full_spool_refuses_and_has_room_as_soon_as_something_settles() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::open(dir.path(), SMALL, 1, 200_000).unwrap();
    let mut writer = spool.writer();
    let batch = vec![7; 200_000];
    let mut references = Vec::new();
    let error = loop {
        match writer.append(&batch, &[200_000], 0, &mut references) {
            Ok(()) => assert!(references.len() < 10),
            Err(error) => break error,
        }
    };
    assert_eq!(references.len(), 4, "the refused batch has no reference");
    assert!(
        error.to_string().contains("store.spool_bytes_max"),
        "{error}"
    );
    // The newest, which is in the segment that was being filled.
    for reference in &references[2..] {
        spool.release(*reference);
    }
    writer
        .append(&batch, &[200_000], 0, &mut references)
        .expect("room again");
}

#[test]
fn segments_are_sparse_by_what_waits_in_them_and_by_how_full_the_spool_is() {
    let dir = tempfile::tempdir().unwrap();
    // Segments of a tenth.
    let spool = Spool::open(dir.path(), 1_000_000, 5, 1_000).unwrap();
    let mut writer = spool.writer();
    let mut numbers = Vec::new();
    let mut fill = |segments: usize| -> Vec<u32> {
        let first = numbers.len();
        while numbers.len() < first + segments {
            let mut references = Vec::new();
            for _ in 0..100 {
                let batch = vec![7; 900 - ENTRY_BYTES];
                writer
                    .append(&batch, &[batch.len() as u32], 0, &mut references)
                    .unwrap();
            }
            let all: Vec<u32> = references
                .iter()
                .map(|reference| segment(*reference))
                .collect();
            assert!(all.iter().all(|number| *number == all[0]), "one segment");
            writer.seal();
            numbers.push(all[0]);
        }
        numbers[first..].to_vec()
    };
    let release = |number: u32, rows: u32| {
        let one = Reference::new(number, 0, 900);
        spool.released(number, rows, u64::from(rows) * one.bytes());
    };
    // 180,000 bytes: too few to care, however little waits.
    let first = fill(2);
    release(first[0], 99);
    assert!(!spool.wants_room() && spool.sparse_segments().is_empty());
    // 270,000: what has a quarter left.
    let more = fill(1);
    release(first[1], 74);
    assert!(spool.wants_room());
    assert_eq!(spool.sparse_segments(), [first[0]]);
    release(first[1], 1);
    assert_eq!(spool.sparse_segments(), first);
    // 540,000: what has a half left.
    let even_more = fill(3);
    release(more[0], 50);
    release(even_more[0], 49);
    assert_eq!(spool.sparse_segments(), [first[0], first[1], more[0]]);
    // 810,000, and for more than 190,000 there is no room: 900, 22,500, 45,000, 45,900, and not 78,300.
    fill(3);
    release(even_more[1], 13);
    assert_eq!(
        spool.sparse_segments(),
        [first[0], first[1], more[0], even_more[0]]
    );
    // What is still being filled is left alone.
    let mut references = Vec::new();
    writer.append(b"x", &[1], 0, &mut references).unwrap();
    spool.release(references[0]);
    assert!(!spool.sparse_segments().contains(&segment(references[0])));
}

#[test]
fn what_is_kept_for_moving_is_for_moved_frames_alone() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::open(dir.path(), SMALL, 2, 100_000).unwrap();
    let (mut writer, mut moving) = (spool.writer(), spool.moving_writer());
    let mut kept = Vec::new();
    while writer.append(&[1; 1000], &[1000], 0, &mut kept).is_ok() {}
    assert!(spool.bytes() <= SMALL - SMALL / RESERVED_FOR_MOVING);
    while moving.append(&[1; 1000], &[1000], 0, &mut kept).is_ok() {}
    assert!(
        spool.bytes() <= SMALL && spool.bytes() > SMALL - 2000,
        "{}",
        spool.bytes()
    );
}

#[test]
fn a_modest_writer_leaves_half_to_the_others() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::open(dir.path(), SMALL, 2, 200_000).unwrap();
    let mut modest = spool.modest_writer();
    let mut kept = Vec::new();
    while modest.append(&[1; 1000], &[1000], 0, &mut kept).is_ok() {}
    assert!(spool.bytes() <= SMALL / 2, "{}", spool.bytes());
    spool
        .writer()
        .append(&[7; 200_000], &[200_000], 0, &mut kept)
        .expect("room for what must be kept");
}

#[test]
fn a_spool_too_small_for_its_batches_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let Err(error) = Spool::open(dir.path(), SMALL, 1, SMALL / 2) else {
        panic!("it was opened");
    };
    assert!(
        error.to_string().contains("judge.batch_bytes_max"),
        "{error}"
    );
}

#[test]
fn what_an_earlier_run_left_is_removed_and_files_are_private() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("spool");
    let spool = Spool::open(&path, u64::MAX, 1, 0).unwrap();
    let mut writer = spool.writer();
    writer.append(b"x", &[1], 0, &mut Vec::new()).unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o700);
    let file = std::fs::read_dir(&path)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    assert_eq!(mode(&file), 0o600);
    std::mem::forget(writer);
    drop(spool);
    Spool::open(&path, u64::MAX, 1, 0).unwrap();
    assert_eq!(std::fs::read_dir(&path).unwrap().count(), 0);
}
