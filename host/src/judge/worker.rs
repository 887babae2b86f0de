//! One worker's way of a batch, from frames to observations.

use std::sync::Arc;
use std::time::Instant;

use landfall_document::{Documents, Pointer, RowState, redact};
use landfall_ledger::{
    Fingerprint, Form, Judgement, PayloadRef, RawObservation, ReasonId, SchemaId,
    WrittenObservation,
};
use landfall_runtime::{
    Decoded, FaultKind, Hand, Judged as CheckJudged, Outcome, Packed, PackedRef, Projected,
};

use super::event_time::event_time_ms;
use super::identity::{FormHasher, Secret};
use super::labels::{NO_REASON, NO_SCHEMA};
use super::plan::{EventPointers, Plan, STREAM_NAMES, StreamPlan};
use super::report::{JudgeReport, Sample, SampleKind, bump};
use super::seats::{Seats, StreamSeats};
use super::unread::{Unread, UnreadFrames, is_hopeless, was_asked};
use crate::sources::{Flight, FrameBatch};

/// What the ledger's threads need of a written batch after its observations: the frames, and the
/// normal forms for a comparison that the hashes alone cannot settle.
pub struct WrittenHand {
    pub frames: FrameBatch,
    /// The document of each row; empty if frames are documents.
    pub documents: Packed,
    /// The normal forms of each row by parity check, in the plan's order.
    pub forms: Vec<Packed>,
    pub plan: Arc<Plan>,
}

impl WrittenHand {
    /// The frame of a row as it came.
    pub fn frame(&self, row: usize) -> &[u8] {
        self.frames.frame(row)
    }

    /// The document of a row.
    pub fn document(&self, row: usize) -> &[u8] {
        if self.documents.ends.is_empty() {
            self.frame(row)
        } else {
            self.documents.as_ref().row(row)
        }
    }
}

/// A judged batch.
pub struct Judged {
    /// By shard.
    pub raw: Vec<Vec<RawObservation>>,
    /// By shard.
    pub written: Vec<Vec<WrittenObservation>>,
    /// Raw frames that no observation refers to: their payload can go.
    pub unreferenced: Vec<PayloadRef>,
    pub report: JudgeReport,
    /// Only of a written batch.
    pub hand: Option<WrittenHand>,
    /// Only of a raw batch, whose frames are in the spool.
    pub frames: Option<FrameBatch>,
    /// The latest event time, if event time is the clock.
    pub time_ms_max: Option<i64>,
}

impl Judged {
    /// What keeps the frontier of the batch's stream where it is.
    pub fn flight(&self) -> Option<Flight> {
        let written = self.hand.as_ref().map(|hand| &hand.frames);
        let frames = written.or(self.frames.as_ref())?;
        Some(frames.flight.clone())
    }
}

/// In place of a codec's code: its codec failed on the row, which is given up; or which is kept, to
/// be tried again. Beyond the codes of any manifest.
const GIVEN_UP: u16 = u16::MAX;
const KEPT: u16 = u16::MAX - 1;

/// How a judge is set up for the life of its worker.
#[derive(Clone)]
pub struct JudgeOptions {
    pub secret: Secret,
    pub shards: usize,
    pub window_ms: i64,
    /// Time is what events say it is (audit), not when their frames came.
    pub event_time: bool,
    pub redact: Arc<Vec<Pointer>>,
}

/// Judges batches, one after the other. Owned by one thread.
pub struct Judge {
    options: JudgeOptions,
    plan: Arc<Plan>,
    seats: Seats,
    documents: Documents,
    decoded: Decoded,
    columns: Vec<Packed>,
    judged: CheckJudged,
    projected: Projected,
    rows: Vec<RowJudgement>,
    scratch: Vec<u8>,
    /// By stream: what its codec failed on and is to be asked again.
    unread: [UnreadFrames; 2],
    /// By stream: a frame that its codec has read, to tell a frame that cannot be read from a codec
    /// that cannot read.
    readable: [Option<Vec<u8>>; 2],
    /// Nobody will mend a codec any more: what it fails on is given up at once.
    ending: bool,
    /// Event time of the last event that had one: the clock for those that have none.
    last_time_ms: i64,
}

