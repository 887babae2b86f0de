//! What a run finds of the last one: after a kill, with damage, and of other versions.

use super::tests::{pack, segment};
use super::*;

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
        earliest_ms: &[],
        kind: FrameKind::Raw,
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
            earliest_ms: 100,
            is_row: false,
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
fn a_row_comes_back_with_both_ends_of_its_arrival_also_after_it_was_moved() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::open(dir.path(), u64::MAX, 2, 0).unwrap();
    let mut writer = spool.writer();
    let mut references = Vec::new();
    let rows = SpooledFrames {
        bytes: b"onetwo",
        ends: &[3, 6],
        first_place: 7,
        arrived_ms: &[110, 120],
        earliest_ms: &[100, -5],
        source: 2,
        kind: FrameKind::Row,
    };
    writer.append_frames(&rows, &mut references).unwrap();
    let event = append_raw(&mut writer, &[b"event"], 115);
    let moved = spool.moving_writer().copy(references[1], &mut Vec::new());
    let moved = moved.unwrap();
    std::mem::forget(writer);
    drop(spool);

    let (_, left) = reopen(dir.path(), &[references[1]]).unwrap();
    let row = |arrived_ms, earliest_ms, reference| LeftFrame {
        arrived_ms,
        earliest_ms,
        is_row: true,
        source: 2,
        place: 0,
        reference,
    };
    assert_eq!(left.frames.len(), 3);
    assert_eq!(left.frames[0], row(110, 100, references[0]));
    assert_eq!(left.frames[1].reference, event[0]);
    assert_eq!(left.frames[2], row(120, -5, moved));
}

#[test]
fn files_of_the_first_version_are_read_and_those_of_later_ones_refused() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::open(dir.path(), u64::MAX, 1, 0).unwrap();
    let mut writer = spool.writer();
    append_raw(&mut writer, &[b"a", b"b"], 100);
    std::mem::forget(writer);
    drop(spool);
    let path = std::fs::read_dir(dir.path()).unwrap().next().unwrap();
    let path = path.unwrap().path();
    for (version, is_read) in [(1, true), (2, true), (0, false), (3, false)] {
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[MAGIC.len() - 1] = version;
        std::fs::write(&path, bytes).unwrap();
        match reopen(dir.path(), &[]) {
            Ok((spool, left)) => {
                assert!(is_read, "{version}");
                assert_eq!(texts(&spool, &left), ["a", "b"]);
            }
            Err(error) => assert!(!is_read && matches!(error, SpoolError::Format { .. })),
        }
    }
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
    std::fs::write(&later, b"LFSPOOL\x03 and so on").unwrap();
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
