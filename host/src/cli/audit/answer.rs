//! Shows what an audit found, as text and as JSON: verdicts, and the findings of each check with
//! their counts.

use std::collections::BTreeMap;

use landfall_escape::terminal::Page;
use landfall_ledger::{Counts, PerStream, Verdict};
use landfall_store::MissingEvent;
use serde_json::{Map, Value, json};

use super::Audited;
use crate::bug::REPORT_BUG;
use crate::judge::TimeDefect;
use crate::results::Totals;
use crate::results::accounting::account::{Account, Altered, RowReason, Undecodable};

/// Missing events listed in the text. `--json` and a kept store have all.
const NAMED_MAX: usize = 20;

/// Altered fields listed in the text. `--json` has all that are counted.
const FIELDS_NAMED_MAX: usize = 50;

impl Audited {
    pub(super) fn is_clean(&self) -> bool {
        let fine = [Verdict::Delivered, Verdict::Rejected, Verdict::Repeated];
        let Totals {
            counts,
            undecodable,
            imbalance,
            account,
            untimed,
            ..
        } = &self.totals;
        Verdict::ALL
            .into_iter()
            .filter(|verdict| !fine.contains(verdict))
            .all(|verdict| counts.verdict(verdict) == 0)
            && counts.duplicate == 0
            && counts.unexpected == 0
            && counts.pending == 0
            && undecodable.is_empty()
            && account.is_clean()
            // A stream may have no times at all. A time that cannot be read is a defect.
            && untimed.keys().all(|defect| *defect == TimeDefect::Absent)
            && *imbalance == 0
            && self.refused == PerStream::default()
            && self.problems.is_empty()
    }
}

fn verdicts_json(counts: &Counts) -> Value {
    let verdicts = Verdict::ALL
        .into_iter()
        .map(|verdict| (verdict.as_str().to_owned(), counts.verdict(verdict).into()));
    Value::Object(verdicts.collect::<Map<String, Value>>())
}

pub(super) fn as_json(audited: &Audited, missing: &[MissingEvent]) -> Value {
    let totals = &audited.totals;
    let refused: Map<String, Value> = audited
        .refused
        .into_iter()
        .map(|(stream, lines)| (stream.as_str().to_owned(), lines.into()))
        .collect();
    let schemas: Map<String, Value> = totals
        .by_schema
        .iter()
        .map(|(schema, counts)| {
            let value = json!({
                "raw": counts.raw, "verdicts": verdicts_json(counts),
                "duplicate": counts.duplicate, "unexpected": counts.unexpected,
            });
            (schema.clone(), value)
        })
        .collect();
    let untimed: Map<String, Value> = TimeDefect::ALL
        .into_iter()
        .filter_map(|defect| Some((defect, totals.untimed.get(&defect)?)))
        .map(|(defect, events)| (defect.as_str().to_owned(), (*events).into()))
        .collect();
    let mut answer = json!({
        "raw": totals.counts.raw,
        "verdicts": verdicts_json(&totals.counts),
        "duplicate": totals.counts.duplicate,
        "unexpected": totals.counts.unexpected,
        "undecodable": totals.undecodable,
        "untimed": untimed,
        "refused": refused,
        "problems": audited.problems,
        "imbalance": totals.imbalance,
        "schemas": schemas,
        "missing_keys": missing.iter().map(|event| event.key.as_str()).collect::<Vec<_>>(),
        "missing": missing,
    });
    account_json(&totals.account, &mut answer);
    answer
}

/// The findings of each check, by reason.
fn account_json(account: &Account, answer: &mut Value) {
    let undecodable = account.undecodable.iter().map(|(unread, frames)| {
        json!({
            "stream": unread.stream, "check": unread.check, "reason": unread.reason, "frames": frames,
        })
    });
    answer["undecodable_by"] = undecodable.collect();
    let reasons = account.reasons.iter().map(|(given, rows)| {
        json!({
            "stream": given.stream, "check": given.check, "reason": given.reason,
            "outcome": given.outcome, "decides": given.decides, "rows": rows,
        })
    });
    answer["reasons"] = reasons.collect();
    let faults = account.faults.iter().map(|((check, kind), faults)| {
        json!({"check": check, "kind": kind, "calls": faults.calls, "rows": faults.rows})
    });
    answer["faults"] = faults.collect();
    let findings = account.findings.iter().map(|(by, findings)| {
        json!({
            "check": by.check, "reason": by.reason, "severity": by.severity, "help": findings.help,
            "windows": findings.windows, "last": {"schema": findings.schema, "detail": findings.detail},
        })
    });
    answer["findings"] = findings.collect();
    let leaked = account.leaked.iter().map(
        |((check, reason), events)| json!({"check": check, "reason": reason, "events": events}),
    );
    answer["leaked_by"] = leaked.collect();
    let altered = &account.altered;
    answer["altered_fields"] = json!({
        "explained": altered.explained, "fields": altered.fields,
        "further": altered.further, "cut": altered.cut,
    });
}

/// Events without a readable time are assumed to have come with their neighbour in the file.
fn untimed_line(untimed: &BTreeMap<TimeDefect, u64>) -> String {
    let events: u64 = untimed.values().sum();
    let verb = if events == 1 {
        "event has"
    } else {
        "events have"
    };
    let defects: Vec<String> = untimed
        .iter()
        .map(|(defect, events)| format!("{} {events}", defect.as_str()))
        .collect();
    format!(
        "{events:>12} {verb} no time that can be read: {}",
        defects.join(", ")
    )
}

