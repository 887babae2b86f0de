//! Faults of checks as lines of the log: the first of each check and kind at once, then one a minute with
//! how much was left unsaid, and that it is over. What a check wastes so much time on that it is left
//! alone is told too, and that it is asked again.
//!
//! What is said is decided by `Faults`, which is pure: notes and times in, what to say out.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use landfall_ledger::Stream;
use landfall_runtime::{Duty, FaultKind, Suspension};

use crate::judge::{FaultNote, FaultOutcome, FaultedRow};

/// Between two lines about the same check and kind.
const AGAIN: Duration = Duration::from_secs(60);

/// A check that judges, and has not failed for so long, is well again.
const WELL: Duration = Duration::from_secs(60);

/// Checks, kinds and fates that are known at once: more than all of 256 checks that fail in every way
/// have. Beyond it what failed longest ago is forgotten.
const KNOWN_MAX: usize = 4096;

/// The log of faults.
#[derive(Default)]
pub(super) struct FaultLog(Faults);

impl FaultLog {
    pub fn fault(&mut self, note: FaultNote, now: Instant) {
        self.0.fault(note, now).iter().for_each(log);
    }

    pub fn suspended(&mut self, check: &str, suspension: Suspension, now: Instant) {
        self.0
            .suspended(check, suspension, now)
            .iter()
            .for_each(log);
    }

    /// A check judged a batch without a fault.
    pub fn well(&mut self, check: &str) {
        self.0.well(check);
    }

    /// Says what is due by now.
    pub fn look(&mut self, now: Instant) {
        self.0.look(now).iter().for_each(log);
    }

    /// Says what was left unsaid.
    pub fn end(&mut self) {
        self.0.end().iter().for_each(log);
    }
}

/// What is to be said.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Said {
    /// `more_rows` and `more_faults` since the line before were not told.
    Fault {
        note: FaultNote,
        more_rows: u64,
        more_faults: u64,
    },
    /// The end came before the next line.
    Unsaid { of: Of, rows: u64, faults: u64 },
    Suspended {
        check: String,
        suspension: Suspension,
    },
    /// It is over; so many rows were not judged because of it.
    Resumed {
        check: String,
        duty: Duty,
        rows: u64,
    },
    /// So many rows in all.
    Well { of: Of, rows: u64 },
}

/// What lines are about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Of {
    check: String,
    kind: &'static str,
    outcome: FaultOutcome,
}

/// Faults of one check, kind and fate.
struct Known {
    said: Instant,
    last: Instant,
    /// Since it was said.
    more_rows: u64,
    more_faults: u64,
    rows: u64,
    /// It judged a batch since the last one.
    is_well: bool,
}

struct LeftAlone {
    until: Instant,
    rows: u64,
}

#[derive(Default)]
struct Faults {
    known: BTreeMap<Of, Known>,
    left_alone: BTreeMap<(String, Duty), LeftAlone>,
}

impl Faults {
    fn fault(&mut self, note: FaultNote, now: Instant) -> Option<Said> {
        if note.kind == FaultKind::Suspended
            && let Some(left_alone) = self.left_alone_for(&note)
        {
            left_alone.rows += note.rows;
            return None;
        }
        let of = Of {
            check: note.check.clone(),
            kind: note.kind.as_str(),
            outcome: note.outcome,
        };
        let Some(known) = self.known.get_mut(&of) else {
            self.make_room();
            let known = Known {
                said: now,
                last: now,
                more_rows: 0,
                more_faults: 0,
                rows: note.rows,
                is_well: false,
            };
            self.known.insert(of, known);
            return Some(Said::Fault {
                note,
                more_rows: 0,
                more_faults: 0,
            });
        };
        known.last = now;
        known.is_well = false;
        known.rows += note.rows;
        if now.saturating_duration_since(known.said) < AGAIN {
            known.more_rows += note.rows;
            known.more_faults += 1;
            return None;
        }
        known.said = now;
        Some(Said::Fault {
            note,
            more_rows: std::mem::take(&mut known.more_rows),
            more_faults: std::mem::take(&mut known.more_faults),
        })
    }

