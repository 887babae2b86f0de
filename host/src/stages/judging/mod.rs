//! The stage that judges: it puts frames into the spool, judges a batch, and gives each shard its share.
//!
//! Raw frames for which the spool has no room wait here, and so do frames that their codec failed on.
//! While something waits, `JudgeStage::intake` decides what may come in.

pub mod decoding;
mod give_up;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use landfall_ledger::{PayloadRef, PerStream, Stream};
use landfall_store::spool::{FrameKind, SpoolError, SpoolWriter, SpooledFrames};

use self::decoding::Decoding;
pub(crate) use self::give_up::GiveUp;
use super::backlog::Backlog;
use crate::flow::{FrameBatch, InFlightGuard};
use crate::judge::plan_cell::PlanCell;
use crate::judge::{Judge, JudgeReport, Judged};
use crate::messages::ShardWork;
use crate::shutdown::Shutdown;
use crate::telemetry::Telemetry;

/// The pause between two tries to put a raw batch into a spool that is full or failing.
const SPOOL_RETRY: Duration = Duration::from_millis(100);

/// How often an idle judge checks whether the ledger has room again, or whether frames that its
/// codec failed on are due for another try. Real time.
const ROOM_CHECK_EVERY: Duration = Duration::from_millis(100);

/// How often it checks if nothing waits. A batch wakes it.
const IDLE_CHECK_EVERY: Duration = Duration::from_secs(1);

/// What a judge is given.
pub(crate) enum JudgeInput {
    /// A batch from the queue. `raw_waits`: raw batches are in the queue behind it.
    Batch { batch: FrameBatch, raw_waits: bool },
    /// No batch came in the time that the judge waits.
    Nothing { raw_waits: bool },
    /// Go on with what waits in the stage. `is_last`: the queue is closed, so what a codec cannot
    /// read now is given up.
    Waiting { is_last: bool },
}

/// What a batch led to.
pub(crate) struct JudgeOutput {
    /// For the results. They must get it before any verdict on these events.
    pub report: JudgeReport,
    /// Each with the number of its shard. A shard without a share is not in the list.
    pub shares: Vec<(usize, ShardWork)>,
    /// The batch is in flight until all of this has been handed on, also if there are no shares. None: frames of it
    /// are still kept, and its guard with them.
    pub guard: Option<InFlightGuard>,
}

/// What a judge takes from the queue, and how long it waits.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct JudgeIntake {
    /// No judge takes batches of these streams for now.
    pub held: PerStream<bool>,
    /// This judge takes batches of these streams.
    pub takes: PerStream<bool>,
    /// It takes batches of frames of these streams that an earlier run left. They are in the spool, so they need no room
    /// there.
    pub takes_restored: PerStream<bool>,
    /// How long it waits for a batch, in real time.
    pub wait: Duration,
}

/// What a judge works with.
pub(crate) struct JudgeStage {
    pub judge: Judge,
    pub plan: Arc<PlanCell>,
    pub spool: SpoolWriter,
    /// For rows, so that a restart does not lose those of which nothing is stored yet. They have files of their own,
    /// because they are needed for much shorter than events that wait. None over recordings.
    pub row_spool: Option<SpoolWriter>,
    pub telemetry: Telemetry,
    pub backlog: Arc<Backlog>,
    pub shutdown: Arc<Shutdown>,
    pub waiting: SpoolRetry,
    /// The log has that rows are not put into the spool.
    pub is_row_failure_logged: bool,
    /// Whether landings are held back.
    pub is_overrun: bool,
    /// Decides when to stop waiting for room. Only over recordings.
    pub give_up: Option<GiveUp>,
    pub decoding: Arc<Decoding>,
    /// By stream: frames of an earlier run are still to be judged. They came before all others, and are judged before
    /// them.
    pub restoring: Arc<PerStream<AtomicBool>>,
}

/// Raw batches for which the spool has no room: one, and at the very end what is left of the queue.
/// Written batches are judged meanwhile, because otherwise nothing would settle and make room.
#[derive(Default)]
pub(crate) struct SpoolRetry {
    batches: VecDeque<FrameBatch>,
    /// When the pause before the next try ends. It begins when somebody asks: a try takes time itself.
    due: Option<Instant>,
    is_logged: bool,
}

