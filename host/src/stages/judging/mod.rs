//! The stage that judges: it puts raw frames into the spool, judges a batch, and gives each shard its share.
//!
//! Frames for which the spool has no room wait here, and so do those that their codec failed on. While something
//! waits, [`JudgeStage::wants`] says what may come in.

pub mod decoding;
mod give_up;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use landfall_ledger::{PayloadRef, PerStream, Stream};
use landfall_store::spool::{SpoolError, SpoolWriter};

use self::decoding::Decoding;
pub(crate) use self::give_up::GiveUp;
use super::backlog::Backlog;
use crate::flow::FrameBatch;
use crate::judge::plan_cell::PlanCell;
use crate::judge::{Judge, JudgeReport, Judged};
use crate::messages::ShardWork;
use crate::shutdown::Shutdown;
use crate::telemetry::Telemetry;

/// Between two tries to put a raw batch into a spool that is full or failing.
const SPOOL_RETRY: Duration = Duration::from_millis(100);

/// How often an idle judge looks whether the ledger has room again, or whether frames that its codec failed on are
/// to be tried again, in real time.
const ROOM_LOOK: Duration = Duration::from_millis(100);

/// How often it looks if nothing waits: a batch wakes it.
const QUIET_LOOK: Duration = Duration::from_secs(1);

/// What a judge is given.
pub(crate) enum JudgeInput {
    /// A batch from the queue. `raw_waits`: raw batches are in the queue behind it.
    Batch { batch: FrameBatch, raw_waits: bool },
    /// No batch came for as long as it wanted to wait.
    Nothing { raw_waits: bool },
    /// It is to go on with what waits here. `is_last`: the queue is closed, so what a codec cannot read now is given
    /// up.
    Waiting { is_last: bool },
}

/// What came of a batch.
pub(crate) struct JudgeOutput {
    /// For the results, which must have it before any verdict on these events can reach them.
    pub report: JudgeReport,
    /// By number of the shard; shards without a share are not among them.
    pub shares: Vec<(usize, ShardWork)>,
}

/// What a judge wants from the queue.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct JudgeWants {
    /// Nobody takes batches of these streams for now.
    pub held: PerStream<bool>,
    /// This judge takes batches of these streams.
    pub takes: PerStream<bool>,
    /// How long it waits for one, in real time.
    pub wait: Duration,
}

/// What a judge works with.
pub(crate) struct JudgeStage {
    pub judge: Judge,
    pub plan: Arc<PlanCell>,
    pub spool: SpoolWriter,
    pub telemetry: Telemetry,
    pub backlog: Arc<Backlog>,
    pub shutdown: Arc<Shutdown>,
    pub waiting: Waiting,
    /// Landings are held back.
    pub is_overrun: bool,
    /// When it makes no sense to wait for room: only over recordings.
    pub give_up: Option<GiveUp>,
    pub decoding: Arc<Decoding>,
}

/// Raw batches for which the spool has no room: one, and at the very end what is left of the queue. Written batches
/// are judged meanwhile, or nothing would ever settle and make room.
#[derive(Default)]
pub(crate) struct Waiting {
    batches: VecDeque<FrameBatch>,
    tried: Option<Instant>,
    is_logged: bool,
}

impl Waiting {
    /// How long until the spool is to be tried again.
    fn time_left(&self, now: Instant) -> Duration {
        self.tried.map_or(Duration::ZERO, |tried| {
            SPOOL_RETRY.saturating_sub(now.saturating_duration_since(tried))
        })
    }
}

impl JudgeStage {
    /// Takes the input, and gives what came of it. After an output, what waits may have more to give.
    pub fn step(&mut self, input: JudgeInput, now: Instant) -> Option<JudgeOutput> {
        self.judge.follow(&self.plan.current(), now);
        match input {
            JudgeInput::Waiting { is_last } => {
                if let Some(judged) = self.judge.again(is_last, now) {
                    return Some(self.output(judged));
                }
                if !self.waiting.time_left(now).is_zero() {
                    return None;
                }
                let batch = self.waiting.batches.pop_front()?;
                self.judge(batch, now)
            }
            JudgeInput::Batch { batch, raw_waits } => {
                if self.backlog.is_overrun() {
                    self.look_for_a_way_on(raw_waits);
                }
                self.judge(batch, now)
            }
            JudgeInput::Nothing { raw_waits } => {
                if self.backlog.is_full() {
                    self.look_for_a_way_on(raw_waits);
                }
                None
            }
        }
    }

