//! What was deleted cannot be read in any file of the store.

use std::path::Path;

use landfall_store::spool::Spool;
use landfall_store::{MissingRow, PRUNE_ROWS_MAX, Retention, SampleRow, Store};

const ROWS: u32 = 1_000;

/// Samples have addresses of their own, from here on.
const SAMPLES: u32 = 4_000;

fn open(dir: &Path) -> Store {
    Store::open(dir, [7; 16], "test").unwrap()
}

/// Bytes of an address, and of the part of it that all have.
const ADDRESS_BYTES: usize = 12;

/// An address that stands in one frame alone.
fn address(number: u32) -> String {
    format!("10.77.{:02}.{:03}", number / 250, number % 250)
}

/// Whose address it is.
fn number(address: &str) -> Option<u32> {
    let (high, low) = address.strip_prefix("10.77.")?.split_once('.')?;
    Some(high.parse::<u32>().ok()? * 250 + low.parse::<u32>().ok()?)
}

/// Short ones, long ones, and some that need pages of their own.
fn frame(number: u32) -> Vec<u8> {
    let filler =
        "x".repeat((number as usize * 37) % 1500 + usize::from(number.is_multiple_of(50)) * 9000);
    format!("{filler}\t{}\t{filler}", address(number)).into_bytes()
}

fn put(store: &mut Store, numbers: impl IntoIterator<Item = u32>) {
    let flush = store.begin().unwrap();
    for number in numbers {
        let mut fingerprint = [0; 16];
        fingerprint[..4].copy_from_slice(&number.wrapping_mul(0x9e37_79b9).to_be_bytes());
        let row = MissingRow {
            fingerprint,
            key: format!("key-{number}"),
            schema: "S/1".into(),
            arrived_ms: i64::from(number),
            place: 0,
            deadline_ms: i64::from(number) + 10,
            reported_ms: i64::from(number) + 10,
            incident: 1,
            generation: 0,
            frame: frame(number),
            hole: "",
            window_start_ms: None,
        };
        flush.missing(&row).unwrap();
        let sample = SampleRow {
            kind: "altered".into(),
            check_name: "parity".into(),
            reason: format!("field{}", number % 7),
            stream: "raw".into(),
            schema: "S/1".into(),
            at_ms: i64::from(number),
            detail: format!("clientIp: raw \"{}\"", address(SAMPLES + number)),
            frame: Some(frame(SAMPLES + number)),
            ..SampleRow::default()
        };
        flush.sample(&sample).unwrap();
        flush
            .trim_samples("altered", "parity", &sample.reason, "S/1", 60)
            .unwrap();
    }
    flush.commit().unwrap();
}

fn land(store: &mut Store, numbers: impl IntoIterator<Item = u32>) {
    let flush = store.begin().unwrap();
    for number in numbers {
        let mut fingerprint = [0; 16];
        fingerprint[..4].copy_from_slice(&number.wrapping_mul(0x9e37_79b9).to_be_bytes());
        flush.landed(fingerprint, 5_000).unwrap();
    }
    flush.commit().unwrap();
}

fn prune(store: &mut Store, now_ms: i64, missing_max: u64) {
    let retention = Retention {
        keep_ms: 100,
        missing_max,
        samples_max: 5,
        samples_per_reason_max: 5,
    };
    const { assert!(PRUNE_ROWS_MAX > ROWS as u64) };
    let flush = store.begin().unwrap();
    flush.prune(now_ms, &retention).unwrap();
    flush.commit().unwrap();
}

/// In how many places of all files below `dir` an address of such rows stands.
fn found(dir: &Path, is_meant: &dyn Fn(u32) -> bool) -> usize {
    let mut places = 0;
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            places += found(&path, is_meant);
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        let windows = bytes.windows(ADDRESS_BYTES);
        let texts = windows
            .filter(|window| window.starts_with(b"10.77."))
            .filter_map(|window| std::str::from_utf8(window).ok());
        places += texts.filter_map(number).filter(|n| is_meant(*n)).count();
    }
    places
}

fn of_a_sample(number: u32) -> bool {
    number >= SAMPLES
}

#[test]
fn addresses_in_deleted_frames_are_in_no_file_of_the_store() {
    // In which order, and how many at a time.
    for (step, at_once) in [(1, 50), (7, 13), (331, 3), (999, 200)] {
        deleted_in_order(step, at_once);
    }
}

