//! What checks found in a run, by check and reason: the answer of an audit. Its size is bounded by
//! the reasons of manifests; where names come from events, by a constant. Pure.

use std::collections::{BTreeMap, BTreeSet};

use landfall_ledger::Stream;
use landfall_runtime::{Counters, FaultKind, Outcome};

use crate::judge::{CheckDifferences, Comparison};

/// Names of altered fields that are counted separately. They come from events.
const FIELDS_MAX: usize = 1000;

/// The most fields that a parity check names for one event (`DIFFERENCES_MAX` of the runtime). A
/// check that names as many may have had more to name.
const FIELDS_OF_ONE_MAX: usize = 32;

/// Rows by reason, faults and findings of checks, and fields of altered events.
#[derive(Clone, Debug, Default)]
pub struct Account {
    /// Rows to which a check gave a reason, or on which it failed.
    pub reasons: BTreeMap<RowReason, u64>,
    /// By check and kind of fault: the calls that failed, and the rows (for window checks: tallies)
    /// that could not be judged.
    pub faults: BTreeMap<(String, &'static str), FaultTotals>,
    /// What window checks found.
    pub findings: BTreeMap<FindingKey, FindingTotals>,
    /// Events that were judged invalid and landed, by check and reason.
    pub leaked: BTreeMap<(String, String), u64>,
    pub undecodable: BTreeMap<Undecodable, u64>,
    pub altered: Altered,
}

/// A reason that a check gave to rows of a stream, and the outcome for them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RowReason {
    pub stream: Stream,
    pub check: String,
    pub reason: String,
    /// `violation`, `filtered`, `unjudged`, or `fault` if the check failed.
    pub outcome: &'static str,
    pub decides: bool,
}

/// The check that could not read frames of a stream, and why.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Undecodable {
    pub stream: Stream,
    pub check: String,
    pub reason: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FaultTotals {
    pub calls: u64,
    pub rows: u64,
}

/// A window check's reason, and its severity.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FindingKey {
    pub check: String,
    pub reason: String,
    pub severity: &'static str,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FindingTotals {
    pub windows: u64,
    /// The manifest's help for the reason.
    pub help: String,
    /// The schema and the detail of the last finding.
    pub schema: String,
    pub detail: String,
}

/// Altered events by the fields that differ.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Altered {
    /// Events for which a check named fields.
    pub explained: u64,
    /// Events by field. An event counts once for each of its fields.
    pub fields: BTreeMap<String, u64>,
    /// Fields with other names. Each counts once for an event.
    pub further: u64,
    /// Events with as many fields as can be named for one event, and perhaps more.
    pub cut: u64,
}

impl RowReason {
    /// The name of an outcome; `fault` if the check failed.
    pub fn outcome_of(outcome: Option<Outcome>) -> &'static str {
        match outcome {
            Some(Outcome::Violation) => "violation",
            Some(Outcome::Filtered) => "filtered",
            Some(Outcome::Unjudged) => "unjudged",
            None => "fault",
        }
    }

    /// Whether such rows are as they should be: they were kept out properly.
    fn is_fine(&self) -> bool {
        self.outcome == "filtered" || self.outcome == "violation" && self.decides
    }
}

impl Account {
    /// Whether checks found nothing but events that must be rejected, and could judge everything.
    /// Findings of severity info do not count.
    pub fn is_clean(&self) -> bool {
        self.reasons.keys().all(RowReason::is_fine)
            && self.faults.values().all(|faults| faults.rows == 0)
            && self.findings.keys().all(|found| found.severity == "info")
            && self.undecodable.is_empty()
    }

    pub(super) fn check(&mut self, check: &str, counters: &Counters) {
        for kind in FaultKind::ALL {
            let (calls, rows) = (
                counters.faults[kind as usize],
                counters.rows_faulted[kind as usize],
            );
            if calls > 0 || rows > 0 {
                let key = (check.to_owned(), kind.as_str());
                let faults = self.faults.entry(key).or_default();
                faults.calls += calls;
                faults.rows += rows;
            }
        }
    }