    /// What it wants from the queue: raw batches only while ledger and spool have room, and none of a stream whose
    /// codec reads nothing.
    pub fn wants(&mut self, now: Instant) -> JudgeWants {
        let is_full = self.backlog.is_full();
        // So many landings wait for raw events, because raw frames cannot come in (a codec that reads nothing, a
        // spool that fails): they wait as well, until those can. Over recordings it is given up instead.
        let is_overrun = self.backlog.is_full_of_landings() && self.give_up.is_none();
        if is_overrun && !self.is_overrun {
            tracing::error!(
                "landings wait for raw events that cannot be judged, more than ledger.pending_max allows: landings are held back too"
            );
        }
        self.is_overrun = is_overrun;
        let waits = !self.waiting.batches.is_empty();
        let looks = is_full || is_overrun || self.give_up.is_some() || self.judge.has_unread();
        JudgeWants {
            held: PerStream {
                raw: is_full,
                written: is_overrun,
            },
            takes: PerStream::of(|stream| {
                let is_behind = waits && stream == Stream::Raw;
                !is_behind && !self.judge.is_held(stream)
            }),
            wait: match (waits, looks) {
                (true, _) => self.waiting.time_left(now),
                (false, true) => ROOM_LOOK,
                (false, false) => QUIET_LOOK,
            },
        }
    }

    /// Whether batches wait for room in the spool.
    pub fn has_waiting(&self) -> bool {
        !self.waiting.batches.is_empty()
    }

    fn judge(&mut self, batch: FrameBatch, now: Instant) -> Option<JudgeOutput> {
        if self.shutdown.has_given_up() {
            self.shutdown.frames_left(&batch, &"judging was given up");
            return None;
        }
        let mut payloads = Vec::new();
        if batch.stream == Stream::Raw
            && let Err(error) = self.spool(&batch, &mut payloads)
        {
            self.wait_with(batch, &error, now);
            return None;
        }
        let (stream, frames) = (batch.stream, batch.rows() as u64);
        let judged = self.judge.judge(batch, &payloads, now);
        let unread: u64 = judged.report.undecodable.iter().map(|(_, rows)| rows).sum();
        let keyless = judged.report.keyless;
        self.decoding
            .add(stream, frames, frames.saturating_sub(unread), keyless);
        Some(self.output(judged))
    }

    /// Each shard's share of what was judged.
    fn output(&self, judged: Judged) -> JudgeOutput {
        let guard = judged.guard();
        let Judged {
            raw,
            written,
            unreferenced,
            report,
            written_frames,
            ..
        } = judged;
        for payload in unreferenced {
            self.spool.spool().release(payload.0);
        }
        let Some(guard) = guard else {
            return JudgeOutput {
                report,
                shares: Vec::new(),
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
        }
    }

    /// Raw frames go to the spool as they are, before anything is done with them.
    fn spool(
        &mut self,
        batch: &FrameBatch,
        payloads: &mut Vec<PayloadRef>,
    ) -> Result<(), SpoolError> {
        let mut numbers = Vec::with_capacity(batch.rows());
        let (bytes, ends) = (&batch.bytes, &batch.ends);
        self.spool
            .append(bytes, ends, batch.first_place, &mut numbers)?;
        payloads.extend(numbers.into_iter().map(PayloadRef));
        self.waiting.is_logged = false;
        if let Some(give_up) = &mut self.give_up {
            give_up.spooled();
        }
        Ok(())
    }

    /// Keeps a raw batch for which the spool has no room: the queue fills behind it, and the source is held back.
    fn wait_with(&mut self, batch: FrameBatch, error: &SpoolError, now: Instant) {
        self.waiting.tried = Some(now);
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

    /// The ledger has no room. Beside a pipeline there will be some: deadlines pass.
    fn look_for_a_way_on(&self, raw_waits: bool) {
        let raw_waits = raw_waits || self.has_waiting();
        if let Some(give_up) = &self.give_up
            && let Some(why) = give_up.on_full_ledger(&self.backlog, raw_waits)
        {
            self.shutdown.give_up(why);
        }
    }
}