fn deleted_in_order(step: u32, at_once: usize) {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    for start in (0..ROWS).step_by(50) {
        put(&mut store, start..start + 50);
    }
    assert!(
        found(dir.path(), &|_| true) > ROWS as usize,
        "they were there"
    );
    // Some land.
    let is_landed = |n: u32| n < ROWS && n.is_multiple_of(3);
    let order = (0..ROWS).map(|n| n * step % ROWS);
    let landing: Vec<u32> = order.filter(|n| is_landed(*n)).collect();
    for some in landing.chunks(at_once) {
        land(&mut store, some.iter().copied());
    }
    let emptied = store.empty_log().unwrap();
    assert_eq!((emptied.is_held, emptied.log_bytes), (false, 0));
    assert_eq!(found(dir.path(), &is_landed), 0, "step {step}");
    assert!(found(dir.path(), &|n| n < ROWS && !is_landed(n)) >= 600);
    // Then those go that are too old, and too many.
    let now_ms = i64::from(ROWS) - 200;
    prune(&mut store, now_ms, 1_000_000);
    store.empty_log().unwrap();
    assert_eq!(found(dir.path(), &|n| i64::from(n) < now_ms - 100), 0);
    prune(&mut store, now_ms, 0);
    store.empty_log().unwrap();
    assert_eq!(found(dir.path(), &|n| n < ROWS), 0, "step {step}");
    // Samples beyond their bounds are gone as well, and the others are there.
    let newest = SAMPLES + ROWS - 100;
    assert_eq!(found(dir.path(), &|n| of_a_sample(n) && n < newest), 0);
    assert!(found(dir.path(), &|n| n >= newest) > 0);
}

#[test]
fn a_store_that_did_not_overwrite_what_it_deleted_is_written_anew_once() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()));
    let path = dir.path().join("landfall.sqlite");
    // As an earlier program did.
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection
        .execute_batch("PRAGMA secure_delete = OFF; DELETE FROM meta WHERE name = 'overwrites';")
        .unwrap();
    for number in 0..ROWS {
        let insert = "INSERT INTO samples (kind, check_name, reason, stream, schema, key, at_ms, detail, document, frame)
             VALUES ('fault', '', '', 'raw', '', '', 0, ?1, '', ?2)";
        connection
            .execute(insert, rusqlite::params![address(number), frame(number)])
            .unwrap();
    }
    connection.execute("DELETE FROM samples", []).unwrap();
    drop(connection);
    assert!(found(dir.path(), &|_| true) > 100, "they can be read");

    let mut store = open(dir.path());
    assert!(matches!(store.take_rewrite_result(), Some(Ok(()))));
    assert_eq!(found(dir.path(), &|_| true), 0);
    drop(store);
    assert!(open(dir.path()).take_rewrite_result().is_none(), "once");
}

#[test]
fn a_log_that_a_reader_holds_is_told_and_emptied_once_he_has_ended() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    put(&mut store, 0..10);
    let mut reader = rusqlite::Connection::open(dir.path().join("landfall.sqlite")).unwrap();
    let reading = reader.transaction().unwrap();
    let rows: i64 = reading
        .query_row("SELECT count(*) FROM missing", [], |row| row.get(0))
        .unwrap();
    assert_eq!(rows, 10);
    put(&mut store, 10..500);
    let began = std::time::Instant::now();
    let emptied = store.empty_log().unwrap();
    assert!(
        emptied.is_held && emptied.log_bytes > 100_000,
        "{emptied:?}"
    );
    assert!(began.elapsed().as_secs() < 4, "nobody is waited for");
    drop(reading);
    let emptied = store.empty_log().unwrap();
    assert_eq!((emptied.is_held, emptied.log_bytes), (false, 0));
}

#[test]
fn segments_of_the_spool_leave_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::open(dir.path(), 1 << 24, 1, 0).unwrap();
    let mut writer = spool.writer();
    let (mut bytes, mut ends, mut references) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..200 {
        bytes.extend(frame(number));
        ends.push(bytes.len() as u32);
    }
    writer.append(&bytes, &ends, 0, &mut references).unwrap();
    assert!(found(dir.path(), &|_| true) > 100);
    drop(writer);
    for reference in references {
        spool.release(reference);
    }
    assert_eq!(found(dir.path(), &|_| true), 0);
}
