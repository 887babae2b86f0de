//! Closes windows when the last deadline of their events has passed. Then the law of conservation
//! is checked, and what window checks find in the tallies is accounted for.

use std::collections::{BTreeMap, BTreeSet};

use landfall_ledger::{Frontier, IncidentFinding, STAMPS_APART_MS, SchemaId};
use landfall_runtime::{Finding, JudgedWindows, Manifest, Severity, Tally};
use landfall_store::SampleRow;

use super::account::{FindingKey, FindingTotals};
use super::{Accounting, Prepared, tally};
use crate::judge::plan::Plan;

/// The tallies of one window that closed, by schema.
pub(in crate::results) struct ClosedTallies {
    pub tallies: Vec<Tally>,
    schemas: Vec<SchemaId>,
}

/// What one window check found in some tallies.
pub(in crate::results) struct WindowFindings {
    pub check: String,
    pub manifest: Manifest,
    pub judged: JudgedWindows,
}

/// Events that came before this instant have had their deadline. Rows that landed before it and
/// waited for a copy that explains them have been decided. Raw frames may wait for long after
/// landings of their time were applied.
fn settled_before_ms(raw_ms: i64, written_ms: i64, longest_deadline_ms: i64) -> i64 {
    written_ms
        .min(raw_ms.saturating_sub(STAMPS_APART_MS))
        .saturating_sub(longest_deadline_ms)
}

impl Accounting {
    /// Closes the windows whose events have all been judged and have all had their deadline.
    pub fn close_windows(
        &mut self,
        plan: &Plan,
        ended: bool,
        out: &mut Prepared,
    ) -> Vec<ClosedTallies> {
        let frontier = |of: fn(&Frontier) -> i64| {
            let frontiers = self.shards.iter().map(|shard| of(&shard.frontier));
            frontiers.min().unwrap_or(i64::MIN)
        };
        let (raw_ms, written_ms) = (
            frontier(|frontier| frontier.raw_ms),
            frontier(|frontier| frontier.written_ms),
        );
        if raw_ms == i64::MIN || written_ms == i64::MIN {
            return Vec::new();
        }
        let below = match written_ms {
            i64::MAX if !ended => return Vec::new(),
            i64::MAX => i64::MAX,
            _ => {
                let settled_ms = settled_before_ms(raw_ms, written_ms, self.longest_deadline_ms);
                settled_ms.div_euclid(self.window_ms)
            }
        };
        let mut closed = Vec::new();
        for window in self.open_windows.close(below) {
            let imbalance = window.imbalance();
            self.totals.imbalance += imbalance;
            let start_ms = window.window.saturating_mul(self.window_ms);
            out.closed.push((start_ms, imbalance));
            let (schemas, counts): (Vec<_>, Vec<_>) = window.schemas.into_iter().unzip();
            let tallies = schemas.iter().zip(&counts).map(|(schema, counts)| {
                tally::of_window(plan, window.window, self.window_ms, *schema, counts)
            });
            closed.push(ClosedTallies {
                tallies: tallies.collect(),
                schemas,
            });
        }
        closed
    }

    /// Accounts for what a window check found in a window that closed.
    pub fn found(
        &mut self,
        plan: &Plan,
        closed: &ClosedTallies,
        checks: &[WindowFindings],
        out: &mut Prepared,
    ) {
        // A window counts once for a reason, even if a check gives the reason more than once.
        let mut incidents: BTreeMap<_, (IncidentFinding, (i64, i64), String)> = BTreeMap::new();
        for check in checks {
            self.sample_faults(plan, closed, check, out);
            let mut counted = BTreeSet::new();
            for finding in &check.judged.findings {
                let (Some(tally), Some(&schema)) = (
                    closed.tallies.get(finding.tally),
                    closed.schemas.get(finding.tally),
                ) else {
                    continue;
                };
                let reason = check.reason(finding);
                let is_new = counted.insert((finding.tally, reason, finding.severity.as_str()));
                self.account_for(check, finding, tally, is_new);
                if let Some(severity) = of_incident(finding.severity) {
                    let reason = plan.reasons.intern(&check.check, reason);
                    let times = (tally.start_ms, tally.end_ms);
                    let found = IncidentFinding { reason, severity };
                    let (known, _, text) = incidents
                        .entry((schema, reason))
                        .or_insert_with(|| (found, times, String::new()));
                    known.severity = known.severity.max(severity);
                    text.clone_from(&finding.text);
                }
                let row = self.sample_of(plan, check, tally, reason.to_owned(), &finding.text);
                self.sample_window("violation", row, out);
            }
        }
        for ((schema, _), (found, times, detail)) in incidents {
            let detail = self.incidents.found(found, schema, times, detail);
            self.details.extend(detail);
        }
    }

