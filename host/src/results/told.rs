//! What was told of single events: rows of the store, and what the overseer hears of it.

use landfall_ledger::{Cause, Counts, IncidentId, SchemaId, Verdict};
use landfall_store::{LandedRow, MissingRow, SampleRow};

use super::flush::{Fate, Prepared};
use super::{KnownMissing, Results, samples};
use crate::engine::messages::{Described, Told};
use crate::judge::Comparison;
use crate::judge::labels::NO_REASON;
use crate::judge::plan::Plan;

impl Results {
    /// `known` is what the store knows of those that landed.
    pub(super) fn attribute(
        &mut self,
        plan: &Plan,
        described: Described,
        known: &mut KnownMissing,
        now_ms: i64,
        out: &mut Prepared,
    ) {
        let Described {
            told,
            key,
            comparison,
        } = described;
        match told {
            Told::Missing {
                key: fingerprint,
                place,
                frame,
                schema,
                arrived_ms,
                deadline_ms,
                generation,
            } => {
                let incident = if self.is_audit() {
                    let window = arrived_ms.div_euclid(self.options.window_ms);
                    self.chronicle
                        .missing(window, schema, arrived_ms, deadline_ms);
                    // Put down to one when all is told.
                    IncidentId(0)
                } else {
                    self.overseer.missing(schema, arrived_ms, deadline_ms)
                };
                let fingerprint = fingerprint.to_bytes();
                let schema = plan.labels.name(schema).to_owned();
                known.entry(fingerprint).or_insert_with(|| LandedRow {
                    key: key.clone(),
                    schema: schema.clone(),
                    arrived_ms,
                    incident: incident.0,
                });
                out.missing += 1;
                out.fates.push(Fate::Missing(MissingRow {
                    fingerprint,
                    key,
                    schema,
                    arrived_ms,
                    place,
                    deadline_ms,
                    said_ms: now_ms.max(deadline_ms),
                    incident: incident.0,
                    generation: generation.0,
                    frame,
                }));
            }
            Told::LandedLate { key, landed_ms, .. } => {
                let fingerprint = key.to_bytes();
                if let Some(row) = known.remove(&fingerprint) {
                    self.landed_late(plan, &row, out);
                    out.fates.push(Fate::Landed(fingerprint, landed_ms));
                }
            }
            Told::Altered {
                schema,
                arrived_ms,
                written,
                ..
            } => self.altered(
                plan,
                schema,
                key,
                arrived_ms,
                comparison.as_ref(),
                &written,
                out,
            ),
            Told::Compare {
                schema,
                arrived_ms,
                written,
                ..
            } => {
                if matches!(comparison, Some(Comparison::Differs(_))) {
                    self.altered(
                        plan,
                        schema,
                        key,
                        arrived_ms,
                        comparison.as_ref(),
                        &written,
                        out,
                    );
                }
            }
            Told::Leaked {
                schema,
                arrived_ms,
                reason,
                written,
                ..
            } => {
                self.note(Cause::Leaked, schema, 1, arrived_ms, arrived_ms);
                let row = samples::written(
                    plan,
                    "leaked",
                    schema,
                    key,
                    arrived_ms,
                    reason,
                    &written,
                    &self.options.redact,
                );
                self.sample(row, out);
            }
            Told::Duplicate {
                schema,
                landed_ms,
                written,
                ..
            } => {
                self.note(Cause::Duplicate, schema, 1, landed_ms, landed_ms);
                let row = samples::written(
                    plan,
                    "duplicate",
                    schema,
                    key,
                    landed_ms,
                    NO_REASON,
                    &written,
                    &self.options.redact,
                );
                self.sample(row, out);
            }
            Told::Unexpected {
                key: fingerprint,
                schema,
                landed_ms,
                written,
            } => {
                let fingerprint = fingerprint.to_bytes();
                // It may be an event that went missing longer ago than the ledger remembers.
                if let Some(row) = known.remove(&fingerprint) {
                    self.landed_late(plan, &row, out);
                    self.was_expected(plan, &row, schema, landed_ms);
                    out.fates.push(Fate::Landed(fingerprint, landed_ms));
                    return;
                }
                self.note(Cause::Unexpected, schema, 1, landed_ms, landed_ms);
                let row = samples::written(
                    plan,
                    "unexpected",
                    schema,
                    key,
                    landed_ms,
                    NO_REASON,
                    &written,
                    &self.options.redact,
                );
                self.sample(row, out);
            }
        }
    }

    #[allow(
        clippy::too_many_arguments,
        reason = "a sample gathers what is spread over several places"
    )]
    fn altered(
        &mut self,
        plan: &Plan,
        schema: SchemaId,
        key: String,
        arrived_ms: i64,
        comparison: Option<&Comparison>,
        written: &[u8],
        out: &mut Prepared,
    ) {
        self.note(Cause::Altered, schema, 1, arrived_ms, arrived_ms);
        let row = samples::altered(
            plan,
            schema,
            key,
            arrived_ms,
            comparison,
            written,
            &self.options.redact,
        );
        self.sample(row, out);
    }

    fn sample(&mut self, row: SampleRow, out: &mut Prepared) {
        if self.samples.take(&row) {
            out.samples.push(row);
        }
    }

    /// The incident's count of late landings; one that is no longer in hand is counted in the store.
    fn landed_late(&mut self, plan: &Plan, row: &LandedRow, out: &mut Prepared) {
        let schema = plan.labels.find(row.schema.as_bytes());
        if !self.overseer.landed_late(IncidentId(row.incident), schema) {
            out.landed_of_old.push((row.incident, row.schema.clone()));
        }
    }

    /// The ledger had forgotten that it was missing: the verdict is revised here, and it was not
    /// unexpected.
    fn was_expected(&mut self, plan: &Plan, row: &LandedRow, schema: SchemaId, landed_ms: i64) {
        let raw_schema = plan.labels.find(row.schema.as_bytes());
        let mut counts = Counts::default();
        counts.verdicts[Verdict::Missing as usize] = -1;
        counts.verdicts[Verdict::Late as usize] = 1;
        let window = row.arrived_ms.div_euclid(self.options.window_ms);
        self.book.add(window, raw_schema, &counts);
        self.count(plan, raw_schema, &counts);
        let counts = Counts {
            unexpected: -1,
            ..Counts::default()
        };
        let window = landed_ms.div_euclid(self.options.window_ms);
        self.book.add(window, schema, &counts);
        self.count(plan, schema, &counts);
    }
}
