//! A judge's thread: takes batches, spools raw frames, judges, hands each shard its share.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::Sender;
use landfall_ledger::{PayloadRef, Stream};
use landfall_store::spool::{SpoolError, SpoolWriter};

use super::backlog::Backlog;
use super::decoding::Decoding;
use crate::telemetry::Telemetry;
use crate::shutdown::Shutdown;
use crate::judge::plan_cell::PlanCell;
use crate::judge::{Judge, Judged};
use crate::messages::{Message, ShardWork};
use crate::queue::{Receiver, RecvError};
use crate::sources::{InFlight, FrameBatch};
use crate::thread_watch;

/// Between two tries to put a raw batch into a spool that is full or failing.
const SPOOL_RETRY: Duration = Duration::from_millis(100);

/// How often an idle judge looks whether the ledger has room again, or what its codec failed on is to
/// be tried again, in real time.
const ROOM_LOOK: Duration = Duration::from_millis(100);

/// How often one looks that has nothing of that kind to look for: a batch wakes it.
const QUIET_LOOK: Duration = Duration::from_secs(1);

/// An audit gives up when it has found no room for so long. Shards make room several times meanwhile.
const STUCK: Duration = Duration::from_secs(3);

/// What a judge's thread works with.
pub struct Judging {
    pub judge: Judge,
    pub plan: Arc<PlanCell>,
    pub batches: Receiver<FrameBatch>,
    pub spool: SpoolWriter,
    pub shards: Vec<Sender<ShardWork>>,
    pub results: Sender<Message>,
    pub telemetry: Telemetry,
    pub backlog: Arc<Backlog>,
    pub ending: Arc<Shutdown>,
    pub waiting: Waiting,
    /// Landings are held back.
    pub overrun: bool,
    /// In an audit nothing falls due before the end: what does not settle by its landing never does.
    pub audit: bool,
    pub decoding: Arc<Decoding>,
    pub in_flight: InFlight,
}

/// Raw batches in hand for which the spool has no room: one, and at the very end what is left of
/// the queue. Written batches are judged meanwhile, or nothing would ever settle and make room.
#[derive(Default)]
pub struct Waiting {
    batches: VecDeque<FrameBatch>,
    tried: Option<Instant>,
    said: bool,
    /// Since when an audit has found no way on.
    stuck: Option<Instant>,
}

impl Waiting {
    /// How long until the spool is to be tried again.
    fn patience(&self) -> Duration {
        self.tried.map_or(Duration::ZERO, |tried| {
            SPOOL_RETRY.saturating_sub(tried.elapsed())
        })
    }
}

impl Judging {
    /// Runs until the queue is closed and empty.
    pub fn run(mut self) {
        let mut payloads = Vec::new();
        loop {
            self.judge.follow(&self.plan.current());
            // What a codec failed on comes back here; at the end for the last time.
            let ending = self.batches.is_ending();
            while let Some(judged) = self.judge.again(ending) {
                if !self.hand_on(judged) {
                    return;
                }
            }
            thread_watch::idle();
            let next = self.next();
            thread_watch::busy();
            let batch = match next {
                Ok(batch) => batch,
                Err(RecvError::Timeout) => continue,
                // What was given back after the look at the queue is still to be dealt with.
                Err(RecvError::Closed) if !ending || !self.waiting.batches.is_empty() => continue,
                Err(RecvError::Closed) => return,
            };
            // There may be another plan since the wait began.
            self.judge.follow(&self.plan.current());
            payloads.clear();
            if self.shutdown.has_given_up() {
                let why = "judging was given up";
                self.shutdown.frames_left(batch, &why);
                continue;
            }
            if batch.stream == Stream::Raw
                && let Err(error) = self.spool(&batch, &mut payloads)
            {
                self.wait_with(batch, &error);
                continue;
            }
            let (stream, frames) = (batch.stream, batch.rows() as u64);
            let judged = self.judge.judge(batch, &payloads);
            let unread: u64 = judged.report.undecodable.iter().map(|(_, rows)| rows).sum();
            let keyless = judged.report.keyless;
            if !self.hand_on(judged) {
                return;
            }
            if self.audit {
                self.decoding
                    .add(stream, frames, frames.saturating_sub(unread), keyless);
            }
        }
    }

