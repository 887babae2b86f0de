//! Faults of checks as log lines. The first fault of each check and kind is logged at once. Then
//! comes one line a minute with the number of faults that were not logged, and a line when the
//! check has recovered. It is also logged when a check is suspended because of the time that it
//! wastes, and when it is called again.
//!
//! `FaultStates` decides what to log. It is pure: notes and times in, log events out.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use landfall_ledger::Stream;
use landfall_runtime::{CheckTask, FaultKind, Suspension};

use crate::judge::{FaultNote, FaultOutcome, FaultedRow};

/// The time between two lines about the same check and kind.
const LOG_EVERY: Duration = Duration::from_secs(60);

/// A check has recovered when it judges and has not failed for this long.
const RECOVERED_AFTER: Duration = Duration::from_secs(60);

/// The number of checks, kinds and outcomes that are known at once: more than 256 checks have that
/// fail in every way. Beyond it, the oldest fault is forgotten.
const KNOWN_MAX: usize = 4096;

/// The log of faults.
#[derive(Default)]
pub(super) struct FaultLog(FaultStates);

impl FaultLog {
    /// Logs a fault, or counts it for the next line.
    pub fn fault(&mut self, note: FaultNote, now: Instant) {
        self.0.fault(note, now).iter().for_each(log);
    }

    /// Logs that a check is suspended, once for all workers.
    pub fn suspended(&mut self, check: &str, suspension: Suspension, now: Instant) {
        self.0
            .suspended(check, suspension, now)
            .iter()
            .for_each(log);
    }

    /// Records that a check judged a batch without a fault.
    pub fn judged(&mut self, check: &str) {
        self.0.judged(check);
    }

    /// Logs the lines that are due.
    pub fn tick(&mut self, now: Instant) {
        self.0.tick(now).iter().for_each(log);
    }

    /// Logs what was kept back.
    pub fn end(&mut self) {
        self.0.end().iter().for_each(log);
    }
}

/// A line to log.
#[derive(Clone, Debug, PartialEq, Eq)]
enum LogEvent {
    /// `more_rows` and `more_faults` came since the last line and were not logged.
    Fault {
        note: FaultNote,
        more_rows: u64,
        more_faults: u64,
    },
    /// The run ended before the next line was due.
    NotLogged { of: Subject, rows: u64, faults: u64 },
    Suspended {
        check: String,
        suspension: Suspension,
    },
    /// The suspension is over. `rows` were not judged because of it.
    Resumed {
        check: String,
        task: CheckTask,
        rows: u64,
    },
    /// The check has recovered. `rows` is the number of all rows that it failed on.
    Recovered { of: Subject, rows: u64 },
}

/// The subject of a log line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Subject {
    check: String,
    kind: &'static str,
    outcome: FaultOutcome,
}

/// The faults of one check, kind and outcome.
struct KnownFault {
    logged_at: Instant,
    last: Instant,
    /// Rows since the last line.
    more_rows: u64,
    more_faults: u64,
    rows: u64,
    /// Whether it judged a batch since its last fault.
    judged_since: bool,
}

struct ActiveSuspension {
    until: Instant,
    rows: u64,
}

#[derive(Default)]
struct FaultStates {
    known: BTreeMap<Subject, KnownFault>,
    active_suspensions: BTreeMap<(String, CheckTask), ActiveSuspension>,
}

impl FaultStates {
    fn fault(&mut self, note: FaultNote, now: Instant) -> Option<LogEvent> {
        if note.kind == FaultKind::Suspended
            && let Some(suspension) = self.suspension_of(&note)
        {
            suspension.rows += note.rows;
            return None;
        }
        let of = Subject {
            check: note.check.clone(),
            kind: note.kind.as_str(),
            outcome: note.outcome,
        };
        let Some(known) = self.known.get_mut(&of) else {
            self.make_room();
            let known = KnownFault {
                logged_at: now,
                last: now,
                more_rows: 0,
                more_faults: 0,
                rows: note.rows,
                judged_since: false,
            };
            self.known.insert(of, known);
            return Some(LogEvent::Fault {
                note,
                more_rows: 0,
                more_faults: 0,
            });
        };
        known.last = now;
        known.judged_since = false;
        known.rows += note.rows;
        if now.saturating_duration_since(known.logged_at) < LOG_EVERY {
            known.more_rows += note.rows;
            known.more_faults += 1;
            return None;
        }
        known.logged_at = now;
        Some(LogEvent::Fault {
            note,
            more_rows: std::mem::take(&mut known.more_rows),
            more_faults: std::mem::take(&mut known.more_faults),
        })
    }

    fn suspension_of(&mut self, note: &FaultNote) -> Option<&mut ActiveSuspension> {
        let task = match note.outcome {
            FaultOutcome::Unnamed => CheckTask::Explain,
            _ => CheckTask::Work,
        };
        self.active_suspensions.get_mut(&(note.check.clone(), task))
    }

    fn make_room(&mut self) {
        if self.known.len() < KNOWN_MAX {
            return;
        }
        let oldest = self.known.iter().min_by_key(|(_, known)| known.last);
        if let Some(of) = oldest.map(|(of, _)| of.clone()) {
            self.known.remove(&of);
        }
    }

