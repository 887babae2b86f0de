//! The stage that joins: one shard of the ledger, with the frames that its effects refer to. It
//! applies observations, moves time by the frontiers, and gives the effects.
//!
//! An input may lead to many events. [`ShardStage::next_output`] gives them in pieces of bounded
//! size, until there are no more. Only then does the stage take the next input.

pub(crate) mod compaction;
mod early_landings;
mod frames;
pub(crate) mod landings;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Instant;

use landfall_ledger::{Activity, Deadlines, Effect, Frontier, PayloadRef, SettledLog, Shard};
use landfall_store::spool::{Spool, SpoolWriter};

use self::compaction::{Compaction, Moved};
use self::early_landings::EarlyLandings;
use self::landings::Landings;
use super::backlog::Backlog;
use crate::flow::{InFlight, InFlightGuard};
use crate::judge::WrittenFrames;
use crate::messages::{LedgerEvent, ShardAnswer, ShardFlush, ShardOutput, ShardWork};
use crate::telemetry::Telemetry;
use crate::time_policy::TimePolicy;

/// The limits of one output.
const OUTPUT_EVENTS_MAX: usize = 1024;
const OUTPUT_BYTES_MAX: usize = 1 << 20;

/// What a shard is given.
pub(crate) enum ShardInput {
    /// A share of a judged batch.
    Work(ShardWork),
    /// An answer to a question of the shard.
    Answers(Vec<ShardAnswer>),
    /// Deadlines of a new plan.
    Deadlines(Deadlines),
    /// Moves time as far as the sources have read, and reports counts.
    Tick,
    /// Like `Tick`, when nothing comes any more.
    LastTick,
    /// No copy will come any more that could explain a row. Rows that wait for one are decided.
    Conclude,
    /// Makes room in the spool, if room is needed.
    MakeRoom,
}

/// What a shard is set up with.
pub(crate) struct ShardParts {
    pub number: usize,
    pub shard: Shard,
    pub in_flight: InFlight,
    pub spool: Arc<Spool>,
    pub telemetry: Telemetry,
    pub time: TimePolicy,
    pub backlog: Arc<Backlog>,
    /// The latest landing of each shard.
    pub landings: Arc<Landings>,
}

/// One shard of the ledger.
pub(crate) struct ShardStage {
    parts: ShardParts,
    /// For early landings: their frames are kept until their raw events come.
    writer: SpoolWriter,
    early: EarlyLandings,
    compaction: Compaction,
    /// The state of [`Backlog::is_pressed_since`].
    pressed: u64,
    /// The log has that frames of early landings are not kept.
    is_logged: bool,
    /// What the input led to. Those before `given` have been handed on.
    effects: Vec<Effect>,
    given: usize,
    pending: Pending,
    /// Events have been given in pieces, and their counts follow with the last piece: the store gets
    /// both at once.
    owes_counts: bool,
    /// The guard of the batch whose last output was given. The batch is in flight until that output
    /// was handed on.
    finished: Option<InFlightGuard>,
    /// Frames that were moved: they are released where they were.
    released: Vec<PayloadRef>,
}

/// What is left to do for an input.
enum Pending {
    Nothing,
    /// Give the effects. If they came from a batch, it is in flight until then.
    Effects {
        written_frames: Option<Arc<WrittenFrames>>,
        guard: Option<InFlightGuard>,
    },
    /// Move time to there, some events at a time.
    Advance(Frontier),
    /// Time was moved to there: report the counts.
    Flush(Frontier),
}

impl ShardStage {
    /// A stage with nothing left to do.
    pub fn new(parts: ShardParts) -> Self {
        Self {
            writer: parts.spool.modest_writer(),
            early: EarlyLandings::default(),
            compaction: Compaction::new(Arc::clone(&parts.spool)),
            pressed: 0,
            is_logged: false,
            effects: Vec::new(),
            given: 0,
            pending: Pending::Nothing,
            owes_counts: false,
            finished: None,
            released: Vec::new(),
            parts,
        }
    }

    /// Takes an input. All outputs of the previous input must have been given.
    pub fn step(&mut self, input: ShardInput, now: Instant) {
        debug_assert!(matches!(self.pending, Pending::Nothing));
        match input {
            ShardInput::Work(work) => self.apply(work),
            ShardInput::Answers(answers) => {
                let (shard, effects) = (&mut self.parts.shard, &mut self.effects);
                for answer in answers {
                    match answer {
                        ShardAnswer::Compared { key, equal } => shard.compared(key, equal, effects),
                        ShardAnswer::Recalled { key, missing } => {
                            shard.recalled(key, missing, effects);
                        }
                    }
                }
                self.pending = EFFECTS;
            }
            ShardInput::Deadlines(deadlines) => self.parts.shard.set_deadlines(deadlines),
            ShardInput::Tick => {
                if self.parts.backlog.is_pressed_since(&mut self.pressed) {
                    // There is no room to wait for copies that may explain a row: what the rows
                    // hold is needed.
                    self.parts.shard.conclude(&mut self.effects);
                }
                let frontier = self.parts.time.frontier(&self.parts.in_flight);
                self.see_readings();
                self.pending = Pending::Advance(frontier);
            }
            ShardInput::LastTick => {
                let frontier = self.parts.time.last_frontier(&self.parts.in_flight);
                self.see_readings();
                self.pending = Pending::Advance(frontier);
            }
            ShardInput::Conclude => {
                self.parts.shard.conclude(&mut self.effects);
                self.pending = EFFECTS;
            }
            ShardInput::MakeRoom => {
                let moved = self
                    .compaction
                    .step(&mut self.parts.shard, now, &mut self.released);
                if moved != Moved::default() {
                    self.parts.telemetry.spool_moved(moved.frames, moved.bytes);
                }
            }
        }
    }

