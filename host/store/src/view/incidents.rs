//! The timeline of incidents, in the form of an incident page.

use std::fmt::Write as _;

use landfall_escape::terminal::Page;

use super::time::{duration, utc_minute, utc_second};
use crate::rows::{FindingRow, IncidentRow};

/// Schemas named in one line; the rest is counted.
const SCHEMAS_NAMED_MAX: usize = 6;

/// An incident, and what is to be known with it.
#[derive(Clone, Debug)]
pub struct TimelineEntry {
    pub incident: IncidentRow,
    /// Frames that came meanwhile and could not be read, of the stream on which something is not there. As many of its
    /// events may be no loss.
    pub unread_frames: u64,
    /// For how much of it nobody saw that stream, in milliseconds.
    pub unseen_ms: i64,
}

/// One paragraph per incident. `now_ms` is where open ones end.
pub fn timeline(entries: &[TimelineEntry], now_ms: i64) -> Page {
    let mut page = Page::default();
    for entry in entries {
        paragraph(entry, now_ms, &mut page);
    }
    page
}

fn paragraph(entry: &TimelineEntry, now_ms: i64, page: &mut Page) {
    let incident = &entry.incident;
    let end_ms = if incident.closed_ms.is_some() || incident.resumed_ms.is_some() {
        incident.end_ms
    } else {
        now_ms
    };
    let until = match (incident.closed_ms, incident.resumed_ms) {
        (None, None) => "now".to_owned(),
        _ => utc_second(incident.end_ms)[11..].to_owned(),
    };
    let start = utc_second(incident.start_ms);
    let same_day = utc_minute(incident.start_ms)[..10] == utc_minute(incident.end_ms)[..10];
    let until = if same_day || until == "now" {
        until
    } else {
        utc_second(incident.end_ms)
    };
    page.line(format_args!(
        "#{}  {start} – {until} UTC  ({})  {}",
        incident.id,
        duration(end_ms - incident.start_ms),
        what(incident)
    ));
    let mut line = format!("    {}", count(incident.events, unit(incident)));
    if !incident.shares.is_empty() {
        let _ = write!(line, " ({})", shares(incident));
    }
    let _ = write!(
        line,
        "; reported after {}",
        duration(incident.opened_ms - incident.start_ms)
    );
    if incident.landed_late > 0 {
        let _ = write!(line, "; {} landed later", incident.landed_late);
    }
    page.line(line);
    if !incident.found.detail.is_empty() {
        page.line(format_args!("    the last: {}", incident.found.detail));
    }
    if entry.unread_frames > 0 {
        page.line(format_args!(
            "    {} could not be read meanwhile: each may be one of these events",
            match entry.unread_frames {
                1 => "1 frame".to_owned(),
                more => format!("{} frames", grouped(more)),
            }
        ));
    }
    if entry.unseen_ms > 0 {
        page.line(format_args!(
            "    for {} of it Landfall did not see what it is about: landfall coverage",
            duration(entry.unseen_ms)
        ));
    }
    if incident.cause == "unwatched" {
        page.line("    when nobody saw it, and why: landfall coverage");
    }
    if has_backfill(incident) {
        page.line(format_args!(
            "    backfill: landfall backfill --incident {} --output FILE",
            incident.id
        ));
    }
}

fn has_backfill(incident: &IncidentRow) -> bool {
    matches!(incident.cause.as_str(), "stalled" | "loss") && incident.events > incident.landed_late
}

fn unit(incident: &IncidentRow) -> &'static str {
    match incident.cause.as_str() {
        "stalled" | "loss" => "did not land in time",
        "altered" => "landed altered",
        "leaked" => "landed though invalid",
        "duplicate" => "rows too many",
        "unexpected" => "landed without a raw event",
        "unjudged" => "could not be judged",
        "finding" => "windows",
        "unwatched" => "are unconfirmed",
        _ => "concerned",
    }
}

fn what(incident: &IncidentRow) -> String {
    let subject = match incident.scope.as_str() {
        "pipeline" => "the whole pipeline",
        "others" => "further schemas",
        _ => incident.subject.as_str(),
    };
    let cause = match incident.cause.as_str() {
        "stalled" => "stalled: events came in, none landed",
        "loss" => "loss: some events did not land",
        "altered" => "altered on the way",
        "leaked" => "leaked: invalid events landed",
        "duplicate" => "duplicate rows",
        "unexpected" => "unexpected rows",
        "unjudged" => "unjudged: a check could not say",
        "silent" => "silent: nothing came in",
        "unwatched" => "unwatched: Landfall did not see it, and cannot tell what landed",
        "finding" => return format!("{subject}: {}", finding(incident)),
        other => other,
    };
    format!("{subject}: {cause}")
}

/// The check and its reason, as the check itself names and explains them.
fn finding(incident: &IncidentRow) -> String {
    let FindingRow {
        check_name,
        reason,
        help,
        severity,
        ..
    } = &incident.found;
    if check_name.is_empty() {
        // It was written by a version that did not store the check.
        return "a window check found something".to_owned();
    }
    let help = if help.is_empty() {
        String::new()
    } else {
        format!(": {help}")
    };
    format!("{check_name}: {reason} ({severity}){help}")
}

fn count(events: u64, unit: &str) -> String {
    let noun = if unit == "windows" {
        let windows = if events == 1 { "window" } else { unit };
        return format!("{} {windows}", grouped(events));
    } else if unit.starts_with("rows") {
        return format!("{} {unit}", grouped(events));
    } else if events == 1 {
        "event"
    } else {
        "events"
    };
    format!("{} {noun} {unit}", grouped(events))
}

