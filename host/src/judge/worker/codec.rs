//! Turns frames into documents by the stream's codec. Frames that the codec fails on are kept and
//! tried again, because nobody knows yet which events they are.

use landfall_ledger::{PayloadRef, Stream};
use landfall_runtime::{Decoded, FaultKind, FaultedRows, PackedRef};

use super::checks::fault;
use super::{GIVEN_UP, Judge, KEPT_FOR_RETRY, detail_of};
use crate::flow::{FrameBatch, Unapplied};
use crate::judge::codec_retries::{is_hopeless, was_asked};
use crate::judge::faults::{FaultNote, FaultOutcome, FaultedRow};
use crate::judge::labels::{NO_REASON, NO_SCHEMA};
use crate::judge::plan::StreamPlan;
use crate::judge::report::{JudgeReport, SampleContent, SampleKind, bump};

impl Judge {
    /// Turns frames into parsed documents. A malformed frame leaves an empty row.
    pub(super) fn decode(
        &mut self,
        stream_plan: &StreamPlan,
        stream: Stream,
        frames: &FrameBatch,
        report: &mut JudgeReport,
    ) {
        let column = PackedRef {
            text: &frames.bytes,
            ends: &frames.ends,
        };
        let (Some(plan), Some(instance)) = (
            &stream_plan.codec,
            &mut self.instances.streams[stream].codec,
        ) else {
            self.documents.parse(column.text, column.ends);
            return;
        };
        instance.guest.decode(column, &mut self.decoded);
        let documents = &self.decoded.documents;
        self.documents.parse(&documents.text, &documents.ends);
        for (row, &code) in self.decoded.codes.iter().enumerate() {
            if code == 0 {
                continue;
            }
            let reason = plan
                .reasons
                .get(usize::from(code) - 1)
                .copied()
                .unwrap_or(NO_REASON);
            bump(&mut report.undecodable, reason);
            report.sample(SampleKind::Undecodable, reason, NO_SCHEMA, || {
                SampleContent {
                    at_ms: frames.arrived_ms.get(row).copied().unwrap_or_default(),
                    detail: detail_of(&self.decoded.details, row),
                    payload: column.row(row).to_vec(),
                }
            });
        }
    }

    /// Keeps the frames that the codec failed on, or gives them up. `tries` includes this one.
    pub(super) fn keep_unread(
        &mut self,
        stream_plan: &StreamPlan,
        stream: Stream,
        frames: &FrameBatch,
        payloads: &[PayloadRef],
        tries: u32,
        report: &mut JudgeReport,
    ) {
        let Some(plan) = &stream_plan.codec else {
            return;
        };
        let is_sound = self.reads_others(stream, frames);
        let faulted_rows = std::mem::take(&mut self.decoded.faulted);
        if faulted_rows.is_empty() {
            return;
        }
        let mut kept = FrameBatch::like(frames);
        let mut kept_payloads = Vec::new();
        let mut given_up = 0;
        let mut notes = Vec::new();
        let mut note = |faulted: &FaultedRows, outcome| {
            let note = FaultNote {
                check: plan.check.name().to_owned(),
                kind: faulted.fault.kind,
                outcome,
                stream: Some(stream),
                row: FaultedRow::Unknown,
                rows: faulted.rows as u64,
                message: faulted.fault.message.clone(),
            };
            note.add_to(&mut notes);
        };
        for faulted in &faulted_rows {
            let reason = plan.faults[faulted.fault.kind as usize];
            // A recording is read once, and nobody replaces the codec meanwhile.
            let at_once = self.ending || self.options.event_time;
            let hopeless = at_once
                || is_hopeless(faulted, tries, is_sound)
                    && (frames.rows() == 1
                        || self
                            .ask_alone(stream, frames.frame(faulted.first))
                            .is_some_and(was_asked));
            match hopeless {
                true => note(faulted, FaultOutcome::GivenUp),
                // A poison frame among readable frames is reported once.
                false if tries == 1 || !is_sound => note(faulted, FaultOutcome::Waits),
                false => {}
            }
            for row in faulted.first..faulted.first + faulted.rows {
                if let Some(code) = self.decoded.codes.get_mut(row) {
                    *code = if hopeless { GIVEN_UP } else { KEPT_FOR_RETRY };
                }
                if hopeless {
                    given_up += 1;
                    bump(&mut report.undecodable, reason);
                } else {
                    kept.push_row(frames, row);
                    kept_payloads.extend(payloads.get(row));
                }
                if hopeless || tries == 1 {
                    let message = &faulted.fault.message;
                    report.sample(SampleKind::Fault, reason, NO_SCHEMA, || {
                        fault(row, frames, message)
                    });
                }
            }
        }
        report.unread = notes;
        if given_up > 0 && self.ending {
            // No event may be called missing because of an unread frame, so the frontier stays
            // before it.
            frames.guard.abandon(Unapplied::Undecoded);
        }
        if kept.rows() > 0 {
            self.unread[stream].keep(kept, kept_payloads, tries, is_sound);
        }
    }

    /// Whether the codec reads any frame at all. Remembers one frame that it read.
    fn reads_others(&mut self, stream: Stream, frames: &FrameBatch) -> bool {
        let failed = |row: usize| {
            let faulted = &self.decoded.faulted;
            faulted
                .iter()
                .any(|part| (part.first..part.first + part.rows).contains(&row))
        };
        // The usual case: nothing failed, and nothing has to be remembered.
        if self.decoded.faulted.is_empty() && self.knows_readable[stream] {
            return true;
        }
        if let Some(row) = (0..frames.rows()).find(|&row| !failed(row)) {
            *self.options.readable.lock(stream) = Some(frames.frame(row).to_vec());
            self.knows_readable[stream] = true;
            return true;
        }
        let frame = self.options.readable.lock(stream).clone();
        frame.is_some_and(|frame| self.ask_alone(stream, &frame).is_none())
    }

    /// The kind of fault with which the codec fails on this frame when it is given nothing else.
    fn ask_alone(&mut self, stream: Stream, frame: &[u8]) -> Option<FaultKind> {
        let instance = self.instances.streams[stream].codec.as_mut()?;
        let mut decoded = Decoded::default();
        let ends = [frame.len() as u32];
        let column = PackedRef {
            text: frame,
            ends: &ends,
        };
        instance.guest.decode(column, &mut decoded);
        decoded.faulted.first().map(|faulted| faulted.fault.kind)
    }
}
