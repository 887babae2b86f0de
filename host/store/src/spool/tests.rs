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
fn segment(reference: u64) -> u32 {
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

/// Frames of raw events that came one after the other from `first_ms` on.
fn append_raw(writer: &mut SpoolWriter, frames: &[&[u8]], first_ms: i64) -> Vec<u64> {
    let all: Vec<Vec<u8>> = frames.iter().map(|frame| frame.to_vec()).collect();
    let (bytes, ends) = pack(&all);
    let arrived_ms: Vec<i64> = (first_ms..).take(frames.len()).collect();
    let mut references = Vec::new();
    let frames = SpooledFrames {
        bytes: &bytes,
        ends: &ends,
        first_place: 5,
        arrived_ms: &arrived_ms,
        source: 3,
        is_restorable: true,
    };
    writer.append_frames(&frames, &mut references).unwrap();
    references
}

/// The process is killed, and the next one opens the spool. `settled` are known to be.
fn reopen(dir: &Path, settled: &[u64]) -> Result<(Arc<Spool>, LeftFrames), SpoolError> {
    let is_settled = |number: u32, at: u32| {
        let mut settled = settled.iter();
        settled.any(|one| segment(*one) == number && entry_at(*one) == at)
    };
    Spool::reopen(dir, u64::MAX, 1, 0, &is_settled)
}

fn texts(spool: &Spool, left: &LeftFrames) -> Vec<String> {
    let mut frame = Vec::new();
    let text = |left: &LeftFrame| {
        let place = spool.read(left.reference, &mut frame).unwrap();
        assert_eq!(place, left.place);
        String::from_utf8(frame.clone()).unwrap()
    };
    left.frames.iter().map(text).collect()
}

#[test]
fn what_was_not_settled_is_there_after_a_kill_and_is_removed_once_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::open(dir.path(), u64::MAX, 1, 0).unwrap();
    let mut writer = spool.writer();
    let late = append_raw(&mut writer, &[b"d", b"", b"f"], 200);
    let early = append_raw(&mut writer, &[b"a", b"b"], 100);
    // The frame of a row.
    writer.append(b"row", &[3], 0, &mut Vec::new()).unwrap();
    std::mem::forget(writer);
    drop(spool);

    let (spool, left) = reopen(dir.path(), &[early[1], late[2]]).unwrap();
    assert_eq!(texts(&spool, &left), ["a", "d", ""]);
    assert_eq!(
        left.frames[0],
        LeftFrame {
            arrived_ms: 100,
            source: 3,
            place: 5,
            reference: early[0]
        }
    );
    assert_eq!((left.damaged, left.cut_off, left.of_old_format), (0, 0, 0));
    assert_eq!(spool.live_segments(), [segment(early[0])]);
    // New frames have segments of their own.
    let mut writer = spool.writer();
    let new = append_raw(&mut writer, &[b"g"], 300);
    assert_ne!(segment(new[0]), segment(early[0]));
    for frame in &left.frames {
        assert!(spool.take_removed().is_empty());
        spool.release(frame.reference);
    }
    assert_eq!(spool.take_removed(), [segment(early[0])]);
    spool.release(new[0]);
    drop(writer);
    assert_eq!((spool.segments(), spool.bytes()), (0, 0));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn of_a_frame_that_was_moved_one_copy_is_there_after_a_kill() {
    // Which of its copies are known to be settled, and what is restored.
    for (settled, expected) in [
        ([].as_slice(), ["x", "y"].as_slice()),
        (&[0], &["x", "y"]),
        (&[0, 1], &["x", "y"]),
        (&[0, 1, 2], &["y"]),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let spool = Spool::open(dir.path(), u64::MAX, 2, 0).unwrap();
        let (mut writer, mut moving) = (spool.writer(), spool.moving_writer());
        let first = append_raw(&mut writer, &[b"x", b"y"], 100);
        let mut copies = vec![first[0]];
        for _ in 0..2 {
            let last = copies[copies.len() - 1];
            copies.push(moving.copy(last, &mut Vec::new()).unwrap());
        }
        std::mem::forget((writer, moving));
        drop(spool);
        let mut settled: Vec<u64> = settled.iter().map(|copy| copies[*copy]).collect();
        let (spool, left) = reopen(dir.path(), &settled).unwrap();
        assert_eq!(texts(&spool, &left), expected, "{settled:?}");
        // The copies that were dropped are settled from now on. What was kept gets its verdict, and the process is
        // killed again.
        drop(spool);
        let dropped = copies.iter().filter(|copy| {
            let at = (segment(**copy), entry_at(**copy));
            left.copies.contains(&at)
        });
        settled.extend(dropped);
        settled.extend(left.frames.iter().map(|frame| frame.reference));
        let (spool, left) = reopen(dir.path(), &settled[..settled.len() - 1]).unwrap();
        assert_eq!(texts(&spool, &left), ["y"], "{settled:?}");
        for frame in &left.frames {
            spool.release(frame.reference);
        }
        assert_eq!(spool.segments(), 0);
    }
}

#[test]
fn a_file_that_was_cut_off_or_damaged_gives_what_is_whole_and_counts_the_rest() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::open(dir.path(), u64::MAX, 1, 0).unwrap();
    let mut writer = spool.writer();
    let first = append_raw(&mut writer, &[b"first", b"second"], 100);
    append_raw(&mut writer, &[b"third"], 200);
    let path = dir.path().join(format!("{:08}.segment", segment(first[0])));
    std::mem::forget(writer);
    drop(spool);
    let whole = std::fs::read(&path).unwrap();
    let second = whole.len() - (record::HEADER_BYTES + ENTRY_BYTES + b"third".len());
    let restored = |bytes: &[u8]| {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("00000007.segment"), bytes).unwrap();
        let (spool, left) = reopen(dir.path(), &[]).unwrap();
        (texts(&spool, &left), left.damaged, left.cut_off)
    };
    let all = |texts: &[&str]| -> Vec<String> { texts.iter().map(|text| (*text).into()).collect() };
    assert_eq!(restored(&whole), (all(&["first", "second", "third"]), 0, 0));
    // Cut off anywhere in the last record, and right before it.
    for len in second..whole.len() {
        let cut_off = u64::from(len > second);
        assert_eq!(
            restored(&whole[..len]),
            (all(&["first", "second"]), 0, cut_off),
            "{len}"
        );
    }
    // Killed when the file had just been made.
    for len in 0..=MAGIC.len() {
        assert_eq!(restored(&whole[..len]), (all(&[]), 0, 0), "{len}");
    }
    // One bit anywhere: a frame is damaged, or the record's index is, and nothing is read wrongly.
    for at in MAGIC.len()..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        let (texts, damaged, cut_off) = restored(&bytes);
        assert!(
            texts.len() < 3 && damaged + cut_off == 1,
            "{at}: {texts:?} {damaged} {cut_off}"
        );
        assert!(
            texts
                .iter()
                .all(|text| ["first", "second", "third"].contains(&&text[..]))
        );
    }
}

