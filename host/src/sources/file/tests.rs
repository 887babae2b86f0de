//! Files of all kinds, whole and damaged, give the lines that they have.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use super::input::BUFFER_BYTES;
use super::*;
use crate::clock::Clock;
use crate::flow::SourceStatus;
use crate::flow::queue::{Bound, channel};
use crate::flow::{BatchLimits, FrameBatch, InFlight, Refusal};
use crate::sources::SourceContext;
use landfall_ledger::Stream;

fn input_of(bytes: Vec<u8>, ratio_max: u64) -> Result<Input, SourceError> {
    let bytes = Box::new(io::Cursor::new(bytes));
    Input::of(bytes, "test", None, "landfall audit --raw -", ratio_max)
}

/// Reads `input` whole; the frames, the statistics and how it ended.
fn read(
    input: Vec<u8>,
    rows_max: usize,
    frame_bytes_max: usize,
) -> (
    Vec<Vec<u8>>,
    Arc<SourceStatus>,
    Result<ReadSummary, SourceError>,
) {
    let (mut senders, receiver) = channel::<FrameBatch>(&[Bound {
        bytes_max: 64 << 20,
        items_max: 1 << 20,
    }]);
    let in_flight = InFlight::default();
    let context = SourceContext {
        stream: Stream::Raw,
        clock: Clock::start(1.0, None),
        in_flight: in_flight.clone(),
        queue: senders.remove(0),
        limits: BatchLimits {
            rows_max,
            bytes_max: 1 << 20,
            wait: Duration::from_millis(5),
            wait_max: Duration::from_millis(5),
        },
        frame_bytes_max,
        stop: ShutdownRequest::default(),
    };
    let stats = Arc::new(SourceStatus::new(Stream::Raw, "test"));
    let mut batch_writer = BatchWriter::new(context, 0, Arc::clone(&stats));
    let reader = FileReader::new(input_of(input, RATIO_MAX).unwrap());
    let result = reader.read_to_end(&mut batch_writer, &ShutdownRequest::default());
    batch_writer.progress().finish();
    drop(batch_writer);
    let mut frames = Vec::new();
    while let Some(batch) = receiver.recv() {
        assert!(batch.rows() <= rows_max);
        assert_eq!(batch.arrived_ms.len(), batch.rows());
        frames.extend((0..batch.rows()).map(|row| batch.frame(row).to_vec()));
    }
    assert_eq!(
        in_flight.frontier(Stream::Raw),
        i64::MAX,
        "an ended file holds nothing back"
    );
    (frames, stats, result)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstandard(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

#[test]
fn plain_gzip_and_zstd_give_the_same_lines_also_in_several_members() {
    let (one, two) = (b"a\n\nbb\r\n".as_slice(), b"ccc\nlast".as_slice());
    let plain = [one, two].concat();
    let expected: Vec<Vec<u8>> = [&b"a\n"[..], b"\n", b"bb\r\n", b"ccc\n", b"last"]
        .iter()
        .map(|line| line.to_vec())
        .collect();
    let packed = [
        plain.clone(),
        gzip(&plain),
        [gzip(one), gzip(two)].concat(),
        zstandard(&plain),
        [zstandard(one), zstandard(two)].concat(),
    ];
    for (case, input) in packed.into_iter().enumerate() {
        for rows_max in [1, 2, 100] {
            let (frames, stats, result) = read(input.clone(), rows_max, 100);
            result.unwrap();
            assert_eq!(frames, expected, "case {case}");
            assert_eq!((stats.frames(), stats.bytes()), (5, plain.len() as u64));
        }
    }
}

#[test]
fn short_and_empty_files_have_the_lines_they_have() {
    for (input, lines) in [
        (&b""[..], 0),
        (b"\n", 1),
        (b"x", 1),
        (b"ab\n", 1),
        (&[0x28, 0xb5], 1),
    ] {
        let (frames, _, result) = read(input.to_vec(), 10, 10);
        result.unwrap();
        assert_eq!(frames.len(), lines, "{input:?}");
        assert_eq!(frames.concat(), input);
    }
}

#[test]
fn a_line_beyond_the_limit_is_counted_and_skipped() {
    let mut input = b"ok\n".to_vec();
    input.extend(std::iter::repeat_n(b'x', 3 * BUFFER_BYTES));
    input.extend_from_slice(b"\n12345678\n123456789\n1234567890");
    let (frames, stats, result) = read(input, 10, 9);
    result.unwrap();
    assert_eq!(frames, [b"ok\n".to_vec(), b"12345678\n".to_vec()]);
    assert_eq!(stats.refused(Refusal::Oversize), 3);
}

#[test]
fn a_damaged_file_gives_its_good_lines_and_the_error_has_the_place() {
    let lines = (0..50_000)
        .map(|n| format!("line {n} {}\n", n * 7919))
        .collect::<String>();
    let mut input = gzip(lines.as_bytes());
    input.truncate(input.len() / 2);
    let half = input.len();
    let (frames, _, result) = read(input, 1000, 100);
    let message = result.unwrap_err().to_string();
    assert!(
        message.starts_with(&format!(
            "failed to read test at byte {half} (after line {}",
            frames.len()
        )),
        "{message}"
    );
    assert!(!frames.is_empty());
    assert_eq!(frames.concat(), lines.as_bytes()[..frames.concat().len()]);
}

#[test]
fn a_missing_file_and_a_directory_are_named() {
    let stop = ShutdownRequest::default();
    let missing = Input::open(Path::new("/nowhere/raw.log"), "", RATIO_MAX, &stop)
        .err()
        .unwrap()
        .to_string();
    assert!(
        missing.contains("/nowhere/raw.log") && missing.contains("check that"),
        "{missing}"
    );
    let directory = tempfile::tempdir().unwrap();
    assert!(Input::open(directory.path(), "", RATIO_MAX, &stop).is_err());
}

/// Frames as a backfill writes them with their lengths.
fn with_lengths(frames: &[&[u8]]) -> Vec<u8> {
    let mut file = framing::Framing::Lengths.head().to_vec();
    for frame in frames {
        let length = Framing::Lengths.before(frame).unwrap().unwrap();
        file.extend([&length[..], frame].concat());
    }
    file
}

#[test]
fn frames_with_lengths_read_back_byte_for_byte_whatever_they_hold() {
    let frames: [&[u8]; 7] = [
        b"{\n}",
        b"",
        b"\n\n",
        b"no newline",
        b"\0\xff\r\n",
        b"\x8cLF1",
        &[0x1f, 0x8b],
    ];
    let plain = with_lengths(&frames);
    for input in [plain.clone(), gzip(&plain), zstandard(&plain)] {
        let (read, stats, result) = read(input, 2, 10);
        result.unwrap();
        assert_eq!(read, frames);
        assert_eq!((stats.frames(), stats.refused(Refusal::Oversize)), (7, 0));
    }
}

#[test]
fn a_frame_with_length_beyond_the_limit_is_skipped_and_a_cut_one_is_an_error() {
    let input = with_lengths(&[b"12345678", b"123456789", b"1"]);
    let (frames, stats, result) = read(input.clone(), 10, 8);
    result.unwrap();
    assert_eq!(frames, [&b"12345678"[..], b"1"]);
    assert_eq!(stats.refused(Refusal::Oversize), 1);
    for cut in 1..=4 {
        let (frames, _, result) = read(input[..input.len() - cut].to_vec(), 10, 8);
        assert_eq!(frames, [&b"12345678"[..]], "{cut}");
        let message = result.unwrap_err().to_string();
        assert!(message.contains("cut off"), "{message}");
    }
}

#[test]
fn what_fits_a_line_reads_back_from_a_file_of_lines() {
    for one in [&b"{}\n"[..], b"\n", b"\r\n", b"\0\n", b"\xff\xfd\n"] {
        for other in [&b"\x1f\x8b\n"[..], b"\x8cLF1\n", b"x\r\n"] {
            assert_eq!(framing::fits_line(one, true), Ok(()));
            assert_eq!(framing::fits_line(other, false), Ok(()));
            let (frames, _, result) = read([one, other].concat(), 10, 10);
            result.unwrap();
            assert_eq!(frames, [one, other]);
        }
    }
}

#[test]
fn a_mark_of_utf8_is_no_part_of_the_first_line() {
    let plain = b"\xef\xbb\xbf{}\nx".to_vec();
    for input in [plain.clone(), gzip(&plain), zstandard(&plain)] {
        let (frames, _, result) = read(input, 10, 10);
        result.unwrap();
        assert_eq!(frames, [&b"{}\n"[..], b"x"]);
    }
}

#[test]
fn another_format_is_refused_by_its_name_with_what_reads_it_also_within_a_packed_file() {
    let refusal = |bytes: &[u8]| match input_of(bytes.to_vec(), RATIO_MAX) {
        Err(error) => error.to_string(),
        Ok(_) => panic!("it was taken"),
    };
    let only = "only plain, gzip and zstd can be read; unpack it on the way: ";
    let xz = b"\xfd7zXZ\0\0\x04";
    assert_eq!(
        refusal(xz),
        format!("test is xz: {only}xz -dc test | landfall audit --raw -")
    );
    assert_eq!(
        refusal(&gzip(xz)),
        format!("test is xz within gzip: {only}gzip -dc test | xz -dc | landfall audit --raw -")
    );
    assert_eq!(
        refusal(&zstandard(&gzip(b"{}\n"))),
        format!("test is gzip within zstd: {only}zstd -dc test | landfall audit --raw -")
    );
    assert!(refusal(b"SQLite format 3\0").contains("is an SQLite database: "));
}

#[test]
fn zstd_frames_follow_each_other_with_empty_ones_and_those_that_are_skipped_anywhere() {
    let skipped = b"\x50\x2a\x4d\x18\x02\0\0\0ab".to_vec();
    let nothing_skipped = b"\x5f\x2a\x4d\x18\0\0\0\0".to_vec();
    let (one, two, empty) = (zstandard(b"{}\n"), zstandard(b"[]\n"), zstandard(b""));
    let parts = [
        &skipped,
        &one,
        &nothing_skipped,
        &empty,
        &two,
        &empty,
        &skipped,
    ];
    let whole: Vec<u8> = parts.into_iter().flatten().copied().collect();
    let (frames, _, result) = read(whole.clone(), 10, 10);
    result.unwrap();
    assert_eq!(frames, [b"{}\n", b"[]\n"]);
    for packed in [
        [&skipped[..], &empty].concat(),
        empty.clone(),
        skipped.clone(),
    ] {
        let (frames, _, result) = read(packed, 10, 10);
        assert!(frames.is_empty());
        assert_eq!(result.unwrap().filled_lines, 0);
    }
    // As zstd(1): what is no frame is an error, zeros as well, and so is one that is cut off.
    for (packed, complete) in [
        ([&one[..], b"\0\0\0\0\0\0\0\0"].concat(), 1),
        ([&one[..], b"garbage"].concat(), 1),
        ([&one[..], &two[..two.len() - 1]].concat(), 1),
        ([&one[..], &skipped[..skipped.len() - 1]].concat(), 1),
        ([&one[..], &two[..2]].concat(), 1),
    ] {
        let (frames, _, result) = read(packed.clone(), 10, 10);
        let message = result.unwrap_err().to_string();
        assert!(
            message.contains("cut off or damaged"),
            "{packed:?}: {message}"
        );
        assert!(frames.len() >= complete, "{packed:?}");
    }
}

#[test]
fn gzip_that_is_padded_is_whole_and_with_something_else_behind_it_is_an_error() {
    let padded = [gzip(b"{}\n"), vec![0; 1000]].concat();
    let (frames, _, result) = read(padded, 10, 10);
    result.unwrap();
    assert_eq!(frames, [b"{}\n"]);
    let (frames, _, result) = read([gzip(b"{}\n"), b"x".to_vec()].concat(), 10, 10);
    assert_eq!(frames, [b"{}\n"]);
    let message = result.unwrap_err().to_string();
    assert!(
        message.starts_with("failed to read test (after line 1): after the gzip data"),
        "{message}"
    );
}

#[test]
fn what_was_seen_counts_lines_that_hold_anything_and_knows_whether_it_was_all() {
    for (input, filled) in [
        (&b""[..], 0),
        (b"\n \t\r\n\n", 0),
        (b"x\n\ny", 2),
        (b"a line that is too long\n", 1),
        (b"\0\n", 1),
    ] {
        let seen = read(input.to_vec(), 10, 10).2.unwrap();
        assert_eq!(
            (seen.filled_lines, seen.is_whole),
            (filled, true),
            "{input:?}"
        );
    }
}

#[test]
fn the_error_of_an_endless_line_has_a_guess_at_the_format() {
    let carriage_returns = io::repeat(b'\r');
    let input = io::Cursor::new(b"one\rtwo").chain(carriage_returns);
    let input = Input::of(
        Box::new(input),
        "test",
        None,
        "landfall audit --raw -",
        RATIO_MAX,
    )
    .unwrap();
    let mut source = FileReader::new(input);
    let error = source
        .next_line(&mut Vec::new(), 100)
        .unwrap_err()
        .to_string();
    assert!(
        error.ends_with(
            "make lines of it on the way: perl -l -015 -pe 1 test | landfall audit --raw -"
        ),
        "{error}"
    );
}

#[test]
fn a_line_without_an_end_is_an_error_and_never_held() {
    let endless = Box::new(io::repeat(b'x'));
    let input = Input::of(endless, "test", None, "", RATIO_MAX).unwrap();
    let mut source = FileReader::new(input);
    let mut line = Vec::new();
    let error = source.next_line(&mut line, 100).unwrap_err().to_string();
    assert!(
        error.contains("line 1 goes on for more than 268435456 bytes"),
        "{error}"
    );
    assert!(line.capacity() < BUFFER_BYTES);
}

#[test]
fn what_unpacks_out_of_all_proportion_is_an_error_after_what_any_file_may_have() {
    // Lines, so that nothing else ends it: a tenth of a GiB at a time, all packed alike.
    let part = zstandard(&b"\n".repeat(128 << 20));
    let packed = part.repeat(10);
    let input = input_of(packed.clone(), RATIO_MAX).unwrap();
    let progress = Arc::clone(input.progress());
    let error = io::copy(&mut input.into_reader(), &mut io::sink()).unwrap_err();
    assert!(error.to_string().contains("--ratio-max"), "{error}");
    assert!(
        progress.unpacked_bytes() > 1 << 30 && progress.unpacked_bytes() < (1 << 30) + (1 << 20)
    );
    let input = input_of(packed, u64::MAX).unwrap();
    let read = io::copy(&mut input.into_reader(), &mut io::sink());
    assert_eq!(read.unwrap(), 1280 << 20);
}
