//! The assembly: threads, their queues, and the order in which they end.
//!
//! Judges, shards, the describer and the results each have a thread of their own (judges and shards
//! several). They end one after the other, upstream first, when the queue of batches is closed and
//! empty, so that nothing that was received is lost.

mod allowance;
mod backlog;
mod compaction;
pub mod decoding;
mod describing;
mod held;
mod judging;
mod landings;
pub mod reload;
mod settings;
pub(crate) mod sharding;
mod stages;
#[cfg(test)]
mod tests;
mod threads;

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

use crossbeam_channel::{Sender, bounded, unbounded};
use landfall_document::Pointer;
use landfall_ledger::{Deadlines, Generation, IncidentTrackerConfig, Shard, ShardConfig};
use landfall_store::spool::{Spool, SpoolError};
use landfall_store::{SPOOL_NAME, Store, StoreError};

pub use self::threads::Liveness;

use self::allowance::Allowance;
use self::backlog::Backlog;
use self::decoding::Decoding;
use self::describing::Describing;
use self::settings::{batch_bytes_max, millis, tracker_config, retention, shard_config};
use self::stages::{
    Judges, Kept, Shards, Shared, add_unlanded, open, tracker_config_of, start_judges, start_shards,
};
use self::threads::{Threads, spawn};
use crate::telemetry::{Telemetry, watchdog};
use crate::clock::Clock;
use crate::config::Config;
use crate::shutdown::{Shutdown, Unaccounted};
use crate::judge::plan_cell::PlanCell;
use crate::judge::{Describer, JudgeOptions};
use crate::planning::planner::Planned;
use crate::queue::Receiver;
use crate::results::{Results, ResultsOptions, Totals};
use crate::sources::{InFlight, FrameBatch, ShutdownRequest};
use crate::thread_watch::ThreadWatch;

/// Joining costs a small part of what judging does: so many workers keep one shard busy at most, and
/// every further shard is one more thread that each batch wakes.
const WORKERS_PER_SHARD: usize = 8;

/// Messages of shards that wait before the describer, and of all before the results.
const TOLD_QUEUE: usize = 64;

/// Why the engine does not start.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Spool(#[from] SpoolError),
    #[error("redact.pointers: {0}")]
    Redact(#[from] landfall_document::PointerError),
    #[error("failed to start a thread: {0}; allow the process more threads")]
    Thread(#[from] std::io::Error),
}

/// What the engine is started with.
pub struct EngineParts<'a> {
    pub config: &'a Config,
    pub planned: &'a Planned,
    pub store: Store,
    pub store_dir: &'a Path,
    pub batches: Receiver<FrameBatch>,
    pub in_flight: InFlight,
    pub telemetry: Telemetry,
    pub mode: Mode,
    /// Set when the engine should come to its end, or by the engine if it cannot go on.
    pub stop: ShutdownRequest,
    /// Who stands still is told, these threads among them.
    pub thread_watch: Arc<ThreadWatch>,
}

/// What a run came to.
#[derive(Debug, Default)]
pub struct Ended {
    pub totals: Totals,
    /// What was received and could not be dealt with.
    pub unaccounted: Unaccounted,
}

/// Live, or over recorded files.
pub enum Mode {
    /// Times are when frames came, by this clock.
    Live(Clock),
    /// Times are the events' own; what waits at the end is due.
    Audit,
}

/// A running engine.
pub struct Running {
    threads: Vec<JoinHandle<()>>,
    results: JoinHandle<Totals>,
    watched: Arc<Threads>,
    ending: Arc<Shutdown>,
    /// How much of each side of an audit could be decoded so far.
    pub decoding: Arc<Decoding>,
    /// For reloads.
    pub control: Control,
}

/// What a reload changes.
#[derive(Clone)]
pub struct Control {
    pub plan: Arc<PlanCell>,
    deadlines: Vec<Sender<Deadlines>>,
    tracker: Sender<IncidentTrackerConfig>,
    first_generation: u64,
}

impl Control {
    /// Puts a new plan in force, for the batches to come.
    pub fn apply(&self, planned: &Planned, config: &Config, now_ms: i64) {
        for shard in &self.deadlines {
            // A shard that has ended has no use for it.
            let _ = shard.send(planned.deadlines.clone());
        }
        let _ = self
            .tracker
            .send(tracker_config(config, &planned.deadlines));
        self.plan.swap(Arc::clone(&planned.plan), now_ms);
    }
}

impl Control {
    /// The number of a generation in the store.
    pub fn number(&self, generation: Generation) -> u64 {
        self.first_generation + u64::from(generation.0)
    }
}

impl Running {
    /// Waits until everything received has been dealt with, or cannot be; the queue of batches must
    /// be closed.
    pub fn join(self) -> Ended {
        self.shutdown.begin();
        for thread in self.threads {
            let name = thread.thread().name().unwrap_or_default().to_owned();
            if thread.join().is_err() {
                self.shutdown.died(&name);
            }
        }
        drop(self.control);
        let totals = self.results.join().unwrap_or_else(|_| {
            self.shutdown.died("results");
            Totals::default()
        });
        Ended {
            totals,
            unaccounted: self.shutdown.unaccounted(),
        }
    }

