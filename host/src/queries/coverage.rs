//! When nobody saw a stream, and why.

use landfall_escape::terminal::Page;
use landfall_ledger::Stream;
use landfall_store::{CoverageRow, Reader, SequenceGapRow, StoreError, view};
use serde_json::{Value, json};

/// Holes in the order of time.
pub struct Holes {
    rows: Vec<CoverageRow>,
}

/// Asks for holes that have a part in an interval, from `since_ms` on and before `until_ms`.
///
/// # Errors
/// The store cannot be read.
pub fn holes(
    reader: &Reader,
    since_ms: Option<i64>,
    until_ms: Option<i64>,
) -> Result<Holes, StoreError> {
    let is_in = |row: &CoverageRow| {
        since_ms.is_none_or(|since_ms| row.to_ms >= since_ms)
            && until_ms.is_none_or(|until_ms| row.from_ms < until_ms)
    };
    let rows = reader.coverage()?.into_iter().filter(is_in).collect();
    Ok(Holes { rows })
}

impl Holes {
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// A line for each.
    pub fn as_text(&self) -> Page {
        let mut page = Page::default();
        if self.rows.is_empty() {
            page.line("no hole is known");
        }
        for row in &self.rows {
            let (from, to) = (view::utc_second(row.from_ms), view::utc_second(row.to_ms));
            let length = view::duration(row.to_ms.saturating_sub(row.from_ms));
            page.line(format_args!(
                "{from} – {to} UTC  ({length})  {}: {}",
                row.stream,
                explained(&row.cause)
            ));
        }
        page
    }

    /// An array of objects.
    pub fn as_json(&self) -> Value {
        json!(self.rows)
    }
}

/// Numbers that were left out, by window and stream.
pub struct SequenceGaps {
    rows: Vec<SequenceGapRow>,
}

/// Asks for numbers that were left out in windows that have a part in an interval, from `since_ms` on and before
/// `until_ms`.
///
/// # Errors
/// The store cannot be read.
pub fn sequence_gaps(
    reader: &Reader,
    since_ms: Option<i64>,
    until_ms: Option<i64>,
) -> Result<SequenceGaps, StoreError> {
    let is_in = |row: &SequenceGapRow| {
        since_ms.is_none_or(|since_ms| row.end_ms > since_ms)
            && until_ms.is_none_or(|until_ms| row.start_ms < until_ms)
    };
    let rows = reader.sequence_gaps()?.into_iter().filter(is_in).collect();
    Ok(SequenceGaps { rows })
}

impl SequenceGaps {
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// A line for each window and stream, and what is known of all of them.
    pub fn as_text(&self) -> Page {
        let mut page = Page::default();
        if self.rows.is_empty() {
            page.line("no number is known to be left out");
        }
        for row in &self.rows {
            let (from, to) = (view::utc_second(row.start_ms), view::utc_second(row.end_ms));
            let of_them = [
                (row.landed, "landed"),
                (row.unread, "could not be read"),
                (row.came_late, "came late"),
            ];
            let of_them = of_them.iter().filter(|(count, _)| *count > 0);
            let of_them: String = of_them
                .map(|(count, what)| format!(", {count} {what}"))
                .collect();
            page.line(format_args!(
                "{from} – {to} UTC  {}: {} left out{of_them}",
                row.stream, row.numbers,
            ));
        }
        for stream in Stream::ALL {
            let of_stream = self.rows.iter().filter(|row| row.stream == stream.as_str());
            let sum = |count: fn(&SequenceGapRow) -> u64| {
                let of_stream = of_stream.clone();
                of_stream.fold(0_u64, |sum, row| sum.saturating_add(count(row)))
            };
            let explained = sum(|row| row.unread).saturating_add(sum(|row| row.came_late));
            let left = sum(|row| row.numbers).saturating_sub(explained);
            if left > 0 {
                // One that came late, or could not be read, may be one that landed.
                let landed = sum(|row| row.landed).saturating_sub(explained);
                page.line(meant(stream, left, landed));
            }
        }
        page
    }

    /// An array of objects.
    pub fn as_json(&self) -> Value {
        json!(self.rows)
    }
}

/// What numbers that never came say of the pipeline, and what they do not say.
fn meant(stream: Stream, never: u64, landed: u64) -> String {
    if stream == Stream::Written {
        return format!(
            "written: {never} frames of the writer were not read. Which events they were, nobody knows."
        );
    }
    format!(
        "raw: {never} frames were not read. At least {} of their events landed, so Landfall missed these frames. Of each other event nobody knows what became: it was lost before it reached Landfall, or Landfall missed it, and it did not land, or its row was not seen or has no number.",
        landed.min(never)
    )
}

/// A cause in words.
fn explained(cause: &str) -> &str {
    match cause {
        "not_running" => "not_running: Landfall did not run",
        "never_connected" => "never_connected: there was no connection yet",
        "disconnected" => "disconnected: the connection was lost",
        "unanswered" => "unanswered: the other end acknowledged nothing",
        "paused" => {
            "paused: Landfall did not read for a while: its machine was suspended, or more waited then than the kernel may have room for"
        }
        "unreadable" => "unreadable: too many frames could not be read",
        "sequence_gap" => {
            "sequence_gap: numbers of a source were left out, so frames did not come (landfall coverage --numbers)"
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use landfall_ledger::HoleCause;

    use super::*;

    #[test]
    fn numbers_that_were_left_out_say_what_is_known_and_what_is_not() {
        let row = |stream: &str, numbers, landed, unread, came_late| SequenceGapRow {
            start_ms: 1_416_276_600_000,
            end_ms: 1_416_276_900_000,
            stream: stream.into(),
            numbers,
            landed,
            unread,
            came_late,
        };
        let gaps = SequenceGaps {
            rows: vec![row("raw", 1_200, 1_100, 7, 3), row("written", 7, 0, 0, 0)],
        };
        assert_eq!(
            gaps.as_text().as_str(),
            "2014-11-18 02:10:00 – 2014-11-18 02:15:00 UTC  raw: 1200 left out, 1100 landed, 7 could not be read, 3 came late\n\
             2014-11-18 02:10:00 – 2014-11-18 02:15:00 UTC  written: 7 left out\n\
             raw: 1190 frames were not read. At least 1090 of their events landed, so Landfall missed these frames. Of \
             each other event nobody knows what became: it was lost before it reached Landfall, or Landfall missed it, and \
             it did not land, or its row was not seen or has no number.\n\
             written: 7 frames of the writer were not read. Which events they were, nobody knows.\n"
        );
        let none = SequenceGaps { rows: vec![] };
        assert!(none.is_empty());
        assert_eq!(
            none.as_text().as_str(),
            "no number is known to be left out\n"
        );
    }

    #[test]
    fn a_hole_is_told_with_its_times_and_each_cause_in_words() {
        for cause in HoleCause::ALL {
            assert!(
                explained(cause.as_str()).len() > cause.as_str().len(),
                "{cause}"
            );
        }
        let row = |from_ms, to_ms| CoverageRow {
            stream: "written".into(),
            from_ms,
            to_ms,
            cause: "disconnected".into(),
        };
        let holes = Holes {
            rows: vec![row(1_416_276_724_000, 1_416_276_734_000)],
        };
        assert_eq!(
            holes.as_text().as_str(),
            "2014-11-18 02:12:04 – 2014-11-18 02:12:14 UTC  (10 s)  written: disconnected: the connection was lost\n"
        );
        assert_eq!(
            Holes { rows: vec![] }.as_text().as_str(),
            "no hole is known\n"
        );
    }
}
