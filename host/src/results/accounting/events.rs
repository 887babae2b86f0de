//! Accounts for what shards report of single events: as rows of the store, and as parts of
//! incidents.

use landfall_ledger::{Cause, Effect, Generation, HoleCause, ReasonId, RejectedBy, SchemaId};
use landfall_store::{LandedRow, MissingRow, SampleRow};

use super::late::Late;
use super::lost_again::LostAgain;
use super::samples::{self, Example};
use super::{Accounting, KnownMissing, MissingChange, Prepared};
use crate::judge::Comparison;
use crate::judge::labels::{NO_REASON, Reason};
use crate::judge::plan::Plan;
use crate::messages::{Described, ShardAnswer};

impl Accounting {
    /// `known` is what the store knows of those that landed.
    #[expect(
        clippy::too_many_lines,
        reason = "one arm for each effect: lists of fields"
    )]
    pub(super) fn attribute(
        &mut self,
        plan: &Plan,
        described: Described,
        known: &mut KnownMissing,
        now_ms: i64,
        out: &mut Prepared,
    ) {
        let Described {
            event,
            key: text,
            comparison,
            generation: described_by,
        } = described;
        let frames = event.frames;
        let example = |schema, at_ms, generation| Example {
            key: text.clone(),
            schema,
            at_ms,
            generation,
            written: &frames.written,
        };
        match event.effect {
            Effect::Missing {
                key,
                schema,
                arrived_ms,
                deadline_ms,
                generation,
                hole,
                ..
            } => {
                let incident =
                    self.incidents
                        .missing(schema, arrived_ms, deadline_ms, hole.is_some());
                let row = MissingRow {
                    fingerprint: key.to_bytes(),
                    key: text,
                    schema: plan.labels.name(schema).to_owned(),
                    arrived_ms,
                    place: event.place,
                    deadline_ms,
                    reported_ms: now_ms.max(deadline_ms),
                    incident: incident.0,
                    generation: self.number(generation),
                    frame: frames.raw,
                    hole: hole.map_or("", HoleCause::as_str),
                    window_start_ms: Some(
                        arrived_ms.saturating_sub(arrived_ms.rem_euclid(self.window_ms)),
                    ),
                };
                missing(row, known, out);
            }
            Effect::LandedLate {
                key,
                schema,
                landed_ms,
                window,
                is_of_copy,
                ..
            } => {
                let fingerprint = key.to_bytes();
                if let Some(row) = known.remove(&fingerprint) {
                    let landed = Late {
                        row,
                        key: text,
                        schema,
                        window,
                        written: &frames.written,
                        comparison: match is_of_copy || plan.streams.raw.parity.is_empty() {
                            true => Comparison::Equal,
                            false => comparison.unwrap_or(Comparison::Unknown),
                        },
                    };
                    self.landed_late(plan, landed, out);
                    out.missing_changes.push(MissingChange::Landed {
                        fingerprint,
                        landed_ms,
                    });
                }
            }
            Effect::MissingAgain {
                key,
                schema,
                arrived_ms,
                deadline_ms,
                hole,
                window,
            } => {
                let again = LostAgain {
                    fingerprint: key.to_bytes(),
                    schema,
                    arrived_ms,
                    deadline_ms,
                    reported_ms: now_ms.max(deadline_ms),
                    generation: described_by,
                    hole,
                    window,
                };
                self.lost_again(plan, again, known, out);
            }
            Effect::Recall { key } => {
                let row = known.get(&key.to_bytes());
                let missing = row.map(|row| plan.labels.find(row.schema.as_bytes()));
                out.answers
                    .push((event.shard, ShardAnswer::Recalled { key, missing }));
            }
            Effect::Altered {
                schema,
                arrived_ms,
                generation,
                compared,
                ..
            } => {
                let judged_by = if compared { described_by } else { generation };
                let example = example(schema, arrived_ms, Some(self.number(judged_by)));
                self.altered(plan, example, comparison.as_ref(), out);
            }
            // Whatever the comparison found, the verdict belongs to the checks that projected
            // again. The shard gives the verdict, because another copy of the event may explain the
            // row.
            Effect::Compare {
                schema, arrived_ms, ..
            } => self.judged_by(schema, arrived_ms, described_by),
            Effect::Leaked {
                schema,
                arrived_ms,
                judged,
                ..
            } => {
                let generation = judged.map(|judged| self.number(judged.generation));
                let example = example(schema, arrived_ms, generation);
                self.leaked(plan, example, judged, out);
            }
            Effect::Duplicate {
                schema,
                landed_ms,
                generation,
                ..
            } => {
                self.judged_by(schema, landed_ms, generation);
                let example = example(schema, landed_ms, Some(self.number(generation)));
                self.landed_wrongly(plan, Cause::Duplicate, example, NO_REASON, out);
            }
            Effect::Unexpected {
                schema,
                landed_ms,
                generation,
                ..
            } => {
                self.judged_by(schema, landed_ms, generation);
                let example = example(schema, landed_ms, Some(self.number(generation)));
                self.landed_wrongly(plan, Cause::Unexpected, example, NO_REASON, out);
            }
            // The shard itself handles these.
            Effect::HoldWritten { .. } | Effect::Released { .. } => {}
        }
    }

    /// Records that checks of this generation contributed to the counts of the window.
    fn judged_by(&mut self, schema: SchemaId, at_ms: i64, generation: Generation) {
        let window = at_ms.div_euclid(self.window_ms);
        self.open_windows.judged_by(window, schema, generation);
    }

    fn leaked(
        &mut self,
        plan: &Plan,
        example: Example<'_>,
        judged: Option<RejectedBy>,
        out: &mut Prepared,
    ) {
        let reason = judged.map_or(NO_REASON, |judged| judged.reason);
        let Reason { check, id } = samples::reason_of(plan, reason);
        let leaked = &mut self.totals.account.leaked;
        *leaked.entry((check, id)).or_default() += 1;
        self.landed_wrongly(plan, Cause::Leaked, example, reason, out);
    }

    pub(super) fn altered(
        &mut self,
        plan: &Plan,
        example: Example<'_>,
        comparison: Option<&Comparison>,
        out: &mut Prepared,
    ) {
        let Example { schema, at_ms, .. } = example;
        self.incidents.note(Cause::Altered, schema, 1, at_ms, at_ms);
        self.totals.account.altered(comparison);
        out.altered.push(comparison.is_some());
        let row = samples::altered(plan, example, comparison, &self.redact);
        self.sample(row, out);
    }

    /// Accounts for a row that landed and should not have.
    fn landed_wrongly(
        &mut self,
        plan: &Plan,
        cause: Cause,
        example: Example<'_>,
        reason: ReasonId,
        out: &mut Prepared,
    ) {
        let Example { schema, at_ms, .. } = example;
        self.incidents.note(cause, schema, 1, at_ms, at_ms);
        let row = samples::written(plan, cause.as_str(), example, reason, &self.redact);
        self.sample(row, out);
    }

    fn sample(&mut self, row: SampleRow, out: &mut Prepared) {
        if self.samples.take(&row) {
            out.samples.push(row);
        }
    }
}

/// Adds a missing event, and makes it known to everything that is reported of it from now on.
fn missing(row: MissingRow, known: &mut KnownMissing, out: &mut Prepared) {
    known.entry(row.fingerprint).or_insert_with(|| LandedRow {
        key: row.key.clone(),
        schema: row.schema.clone(),
        arrived_ms: row.arrived_ms,
        incident: row.incident,
        is_unconfirmed: !row.hole.is_empty(),
        window_start_ms: row.window_start_ms,
    });
    out.missing += 1;
    out.missing_changes.push(MissingChange::Missing(row));
}
