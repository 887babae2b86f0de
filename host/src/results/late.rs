//! A missing event landed after all: its incident, its window, and what a late comparison of its content
//! says. The ledger has forgotten the content by then; the store has the raw frame.

use std::sync::Arc;

use landfall_ledger::{Counts, IncidentId, SchemaId, Verdict};
use landfall_store::WindowCounts;

use super::flush::{Fate, Prepared};
use super::samples::Example;
use super::{Known, Results};
use crate::judge::plan::Plan;
use crate::judge::{Comparison, Describer};

/// A row of an event that was missing.
pub(super) struct Late<'a> {
    pub known: Known,
    pub key: String,
    pub schema: SchemaId,
    /// Where the ledger counts it as late; none if the store is to.
    pub window: Option<i64>,
    pub written: &'a [u8],
    /// It has the content of a copy that came in since.
    pub is_of_copy: bool,
}

impl Results {
    pub(super) fn landed_late(&mut self, plan: &Arc<Plan>, late: Late<'_>, out: &mut Prepared) {
        let Late {
            known,
            key,
            schema,
            window,
            written,
            is_of_copy,
        } = late;
        let comparison = if is_of_copy {
            Comparison::Equal
        } else {
            self.compare_late(plan, &known, &key, written, out)
        };
        let verdict = match comparison {
            Comparison::Equal => Verdict::Late,
            Comparison::Differs(_) => Verdict::Altered,
            Comparison::Unknown => Verdict::Unjudged,
        };
        let row = known.row;
        self.count_late(plan, schema, &row.schema, row.incident, out);
        let mut counts = Counts::default();
        match window {
            // The ledger has told it as late.
            Some(window) => {
                counts.verdicts[Verdict::Late as usize] -= 1;
                counts.verdicts[verdict as usize] += 1;
                self.book.add(window, schema, &counts);
            }
            None => {
                counts.verdicts[Verdict::Missing as usize] -= 1;
                counts.verdicts[verdict as usize] += 1;
                let revised = WindowCounts {
                    late: counts.verdict(Verdict::Late),
                    altered: counts.verdict(Verdict::Altered),
                    unjudged: counts.verdict(Verdict::Unjudged),
                    ..WindowCounts::default()
                };
                out.fates
                    .push(Fate::Revised(row.arrived_ms, row.schema, revised));
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

    /// The incident's count of late landings; one that is no longer in hand is counted in the store,
    /// where its schema has the name that it had then.
    fn count_late(
        &mut self,
        plan: &Plan,
        schema: SchemaId,
        name: &str,
        incident: u64,
        out: &mut Prepared,
    ) {
        let is_known = plan.labels.name(schema) == name;
        if !(is_known && self.overseer.landed_late(IncidentId(incident), schema)) {
            out.landed_of_old.push((incident, name.to_owned()));
        }
    }

    /// Compares the row with the raw frame by the checks of now.
    fn compare_late(
        &mut self,
        plan: &Arc<Plan>,
        known: &Known,
        key: &str,
        written: &[u8],
        out: &Prepared,
    ) -> Comparison {
        if plan.streams[0].parity.is_empty() {
            return Comparison::Equal;
        }
        let told = known.told.and_then(|place| match out.fates.get(place) {
            Some(Fate::Missing(row)) => Some(&row.frame[..]),
            _ => None,
        });
        match told.or(known.frame.as_deref()) {
            Some(raw) if !raw.is_empty() && !written.is_empty() => {
                let describer = self
                    .describer
                    .get_or_insert_with(|| Describer::new(Arc::clone(plan)));
                describer.follow(plan);
                let compared = describer.compare(&[(raw, written)], &[key]).pop();
                let activity = describer.take_activity();
                self.take_activity(activity);
                compared.unwrap_or(Comparison::Unknown)
            }
            _ => Comparison::Unknown,
        }
    }
}
