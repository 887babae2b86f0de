//! Windows close when the last deadline of their events has passed: the law is checked, and window
//! checks judge the tallies.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use landfall_ledger::{Found, Frontier, STAMPS_APART_MS, SchemaId};
use landfall_runtime::{CheckInstance, Severity, Tally};
use landfall_store::{GenerationRow, SampleRow};

use super::account::{Findings, FoundBy};
use super::flush::Prepared;
use super::{Results, is_well, tally};
use crate::judge::plan::Plan;
use crate::judge::{FaultNote, FaultedRow};

/// Events that came before this instant have had their deadline, and rows that landed by then and wait for
/// a copy that explains them have been decided. Raw frames may wait for long after landings of their time
/// were applied.
fn settled_before_ms(raw_ms: i64, written_ms: i64, longest_deadline_ms: i64) -> i64 {
    written_ms
        .min(raw_ms.saturating_sub(STAMPS_APART_MS))
        .saturating_sub(longest_deadline_ms)
}

impl Results {
    /// Every generation of checks that was in force is noted, however short it was.
    pub(super) fn note_generations(&mut self, out: &mut Prepared) {
        for noted in self.plan.take_unnoted() {
            let generation = self.number(noted.generation);
            out.next_generation = Some(generation + 1);
            let rows = noted.checks.into_iter().map(|check| GenerationRow {
                generation,
                since_ms: noted.since_ms,
                check_name: check.name,
                version: check.version,
                digest: check.digest,
            });
            out.generations.extend(rows);
        }
    }

    /// Puts the window checks of a plan in place; one that did not change keeps its instance.
    pub(super) fn follow_window_checks(&mut self, plan: &Plan) {
        if self.window_checks_of.replace(plan.generation) == Some(plan.generation) {
            return;
        }
        let mut old = std::mem::take(&mut self.window_checks);
        self.window_checks = plan
            .windows
            .iter()
            .map(
                |check| match old.iter().position(|instance| Arc::ptr_eq(instance.check(), check)) {
                    Some(place) => old.swap_remove(place),
                    None => CheckInstance::new(Arc::clone(check)),
                },
            )
            .collect();
    }

    /// Closes the windows whose events have all been judged, and have all had their deadline.
    pub(super) fn close_windows(&mut self, plan: &Plan, ended: bool, out: &mut Prepared) {
        let frontier = |of: fn(&Frontier) -> i64| {
            let frontiers = self.shards.iter().map(|shard| of(&shard.frontier));
            frontiers.min().unwrap_or(i64::MIN)
        };
        let (raw_ms, written_ms) = (
            frontier(|frontier| frontier.raw_ms),
            frontier(|frontier| frontier.written_ms),
        );
        if raw_ms == i64::MIN || written_ms == i64::MIN {
            return;
        }
        let below = if written_ms == i64::MAX {
            if !ended {
                return;
            }
            i64::MAX
        } else {
            let settled_ms = settled_before_ms(raw_ms, written_ms, self.longest_deadline_ms);
            settled_ms.div_euclid(self.options.window_ms)
        };
        for window in self.open_windows.close(below) {
            out.closed
                .push(window.window.saturating_mul(self.options.window_ms));
            let imbalance = window.imbalance();
            self.telemetry.window_closed(imbalance);
            if imbalance > 0 {
                self.totals.imbalance += imbalance;
                tracing::error!(
                    window = window.window,
                    imbalance,
                    "events came in that have no verdict: this is a bug of Landfall, please report it"
                );
            }
            let tallies: Vec<Tally> = window
                .schemas
                .iter()
                .map(|(schema, counts)| {
                    tally::of_window(plan, window.window, self.options.window_ms, *schema, counts)
                })
                .collect();
            let schemas: Vec<SchemaId> = window.schemas.iter().map(|(schema, _)| *schema).collect();
            self.judge_window(plan, &tallies, &schemas, out);
        }
    }

