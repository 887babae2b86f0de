//! When nobody saw a stream, and why.

use landfall_escape::terminal::Page;
use landfall_store::{CoverageRow, Reader, StoreError, view};
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
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use landfall_ledger::HoleCause;

    use super::*;

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