/// What the deciding checks said of a row so far.
#[derive(Clone, Copy)]
struct RowJudgement {
    judgement: Judgement,
    reason: ReasonId,
}

impl RowJudgement {
    /// A reason to reject is certain, whatever another check could not judge.
    fn reject(&mut self, reason: ReasonId) {
        if self.judgement != Judgement::Rejected {
            *self = Self {
                judgement: Judgement::Rejected,
                reason,
            };
        }
    }

    fn unjudged(&mut self, reason: ReasonId) {
        if self.judgement == Judgement::Expected {
            *self = Self {
                judgement: Judgement::Unjudged,
                reason,
            };
        }
    }
}

/// What identifies a row.
struct Identity {
    key: Fingerprint,
    schema: SchemaId,
}

impl Judge {
    pub fn new(options: JudgeOptions, plan: Arc<Plan>) -> Self {
        let mut seats = Seats::default();
        seats.follow(&plan);
        Self {
            options,
            plan,
            seats,
            documents: Documents::default(),
            decoded: Decoded::default(),
            columns: Vec::new(),
            judged: CheckJudged::default(),
            projected: Projected::default(),
            rows: Vec::new(),
            scratch: Vec::new(),
            unread: Default::default(),
            readable: Default::default(),
            ending: false,
            last_time_ms: 0,
        }
    }

    /// The plan for the batches to come.
    pub fn follow(&mut self, plan: &Arc<Plan>) {
        if Arc::ptr_eq(&self.plan, plan) {
            return;
        }
        for (stream, unread) in self.unread.iter_mut().enumerate() {
            if !plan.streams[stream].has_codec_of(&self.plan.streams[stream]) {
                unread.renew(Instant::now());
            }
        }
        self.plan = Arc::clone(plan);
        self.seats.follow(plan);
    }

    /// Whether no further batch of the stream should be judged: its codec reads nothing.
    pub fn is_held(&self, stream: usize) -> bool {
        self.unread.get(stream).is_some_and(UnreadFrames::is_full)
    }

    /// Tries frames again that their codec failed on, if some are due. `ending`: there will be no
    /// further occasion, so what still cannot be read is given up.
    pub fn again(&mut self, ending: bool) -> Option<Judged> {
        self.ending |= ending;
        let now = Instant::now();
        let unread = self
            .unread
            .iter_mut()
            .find_map(|unread| unread.take_due(now, self.ending))?;
        let Unread {
            frames,
            payloads,
            tries,
            ..
        } = unread;
        Some(self.judge_try(frames, &payloads, tries + 1))
    }

    /// Judges one batch. `payloads` has one reference per frame of a raw batch, and is empty for a
    /// written one.
    pub fn judge(&mut self, frames: FrameBatch, payloads: &[PayloadRef]) -> Judged {
        self.judge_try(frames, payloads, 1)
    }

    fn judge_try(&mut self, mut frames: FrameBatch, payloads: &[PayloadRef], tries: u32) -> Judged {
        let plan = Arc::clone(&self.plan);
        let index = usize::from(frames.stream.0);
        let stream = &plan.streams[index];
        let rows = frames.ends.len();
        let mut report = JudgeReport {
            stream: index,
            seen_ms: frames.arrived_ms.last().copied(),
            ..JudgeReport::default()
        };

        self.decode(stream, index, &frames, &mut report);
        self.keep_unread(stream, index, &frames, payloads, tries, &mut report);
        self.write_columns(stream);
        self.run_checks(&plan, stream, index, &frames, &mut report);
        let (hashes, forms) = self.project(&plan, index, &frames, &mut report);

        let mut judged = Judged {
            raw: vec![Vec::new(); self.options.shards],
            written: vec![Vec::new(); self.options.shards],
            unreferenced: Vec::new(),
            report,
            hand: None,
            frames: None,
            time_ms_max: None,
        };
        for row in 0..rows {
            self.finish_row(
                &plan,
                index,
                row,
                &mut frames,
                payloads,
                hashes.get(row).copied(),
                &mut judged,
            );
        }
        self.seats.streams[index].take_activity(&mut judged.report.checks);
        if index == 1 {
            let documents = if stream.codec.is_some() {
                std::mem::take(&mut self.decoded.documents)
            } else {
                Packed::default()
            };
            judged.hand = Some(WrittenHand {
                frames,
                documents,
                forms,
                plan,
            });
        } else {
            judged.frames = Some(frames);
        }
        judged
    }

