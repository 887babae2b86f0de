//! Frames come back as they went in, and segments go when the last of them does.

use proptest::prelude::*;

use super::*;

fn pack(frames: &[Vec<u8>]) -> (Vec<u8>, Vec<u32>) {
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
    fn every_frame_reads_back_byte_for_byte(batches in prop::collection::vec(prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..20), 1..10)) {
        let dir = tempfile::tempdir().unwrap();
        let spool = Spool::open(dir.path(), u64::MAX).unwrap();
        let mut writer = spool.writer();
        let mut references = Vec::new();
        for batch in &batches {
            let (bytes, ends) = pack(batch);
            writer.append(&bytes, &ends, &mut references).unwrap();
        }
        let mut frame = Vec::new();
        for (reference, wanted) in references.iter().zip(batches.iter().flatten()) {
            spool.read(*reference, &mut frame).unwrap();
            prop_assert_eq!(&frame, wanted);
        }
        prop_assert_eq!(references.len(), batches.iter().flatten().count());
    }
}

#[test]
fn a_sealed_segment_goes_with_its_last_frame_and_not_before() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::open(dir.path(), u64::MAX).unwrap();
    let mut writer = spool.writer();
    let mut references = Vec::new();
    writer.append(b"ab", &[1, 2], &mut references).unwrap();
    let number = (references[0] >> SEGMENT_SHIFT) as u32;
    spool.released(number, 1);
    drop(writer);
    let mut frame = Vec::new();
    spool.read(references[1], &mut frame).unwrap();
    assert_eq!(frame, b"b");
    spool.released(number, 1);
    assert_eq!((spool.segments(), spool.bytes()), (0, 0));
    assert!(matches!(
        spool.read(references[1], &mut frame),
        Err(SpoolError::Gone { .. })
    ));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn segments_are_bounded_and_so_is_the_spool() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::open(dir.path(), SEGMENT_BYTES * 2).unwrap();
    let mut writer = spool.writer();
    let batch = vec![7; SEGMENT_BYTES as usize / 2 + 1];
    let mut references = Vec::new();
    let mut appended = 0;
    let error = loop {
        match writer.append(&batch, &[batch.len() as u32], &mut references) {
            Ok(()) => appended += 1,
            Err(error) => break error,
        }
        assert!(appended < 10);
    };
    assert_eq!(appended, 3);
    assert!(
        error.to_string().contains("store.spool_bytes_max"),
        "{error}"
    );
    assert_eq!(references.len(), 3, "the refused batch has no references");
    spool.released((references[0] >> SEGMENT_SHIFT) as u32, 1);
    writer
        .append(&batch, &[batch.len() as u32], &mut references)
        .expect("room again");
}

#[test]
fn what_an_earlier_run_left_is_removed_and_files_are_private() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("spool");
    let spool = Spool::open(&path, u64::MAX).unwrap();
    let mut writer = spool.writer();
    writer.append(b"x", &[1], &mut Vec::new()).unwrap();
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
    Spool::open(&path, u64::MAX).unwrap();
    assert_eq!(std::fs::read_dir(&path).unwrap().count(), 0);
}