    pub(super) fn altered(&mut self, comparison: Option<&Comparison>) {
        let Some(Comparison::Differs(differences)) = comparison else {
            return;
        };
        let names: BTreeSet<&str> = named(differences).map(|(_, field)| field).collect();
        let altered = &mut self.altered;
        altered.explained += u64::from(!names.is_empty());
        let is_cut = |differences: &CheckDifferences| {
            differences
                .fields
                .as_ref()
                .is_ok_and(|fields| fields.len() >= FIELDS_OF_ONE_MAX)
        };
        altered.cut += u64::from(differences.iter().any(is_cut));
        for name in names {
            if let Some(events) = altered.fields.get_mut(name) {
                *events += 1;
            } else if altered.fields.len() < FIELDS_MAX {
                altered.fields.insert(name.to_owned(), 1);
            } else {
                altered.further += 1;
            }
        }
    }
}

/// The fields that differ, each with the check that names it.
pub(super) fn named(differences: &[CheckDifferences]) -> impl Iterator<Item = (&str, &str)> {
    differences.iter().flat_map(|differences| {
        let fields = differences.fields.iter().flatten();
        fields.map(|difference| (differences.check.as_str(), difference.field.as_str()))
    })
}

#[cfg(test)]
mod tests {
    use landfall_runtime::Difference;

    use super::*;

    fn differs(fields: impl Iterator<Item = String>) -> Comparison {
        let fields = fields
            .map(|field| Difference {
                field,
                raw: String::new(),
                written: String::new(),
            })
            .collect();
        Comparison::Differs(vec![CheckDifferences {
            check: "parity".into(),
            fields: Ok(fields),
        }])
    }

    #[test]
    fn fields_are_counted_by_event_and_beyond_the_bound_together() {
        let mut account = Account::default();
        account.altered(None);
        account.altered(Some(&Comparison::Unknown));
        let twice = ["x", "y", "x"].map(str::to_owned);
        account.altered(Some(&differs(twice.into_iter())));
        account.altered(Some(&differs(["x".to_owned()].into_iter())));
        let altered = &account.altered;
        assert_eq!((altered.explained, altered.cut), (2, 0));
        assert_eq!((altered.fields["x"], altered.fields["y"]), (2, 1));

        account.altered(Some(&differs(
            (0..FIELDS_OF_ONE_MAX).map(|n| format!("z{n}")),
        )));
        assert_eq!(account.altered.cut, 1);
        for n in 0..2 * FIELDS_MAX {
            account.altered(Some(&differs([format!("f{n}")].into_iter())));
        }
        let altered = &account.altered;
        assert_eq!(altered.fields.len(), FIELDS_MAX);
        let counted = altered.fields.values().sum::<u64>() + altered.further;
        assert_eq!(
            counted,
            3 + FIELDS_OF_ONE_MAX as u64 + 2 * FIELDS_MAX as u64
        );
    }

    #[test]
    fn only_what_was_kept_out_as_it_should_be_is_fine() {
        let given = |outcome, decides| RowReason {
            stream: Stream::Raw,
            check: "a".into(),
            reason: "b".into(),
            outcome: RowReason::outcome_of(outcome),
            decides,
        };
        for (outcome, decides, fine) in [
            (Some(Outcome::Violation), true, true),
            (Some(Outcome::Violation), false, false),
            (Some(Outcome::Filtered), true, true),
            (Some(Outcome::Filtered), false, true),
            (Some(Outcome::Unjudged), true, false),
            (Some(Outcome::Unjudged), false, false),
            (None, true, false),
            (None, false, false),
        ] {
            let mut account = Account::default();
            account.reasons.insert(given(outcome, decides), 1);
            assert_eq!(account.is_clean(), fine, "{outcome:?} {decides}");
        }
    }
}