    /// Tells the results, and hands each shard its share. False if nobody listens any more.
    fn hand_on(&self, judged: Judged) -> bool {
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
        // The results hear of the events before any verdict on them can reach them.
        if self.results.send(Message::Judged(report)).is_err() {
            return false;
        }
        let Some(guard) = guard else { return true };
        let written_frames = written_frames.map(Arc::new);
        for ((raw, written), shard) in raw.into_iter().zip(written).zip(&self.shards) {
            if raw.is_empty() && written.is_empty() {
                continue;
            }
            let work = ShardWork {
                raw,
                written,
                written_frames: written_frames.clone(),
                guard: guard.clone(),
            };
            if shard.send(work).is_err() {
                return false;
            }
        }
        true
    }

    /// The next batch, if one comes soon; raw ones only while ledger and spool have room, and none
    /// of a stream whose codec reads nothing.
    fn next(&mut self) -> Result<FrameBatch, RecvError> {
        let patience = self.waiting.patience();
        if patience.is_zero()
            && let Some(batch) = self.waiting.batches.pop_front()
        {
            return Ok(batch);
        }
        let full = self.backlog.is_full();
        self.batches.hold(Stream::Raw.index(), full);
        // Landings alone have gone far beyond the bound, because raw frames cannot come in to meet
        // them (a codec that reads nothing, a spool that fails): they wait as well, until they can.
        // An audit gives up instead.
        let is_overrun = self.backlog.is_full_of_landings() && !self.audit;
        self.batches.hold(Stream::Written.index(), is_overrun);
        if is_overrun != self.overrun {
            self.overrun = is_overrun;
            if is_overrun {
                tracing::error!(
                    "landings wait for raw events that cannot be judged, more than ledger.pending_max allows: landings are held back too"
                );
            }
        }
        let waits = !self.waiting.batches.is_empty();
        let looks = full || is_overrun || self.audit || self.judge.has_unread();
        let look = match (waits, looks) {
            (true, _) => patience,
            (false, true) => ROOM_LOOK,
            (false, false) => QUIET_LOOK,
        };
        let next = self.batches.recv_timeout_from(look, |stream| {
            let is_raw = stream == Stream::Raw.index();
            let stream = if is_raw { Stream::Raw } else { Stream::Written };
            let is_kept_out = waits && is_raw || self.judge.is_held(stream);
            !is_kept_out
        });
        match next {
            Err(RecvError::Timeout) if full => self.look_for_a_way_on(),
            Ok(_) if self.backlog.is_overrun() => self.look_for_a_way_on(),
            Err(RecvError::Closed) if waits => std::thread::sleep(patience),
            _ => {}
        }
        next
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
        self.waiting.said = false;
        self.waiting.stuck = None;
        Ok(())
    }

    /// Keeps a raw batch for which the spool has no room: the queue fills behind it, and the source
    /// is pushed back.
    fn wait_with(&mut self, batch: FrameBatch, error: &SpoolError) {
        self.waiting.tried = Some(Instant::now());
        self.telemetry.spool_waited();
        let is_full = matches!(error, SpoolError::Full { .. });
        self.backlog.press();
        if self.audit && (!is_full || self.is_all_landed() && self.is_stuck()) {
            let remedy = "an audit keeps the raw frames that wait for their landing: \
                          raise store.spool_bytes_max, or audit a shorter stretch of time";
            self.shutdown.give_up(format!("{error}; {remedy}"));
        }
        if self.shutdown.is_over() {
            self.shutdown.frames_left(batch, error);
            return;
        }
        if !self.waiting.said {
            tracing::error!("{error}; raw frames wait until it succeeds");
            self.waiting.said = true;
        }
        self.waiting.batches.push_front(batch);
    }

    /// The ledger has no room. In an audit only landings make any: without them it will not end.
    fn look_for_a_way_on(&self) {
        let raw = &self.batches.stats()[Stream::Raw.index()];
        let waits = raw.items() > 0 || !self.waiting.batches.is_empty();
        if self.audit && (self.backlog.is_overrun() || waits && self.is_all_landed()) {
            self.shutdown.give_up(format!(
                "more than {} events wait for their other side, as many as ledger.pending_max allows: \
                 raise it (at most 80 bytes of memory each), or audit a shorter stretch of time",
                self.backlog.entries_max()
            ));
        }
    }

    /// Whether no way on was found for long enough that shards have made what room they can.
    fn is_stuck(&mut self) -> bool {
        let since = *self.waiting.stuck.get_or_insert_with(Instant::now);
        since.elapsed() >= STUCK
    }

    /// Whether every landing that there is has been applied.
    fn is_all_landed(&self) -> bool {
        self.in_flight.frontier(Stream::Written) == i64::MAX
    }
}