impl SpoolRetry {
    /// How long until the next try to spool.
    fn time_left(&mut self, now: Instant) -> Duration {
        let due = *self.due.get_or_insert(now + SPOOL_RETRY);
        due.saturating_duration_since(now)
    }
}

impl JudgeStage {
    /// Takes an input, and gives what it led to. After an output, call it again with
    /// [`JudgeInput::Waiting`]: what waits may give more.
    pub fn step(&mut self, input: JudgeInput, now: Instant) -> Option<JudgeOutput> {
        self.judge.follow(&self.plan.current(), now);
        match input {
            JudgeInput::Waiting { is_last } => {
                if let Some(judged) = self.judge.retry_due(is_last, now) {
                    return Some(self.output(judged));
                }
                if !self.waiting.time_left(now).is_zero() {
                    return None;
                }
                let batch = self.waiting.batches.pop_front()?;
                self.judge(batch, now)
            }
            JudgeInput::Batch { batch, raw_waits } => {
                if self.backlog.has_landings_enough() {
                    self.check_give_up(raw_waits);
                }
                self.judge(batch, now)
            }
            JudgeInput::Nothing { raw_waits } => {
                if self.backlog.is_full() {
                    self.check_give_up(raw_waits);
                }
                None
            }
        }
    }

    /// What it takes from the queue: raw batches only while ledger and spool have room, and no
    /// batch of a stream whose codec reads nothing.
    pub fn intake(&mut self, now: Instant) -> JudgeIntake {
        let is_full = self.backlog.is_full();
        // So many landings wait for raw events because raw frames cannot come in (a codec reads
        // nothing, or the spool fails). Landings wait too until raw frames can come in. Over
        // recordings judging is given up instead.
        let is_overrun = self.backlog.is_full_of_landings() && self.give_up.is_none();
        if is_overrun && !self.is_overrun {
            tracing::error!(
                "landings wait for raw events that cannot be judged, more than ledger.pending_max allows: landings are held back too"
            );
        }
        self.is_overrun = is_overrun;
        let give_up = self.give_up.as_ref();
        let holds_landings = give_up.is_some_and(|give_up| give_up.holds_landings(&self.backlog));
        let waits = !self.waiting.batches.is_empty();
        let restoring = PerStream::of(|stream| self.restoring[stream].load(Ordering::Acquire));
        let restores = restoring.raw || restoring.written;
        let looks =
            restores || is_full || is_overrun || self.give_up.is_some() || self.judge.has_unread();
        // A gap in numbers keeps the frontier where it is until nothing can fill it any more.
        let looks = self.judge.look_at_sequences(now) || looks;
        JudgeIntake {
            held: PerStream {
                raw: is_full,
                written: is_overrun || holds_landings,
            },
            takes: PerStream::of(|stream| {
                let is_behind = waits && stream == Stream::Raw;
                !is_behind && !restoring[stream] && !self.judge.is_held(stream)
            }),
            takes_restored: PerStream::of(|stream| !self.judge.is_held(stream)),
            wait: match (waits, looks) {
                (true, _) => self.waiting.time_left(now),
                (false, true) => ROOM_CHECK_EVERY,
                (false, false) => IDLE_CHECK_EVERY,
            },
        }
    }

    /// Whether batches wait for room in the spool.
    pub fn has_waiting(&self) -> bool {
        !self.waiting.batches.is_empty()
    }

    fn judge(&mut self, mut batch: FrameBatch, now: Instant) -> Option<JudgeOutput> {
        if self.shutdown.has_given_up() {
            self.shutdown.frames_left(&batch, &"judging was given up");
            return None;
        }
        let mut payloads = std::mem::take(&mut batch.spooled);
        let is_kept = !payloads.is_empty();
        match batch.stream {
            Stream::Raw if !is_kept => {
                if let Err(error) = self.spool(&batch, &mut payloads) {
                    self.wait_with(batch, &error, now);
                    return None;
                }
            }
            Stream::Written if !is_kept => self.spool_rows(&batch, &mut payloads),
            Stream::Raw | Stream::Written => {}
        }
        let (stream, frames) = (batch.stream, batch.rows() as u64);
        let judged = self.judge.judge(batch, &payloads);
        let unread: u64 = judged.report.undecodable.iter().map(|(_, rows)| rows).sum();
        let keyless = judged.report.keyless;
        self.decoding
            .add(stream, frames, frames.saturating_sub(unread), keyless);
        Some(self.output(judged))
    }