/// Digits in groups of three.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn shares(incident: &IncidentRow) -> String {
    let mut shares: Vec<_> = incident.shares.iter().collect();
    shares.sort_by(|a, b| {
        b.events
            .cmp(&a.events)
            .then_with(|| a.schema.cmp(&b.schema))
    });
    let mut named: Vec<String> = shares
        .iter()
        .take(SCHEMAS_NAMED_MAX)
        .map(|share| format!("{} {}", share.schema, grouped(share.events)))
        .collect();
    if shares.len() > SCHEMAS_NAMED_MAX {
        named.push(format!("{} more", shares.len() - SCHEMAS_NAMED_MAX));
    }
    named.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::ShareRow;

    fn incident() -> IncidentRow {
        IncidentRow {
            id: 3,
            cause: "stalled".into(),
            scope: "pipeline".into(),
            subject: String::new(),
            start_ms: 1_416_276_724_000,
            end_ms: 1_416_278_230_000,
            opened_ms: 1_416_276_845_000,
            resumed_ms: Some(1_416_278_235_000),
            closed_ms: Some(1_416_279_000_000),
            events: 2310,
            landed_late: 0,
            shares: vec![
                ShareRow {
                    schema: "Edit/7".into(),
                    events: 1110,
                    landed_late: 0,
                    first_ms: 0,
                    last_ms: 0,
                },
                ShareRow {
                    schema: "Search/2".into(),
                    events: 1200,
                    landed_late: 0,
                    first_ms: 0,
                    last_ms: 0,
                },
            ],
            found: FindingRow::default(),
        }
    }

    fn entry(incident: &IncidentRow, unread_frames: u64) -> TimelineEntry {
        TimelineEntry {
            incident: incident.clone(),
            unread_frames,
            unseen_ms: 0,
        }
    }

    #[test]
    fn an_incident_that_was_not_seen_all_the_time_says_so() {
        let told = |unseen_ms| {
            let entry = TimelineEntry {
                unseen_ms,
                ..entry(&incident(), 0)
            };
            timeline(&[entry], 0).as_str().to_owned()
        };
        let line =
            "    for 10 min 1 s of it Landfall did not see what it is about: landfall coverage\n";
        assert!(told(601_000).contains(line), "{}", told(601_000));
        assert!(!told(0).contains("did not see"));
    }

    #[test]
    fn frames_that_could_not_be_read_are_told_where_they_may_be_what_is_not_there() {
        for (unread, line) in [
            (
                1,
                "    1 frame could not be read meanwhile: each may be one of these events\n",
            ),
            (
                1_200,
                "    1,200 frames could not be read meanwhile: each may be one of these events\n",
            ),
        ] {
            let page = timeline(&[entry(&incident(), unread)], 0);
            assert!(page.as_str().contains(line), "{}", page.as_str());
        }
        let page = timeline(&[entry(&incident(), 0)], 0);
        assert!(!page.as_str().contains("could not be read"));
    }

    #[test]
    fn an_incident_reads_like_an_entry_on_an_incident_page() {
        assert_eq!(
            timeline(&[entry(&incident(), 0)], 0).as_str(),
            "#3  2014-11-18 02:12:04 – 02:37:10 UTC  (25 min 6 s)  the whole pipeline: stalled: events came in, none landed\n    \
             2,310 events did not land in time (Search/2 1,200, Edit/7 1,110); reported after 2 min 1 s\n    \
             backfill: landfall backfill --incident 3 --output FILE\n"
        );
    }

    #[test]
    fn a_finding_is_told_by_the_check_that_found_it_and_in_its_words() {
        let mut found = incident();
        (found.cause, found.scope, found.subject) =
            ("finding".into(), "schema".into(), "Edit/7".into());
        (found.events, found.resumed_ms) = (1, None);
        found.shares.truncate(1);
        found.found = FindingRow {
            check_name: "cardinality".into(),
            reason: "too_few".into(),
            help: "a cube has fewer wikis than it had".into(),
            severity: "critical".into(),
            detail: "3 wikis\x1b[2J of\n900".into(),
        };
        let mut old = found.clone();
        old.found = FindingRow::default();
        let page = timeline(&[entry(&old, 0)], 0);
        let text = page.as_str();
        assert!(
            text.contains("Edit/7: a window check found something\n"),
            "{text}"
        );
        assert_eq!(
            timeline(&[entry(&found, 0)], 0).as_str(),
            "#3  2014-11-18 02:12:04 – 02:37:10 UTC  (25 min 6 s)  Edit/7: cardinality: too_few (critical): a cube has fewer wikis than it had\n    \
             1 window (Edit/7 1,110); reported after 2 min 1 s\n    \
             the last: 3 wikis\\u{1b}[2J of\\n900\n"
        );
    }

    #[test]
    fn an_open_incident_lasts_until_now_and_one_that_landed_needs_no_backfill() {
        let mut open = incident();
        (open.resumed_ms, open.closed_ms) = (None, None);
        let page = timeline(&[entry(&open, 0)], open.start_ms + 60_000);
        let text = page.as_str();
        assert!(text.contains("02:12:04 – now UTC  (1 min)"), "{text}");
        open.landed_late = open.events;
        assert!(
            !timeline(&[entry(&open, 0)], 0)
                .as_str()
                .contains("backfill")
        );
    }
}
