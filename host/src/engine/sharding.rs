//! A shard's thread: applies observations, moves time by the frontiers, and tells what came of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use landfall_ledger::{
    Activity, Deadlines, Effect, Frontier, PayloadRef, PerStream, Shard, Stream, WrittenSide,
};
use landfall_store::spool::{Spool, SpoolWriter};

use super::backlog::Backlog;
use super::compaction::{Compaction, Moved};
use super::held::Held;
use super::landings::Landings;
use crate::telemetry::Telemetry;
use crate::flush_pacer::FlushPacer;
use crate::judge::WrittenFrames;
use crate::messages::{Answer, LedgerEvent, ShardFlush, ShardOutput, ShardWork};
use crate::sources::InFlight;
use crate::thread_watch;

/// How often a shard moves time and tells its tallies, in real time; in a steady stream that is no flood
/// more seldom. Bounds how late a verdict is given.
const FLUSH: Duration = Duration::from_millis(100);
const FLUSH_IN_A_STREAM: Duration = Duration::from_millis(250);

/// Shares of batches that wait before a shard. Their rows are bounded by the batch.
pub(super) const SHARD_QUEUE: usize = 64;

/// With no more shares than this between two flushes, a shard sleeps until the next one instead of
/// being woken for each: waking costs more than applying. A quarter of what its queue holds, so that
/// nobody has to wait for room meanwhile unless a flood begins.
const FEW_SHARES: usize = SHARD_QUEUE / 4;

/// What a shard tells in one piece: however much is due at once, it is handed on bit by bit.
const TOLD_ROWS_MAX: usize = 1024;
const TOLD_BYTES_MAX: usize = 1 << 20;

/// What a shard's thread works with.
pub struct Sharding {
    pub number: usize,
    pub shard: Shard,
    pub work: Receiver<ShardWork>,
    pub answers: Receiver<Answer>,
    pub deadlines: Receiver<Deadlines>,
    pub told: Sender<ShardOutput>,
    pub in_flight: InFlight,
    pub spool: Arc<Spool>,
    /// For early landings, whose frames are kept until their raw events come.
    pub writer: SpoolWriter,
    pub compaction: Compaction,
    pub telemetry: Telemetry,
    /// Time stands still until the work ends, so that the order of lines does not matter; then
    /// everything that waits is due. Else it moves with the sources, and what waits at the end is
    /// left pending.
    pub audit: bool,
    pub backlog: Arc<Backlog>,
    /// Frames of early landings, until all of a batch are put down together.
    pub held: Held,
    /// The latest landing of each shard.
    pub landings: Arc<Landings>,
    /// The last time that it made room.
    pub pressed: u64,
    /// It was said that early landings' frames are not kept.
    pub said: bool,
}

impl Sharding {
    /// Runs until all judges have ended.
    pub fn run(mut self) {
        let mut effects = Vec::new();
        let mut gathered = Vec::new();
        let mut pacer = FlushPacer::default();
        let mut shares = 0;
        loop {
            let pause = pacer.pause(FLUSH, FLUSH_IN_A_STREAM);
            let began = Instant::now();
            let due = began + pause;
            thread_watch::idle();
            if shares <= FEW_SHARES {
                std::thread::sleep(pause);
            }
            shares = 0;
            let mut observations = 0;
            let ended = loop {
                thread_watch::idle();
                let work = self.work.recv_deadline(due);
                thread_watch::busy();
                while let Ok(deadlines) = self.deadlines.try_recv() {
                    self.shard.set_deadlines(deadlines);
                }
                self.take_answers();
                match work {
                    Ok(work) => {
                        gathered.push(work);
                        let room = SHARD_QUEUE - gathered.len();
                        gathered.extend(self.work.try_iter().take(room));
                        shares += gathered.len();
                        // Raw events first: then fewer landings have to wait for theirs.
                        gathered.sort_by_key(|work| work.raw.is_empty());
                        for work in gathered.drain(..) {
                            observations += work.raw.len() + work.written.len();
                            if !self.apply(&work, &mut effects) {
                                return;
                            }
                        }
                    }
                    Err(RecvTimeoutError::Timeout) => break false,
                    Err(RecvTimeoutError::Disconnected) => break true,
                }
                // What came while it slept is all taken; no more than the queue holds.
                if shares >= SHARD_QUEUE && Instant::now() >= due {
                    break false;
                }
            };
            if ended {
                break;
            }
            pacer.round(observations as u64, began.elapsed());
            if self.backlog.is_pressed_since(&mut self.pressed) {
                // No room to wait for copies that may explain a row: what they hold is needed.
                self.shard.conclude(&mut effects);
            }
            let frontier = self.frontier();
            if !self.flush(frontier, &mut effects) {
                return;
            }
            self.make_room();
        }
        let frontier = if self.audit {
            Frontier {
                raw_ms: i64::MAX,
                written_ms: i64::MAX,
            }
        } else {
            self.frontier()
        };
        self.flush(frontier, &mut effects);
        self.await_answers(frontier, &mut effects);
    }