    /// Puts together each shard's share of what was judged.
    fn output(&self, judged: Judged) -> JudgeOutput {
        let guard = judged.guard();
        let Judged {
            raw,
            written,
            report,
            written_frames,
            ..
        } = judged;
        let Some(guard) = guard else {
            return JudgeOutput {
                report,
                shares: Vec::new(),
                guard: None,
            };
        };
        let written_frames = written_frames.map(Arc::new);
        let shares = raw.into_iter().zip(written).enumerate();
        let shares = shares.filter(|(_, (raw, written))| !raw.is_empty() || !written.is_empty());
        let work = |(number, (raw, written))| {
            let work = ShardWork {
                raw,
                written,
                written_frames: written_frames.clone(),
                guard: guard.clone(),
            };
            (number, work)
        };
        JudgeOutput {
            report,
            shares: shares.map(work).collect(),
            guard: Some(guard),
        }
    }

    /// Puts rows into the spool. If that fails, they are judged all the same, because they may make the room that lacks:
    /// only a restart before they are stored would lose them.
    fn spool_rows(&mut self, batch: &FrameBatch, payloads: &mut Vec<PayloadRef>) {
        let Some(writer) = &mut self.row_spool else {
            return;
        };
        match append(writer, batch, FrameKind::Row, payloads) {
            Ok(()) => self.is_row_failure_logged = false,
            Err(error) => {
                self.telemetry.rows_unspooled(batch.rows() as u64);
                if !std::mem::replace(&mut self.is_row_failure_logged, true) {
                    tracing::warn!(
                        "{error}; rows are judged without it, and a restart would lose those that are not stored yet"
                    );
                }
            }
        }
    }

    /// Puts raw frames into the spool as they are, before anything else is done with them.
    fn spool(
        &mut self,
        batch: &FrameBatch,
        payloads: &mut Vec<PayloadRef>,
    ) -> Result<(), SpoolError> {
        append(&mut self.spool, batch, FrameKind::Raw, payloads)?;
        self.waiting.is_logged = false;
        if let Some(give_up) = &mut self.give_up {
            give_up.spooled();
        }
        Ok(())
    }

    /// Keeps a raw batch for which the spool has no room. The queue fills behind it, and the source
    /// is held back.
    fn wait_with(&mut self, batch: FrameBatch, error: &SpoolError, now: Instant) {
        self.waiting.due = None;
        self.telemetry.spool_waited();
        self.backlog.press();
        if let Some(give_up) = &mut self.give_up
            && let Some(why) = give_up.on_spool_error(error, now)
        {
            self.shutdown.give_up(why);
        }
        if self.shutdown.is_over() {
            self.shutdown.frames_left(&batch, error);
            return;
        }
        if !self.waiting.is_logged {
            tracing::error!("{error}; raw frames wait until it succeeds");
            self.waiting.is_logged = true;
        }
        self.waiting.batches.push_front(batch);
    }

    /// The ledger has no room. Beside a pipeline there will be room later, because deadlines pass;
    /// over recordings it may be time to give up.
    fn check_give_up(&self, raw_waits: bool) {
        let raw_waits = raw_waits || self.has_waiting();
        if let Some(give_up) = &self.give_up
            && let Some(why) = give_up.on_full_ledger(&self.backlog, raw_waits)
        {
            self.shutdown.give_up(why);
        }
    }
}

fn append(
    writer: &mut SpoolWriter,
    batch: &FrameBatch,
    kind: FrameKind,
    payloads: &mut Vec<PayloadRef>,
) -> Result<(), SpoolError> {
    let mut numbers = Vec::with_capacity(batch.rows());
    let frames = SpooledFrames {
        bytes: &batch.bytes,
        ends: &batch.ends,
        first_place: batch.first_place,
        arrived_ms: &batch.arrived_ms,
        earliest_ms: &batch.earliest_ms,
        source: batch.source,
        kind,
    };
    writer.append_frames(&frames, &mut numbers)?;
    payloads.extend(numbers.into_iter().map(PayloadRef));
    Ok(())
}
