//! One worker takes a batch from frames to observations: it decodes, parses once, checks and
//! projects. Then it turns each row into an observation for the ledger.

mod checks;
mod codec;
mod rows;
mod sequence;
mod unread;

pub use self::sequence::SequenceReader;
pub use crate::judge::labels::HOST;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use landfall_document::{
    ColumnWriter, Documents, FieldHasher, FieldHashing, FieldsDigest, Pointer,
};
use landfall_ledger::{
    Judgement, PayloadRef, PerStream, RawObservation, ReasonId, Stream, WrittenObservation,
};
use landfall_runtime::{Decoded, Judged as CheckJudged, Packed, Projected};

use super::codec_retries::{CodecRetries, CodecRetry};
use super::faults::{FaultOutcome, row_of};
use super::identity::Secret;
use super::instances::CheckInstances;
use super::plan::{Plan, StreamPlan};
use super::report::JudgeReport;
use crate::flow::{FrameBatch, InFlightGuard, Readability};

/// Set in place of a codec's code if the codec failed on the row: the row is given up, or it is
/// kept for another try. Both are beyond the codes of any manifest.
const GIVEN_UP: u16 = u16::MAX;
const KEPT_FOR_RETRY: u16 = u16::MAX - 1;

/// What a shard needs of a written batch after its observations: the frames. They show single rows,
/// and are kept if their raw event did not come yet.
pub struct WrittenFrames {
    pub frames: FrameBatch,
}

impl WrittenFrames {
    /// The frame of a row as it came.
    pub fn frame(&self, row: usize) -> &[u8] {
        self.frames.frame(row)
    }
}

/// A judged batch.
pub struct Judged {
    /// By shard.
    pub raw: Vec<Vec<RawObservation>>,
    /// By shard.
    pub written: Vec<Vec<WrittenObservation>>,
    pub report: JudgeReport,
    /// Only of a written batch.
    pub written_frames: Option<WrittenFrames>,
    /// Only of a raw batch, whose frames are in the spool.
    pub raw_frames: Option<FrameBatch>,
    /// The latest event time, if event time is the clock.
    pub time_ms_max: Option<i64>,
}

impl Judged {
    /// The guard that keeps the frontier of the batch's stream where it is.
    pub fn guard(&self) -> Option<InFlightGuard> {
        let written = self.written_frames.as_ref().map(|written| &written.frames);
        let frames = written.or(self.raw_frames.as_ref())?;
        Some(frames.guard.clone())
    }
}

/// How a judge is set up for the life of its worker.
#[derive(Clone)]
pub struct JudgeOptions {
    pub secret: Secret,
    pub shards: usize,
    pub window_ms: i64,
    /// The time of an event is its own (audit), not the arrival of its frame.
    pub event_time: bool,
    pub redact: Arc<Vec<Pointer>>,
    /// Shared by all workers.
    pub readable: Arc<ReadableFrames>,
    /// Of a stream whose sources number what they send. Shared by all workers.
    pub sequences: Arc<PerStream<Option<SequenceReader>>>,
}

/// By stream, a frame that its codec has read. It distinguishes a frame that cannot be read from a
/// codec that reads nothing. It is shared, because a worker may not have met such a frame itself.
#[derive(Debug, Default)]
pub struct ReadableFrames {
    frames: PerStream<Mutex<Option<Vec<u8>>>>,
    /// By stream: what is known of its frames.
    readability: PerStream<Mutex<Readability>>,
}

impl ReadableFrames {
    fn lock(&self, stream: Stream) -> MutexGuard<'_, Option<Vec<u8>>> {
        self.frames[stream]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Judges batches, one after the other. Owned by one thread.
pub struct Judge {
    options: JudgeOptions,
    plan: Arc<Plan>,
    instances: CheckInstances,
    documents: Documents,
    decoded: Decoded,
    writer: ColumnWriter,
    fields: FieldHasher,
    columns: Vec<ColumnData>,
    judged: CheckJudged,
    projected: Projected,
    rows: Vec<RowJudgement>,
    scratch: Vec<u8>,
    /// By stream: the frames that its codec failed on, for another try.
    unread: PerStream<CodecRetries>,
    /// By stream: whether this worker has made sure that a readable frame is known.
    knows_readable: PerStream<bool>,
    /// The run is ending, and no codec will be replaced any more. A frame that a codec fails on is
    /// given up at once.
    ending: bool,
    /// Rows of the current batch that gave no key, and how many gave one.
    unread_rows: Vec<usize>,
    keyed_rows: usize,
    /// By stream: the time of the last event that had one. An event without a time is assumed to
    /// have come at that time.
    last_time_ms: PerStream<Option<i64>>,
    /// When the last step began.
    now: Instant,
}

/// A column of the current batch.
#[derive(Default)]
struct ColumnData {
    packed: Packed,
    /// For a column of fields: by row, the digest of the fields that are not in it.
    digests: Vec<FieldsDigest>,
}

/// The judgement of a row by the deciding checks so far.
#[derive(Clone, Copy)]
struct RowJudgement {
    judgement: Judgement,
    reason: ReasonId,
}

impl RowJudgement {
    /// One reason to reject is enough, whatever another check could not judge.
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

impl Judge {
    /// A judge with instances of the plan's checks.
    pub fn new(options: JudgeOptions, plan: Arc<Plan>) -> Self {
        let mut instances = CheckInstances::default();
        instances.follow(&plan);
        Self {
            plan,
            instances,
            documents: Documents::default(),
            decoded: Decoded::default(),
            writer: ColumnWriter::default(),
            fields: options.secret.fields(),
            columns: Vec::new(),
            judged: CheckJudged::default(),
            projected: Projected::default(),
            rows: Vec::new(),
            scratch: Vec::new(),
            unread: PerStream::default(),
            knows_readable: PerStream::default(),
            ending: false,
            unread_rows: Vec::new(),
            keyed_rows: 0,
            last_time_ms: PerStream::default(),
            now: Instant::now(),
            options,
        }
    }