    /// Applies one share of a batch. False if nobody listens any more.
    pub(super) fn apply(&mut self, work: &ShardWork, effects: &mut Vec<Effect>) -> bool {
        self.shard.apply(&work.raw, &work.written, effects);
        // Before the work's flight ends: who sees the frontier pass it sees what waits as well, and
        // what landed.
        self.tell_backlog();
        self.landings.tell(self.number, self.shard.landed_last_ms());
        self.tell(work.written_frames.as_deref(), None, effects)
    }

    fn tell_backlog(&self) {
        self.backlog
            .tell(self.number, self.shard.pending(), self.shard.early());
    }

    /// The frontiers say "before this instant"; the ledger takes "up to and including".
    pub(super) fn frontier(&self) -> Frontier {
        if self.audit {
            return Frontier {
                raw_ms: i64::MIN,
                written_ms: i64::MIN,
            };
        }
        let up_to = |stream| match self.in_flight.frontier(stream) {
            // No source at all (yet): time must not jump to its end.
            i64::MAX => i64::MIN,
            before => before.saturating_sub(1),
        };
        Frontier {
            raw_ms: up_to(Stream::Raw),
            written_ms: up_to(Stream::Written),
        }
    }

    /// Nothing waits to be told just now.
    fn make_room(&mut self) {
        let moved = self.compaction.step(&mut self.shard, Instant::now());
        if moved != Moved::default() {
            self.telemetry.spool_moved(moved.frames, moved.bytes);
        }
    }

    pub(super) fn flush(&mut self, frontier: Frontier, effects: &mut Vec<Effect>) -> bool {
        while self.shard.advance_some(frontier, TOLD_ROWS_MAX, effects) {
            if !self.tell(None, None, effects) {
                return false;
            }
        }
        let mut flush = ShardFlush {
            latency: Vec::new(),
            gauges: self.shard.gauges(),
            frontier,
        };
        self.tell_backlog();
        self.shard.drain_latency(&mut flush.latency);
        self.tell(None, Some(flush), effects)
    }

    /// The frames that an effect speaks of, read while they are still there.
    fn with_frames(&self, effect: Effect, written_frames: Option<&WrittenFrames>) -> LedgerEvent {
        let mut frames: PerStream<Vec<u8>> = PerStream::default();
        let mut place = 0;
        match effect {
            Effect::Missing { payload, .. } => {
                place = read_into(&self.spool, payload, &mut frames.raw);
            }
            Effect::Altered {
                payload, written, ..
            }
            | Effect::Compare {
                payload, written, ..
            } => {
                frames.raw = read(&self.spool, payload);
                frames.written = side(&self.spool, written, written_frames);
            }
            Effect::LandedLate { written, .. }
            | Effect::Leaked { written, .. }
            | Effect::Duplicate { written, .. } => {
                frames.written = side(&self.spool, written, written_frames);
            }
            Effect::Unexpected { payload, .. } => {
                frames.written =
                    payload.map_or_else(Vec::new, |payload| read(&self.spool, payload));
            }
            Effect::MissingAgain { .. }
            | Effect::Recall { .. }
            | Effect::HoldWritten { .. }
            | Effect::Released { .. } => {}
        }
        LedgerEvent {
            shard: self.number,
            effect,
            frames,
            place,
        }
    }