    fn account_for(
        &mut self,
        check: &WindowFindings,
        finding: &Finding,
        tally: &Tally,
        is_new: bool,
    ) {
        let by = FindingKey {
            check: check.check.clone(),
            reason: check.reason(finding).to_owned(),
            severity: finding.severity.as_str(),
        };
        let help = check.manifest.reasons.get(finding.reason);
        let findings = self.totals.account.findings.entry(by).or_default();
        *findings = FindingTotals {
            windows: findings.windows + u64::from(is_new),
            help: help.map_or_else(String::new, |reason| reason.help.clone()),
            schema: tally.schema.clone(),
            detail: finding.text.clone(),
        };
    }

    /// Keeps the tallies on which a check failed, as samples.
    fn sample_faults(
        &mut self,
        plan: &Plan,
        closed: &ClosedTallies,
        check: &WindowFindings,
        out: &mut Prepared,
    ) {
        for faulted in &check.judged.faulted {
            let tallies = closed.tallies.iter();
            for tally in tallies.skip(faulted.first).take(faulted.rows) {
                let reason = faulted.fault.kind.reason();
                let row = self.sample_of(plan, check, tally, reason, &faulted.fault.message);
                self.sample_window("fault", row, out);
            }
        }
    }

    fn sample_window(&mut self, kind: &str, row: SampleRow, out: &mut Prepared) {
        let row = SampleRow {
            kind: kind.into(),
            ..row
        };
        if self.samples.take(&row) {
            out.samples.push(row);
        }
    }

    /// A sample of a window, without its kind.
    fn sample_of(
        &self,
        plan: &Plan,
        check: &WindowFindings,
        tally: &Tally,
        reason: String,
        detail: &str,
    ) -> SampleRow {
        SampleRow {
            generation: Some(self.number(plan.generation)),
            check_name: check.check.clone(),
            reason,
            stream: "window".into(),
            schema: tally.schema.clone(),
            at_ms: tally.start_ms,
            detail: detail.to_owned(),
            ..SampleRow::default()
        }
    }
}

impl WindowFindings {
    /// The id of a finding's reason; empty if the manifest has no reason of that number.
    pub fn reason(&self, finding: &Finding) -> &str {
        let reason = self.manifest.reasons.get(finding.reason);
        reason.map_or("", |reason| reason.id.as_str())
    }
}

/// A finding of severity info is no incident.
fn of_incident(severity: Severity) -> Option<landfall_ledger::Severity> {
    match severity {
        Severity::Info => None,
        Severity::Warning => Some(landfall_ledger::Severity::Warning),
        Severity::Critical => Some(landfall_ledger::Severity::Critical),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_closes_when_deadlines_have_passed_and_rows_that_wait_are_decided() {
        for (raw_ms, written_ms, settled_ms) in [
            (11_000, 10_000, 5_000),
            (20_000, 10_000, 5_000),
            // A row that landed at the deadline waits until raw time has passed it.
            (10_999, 10_000, 4_999),
            (6_000, 10_000, 0),
            (10_000, 6_000, 1_000),
            (i64::MAX, 10_000, 5_000),
            (i64::MIN, 10_000, i64::MIN),
        ] {
            let came = settled_before_ms(raw_ms, written_ms, 5_000);
            assert_eq!(came, settled_ms, "raw {raw_ms}, written {written_ms}");
        }
    }
}
