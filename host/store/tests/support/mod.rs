//! A store in a directory, and rows to put into it.

#![allow(dead_code, reason = "not every test needs all of it")]

use std::path::Path;

use landfall_store::{
    MissingFilter, MissingRow, Reader, Store, StoreError, WindowCounts, WindowRow,
};

pub fn open(dir: &Path) -> Result<Store, StoreError> {
    Store::open(&dir.join("store"), [7; 16], "test")
}

pub fn reader(dir: &Path) -> Reader {
    Reader::open(&dir.join("store")).unwrap()
}

pub fn missing(number: u8, arrived_ms: i64) -> MissingRow {
    MissingRow {
        fingerprint: [number; 16],
        key: format!("key-{number}"),
        schema: format!("S/{}", number % 2),
        arrived_ms,
        place: 0,
        deadline_ms: arrived_ms + 1000,
        reported_ms: arrived_ms + 1000,
        incident: 1,
        generation: 0,
        frame: vec![number; 3],
        hole: "",
        window_start_ms: None,
    }
}

pub fn put(store: &mut Store, rows: &[MissingRow]) {
    let flush = store.begin().unwrap();
    for row in rows {
        flush.missing(row).unwrap();
    }
    flush.commit().unwrap();
}

pub fn keys(reader: &Reader) -> Vec<String> {
    let mut keys = Vec::new();
    reader
        .missing_each(&MissingFilter::default(), None, |event| {
            keys.push(event.key);
            Ok::<(), StoreError>(())
        })
        .unwrap();
    keys
}

pub fn window(start_ms: i64, end_ms: i64, missing: i64) -> WindowRow {
    WindowRow {
        start_ms,
        end_ms,
        schema: "S/1".into(),
        counts: WindowCounts {
            raw: missing,
            missing,
            ..WindowCounts::default()
        },
    }
}