    /// The next piece of what the last input led to; None if there is no more. The previous piece
    /// must have been handed on.
    pub fn next_output(&mut self) -> Option<ShardOutput> {
        self.finished = None;
        loop {
            if let Pending::Advance(frontier) = self.pending
                && self.given == self.effects.len()
            {
                self.forget_given();
                let shard = &mut self.parts.shard;
                if !shard.advance_some(frontier, OUTPUT_EVENTS_MAX, &mut self.effects) {
                    self.pending = Pending::Flush(frontier);
                }
            }
            let (events, is_cut) = self.next_events();
            self.owes_counts |= !events.is_empty();
            if is_cut {
                return Some(ShardOutput {
                    more: true,
                    ..self.output(events)
                });
            }
            self.forget_given();
            self.keep_early_landings();
            let flush = match std::mem::replace(&mut self.pending, Pending::Nothing) {
                Pending::Nothing => {
                    self.finished = None;
                    return None;
                }
                Pending::Effects { guard, .. } => {
                    self.finished = guard;
                    None
                }
                Pending::Advance(frontier) => {
                    self.pending = Pending::Advance(frontier);
                    None
                }
                Pending::Flush(frontier) => Some(self.flush(frontier)),
            };
            if events.is_empty() && flush.is_none() && !self.owes_counts {
                continue;
            }
            let with_counts = std::mem::take(&mut self.owes_counts) || flush.is_some();
            let mut output = ShardOutput {
                flush,
                ..self.output(events)
            };
            if with_counts {
                let shard = &mut self.parts.shard;
                shard.drain_tallies(&mut output.tallies);
                output.settled.frames.append(&mut self.released);
                shard.drain_settled(&mut output.settled);
            }
            return Some(output);
        }
    }

    /// Whether it waits for answers to its questions.
    pub fn awaits_answers(&self) -> bool {
        self.parts.shard.comparing() + self.parts.shard.recalling() > 0
    }

    fn apply(&mut self, work: ShardWork) {
        let parts = &mut self.parts;
        parts
            .shard
            .apply(&work.raw, &work.written, &mut self.effects);
        // Before the batch is no longer in flight: whoever sees the frontier pass it also sees what
        // waits and what landed.
        parts
            .landings
            .report(parts.number, parts.shard.landed_last_ms());
        self.report_backlog();
        self.pending = Pending::Effects {
            written_frames: work.written_frames,
            guard: Some(work.guard),
        };
    }

    /// Hands in how the streams were read. Read after the frontier: so the holes before it are there.
    fn see_readings(&mut self) {
        self.parts
            .shard
            .set_readings(self.parts.in_flight.readings());
    }

    fn report_backlog(&self) {
        let ShardParts {
            number,
            shard,
            backlog,
            ..
        } = &self.parts;
        backlog.report(*number, shard.pending(), shard.early());
    }

    /// The events of the next output, with the frames that they refer to, and whether effects are
    /// left.
    fn next_events(&mut self) -> (Vec<LedgerEvent>, bool) {
        let written_frames = match &self.pending {
            Pending::Effects { written_frames, .. } => written_frames.as_deref(),
            _ => None,
        };
        let spool = &self.parts.spool;
        let (mut events, mut bytes) = (Vec::new(), 0);
        while let Some(&effect) = self.effects.get(self.given) {
            if events.len() >= OUTPUT_EVENTS_MAX || bytes >= OUTPUT_BYTES_MAX {
                return (events, true);
            }
            self.given += 1;
            match effect {
                Effect::HoldWritten { key, row } => self.early.add(key, row, written_frames),
                // The frames are released once it is stored what became of them.
                Effect::Released { .. } => {}
                effect => {
                    let (frames, place) = frames::of(effect, spool, written_frames);
                    let event = LedgerEvent {
                        shard: self.parts.number,
                        effect,
                        frames,
                        place,
                    };
                    bytes += event.bytes();
                    events.push(event);
                }
            }
        }
        (events, false)
    }

    fn forget_given(&mut self) {
        self.effects.clear();
        self.given = 0;
    }

    fn keep_early_landings(&mut self) {
        if let Err(error) = self.early.keep(&mut self.parts.shard, &mut self.writer)
            && !std::mem::replace(&mut self.is_logged, true)
        {
            tracing::warn!("{error}; frames of early landings are not kept for now");
        }
    }

    fn flush(&mut self, frontier: Frontier) -> ShardFlush {
        self.report_backlog();
        let shard = &mut self.parts.shard;
        let mut flush = ShardFlush {
            latency: Vec::new(),
            gauges: shard.gauges(),
            frontier,
        };
        shard.drain_latency(&mut flush.latency);
        flush
    }

    fn output(&mut self, events: Vec<LedgerEvent>) -> ShardOutput {
        let mut activity: Vec<Activity> = Vec::new();
        self.parts.shard.drain_activity(&mut activity);
        ShardOutput {
            shard: self.parts.number,
            activity,
            landed_ms: self.parts.landings.latest_ms(),
            events,
            more: false,
            tallies: Vec::new(),
            settled: SettledLog::default(),
            flush: None,
        }
    }
}

/// Effects that belong to no batch.
const EFFECTS: Pending = Pending::Effects {
    written_frames: None,
    guard: None,
};
