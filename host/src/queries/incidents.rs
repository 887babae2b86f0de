//! The timeline of incidents.

use landfall_escape::terminal::Page;
use landfall_ledger::Stream;
use landfall_store::view::TimelineEntry;
use landfall_store::{CoverageRow, IncidentRow, Reader, StoreError, view};
use serde_json::{Value, json};

/// Which incidents are asked for. The default is all.
#[derive(Clone, Debug, Default)]
pub struct IncidentFilter {
    /// Only those that are open.
    pub open: bool,
    /// Only those of this cause.
    pub cause: Option<String>,
    /// Only those that end at or after this time, in milliseconds.
    pub since_ms: Option<i64>,
    /// Only those that start before this time, in milliseconds.
    pub until_ms: Option<i64>,
}

/// Incidents, in the order of their numbers.
pub struct Timeline {
    entries: Vec<TimelineEntry>,
    now_ms: i64,
}

/// Asks for incidents. `now_ms` is the time that the answer speaks of as now.
///
/// # Errors
/// The store cannot be read.
pub fn incidents(
    reader: &Reader,
    filter: &IncidentFilter,
    now_ms: i64,
) -> Result<Timeline, StoreError> {
    let rows = reader.incidents()?.into_iter();
    let holes = reader.coverage()?;
    let entry = |incident: IncidentRow| {
        let (unread_frames, unseen_ms) = match doubting(&incident.cause) {
            None => (0, 0),
            Some(stream) => {
                let start_ms = incident.start_ms;
                let resumed_ms = incident.resumed_ms.or(incident.closed_ms);
                let until_ms = resumed_ms.map_or(now_ms, |_| incident.end_ms);
                let end_ms = incident.closed_ms.or(incident.resumed_ms);
                let end_ms = end_ms.unwrap_or(now_ms).max(incident.end_ms);
                let unread = reader.unread_frames(stream.as_str(), start_ms, end_ms)?;
                (unread, unseen_ms(&holes, stream, start_ms, until_ms))
            }
        };
        Ok(TimelineEntry {
            incident,
            unread_frames,
            unseen_ms,
        })
    };
    let entries = rows.filter(|row| filter.wants(row)).map(entry);
    Ok(Timeline {
        entries: entries.collect::<Result<_, _>>()?,
        now_ms,
    })
}

/// The stream on which events of an incident are not there, as far as it was read.
fn doubting(cause: &str) -> Option<Stream> {
    match cause {
        "stalled" | "loss" => Some(Stream::Written),
        "unexpected" => Some(Stream::Raw),
        _ => None,
    }
}

/// For how long from one instant to the other nobody saw a stream. Its holes do not overlap.
fn unseen_ms(holes: &[CoverageRow], stream: Stream, from_ms: i64, to_ms: i64) -> i64 {
    let of_stream = holes.iter().filter(|hole| hole.stream == stream.as_str());
    let common_ms = of_stream.map(|hole| {
        let (begins_ms, ends_ms) = (hole.from_ms.max(from_ms), hole.to_ms.min(to_ms));
        ends_ms.saturating_sub(begins_ms).max(0)
    });
    common_ms.fold(0, i64::saturating_add)
}

impl IncidentFilter {
    fn wants(&self, row: &IncidentRow) -> bool {
        let is_open = row.closed_ms.is_none();
        (!self.open || is_open)
            && self.cause.as_ref().is_none_or(|cause| *cause == row.cause)
            && self
                .since_ms
                .is_none_or(|since_ms| is_open || row.end_ms >= since_ms)
            && self.until_ms.is_none_or(|until_ms| row.start_ms < until_ms)
    }
}

impl Timeline {
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// As one would write it on an incident page.
    pub fn as_text(&self) -> Page {
        match self.entries.is_empty() {
            true => {
                let mut page = Page::default();
                page.line("no incidents");
                page
            }
            false => view::timeline(&self.entries, self.now_ms),
        }
    }

    /// An array of objects.
    pub fn as_json(&self) -> Value {
        self.entries.iter().map(of_entry).collect()
    }
}

fn of_entry(entry: &TimelineEntry) -> Value {
    let row = &entry.incident;
    let mut value = json!(row);
    if doubting(&row.cause).is_some() {
        value["unread_frames"] = json!(entry.unread_frames);
        value["unseen_ms"] = json!(entry.unseen_ms);
    }
    value["detected_after_ms"] = json!(row.opened_ms.saturating_sub(row.start_ms));
    value["open"] = json!(row.closed_ms.is_none());
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(start_ms: i64, end_ms: i64, closed_ms: Option<i64>) -> IncidentRow {
        IncidentRow {
            id: 1,
            cause: "loss".into(),
            scope: "pipeline".into(),
            subject: String::new(),
            start_ms,
            end_ms,
            opened_ms: start_ms + 5,
            resumed_ms: None,
            closed_ms,
            events: 1,
            landed_late: 0,
            shares: Vec::new(),
            found: Default::default(),
        }
    }

    #[test]
    fn an_incident_is_asked_for_by_whether_it_is_open_its_cause_and_its_time() {
        let all = IncidentFilter::default();
        let open = IncidentFilter {
            open: true,
            ..all.clone()
        };
        let of = |cause: &str| IncidentFilter {
            cause: Some(cause.to_owned()),
            ..all.clone()
        };
        let since = IncidentFilter {
            since_ms: Some(20),
            ..all.clone()
        };
        let until = IncidentFilter {
            until_ms: Some(10),
            ..all.clone()
        };
        let (closed, ongoing) = (row(10, 19, Some(30)), row(10, 19, None));
        for (filter, of_closed, of_open) in [
            (&all, true, true),
            (&open, false, true),
            (&of("loss"), true, true),
            (&of("stall"), false, false),
            // One that is open goes on.
            (&since, false, true),
            (&until, false, false),
        ] {
            let wants = (filter.wants(&closed), filter.wants(&ongoing));
            assert_eq!(wants, (of_closed, of_open), "{filter:?}");
        }
        let entry = TimelineEntry {
            incident: closed,
            unread_frames: 3,
            unseen_ms: 7,
        };
        let value = of_entry(&entry);
        assert_eq!(value["detected_after_ms"], 5);
        assert_eq!(value["open"], false);
        assert_eq!(value["unread_frames"], 3);
        assert_eq!(value["unseen_ms"], 7);
    }

    #[test]
    fn of_an_incident_counts_what_nobody_saw_of_its_own_stream_and_time() {
        let hole = |stream: Stream, from_ms, to_ms| CoverageRow {
            stream: stream.as_str().into(),
            from_ms,
            to_ms,
            cause: "paused".into(),
        };
        let holes = [
            hole(Stream::Written, i64::MIN, 5),
            hole(Stream::Written, 90, 120),
            hole(Stream::Written, 150, 160),
            hole(Stream::Raw, 0, 1_000),
            hole(Stream::Written, 190, 400),
            hole(Stream::Written, 500, 600),
        ];
        assert_eq!(unseen_ms(&holes, Stream::Written, 100, 200), 20 + 10 + 10);
        assert_eq!(unseen_ms(&holes, Stream::Raw, 100, 200), 100);
        assert_eq!(unseen_ms(&[], Stream::Raw, 100, 200), 0);
    }
}