    /// Frames to parsed documents; malformed frames leave an empty row.
    fn decode(
        &mut self,
        stream: &StreamPlan,
        index: usize,
        frames: &FrameBatch,
        report: &mut JudgeReport,
    ) {
        let column = PackedRef {
            text: &frames.bytes,
            ends: &frames.ends,
        };
        let (Some(plan), Some(seat)) = (&stream.codec, &mut self.seats.streams[index].codec) else {
            self.documents.parse(column.text, column.ends);
            return;
        };
        seat.decode(column, &mut self.decoded);
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
            report.sample(|| Sample {
                kind: SampleKind::Undecodable,
                stream: index,
                at_ms: frames.arrived_ms.get(row).copied().unwrap_or_default(),
                schema: NO_SCHEMA,
                reason,
                detail: detail_of(&self.decoded.details, row),
                payload: column.row(row).to_vec(),
            });
        }
    }

    /// What the codec failed on is kept, or given up.
    fn keep_unread(
        &mut self,
        stream: &StreamPlan,
        index: usize,
        frames: &FrameBatch,
        payloads: &[PayloadRef],
        tries: u32,
        report: &mut JudgeReport,
    ) {
        let Some(plan) = &stream.codec else { return };
        let is_sound = self.reads_others(index, frames);
        let faulted_rows = std::mem::take(&mut self.decoded.faulted);
        if faulted_rows.is_empty() {
            return;
        }
        let mut kept = FrameBatch::like(frames);
        let mut kept_payloads = Vec::new();
        let mut given_up = 0;
        for faulted in &faulted_rows {
            let reason = plan.faults[faulted.fault.kind as usize];
            // A recording is read once, and nobody mends the codec meanwhile.
            let at_once = self.ending || self.options.event_time;
            let hopeless = at_once
                || is_hopeless(faulted, tries, is_sound)
                    && (frames.rows() == 1
                        || self
                            .ask_alone(index, frames.frame(faulted.first))
                            .is_some_and(was_asked));
            for row in faulted.first..faulted.first + faulted.rows {
                let arrived_ms = frames.arrived_ms.get(row).copied().unwrap_or_default();
                if let Some(code) = self.decoded.codes.get_mut(row) {
                    *code = if hopeless { GIVEN_UP } else { KEPT };
                }
                if hopeless {
                    given_up += 1;
                    bump(&mut report.undecodable, reason);
                } else {
                    kept.push(frames.frame(row), arrived_ms);
                    kept_payloads.extend(payloads.get(row));
                }
                if hopeless || tries == 1 {
                    report.sample(|| Sample {
                        kind: SampleKind::Fault,
                        stream: index,
                        at_ms: arrived_ms,
                        schema: NO_SCHEMA,
                        reason,
                        detail: faulted.fault.message.clone(),
                        payload: frames.frame(row).to_vec(),
                    });
                }
            }
        }
        let fault = faulted_rows.first().map(|faulted| &faulted.fault);
        let message = fault.map_or("", |fault| fault.message.as_str());
        let (stream, codec) = (STREAM_NAMES[index], plan.check.name.as_str());
        if given_up > 0 {
            tracing::error!(
                stream,
                codec,
                frames = given_up,
                "the codec fails on frames, which are given up: {message}"
            );
            if self.ending {
                // Nothing may be called missing for what was not read: the frontier stays there.
                std::mem::forget(frames.flight.clone());
            }
        }
        if kept.rows() > 0 {
            if tries == 1 || !is_sound {
                tracing::warn!(
                    stream,
                    codec,
                    frames = kept.rows(),
                    tries,
                    "the codec fails on frames, which wait to be tried again: {message}"
                );
            }
            self.unread[index].keep(kept, kept_payloads, tries, is_sound, Instant::now());
        }
    }

    /// Whether the codec reads any frame at all. Remembers one that it read.
    fn reads_others(&mut self, index: usize, frames: &FrameBatch) -> bool {
        let failed = |row: usize| {
            let faulted = &self.decoded.faulted;
            faulted
                .iter()
                .any(|part| (part.first..part.first + part.rows).contains(&row))
        };
        if self.decoded.faulted.is_empty() && self.readable[index].is_some() {
            return true;
        }
        if let Some(row) = (0..frames.rows()).find(|&row| !failed(row)) {
            self.readable[index] = Some(frames.frame(row).to_vec());
            return true;
        }
        let Some(frame) = self.readable[index].take() else {
            return false;
        };
        let reads = self.ask_alone(index, &frame).is_none();
        self.readable[index] = Some(frame);
        reads
    }

    /// How the codec fails on this frame, asked for it alone.
    fn ask_alone(&mut self, index: usize, frame: &[u8]) -> Option<FaultKind> {
        let seat = self.seats.streams[index].codec.as_mut()?;
        let mut decoded = Decoded::default();
        let ends = [frame.len() as u32];
        let column = PackedRef {
            text: frame,
            ends: &ends,
        };
        seat.decode(column, &mut decoded);
        decoded.faulted.first().map(|faulted| faulted.fault.kind)
    }

    /// Each column that any check wants, once.
    fn write_columns(&mut self, stream: &StreamPlan) {
        self.columns
            .resize_with(stream.columns.len(), Packed::default);
        for (pointer, column) in stream.columns.iter().zip(&mut self.columns) {
            column.clear();
            self.documents
                .write_column(pointer, &mut column.text, &mut column.ends);
        }
    }

    fn run_checks(
        &mut self,
        plan: &Plan,
        stream: &StreamPlan,
        index: usize,
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
        let StreamSeats { events: seats, .. } = &mut self.seats.streams[index];
        for (event, seat) in stream.events.iter().zip(seats) {
            let columns: Vec<PackedRef<'_>> = event
                .columns
                .iter()
                .map(|&i| self.columns[i].as_ref())
                .collect();
            let mut hand = Hand {
                documents: &mut self.documents,
                schemas: &plan.schemas,
            };
            seat.judge(
                &mut hand,
                STREAM_NAMES[index],
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
                bump(&mut report.violations, reason);
                if event.decides {
                    match outcome {
                        Outcome::Violation | Outcome::Filtered => self.rows[row].reject(reason),
                        Outcome::Unjudged => self.rows[row].unjudged(reason),
                    }
                }
                if outcome != Outcome::Filtered {
                    let sample = || {
                        violation(
                            &self.documents,
                            &self.judged.details,
                            plan,
                            index,
                            row,
                            frames,
                            reason,
                            &self.options.redact,
                        )
                    };
                    report.sample(sample);
                }
            }
            for faulted in &self.judged.faulted {
                let reason = event.faults[faulted.fault.kind as usize];
                for row in faulted.first..(faulted.first + faulted.rows).min(rows) {
                    if self.documents.state(row) != RowState::Good {
                        continue;
                    }
                    bump(&mut report.violations, reason);
                    if event.decides {
                        self.rows[row].unjudged(reason);
                    }
                    report.sample(|| Sample {
                        kind: SampleKind::Fault,
                        stream: index,
                        at_ms: frames.arrived_ms.get(row).copied().unwrap_or_default(),
                        schema: schema_of(&self.documents, plan, row, &mut Vec::new()),
                        reason,
                        detail: faulted.fault.message.clone(),
                        payload: frames.frame(row).to_vec(),
                    });
                }
            }
        }
    }

    /// The hash of each row's normal forms, and the forms themselves of written rows.
    fn project(
        &mut self,
        plan: &Plan,
        index: usize,
        frames: &FrameBatch,
        report: &mut JudgeReport,
    ) -> (Vec<Form>, Vec<Packed>) {
        let stream = &plan.streams[index];
        if stream.parity.is_empty() {
            return (Vec::new(), Vec::new());
        }
        let rows = frames.rows();
        let mut hashers: Vec<Option<FormHasher>> = (0..rows)
            .map(|_| Some(self.options.secret.forms()))
            .collect();
        let mut kept = Vec::new();
        for (parity, seat) in stream
            .parity
            .iter()
            .zip(&mut self.seats.streams[index].parity)
        {
            let columns: Vec<PackedRef<'_>> = parity
                .columns
                .iter()
                .map(|&i| self.columns[i].as_ref())
                .collect();
            seat.project(STREAM_NAMES[index], rows, &columns, &mut self.projected);
            let forms = self.projected.forms.as_ref();
            for (row, hasher) in hashers.iter_mut().enumerate() {
                match (forms.row(row), hasher.as_mut()) {
                    // It could not be projected: nothing can be said of the whole row.
                    ([], _) => *hasher = None,
                    (form, Some(hasher)) => hasher.add(form),
                    (_, None) => {}
                }
            }
            for faulted in &self.projected.faulted {
                let reason = parity.faults[faulted.fault.kind as usize];
                for row in faulted.first..(faulted.first + faulted.rows).min(rows) {
                    if self.documents.state(row) != RowState::Good {
                        continue;
                    }
                    report.sample(|| Sample {
                        kind: SampleKind::Fault,
                        stream: index,
                        at_ms: frames.arrived_ms.get(row).copied().unwrap_or_default(),
                        schema: schema_of(&self.documents, plan, row, &mut Vec::new()),
                        reason,
                        detail: faulted.fault.message.clone(),
                        payload: frames.frame(row).to_vec(),
                    });
                }
            }
            if index == 1 {
                kept.push(std::mem::take(&mut self.projected.forms));
            }
        }
        let hashes = hashers
            .into_iter()
            .map(|hasher| hasher.map_or(Form::FAILED, |h| Form::hash(h.finish())))
            .collect();
        (hashes, kept)
    }

    #[allow(clippy::too_many_arguments, reason = "one row's share of everything")]
    fn finish_row(
        &mut self,
        plan: &Plan,
        index: usize,
        row: usize,
        frames: &mut FrameBatch,
        payloads: &[PayloadRef],
        form: Option<Form>,
        out: &mut Judged,
    ) {
        let code = match &plan.streams[index].codec {
            Some(_) => self.decoded.codes.get(row).copied().unwrap_or_default(),
            None => 0,
        };
        if code == KEPT {
            return;
        }
        let identity = if code != 0 {
            None
        } else {
            self.identify(plan, index, row, frames, &mut out.report)
        };
        let Some(Identity { key, schema }) = identity else {
            out.unreferenced.extend(payloads.get(row));
            return;
        };
        if self.options.event_time {
            self.last_time_ms =
                event_time(&self.documents, &plan.event, row).unwrap_or(self.last_time_ms);
            frames.arrived_ms[row] = self.last_time_ms;
            out.time_ms_max = out.time_ms_max.max(Some(self.last_time_ms));
        }
        let arrived_ms = frames.arrived_ms[row];
        let form = form.unwrap_or(Form::NONE);
        let shard = key.shard(self.options.shards);
        if index == 1 {
            out.written[shard].push(WrittenObservation {
                key,
                form,
                arrived_ms,
                schema,
                row: row as u32,
                generation: plan.generation,
            });
            return;
        }
        let mut judgement = self.rows[row];
        if let RowState::Unjudged(oddity) = self.documents.state(row) {
            judgement = RowJudgement {
                judgement: Judgement::Unjudged,
                reason: plan.reasons.intern(HOST, oddity.id()),
            };
            bump(&mut out.report.violations, judgement.reason);
        }
        let window = arrived_ms.div_euclid(self.options.window_ms);
        out.report.count_raw(window, schema);
        let Some(&payload) = payloads.get(row) else {
            return;
        };
        out.raw[shard].push(RawObservation {
            key,
            form,
            arrived_ms,
            payload,
            schema,
            judgement: judgement.judgement,
            reason: judgement.reason,
            generation: plan.generation,
        });
    }

    /// The key and schema of a document; None if it has no readable key, which is counted.
    fn identify(
        &mut self,
        plan: &Plan,
        index: usize,
        row: usize,
        frames: &FrameBatch,
        report: &mut JudgeReport,
    ) -> Option<Identity> {
        let key = match self.documents.state(row) {
            RowState::Undecodable(defect) => Err(defect.id()),
            RowState::Good | RowState::Unjudged(_) => {
                match self.documents.value(row, &plan.event.key) {
                    Some(key) if !key.is_null() => {
                        Ok(self.options.secret.fingerprint(key, &mut self.scratch))
                    }
                    _ => Err(NO_KEY),
                }
            }
        };
        match key {
            Ok(key) => Some(Identity {
                key,
                schema: schema_of(&self.documents, plan, row, &mut self.scratch),
            }),
            Err(reason) => {
                let reason = plan.reasons.intern(HOST, reason);
                bump(&mut report.undecodable, reason);
                report.sample(|| Sample {
                    kind: SampleKind::Undecodable,
                    stream: index,
                    at_ms: frames.arrived_ms.get(row).copied().unwrap_or_default(),
                    schema: NO_SCHEMA,
                    reason,
                    detail: String::new(),
                    payload: frames.frame(row).to_vec(),
                });
                None
            }
        }
    }
}