    /// Tells from now on whether all threads live.
    pub fn liveness(&self) -> Liveness {
        Liveness(Arc::clone(&self.watched))
    }
}

/// Starts all threads.
#[expect(
    clippy::too_many_lines,
    reason = "the list of all parts, each with what it shares with others"
)]
pub fn start(parts: EngineParts<'_>) -> Result<Running, EngineError> {
    let EngineParts {
        config,
        planned,
        store,
        store_dir,
        batches,
        in_flight,
        telemetry,
        mode,
        stop,
        thread_watch,
    } = parts;
    let mut store = store;
    let workers = config.judge.workers();
    let shards = if config.ledger.shards == 0 {
        workers.div_ceil(WORKERS_PER_SHARD)
    } else {
        config.ledger.shards
    };
    let spool = Spool::open(
        &store_dir.join(SPOOL_NAME),
        config.store.spool_bytes_max as u64,
        // Each judge has a writer, and each shard one for early landings and one for what it moves.
        workers + 2 * shards,
        batch_bytes_max(config) as u64,
    )?;
    let Kept {
        secret,
        next_incident,
        first_generation,
    } = open(&mut store)?;
    let redact = config
        .redact
        .pointers
        .iter()
        .map(|text| Pointer::parse(text))
        .collect::<Result<Vec<_>, _>>()?;
    let redact = Arc::new(redact);
    let window_ms = millis(config.windows.length).max(1);
    let (is_audit, clock) = match mode {
        Mode::Live(clock) => (false, Some(clock)),
        Mode::Audit => (true, None),
    };
    // The checks of an audit judge from the beginning.
    let since_ms = clock.as_ref().map_or(0, Clock::now_ms);
    let plan = Arc::new(PlanCell::new(Arc::clone(&planned.plan), since_ms));

    let (results_in, results_out) = bounded(TOLD_QUEUE);
    let (told_in, told_out) = bounded(TOLD_QUEUE);
    let (tracker_in, tracker_out) = unbounded();
    let watched = Arc::new(Threads::new(thread_watch));
    if !is_audit {
        watchdog::watch(&watched.thread_watch, telemetry.clone())?;
    }
    let backlog = Arc::new(Backlog::new(shards, config.ledger.pending_max));
    let ending = Arc::new(Shutdown::new(stop));
    let shared = Shared {
        threads: &watched,
        in_flight: &in_flight,
        telemetry: &telemetry,
        spool: &spool,
        backlog: &backlog,
        is_audit,
    };
    let mut all_shards: Vec<Shard> = (0..shards)
        .map(|_| {
            Shard::new(ShardConfig {
                watched_since_ms: clock.as_ref().map_or(i64::MIN, Clock::now_ms),
                ..shard_config(config, planned, window_ms, shards, is_audit)
            })
        })
        .collect();
    if !is_audit {
        add_unlanded(&store, &mut all_shards)?;
    }
    let Shards {
        mut threads,
        work,
        answers,
        deadlines,
    } = start_shards(&shared, all_shards, &told_in)?;
    drop(told_in);

    let options = JudgeOptions {
        secret,
        shards,
        window_ms,
        event_time: is_audit,
        redact: Arc::clone(&redact),
        readable: Arc::default(),
    };
    let decoding: Arc<Decoding> = Arc::default();
    threads.extend(start_judges(
        &shared,
        workers,
        &Judges {
            options,
            planned,
            plan: &plan,
            batches: &batches,
            work: &work,
            results: &results_in,
            ending: &ending,
            decoding: &decoding,
        },
    )?);
    drop((work, batches));

    let describing = Describing {
        describer: Describer::new(Arc::clone(&planned.plan)),
        plan: Arc::clone(&plan),
        told: told_out,
        answers: answers.clone(),
        results: results_in,
        allowance: (!is_audit).then(|| Allowance::new(Instant::now())),
    };
    threads.push(spawn(&watched, &in_flight, "describer".into(), move || {
        describing.run()
    })?);

    let now_ms = clock.as_ref().map_or(i64::MIN, Clock::now_ms);
    let results = Results::new(
        ResultsOptions {
            window_ms,
            redact,
            retention: retention(config),
            first_generation,
            clock,
            ending: Arc::clone(&ending),
        },
        Arc::clone(&plan),
        store,
        tracker_config_of(config, planned, is_audit),
        next_incident,
        telemetry.clone(),
        Arc::clone(&spool),
        answers,
        now_ms,
    );
    let results = spawn(&watched, &in_flight, "results".into(), move || {
        results.run(&results_out, &tracker_out)
    })?;
    let control = Control {
        plan,
        deadlines,
        tracker: tracker_in,
        first_generation,
    };
    Ok(Running {
        threads,
        results,
        watched,
        ending,
        decoding,
        control,
    })
}
