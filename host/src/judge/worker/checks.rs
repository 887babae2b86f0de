//! Runs the event checks and the projections of one batch.

use landfall_document::{Documents, Pointer, RowState, redact};
use landfall_ledger::{Form, Judgement, Stream};
use landfall_runtime::{CallInput, Outcome, PackedRef};

use super::rows::schema_of;
use super::{Judge, RowJudgement, detail_of};
use crate::flow::FrameBatch;
use crate::judge::identity::FormHasher;
use crate::judge::instances::StreamInstances;
use crate::judge::labels::NO_REASON;
use crate::judge::plan::{Plan, StreamPlan};
use crate::judge::report::{JudgeReport, SampleContent, SampleKind, Violation, bump};

impl Judge {
    pub(super) fn run_checks(
        &mut self,
        plan: &Plan,
        stream_plan: &StreamPlan,
        stream: Stream,
        frames: &FrameBatch,
        report: &mut JudgeReport,
    ) {
        let rows = frames.ends.len();
        self.rows.clear();
        self.rows.resize(
            rows,
            RowJudgement {
                judgement: Judgement::Expected,
                reason: NO_REASON,
            },
        );
        let StreamInstances {
            events: instances, ..
        } = &mut self.instances.streams[stream];
        for (event, instance) in stream_plan.events.iter().zip(instances) {
            let columns: Vec<PackedRef<'_>> = event
                .columns
                .iter()
                .map(|&i| self.columns[i].packed.as_ref())
                .collect();
            let mut input = CallInput {
                documents: &mut self.documents,
                schemas: &plan.schemas,
            };
            instance.guest.judge(
                &mut input,
                stream.as_str(),
                rows,
                &columns,
                &mut self.judged,
            );
            for (row, &code) in self.judged.codes.iter().enumerate() {
                if code == 0 || self.documents.state(row) != RowState::Good {
                    continue;
                }
                let Some(&(reason, outcome)) = event.reasons.get(usize::from(code) - 1) else {
                    continue;
                };
                let violation = Violation {
                    reason,
                    outcome: Some(outcome),
                    decides: event.decides,
                };
                bump(&mut report.violations, violation);
                if event.decides {
                    match outcome {
                        Outcome::Violation | Outcome::Filtered => self.rows[row].reject(reason),
                        Outcome::Unjudged => self.rows[row].unjudged(reason),
                    }
                }
                if outcome != Outcome::Filtered {
                    let schema = schema_of(&self.documents, plan, row, &mut self.scratch);
                    report.sample(SampleKind::Violation, reason, schema, || {
                        let redacted = &self.options.redact;
                        SampleContent {
                            at_ms: frames.arrived_ms.get(row).copied().unwrap_or_default(),
                            detail: detail_of(&self.judged.details, row),
                            payload: redacted_document(&self.documents, row, redacted),
                        }
                    });
                }
            }
            for faulted in &self.judged.faulted {
                let reason = event.faults[faulted.fault.kind as usize];
                for row in faulted.first..(faulted.first + faulted.rows).min(rows) {
                    if self.documents.state(row) != RowState::Good {
                        continue;
                    }
                    let violation = Violation {
                        reason,
                        outcome: None,
                        decides: event.decides,
                    };
                    bump(&mut report.violations, violation);
                    if event.decides {
                        self.rows[row].unjudged(reason);
                    }
                    let schema = schema_of(&self.documents, plan, row, &mut self.scratch);
                    report.sample(SampleKind::Fault, reason, schema, || {
                        fault(row, frames, &faulted.fault.message)
                    });
                }
            }
        }
    }

    /// The hash of each row's normal forms; empty if no parity check sees the stream.
    pub(super) fn project(
        &mut self,
        plan: &Plan,
        stream: Stream,
        frames: &FrameBatch,
        report: &mut JudgeReport,
    ) -> Vec<Form> {
        let stream_plan = &plan.streams[stream];
        if stream_plan.parity.is_empty() {
            return Vec::new();
        }
        let rows = frames.rows();
        let mut hashers: Vec<Option<FormHasher>> = (0..rows)
            .map(|_| Some(self.options.secret.forms()))
            .collect();
        for (parity, instance) in stream_plan
            .parity
            .iter()
            .zip(&mut self.instances.streams[stream].parity)
        {
            let columns: Vec<PackedRef<'_>> = parity
                .columns
                .iter()
                .map(|&i| self.columns[i].packed.as_ref())
                .collect();
            instance
                .guest
                .project(stream.as_str(), rows, &columns, &mut self.projected);
            let forms = self.projected.forms.as_ref();
            for (row, hasher) in hashers.iter_mut().enumerate() {
                match (forms.row(row), hasher.as_mut()) {
                    // One check could not project the row, so the row has no hash at all.
                    ([], _) => *hasher = None,
                    (form, Some(hasher)) if parity.fields.is_empty() => hasher.add(form),
                    (form, Some(hasher)) => {
                        let taken = parity
                            .fields
                            .iter()
                            .filter_map(|&column| self.columns[column].digests.get(row))
                            .fold(self.fields.answered(form), |sum, digest| sum + *digest);
                        hasher.add(&taken.as_u128().to_le_bytes());
                    }
                    (_, None) => {}
                }
            }
            for faulted in &self.projected.faulted {
                let reason = parity.faults[faulted.fault.kind as usize];
                for row in faulted.first..(faulted.first + faulted.rows).min(rows) {
                    if self.documents.state(row) != RowState::Good {
                        continue;
                    }
                    let schema = schema_of(&self.documents, plan, row, &mut self.scratch);
                    report.sample(SampleKind::Fault, reason, schema, || {
                        fault(row, frames, &faulted.fault.message)
                    });
                }
            }
        }
        hashers
            .into_iter()
            .map(|hasher| hasher.map_or(Form::FAILED, |h| Form::hash(h.finish())))
            .collect()
    }
}

/// The whole frame that a check failed on: it is needed to try the check again.
pub(super) fn fault(row: usize, frames: &FrameBatch, message: &str) -> SampleContent {
    SampleContent {
        at_ms: frames.arrived_ms.get(row).copied().unwrap_or_default(),
        detail: message.to_owned(),
        payload: frames.frame(row).to_vec(),
    }
}

fn redacted_document(documents: &Documents, row: usize, redacted: &[Pointer]) -> Vec<u8> {
    let mut text = Vec::new();
    if let Some(document) = documents.value(row, &Pointer::default()) {
        let mut whole = Vec::new();
        document.write_canonical(&mut whole);
        redact(&whole, redacted, &mut text);
    }
    text
}
