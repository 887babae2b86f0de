//! How cost grows: with the number of schemas, the size of events, the number of hosts and of
//! workers. A table for docs/PERFORMANCE.md.

use std::path::Path;

use serde_json::{Value, json};

use crate::events::{Event, Shape, events, events_of_hosts, many_shapes, shape_of_bytes, shapes};
use crate::figures::{median, number};
use crate::judge;
use crate::judging::CheckSetup;
use crate::sidecar::{self, Setup};

/// Bytes of events of each measured size, so that all take about as long.
const BYTES: usize = 24 << 20;

const ROUNDS: usize = 3;

pub fn measure(
    guests: &Path,
    landfall: &Path,
    sidecar_events: usize,
) -> anyhow::Result<Vec<Value>> {
    let mut rows = Vec::new();
    let mut row = |what: String, events: &[Event], per_second: f64| {
        let mean = bytes(events) / events.len().max(1);
        println!(
            "    {what:<30} {:>12} /s   {:>8} MB/s   {mean} bytes each",
            number(per_second),
            number(per_second * mean as f64 / 1e6),
        );
        rows.push(json!({"what": what, "per_second": per_second, "event_bytes_mean": mean}));
    };
    let documents = |shapes: &[Shape], events: &[Event]| -> anyhow::Result<f64> {
        let frames: Vec<&[u8]> = events
            .iter()
            .map(|event| event.capsule.as_bytes())
            .collect();
        let checks = [CheckSetup::validity()];
        Ok(median(&judge::judged(
            guests, shapes, &checks, &frames, ROUNDS,
        )?))
    };
    for count in [1, 10, 100, 1000] {
        let shapes = many_shapes(count);
        let events = events(&shapes, BYTES / 600, 1);
        row(
            format!("{count} schemas"),
            &events,
            documents(&shapes, &events)?,
        );
    }
    for size in [300, 1_000, 4_000, 16_000, 64_000] {
        let shapes = shape_of_bytes(size);
        let events = events(&shapes, BYTES / size, 1);
        row(
            format!("events of {} kB", size as f64 / 1000.0),
            &events,
            documents(&shapes, &events)?,
        );
    }
    for hosts in [1, 10, 100] {
        let shapes = shapes();
        let events = events_of_hosts(&shapes, BYTES / 2000, 1, hosts);
        let frames: Vec<&[u8]> = events.iter().map(|event| event.line.as_bytes()).collect();
        let checks = [CheckSetup::codec(), CheckSetup::validity()];
        let per_second = median(&judge::judged(guests, &shapes, &checks, &frames, ROUNDS)?);
        row(format!("lines of {hosts} hosts"), &events, per_second);
    }
    for workers in [1, 2] {
        let shapes = shapes();
        let setup = Setup {
            landfall: landfall.to_owned(),
            guests: guests.to_owned(),
            shapes: &shapes,
            workers,
        };
        let events = events(&shapes, 1000, 1);
        let measured = sidecar::measure(&setup, sidecar_events, ROUNDS)?;
        row(
            format!("sidecar, {workers} workers"),
            &events,
            median(&measured.sidecar_per_second),
        );
    }
    Ok(rows)
}

fn bytes(events: &[Event]) -> usize {
    events.iter().map(|event| event.capsule.len()).sum()
}