#[test]
fn files_of_an_earlier_version_are_removed_and_those_of_a_later_one_refused() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("00000001.spool"), b"old").unwrap();
    let (_, left) = reopen(dir.path(), &[]).unwrap();
    assert_eq!((left.of_old_format, left.frames.len()), (1, 0));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    let later = dir.path().join("00000002.segment");
    std::fs::write(&later, b"LFSPOOL\x02 and so on").unwrap();
    let Err(error) = reopen(dir.path(), &[]) else {
        panic!("it was read");
    };
    let error = error.to_string();
    assert!(
        error.contains("00000002.segment") && error.contains("later version"),
        "{error}"
    );
    assert!(later.exists(), "nothing of it is lost");
}

/// As a power cut leaves files that were not synced.
#[test]
fn a_file_of_zeros_is_put_aside_and_the_rest_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::open(dir.path(), u64::MAX, 1, 0).unwrap();
    let mut writer = spool.writer();
    append_raw(&mut writer, &[b"whole"], 100);
    std::mem::forget(writer);
    drop(spool);
    let zeros = dir.path().join("00000009.segment");
    std::fs::write(&zeros, [0; 4096]).unwrap();
    let (spool, left) = reopen(dir.path(), &[]).unwrap();
    assert_eq!(texts(&spool, &left), ["whole"]);
    let aside = dir.path().join("00000009.damaged");
    assert_eq!(left.put_aside, std::slice::from_ref(&aside));
    assert!(!zeros.exists() && aside.exists());
    drop(spool);
    let (_, left) = reopen(dir.path(), &[]).unwrap();
    assert!(left.put_aside.is_empty(), "once is enough");
}