    fn left_alone_for(&mut self, note: &FaultNote) -> Option<&mut LeftAlone> {
        let duty = match note.outcome {
            FaultOutcome::Unnamed => Duty::Explain,
            _ => Duty::Work,
        };
        self.left_alone.get_mut(&(note.check.clone(), duty))
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

    /// Each worker has an instance of its own that is left alone; of all of them it is told once.
    fn suspended(&mut self, check: &str, suspension: Suspension, now: Instant) -> Option<Said> {
        let until = now + suspension.length;
        let key = (check.to_owned(), suspension.duty);
        if let Some(known) = self.left_alone.get_mut(&key) {
            known.until = known.until.max(until);
            return None;
        }
        if self.left_alone.len() >= KNOWN_MAX {
            self.left_alone.pop_first();
        }
        self.left_alone.insert(key, LeftAlone { until, rows: 0 });
        Some(Said::Suspended {
            check: check.to_owned(),
            suspension,
        })
    }

    fn well(&mut self, check: &str) {
        let all = self.known.iter_mut();
        all.filter(|(of, _)| of.check == check)
            .for_each(|(_, known)| known.is_well = true);
    }

    fn look(&mut self, now: Instant) -> Vec<Said> {
        let mut said = Vec::new();
        self.left_alone.retain(|(check, duty), left_alone| {
            let is_over = left_alone.until <= now;
            if is_over {
                said.push(Said::Resumed {
                    check: check.clone(),
                    duty: *duty,
                    rows: left_alone.rows,
                });
            }
            !is_over
        });
        self.known.retain(|of, known| {
            let is_over = known.is_well && now.saturating_duration_since(known.last) >= WELL;
            if is_over {
                said.push(Said::Well {
                    of: of.clone(),
                    rows: known.rows,
                });
            }
            !is_over
        });
        said
    }

    fn end(&mut self) -> Vec<Said> {
        let known = std::mem::take(&mut self.known).into_iter();
        let unsaid = known.filter(|(_, known)| known.more_faults > 0);
        unsaid
            .map(|(of, known)| Said::Unsaid {
                of,
                rows: known.more_rows,
                faults: known.more_faults,
            })
            .collect()
    }
}

/// What becomes of the rows, in words.
fn what(outcome: FaultOutcome) -> &'static str {
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

fn log(said: &Said) {
    match said {
        Said::Fault {
            note,
            more_rows,
            more_faults,
        } => log_fault(note, *more_rows, *more_faults),
        Said::Unsaid { of, rows, faults } => tracing::warn!(
            check = of.check,
            kind = of.kind,
            rows,
            faults,
            "further faults that were not told: {}",
            what(of.outcome)
        ),
        Said::Suspended { check, suspension } => {
            let length = suspension.length;
            match suspension.duty {
                Duty::Work => tracing::warn!(
                    check,
                    "the check wastes too much time on faults and is left alone for {length:?}: its rows are not judged"
                ),
                Duty::Explain => tracing::warn!(
                    check,
                    "the check wastes too much time on failing to name fields: it is not asked for them for {length:?}"
                ),
            }
        }
        Said::Resumed { check, duty, rows } => {
            let what = match duty {
                Duty::Work => "rows",
                Duty::Explain => "altered events without names of fields",
            };
            tracing::warn!(
                check,
                rows,
                "the time is over for which the check was left alone; it is asked again ({what} meanwhile: {rows})"
            );
        }
        Said::Well { of, rows } => tracing::warn!(
            check = of.check,
            kind = of.kind,
            rows,
            "the check is well again: it judges, and has not failed so for {WELL:?}; `rows` counts all that it failed on"
        ),
    }
}

/// A fault with the row that it is told by.
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
    // What was not told since the last line; absent at first.
    let more_rows = (more_faults > 0).then_some(more_rows);
    let more_faults = (more_faults > 0).then_some(more_faults);
    let what = what(*outcome);
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