/// Reasons that no check gives, but Landfall itself.
pub const HOST: &str = "landfall";

/// The document has no value at the key's pointer.
const NO_KEY: &str = "no_key";

fn detail_of(details: &[(usize, String)], row: usize) -> String {
    details
        .iter()
        .find(|(at, _)| *at == row)
        .map_or_else(String::new, |(_, text)| text.clone())
}

/// The label of the schema that the document names.
fn schema_of(documents: &Documents, plan: &Plan, row: usize, scratch: &mut Vec<u8>) -> SchemaId {
    let Some(name) = documents.value(row, &plan.event.schema) else {
        return NO_SCHEMA;
    };
    let Some(name) = name.as_str() else {
        return NO_SCHEMA;
    };
    scratch.clear();
    match &plan.event.revision {
        None => scratch.extend_from_slice(name.trim_start_matches('/').as_bytes()),
        Some(revision) => {
            let Some(revision) = documents.value(row, revision) else {
                return NO_SCHEMA;
            };
            scratch.extend_from_slice(name.as_bytes());
            scratch.push(b'/');
            match revision.as_str() {
                Some(text) => scratch.extend_from_slice(text.as_bytes()),
                None => revision.write_canonical(scratch),
            }
        }
    }
    plan.labels.find(scratch)
}

fn event_time(documents: &Documents, event: &EventPointers, row: usize) -> Option<i64> {
    event
        .time
        .iter()
        .find_map(|pointer| documents.value(row, pointer).and_then(event_time_ms))
}

#[allow(
    clippy::too_many_arguments,
    reason = "a sample gathers what is spread over the batch"
)]
fn violation(
    documents: &Documents,
    details: &[(usize, String)],
    plan: &Plan,
    index: usize,
    row: usize,
    frames: &FrameBatch,
    reason: ReasonId,
    redacted: &[Pointer],
) -> Sample {
    let mut text = Vec::new();
    if let Some(document) = documents.value(row, &Pointer::default()) {
        let mut whole = Vec::new();
        document.write_canonical(&mut whole);
        redact(&whole, redacted, &mut text);
    }
    Sample {
        kind: SampleKind::Violation,
        stream: index,
        at_ms: frames.arrived_ms.get(row).copied().unwrap_or_default(),
        schema: schema_of(documents, plan, row, &mut Vec::new()),
        reason,
        detail: detail_of(details, row),
        payload: text,
    }
}