pub(super) fn as_text(audited: &Audited, missing: &[MissingEvent]) -> Page {
    let totals = &audited.totals;
    let mut text = Page::default();
    let counts = &totals.counts;
    text.line(format_args!("{:>12} raw events", counts.raw));
    for verdict in Verdict::ALL {
        let count = counts.verdict(verdict);
        if count != 0 || verdict == Verdict::Delivered || verdict == Verdict::Missing {
            text.line(format_args!("{count:>12} {}", verdict.as_str()));
        }
    }
    for (name, count) in [
        ("duplicate rows", counts.duplicate),
        ("unexpected rows", counts.unexpected),
        (
            "of the delivered: doubtful, in time or late",
            counts.doubtful,
        ),
        (
            "of the rejected: may have landed unseen",
            counts.rejected_unseen,
        ),
    ] {
        if count != 0 {
            text.line(format_args!("{count:>12} {name}"));
        }
    }
    if !totals.untimed.is_empty() {
        text.line(untimed_line(&totals.untimed));
    }
    for (stream, lines) in audited.refused {
        if lines != 0 {
            text.line(format_args!(
                "{lines:>12} {0} lines refused: longer than streams.{0}.frame_bytes_max",
                stream.as_str()
            ));
        }
    }
    account_text(&totals.account, counts.verdict(Verdict::Altered), &mut text);
    for problem in &audited.problems {
        text.line(format_args!("not in force: {}", problem));
    }
    if !missing.is_empty() {
        text.line("");
        text.line("missing:");
        for event in missing.iter().take(NAMED_MAX) {
            let at = landfall_store::view::utc_second(event.arrived_ms);
            text.line(format_args!("    {at}  {}  {}", event.schema, event.key));
        }
        if missing.len() > NAMED_MAX {
            text.line(format_args!(
                "    and {} more; --json lists all",
                missing.len() - NAMED_MAX
            ));
        }
    }
    if totals.imbalance > 0 {
        text.line("");
        text.line(format_args!(
            "{} events have no verdict: {REPORT_BUG}",
            totals.imbalance
        ));
    }
    text
}

/// The findings of each check, by reason, each with its count.
fn account_text(account: &Account, altered: i64, text: &mut Page) {
    for (unread, frames) in &account.undecodable {
        let Undecodable {
            stream,
            check,
            reason,
        } = unread;
        text.line(format_args!(
            "{frames:>12} undecodable: {reason} ({stream}, {check})"
        ));
    }
    fields_text(&account.altered, altered, text);
    let mut heading = Heading::new("landed though invalid, because of");
    for ((check, reason), events) in &account.leaked {
        let (check, reason) = match check.as_str() {
            "" => ("", "(no longer known)"),
            _ => (check.as_str(), reason.as_str()),
        };
        heading.line(text, *events, &named(check, reason));
    }
    let mut heading = Heading::new("rows by the reasons that checks gave");
    for (given, rows) in &account.reasons {
        let RowReason {
            stream,
            check,
            reason,
            outcome,
            decides,
        } = given;
        let what = match (*outcome, decides) {
            ("violation", true) => "rejects",
            ("violation", false) => "does not decide",
            (outcome, _) => outcome,
        };
        let name = named(check, reason);
        heading.line(text, *rows, &format!("{name} ({stream}, {what})"));
    }
    let mut heading = Heading::new("rows (of window checks: windows) that checks failed on");
    for ((check, kind), faults) in &account.faults {
        let name = named(check, kind);
        let calls = faults.calls;
        heading.line(text, faults.rows, &format!("{name} ({calls} calls)"));
    }
    let mut heading = Heading::new("windows of which checks found something");
    for (by, findings) in &account.findings {
        let name = named(&by.check, &by.reason);
        let (severity, help) = (by.severity, &findings.help);
        heading.line(
            text,
            findings.windows,
            &format!("{name} ({severity}): {help}"),
        );
        let (schema, detail) = (&findings.schema, &findings.detail);
        text.line(format_args!("{:>12} the last: {schema}: {detail}", ""));
    }
}

/// Fields of altered events. The most frequent ones are listed, and the others are counted.
fn fields_text(altered: &Altered, events: i64, text: &mut Page) {
    if events == 0 {
        return;
    }
    let explained = altered.explained;
    let mut heading = Heading::new(&format!(
        "altered fields, in {explained} of {events} altered events of which they are known"
    ));
    let mut fields: Vec<_> = altered.fields.iter().collect();
    fields.sort_by_key(|(field, events)| (std::cmp::Reverse(**events), *field));
    for (field, events) in fields.iter().take(FIELDS_NAMED_MAX) {
        heading.line(text, **events, field);
    }
    if fields.len() > FIELDS_NAMED_MAX {
        let more = fields.len() - FIELDS_NAMED_MAX;
        text.line(format_args!(
            "{:>12} and {more} more fields; --json has them",
            ""
        ));
    }
    if altered.further > 0 {
        heading.line(
            text,
            altered.further,
            "of fields beyond those counted apart",
        );
    }
    if altered.cut > 0 {
        let what =
            "events have more fields that differ than are named: counts of fields are at least";
        heading.line(text, altered.cut, what);
    }
    if explained == 0 {
        text.line("");
        text.line(format_args!(
            "of {events} altered events no fields are known"
        ));
    }
}

fn named(check: &str, reason: &str) -> String {
    match check {
        "" => reason.to_owned(),
        _ => format!("{check}: {reason}"),
    }
}

/// A heading that is written only if lines follow.
struct Heading(Option<String>);

impl Heading {
    fn new(text: &str) -> Self {
        Self(Some(text.to_owned()))
    }

    fn line(&mut self, text: &mut Page, count: u64, what: &str) {
        if let Some(heading) = self.0.take() {
            text.line("");
            text.line(format_args!("{heading}:"));
        }
        text.line(format_args!("{count:>12} {what}"));
    }
}