    fn judge_window(
        &mut self,
        plan: &Plan,
        tallies: &[Tally],
        schemas: &[SchemaId],
        out: &mut Prepared,
    ) {
        let generation = self.number(plan.generation);
        // A window counts once for a reason, however often a check gives it.
        let mut found: BTreeMap<_, (Found, _, _)> = BTreeMap::new();
        for instance in &mut self.window_checks {
            let check = Arc::clone(instance.check());
            let judged = instance.judge_windows(tallies);
            let counters = instance.take_counters();
            self.telemetry.check(&check.name, &counters);
            self.totals.account.check(&check.name, &counters);
            for line in instance.take_log() {
                super::samples::log_line(&check.name, &line);
            }
            let (faults, now) = (instance.take_faults(), Instant::now());
            if is_well(&counters) {
                self.faults.well(&check.name);
            }
            for fault in faults {
                let of = |row: usize| tallies.get(row).map_or(FaultedRow::Unknown, window_of);
                let note = FaultNote::of_instance(&check.name, None, fault, of);
                self.faults.fault(note, now);
            }
            for suspension in instance.take_suspensions() {
                self.faults.suspended(&check.name, suspension, now);
            }
            for faulted in &judged.faulted {
                for tally in tallies.iter().skip(faulted.first).take(faulted.rows) {
                    let reason = faulted.fault.kind.reason();
                    let row = SampleRow {
                        kind: "fault".into(),
                        ..of_window(
                            generation,
                            &check.name,
                            reason,
                            tally,
                            &faulted.fault.message,
                        )
                    };
                    if self.samples.take(&row) {
                        out.samples.push(row);
                    }
                }
            }
            let mut counted = BTreeSet::new();
            for finding in judged.findings {
                let (Some(tally), Some(&schema)) =
                    (tallies.get(finding.tally), schemas.get(finding.tally))
                else {
                    continue;
                };
                let reason = check.manifest.reasons.get(finding.reason);
                let help = reason.map_or("", |reason| reason.help.as_str());
                let reason = reason.map_or("", |reason| reason.id.as_str());
                let severity = finding.severity.as_str();
                self.telemetry.finding(&check.name, reason, severity);
                let by = FoundBy {
                    check: check.name.clone(),
                    reason: reason.to_owned(),
                    severity,
                };
                let findings = self.totals.account.findings.entry(by).or_default();
                let is_new = counted.insert((finding.tally, reason, severity));
                *findings = Findings {
                    windows: findings.windows + u64::from(is_new),
                    help: help.to_owned(),
                    schema: tally.schema.clone(),
                    detail: finding.text.clone(),
                };
                if let Some(severity) = of_incident(finding.severity) {
                    let reason = plan.reasons.intern(&check.name, reason);
                    let times = (tally.start_ms, tally.end_ms);
                    let of = Found { reason, severity };
                    let (known, _, text) = found
                        .entry((schema, reason))
                        .or_insert_with(|| (of, times, String::new()));
                    known.severity = known.severity.max(severity);
                    text.clone_from(&finding.text);
                }
                let row = SampleRow {
                    kind: "violation".into(),
                    ..of_window(
                        generation,
                        &check.name,
                        reason.to_owned(),
                        tally,
                        &finding.text,
                    )
                };
                if self.samples.take(&row) {
                    out.samples.push(row);
                }
            }
        }
        for ((schema, _), (found, times, detail)) in found {
            self.found(found, schema, times, detail);
        }
    }

    /// A window check found something that is an incident.
    fn found(
        &mut self,
        found: Found,
        schema: SchemaId,
        (first_ms, last_ms): (i64, i64),
        detail: String,
    ) {
        if self.is_audit() {
            let window = first_ms.div_euclid(self.options.window_ms);
            let times = (first_ms, last_ms);
            self.audit_incidents.found(window, found, schema, times, detail);
        } else {
            let id = self.tracker.found(found, schema, 1, first_ms, last_ms);
            self.details.insert(id, detail);
        }
    }
}

fn window_of(tally: &Tally) -> FaultedRow {
    FaultedRow::Window {
        schema: tally.schema.clone(),
        start_ms: tally.start_ms,
    }
}

/// What is only to be known is no incident.
fn of_incident(severity: Severity) -> Option<landfall_ledger::Severity> {
    match severity {
        Severity::Info => None,
        Severity::Warning => Some(landfall_ledger::Severity::Warning),
        Severity::Critical => Some(landfall_ledger::Severity::Critical),
    }
}

/// A sample of a window, but for its kind.
fn of_window(
    generation: u64,
    check: &str,
    reason: String,
    tally: &Tally,
    detail: &str,
) -> SampleRow {
    SampleRow {
        generation: Some(generation),
        check_name: check.to_owned(),
        reason,
        stream: "window".into(),
        schema: tally.schema.clone(),
        at_ms: tally.start_ms,
        detail: detail.to_owned(),
        ..SampleRow::default()
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