    /// Effects to what is told, with the frames that they speak of.
    fn tell(
        &mut self,
        written_frames: Option<&WrittenFrames>,
        flush: Option<ShardFlush>,
        effects: &mut Vec<Effect>,
    ) -> bool {
        let mut told = Vec::new();
        let mut bytes = 0;
        let mut with_counts = flush.is_some();
        for effect in effects.drain(..) {
            if told.len() >= TOLD_ROWS_MAX || bytes >= TOLD_BYTES_MAX {
                bytes = 0;
                let piece = ShardOutput {
                    more: true,
                    ..self.piece(std::mem::take(&mut told))
                };
                if self.told.send(piece).is_err() {
                    return false;
                }
            }
            match effect {
                Effect::HoldWritten { key, row } => self.held.add(key, row, written_frames),
                Effect::Released {
                    segment,
                    rows,
                    bytes,
                } => self.spool.released(segment, rows, bytes),
                effect => {
                    let event = self.with_frames(effect, written_frames);
                    bytes += event.bytes();
                    with_counts |= event.is_of_missing();
                    told.push(event);
                }
            }
        }
        if let Err(error) = self.held.keep(&mut self.shard, &mut self.writer)
            && !std::mem::replace(&mut self.said, true)
        {
            tracing::warn!("{error}; frames of early landings are not kept for now");
        }
        if told.is_empty() && flush.is_none() {
            return true;
        }
        let mut piece = ShardOutput {
            flush,
            ..self.piece(told)
        };
        if with_counts {
            self.shard.drain_tallies(&mut piece.tallies);
        }
        self.told.send(piece).is_ok()
    }

    fn piece(&mut self, told: Vec<LedgerEvent>) -> ShardOutput {
        ShardOutput {
            shard: self.number,
            activity: self.activity(),
            landed_ms: self.landings.latest_ms(),
            told,
            more: false,
            tallies: Vec::new(),
            flush: None,
        }
    }

    /// What came and landed since this was last asked.
    fn activity(&mut self) -> Vec<Activity> {
        let mut activity = Vec::new();
        self.shard.drain_activity(&mut activity);
        activity
    }

    pub(super) fn take_answers(&mut self) {
        let mut effects = Vec::new();
        while let Ok(answer) = self.answers.try_recv() {
            self.answered(answer, &mut effects);
        }
        self.tell(None, None, &mut effects);
    }

    fn answered(&mut self, answer: Answer, effects: &mut Vec<Effect>) {
        match answer {
            Answer::Compared { key, equal } => self.shard.compared(key, equal, effects),
            Answer::Recalled { key, missing } => self.shard.recalled(key, missing, effects),
        }
    }

    /// At the end: answers are still on their way, and no copy will come that could explain a row.
    fn await_answers(&mut self, frontier: Frontier, effects: &mut Vec<Effect>) {
        /// How long the last of them may take, in real time.
        const PATIENCE: Duration = Duration::from_secs(10);
        let start = Instant::now();
        loop {
            let asks = self.shard.comparing() + self.shard.recalling() > 0;
            if asks && start.elapsed() < PATIENCE {
                if let Ok(answer) = self.answers.recv_timeout(FLUSH) {
                    self.answered(answer, effects);
                }
            } else {
                self.shard.conclude(effects);
            }
            // What goes on by an answer, or because no more copies come, may ask again.
            if !self.tell(None, None, effects) {
                return;
            }
            if !asks && self.shard.comparing() + self.shard.recalling() == 0
                || start.elapsed() >= PATIENCE
            {
                break;
            }
        }
        self.flush(frontier, effects);
    }
}

fn side(spool: &Spool, written: WrittenSide, written_frames: Option<&WrittenFrames>) -> Vec<u8> {
    match (written, written_frames) {
        (WrittenSide::Row(row), Some(written_frames)) => written_frames.frame(row as usize).to_vec(),
        (WrittenSide::Spooled(payload), _) => read(spool, payload),
        (WrittenSide::Row(_), None) | (WrittenSide::Gone, _) => Vec::new(),
    }
}

fn read(spool: &Spool, payload: PayloadRef) -> Vec<u8> {
    let mut frame = Vec::new();
    read_into(spool, payload, &mut frame);
    frame
}

/// Gives the frame's place in the order of its source. A frame that cannot be read back is told empty,
/// and loudly: the event itself is not lost from view.
fn read_into(spool: &Spool, payload: PayloadRef, frame: &mut Vec<u8>) -> u64 {
    spool.read(payload.0, frame).unwrap_or_else(|error| {
        tracing::error!("failed to read a frame back: {error}");
        frame.clear();
        0
    })
}