    /// Each worker has its own instance that is suspended. All of them together are logged once.
    fn suspended(&mut self, check: &str, suspension: Suspension, now: Instant) -> Option<LogEvent> {
        let until = now + suspension.length;
        let key = (check.to_owned(), suspension.task);
        if let Some(known) = self.active_suspensions.get_mut(&key) {
            known.until = known.until.max(until);
            return None;
        }
        if self.active_suspensions.len() >= KNOWN_MAX {
            self.active_suspensions.pop_first();
        }
        self.active_suspensions
            .insert(key, ActiveSuspension { until, rows: 0 });
        Some(LogEvent::Suspended {
            check: check.to_owned(),
            suspension,
        })
    }

    fn judged(&mut self, check: &str) {
        let all = self.known.iter_mut();
        all.filter(|(of, _)| of.check == check)
            .for_each(|(_, known)| known.judged_since = true);
    }

    fn tick(&mut self, now: Instant) -> Vec<LogEvent> {
        let mut events = Vec::new();
        self.active_suspensions.retain(|(check, task), suspension| {
            let is_over = suspension.until <= now;
            if is_over {
                events.push(LogEvent::Resumed {
                    check: check.clone(),
                    task: *task,
                    rows: suspension.rows,
                });
            }
            !is_over
        });
        self.known.retain(|of, known| {
            let is_over =
                known.judged_since && now.saturating_duration_since(known.last) >= RECOVERED_AFTER;
            if is_over {
                events.push(LogEvent::Recovered {
                    of: of.clone(),
                    rows: known.rows,
                });
            }
            !is_over
        });
        events
    }

    fn end(&mut self) -> Vec<LogEvent> {
        let known = std::mem::take(&mut self.known).into_iter();
        let not_logged = known.filter(|(_, known)| known.more_faults > 0);
        not_logged
            .map(|(of, known)| LogEvent::NotLogged {
                of,
                rows: known.more_rows,
                faults: known.more_faults,
            })
            .collect()
    }
}

/// What becomes of the rows, as text.
fn outcome_text(outcome: FaultOutcome) -> &'static str {
    match outcome {
        FaultOutcome::Judged => {
            "a call of the check failed, and all its rows could be judged in smaller parts"
        }
        FaultOutcome::Unjudged => "the check fails on rows, which it does not judge",
        FaultOutcome::Waits => "the codec fails on frames, which wait to be tried again",
        FaultOutcome::GivenUp => "the codec fails on frames, which are given up",
        FaultOutcome::Unnamed => "the check fails to name the fields of altered events",
    }
}

fn log(event: &LogEvent) {
    match event {
        LogEvent::Fault {
            note,
            more_rows,
            more_faults,
        } => log_fault(note, *more_rows, *more_faults),
        LogEvent::NotLogged { of, rows, faults } => tracing::warn!(
            check = of.check,
            kind = of.kind,
            rows,
            faults,
            "further faults that were not logged: {}",
            outcome_text(of.outcome)
        ),
        LogEvent::Suspended { check, suspension } => {
            let length = suspension.length;
            match suspension.task {
                CheckTask::Work => tracing::warn!(
                    check,
                    "the check wastes too much time on faults and is suspended for {length:?}: its rows are not judged"
                ),
                CheckTask::Explain => tracing::warn!(
                    check,
                    "the check wastes too much time on failing to name fields: it is not called for them for {length:?}"
                ),
            }
        }
        LogEvent::Resumed { check, task, rows } => {
            let what = match task {
                CheckTask::Work => "rows that were not judged",
                CheckTask::Explain => "altered events without names of fields",
            };
            tracing::warn!(
                check,
                rows,
                "the suspension of the check is over, and it is called again ({what} meanwhile: {rows})"
            );
        }
        LogEvent::Recovered { of, rows } => tracing::warn!(
            check = of.check,
            kind = of.kind,
            rows,
            "the check has recovered: it judges, and has not failed in this way for {RECOVERED_AFTER:?}; `rows` counts all rows that it failed on"
        ),
    }
}

/// Logs a fault with the row that it was reported with.
fn log_fault(note: &FaultNote, more_rows: u64, more_faults: u64) {
    let FaultNote {
        check,
        kind,
        outcome,
        stream,
        row,
        rows,
        message,
    } = note;
    let kind = kind.as_str();
    let stream = stream.map(Stream::as_str);
    let (key, schema, start_ms) = match row {
        FaultedRow::Key(key) => (Some(key.as_str()), None, None),
        FaultedRow::Window { schema, start_ms } => (None, Some(schema.as_str()), Some(*start_ms)),
        FaultedRow::Unknown => (None, None, None),
    };
    // The rows that were not logged since the last line. Absent in the first line.
    let more_rows = (more_faults > 0).then_some(more_rows);
    let more_faults = (more_faults > 0).then_some(more_faults);
    let what = outcome_text(*outcome);
    if *outcome == FaultOutcome::GivenUp {
        tracing::error!(
            check,
            kind,
            stream,
            rows,
            more_rows,
            more_faults,
            "{what}: {message}"
        );
    } else {
        tracing::warn!(
            check,
            kind,
            stream,
            key,
            schema,
            start_ms,
            rows,
            more_rows,
            more_faults,
            "{what}: {message}"
        );
    }
}

#[cfg(test)]
mod tests;
