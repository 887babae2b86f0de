//! Accounts for a missing or unconfirmed event that landed after all: its incident, its window, and how its
//! content compares with the raw frame.

use landfall_ledger::{Counts, IncidentId, SchemaId, Verdict};
use landfall_store::{LandedRow, WindowCounts};

use super::samples::Example;
use super::{Accounting, MissingChange, Prepared};
use crate::judge::Comparison;
use crate::judge::plan::Plan;

/// The late row of a missing event.
pub(super) struct Late<'a> {
    pub row: LandedRow,
    pub key: String,
    pub schema: SchemaId,
    /// The window in which the ledger counts it as late; None if the store must count it.
    pub window: Option<i64>,
    pub written: &'a [u8],
    /// The comparison of the row with the raw frame.
    pub comparison: Comparison,
}

impl Accounting {
    pub(super) fn landed_late(&mut self, plan: &Plan, late: Late<'_>, out: &mut Prepared) {
        let Late {
            row,
            key,
            schema,
            window,
            written,
            comparison,
        } = late;
        let verdict = match comparison {
            Comparison::Equal => Verdict::Late,
            Comparison::Differs(_) => Verdict::Altered,
            Comparison::Unknown => Verdict::Unjudged,
        };
        self.count_late(plan, &row.schema, row.incident, out);
        let mut counts = Counts::default();
        match window {
            // The ledger has counted it as late.
            Some(window) => {
                counts.verdicts[Verdict::Late as usize] -= 1;
                counts.verdicts[verdict as usize] += 1;
                self.open_windows.add(window, schema, &counts);
            }
            None => {
                let was = super::coverage::verdict_of(&row);
                counts.verdicts[was as usize] -= 1;
                counts.verdicts[verdict as usize] += 1;
                let revised = WindowCounts {
                    missing: counts.verdict(Verdict::Missing),
                    unconfirmed: counts.verdict(Verdict::Unconfirmed),
                    late: counts.verdict(Verdict::Late),
                    altered: counts.verdict(Verdict::Altered),
                    unjudged: counts.verdict(Verdict::Unjudged),
                    ..WindowCounts::default()
                };
                out.missing_changes.push(MissingChange::Revised {
                    arrived_ms: row.arrived_ms,
                    schema: row.schema,
                    window_start_ms: row.window_start_ms,
                    counts: revised,
                });
            }
        }
        if !counts.is_empty() {
            self.count(plan, schema, &counts);
        }
        if verdict == Verdict::Altered {
            let example = Example {
                key,
                schema,
                at_ms: row.arrived_ms,
                generation: Some(self.number(plan.generation)),
                written,
            };
            self.altered(plan, example, Some(&comparison), out);
        }
    }

    /// Counts a late landing for its incident, under the schema under which the incident counted
    /// the event. If the tracker no longer holds the incident, the store counts it, under the name
    /// that the schema had then.
    fn count_late(&mut self, plan: &Plan, name: &str, incident: u64, out: &mut Prepared) {
        let schema = plan.labels.find(name.as_bytes());
        if !self.incidents.landed_late(IncidentId(incident), schema) {
            out.landed_of_old.push((incident, name.to_owned()));
        }
    }
}