    /// Sets the plan for the next batches, which are judged now.
    pub fn follow(&mut self, plan: &Arc<Plan>, now: Instant) {
        self.now = now;
        if Arc::ptr_eq(&self.plan, plan) {
            return;
        }
        for (stream, unread) in self.unread.iter_mut() {
            if !plan.streams[stream].has_codec_of(&self.plan.streams[stream]) {
                unread.renew(now);
            }
        }
        self.plan = Arc::clone(plan);
        self.instances.follow(plan);
    }

    /// Whether no further batch of the stream should be judged: its codec reads nothing.
    pub fn is_held(&self, stream: Stream) -> bool {
        self.unread[stream].is_full()
    }

    /// Whether any frame waits for another try.
    pub fn has_unread(&self) -> bool {
        !self.unread.values().all(CodecRetries::is_empty)
    }

    /// Tries frames again that their codec failed on, if some are due. `ending`: this is the last
    /// try, so what still cannot be read is given up.
    pub fn retry_due(&mut self, ending: bool, now: Instant) -> Option<Judged> {
        self.ending |= ending;
        let due = self
            .unread
            .iter_mut()
            .find_map(|(_, unread)| unread.take_due(now, self.ending));
        let Some(unread) = due else {
            if ending {
                self.end_sequences();
            }
            return None;
        };
        let CodecRetry {
            frames,
            payloads,
            tries,
            ..
        } = unread;
        Some(self.judge_try(frames, &payloads, tries + 1))
    }

    /// Judges one batch. `payloads` has one reference per frame, or is empty for rows that are not in the spool.
    pub fn judge(&mut self, frames: FrameBatch, payloads: &[PayloadRef]) -> Judged {
        self.judge_try(frames, payloads, 1)
    }

    fn judge_try(&mut self, mut frames: FrameBatch, payloads: &[PayloadRef], tries: u32) -> Judged {
        let plan = Arc::clone(&self.plan);
        let stream = frames.stream;
        let stream_plan = &plan.streams[stream];
        let rows = frames.ends.len();
        let mut report = JudgeReport::new(stream, plan.generation);
        report.seen_ms = frames.arrived_ms.last().copied();

        self.decode(stream_plan, stream, &frames, &mut report);
        self.keep_unread(stream_plan, stream, &frames, payloads, tries, &mut report);
        self.write_columns(stream_plan);
        self.run_checks(&plan, stream_plan, stream, &frames, &mut report);
        let hashes = self.project(&plan, stream, &frames, &mut report);

        let mut judged = Judged {
            raw: vec![Vec::new(); self.options.shards],
            written: vec![Vec::new(); self.options.shards],
            report,
            written_frames: None,
            raw_frames: None,
            time_ms_max: None,
        };
        self.find_first_event_time(&plan, stream, rows);
        self.unread_rows.clear();
        self.keyed_rows = 0;
        for row in 0..rows {
            self.finish_row(
                &plan,
                stream,
                row,
                &mut frames,
                payloads,
                hashes.get(row).copied(),
                &mut judged,
            );
        }
        if !self.options.event_time && !frames.is_restored {
            self.note_unread(stream, &frames);
            self.note_sequence(&plan, stream, &mut frames);
        }
        let (documents, key) = (&self.documents, &plan.event.key);
        self.instances.streams[stream].take_activity(
            stream,
            &|row| row_of(documents, row, key),
            &mut judged.report.checks,
        );
        // The report has what became of the frames that the codec failed on.
        if !judged.report.unread.is_empty() {
            let codec = stream_plan.codec.as_ref().map(|codec| codec.check.name());
            let checks = judged.report.checks.iter_mut();
            checks
                .filter(|check| Some(check.name.as_str()) == codec)
                .for_each(|check| {
                    check
                        .faults
                        .retain(|note| note.outcome == FaultOutcome::Judged)
                });
        }
        if stream == Stream::Written {
            judged.written_frames = Some(WrittenFrames { frames });
        } else {
            judged.raw_frames = Some(frames);
        }
        judged
    }

    /// Writes each column that any check asks for, once.
    fn write_columns(&mut self, stream_plan: &StreamPlan) {
        self.columns
            .resize_with(stream_plan.columns.len(), ColumnData::default);
        for (column_spec, column) in stream_plan.columns.iter().zip(&mut self.columns) {
            column.packed.clear();
            let (text, ends) = (&mut column.packed.text, &mut column.packed.ends);
            let digests = &mut column.digests;
            digests.clear();
            let hasher = &self.fields;
            let taking = Some(FieldHashing { hasher, digests });
            self.writer
                .write(&self.documents, column_spec, text, ends, taking);
        }
    }
}

fn detail_of(details: &[(usize, String)], row: usize) -> String {
    details
        .iter()
        .find(|(at, _)| *at == row)
        .map_or_else(String::new, |(_, text)| text.clone())
}
