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
pub mod ending;
mod held;
mod judging;
mod landings;
mod loading;
pub mod messages;
pub mod objectives;
mod origin;
pub mod plan_cell;
pub mod planner;
pub mod reload;
pub(crate) mod sharding;
pub(crate) mod steady;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Sender, bounded, unbounded};
use landfall_document::Pointer;
use landfall_ledger::{
    Deadlines, Fingerprint, Generation, OverseerConfig, PerStream, Shard, ShardConfig,
};
use landfall_runtime::WORKER_STACK_BYTES;
use landfall_store::spool::{ENTRY_BYTES, Spool, SpoolError};
use landfall_store::{Retention, SPOOL_NAME, Store, StoreError};

use self::allowance::Allowance;
use self::backlog::Backlog;
use self::compaction::Compaction;
use self::decoding::Decoding;
use self::describing::Describing;
use self::ending::{Ending, Unaccounted};
use self::judging::{Judging, Waiting};
use self::landings::Landings;
use self::plan_cell::PlanCell;
use self::planner::Planned;
use self::sharding::Sharding;
use crate::board::Board;
use crate::clock::Clock;
use crate::config::Config;
use crate::judge::identity::Secret;
use crate::judge::{Describer, Judge, JudgeOptions};
use crate::queue::Receiver;
use crate::results::{Results, ResultsOptions, Totals};
use crate::sources::{Flights, FrameBatch, Stop};
use crate::standing::{self, Standing};

/// Shares of batches that wait before a shard. Their rows are bounded by the batch.
const SHARD_QUEUE: usize = 64;

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
    pub flights: Flights,
    pub board: Board,
    pub mode: Mode,
    /// Set when the engine should come to its end, or by the engine if it cannot go on.
    pub stop: Stop,
    /// Who stands still is told, these threads among them.
    pub standing: Arc<Standing>,
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
    pulse: Arc<Pulse>,
    ending: Arc<Ending>,
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
    overseer: Sender<OverseerConfig>,
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
            .overseer
            .send(overseer_config(config, &planned.deadlines));
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
        self.ending.begin();
        for thread in self.threads {
            let name = thread.thread().name().unwrap_or_default().to_owned();
            if thread.join().is_err() {
                self.ending.died(&name);
            }
        }
        drop(self.control);
        let totals = self.results.join().unwrap_or_else(|_| {
            self.ending.died("results");
            Totals::default()
        });
        Ended {
            totals,
            unaccounted: self.ending.unaccounted(),
        }
    }

    /// Tells from now on whether all threads live.
    pub fn liveness(&self) -> Liveness {
        Liveness(Arc::clone(&self.pulse))
    }
}

/// Starts all threads.
pub fn start(parts: EngineParts<'_>) -> Result<Running, EngineError> {
    let EngineParts {
        config,
        planned,
        store,
        store_dir,
        batches,
        flights,
        board,
        mode,
        stop,
        standing,
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
    match store.take_rewritten() {
        None => {}
        Some(Ok(())) => tracing::info!(
            "the store's file was written anew: what had been deleted of it could still be read"
        ),
        Some(Err(error)) => tracing::warn!(
            "{error}; what was deleted from the store until now can still be read in its file, and the next \
             start tries again"
        ),
    }
    let left = store.close_leftovers()?;
    if left.incidents > 0 {
        tracing::info!(
            incidents = left.incidents,
            "incidents that were open when the last run ended are closed as of then"
        );
    }
    let secret = Secret::new(store.secret()?);
    let next_incident = store.next_incident()?;
    let first_generation = store.next_generation()?;
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
    let (overseer_in, overseer_out) = unbounded();
    let pulse = Arc::new(Pulse {
        dead: Mutex::default(),
        standing,
    });
    if !is_audit {
        standing::watch(&pulse.standing, board.clone())?;
    }
    let backlog = Arc::new(Backlog::new(shards, config.ledger.pending_max));
    let ending = Arc::new(Ending::new(stop));
    let mut threads = Vec::new();
    let (mut work, mut answers, mut deadlines) = (Vec::new(), Vec::new(), Vec::new());
    let landings = Arc::new(Landings::new(shards));
    let watched_since_ms = clock.as_ref().map_or(i64::MIN, Clock::now_ms);
    let mut all_shards: Vec<Shard> = (0..shards)
        .map(|_| {
            let config = shard_config(config, planned, window_ms, shards, is_audit);
            Shard::new(ShardConfig {
                watched_since_ms,
                ..config
            })
        })
        .collect();
    if !is_audit {
        add_unlanded(&store, &mut all_shards)?;
    }

    for (number, shard) in all_shards.drain(..).enumerate() {
        let (work_in, work_out) = bounded(SHARD_QUEUE);
        // Bounded by the questions that are on their way, and they by the describer's queue.
        let (answers_in, answers_out) = unbounded();
        let (deadlines_in, deadlines_out) = unbounded();
        let sharding = Sharding {
            number,
            shard,
            work: work_out,
            answers: answers_out,
            deadlines: deadlines_out,
            told: told_in.clone(),
            flights: flights.clone(),
            writer: spool.modest_writer(),
            compaction: Compaction::new(Arc::clone(&spool)),
            board: board.clone(),
            spool: Arc::clone(&spool),
            audit: is_audit,
            backlog: Arc::clone(&backlog),
            held: held::Held::default(),
            landings: Arc::clone(&landings),
            pressed: 0,
            said: false,
        };
        threads.push(spawn(
            &pulse,
            &flights,
            format!("shard-{number}"),
            move || sharding.run(),
        )?);
        work.push(work_in);
        answers.push(answers_in);
        deadlines.push(deadlines_in);
    }
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
    for number in 0..workers {
        let judging = Judging {
            judge: Judge::new(options.clone(), Arc::clone(&planned.plan)),
            plan: Arc::clone(&plan),
            batches: batches.clone(),
            spool: spool.writer(),
            shards: work.clone(),
            results: results_in.clone(),
            board: board.clone(),
            backlog: Arc::clone(&backlog),
            ending: Arc::clone(&ending),
            waiting: Waiting::default(),
            overrun: false,
            audit: is_audit,
            decoding: Arc::clone(&decoding),
            flights: flights.clone(),
        };
        threads.push(spawn(
            &pulse,
            &flights,
            format!("judge-{number}"),
            move || judging.run(),
        )?);
    }
    drop((work, batches));

    let describing = Describing {
        describer: Describer::new(Arc::clone(&planned.plan)),
        plan: Arc::clone(&plan),
        told: told_out,
        answers: answers.clone(),
        results: results_in,
        allowance: (!is_audit).then(|| Allowance::new(Instant::now())),
    };
    threads.push(spawn(&pulse, &flights, "describer".into(), move || {
        describing.run()
    })?);

    let now_ms = clock.as_ref().map_or(i64::MIN, Clock::now_ms);
    let overseer = overseer_config(config, &planned.deadlines);
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
        OverseerConfig {
            // Recorded frames come when they are read: a stream's silence cannot be told from that.
            silence_ms: if is_audit {
                PerStream::default()
            } else {
                overseer.silence_ms
            },
            ..overseer
        },
        next_incident,
        board.clone(),
        Arc::clone(&spool),
        answers,
        now_ms,
    );
    let results = spawn(&pulse, &flights, "results".into(), move || {
        results.run(&results_out, &overseer_out)
    })?;
    let control = Control {
        plan,
        deadlines,
        overseer: overseer_in,
        first_generation,
    };
    Ok(Running {
        threads,
        results,
        pulse,
        ending,
        decoding,
        control,
    })
}

/// What an earlier run said to be missing, and is owed still.
fn add_unlanded(store: &Store, shards: &mut [Shard]) -> Result<(), StoreError> {
    let count = shards.len();
    store.unlanded(|fingerprint| {
        let key = Fingerprint::from_bytes(fingerprint);
        shards[key.shard(count)].add_unlanded(key);
    })
}

/// Which threads have died. A thread that ends as it should leaves no trace.
struct Pulse {
    dead: Mutex<Vec<String>>,
    /// And which of them stand still.
    standing: Arc<Standing>,
}

/// Watches the engine's threads.
pub struct Liveness(Arc<Pulse>);

impl Liveness {
    /// An error names the threads that died.
    pub fn check(&self) -> Result<(), String> {
        let dead = self.0.dead.lock().unwrap_or_else(PoisonError::into_inner);
        if dead.is_empty() {
            Ok(())
        } else {
            Err(format!("died: {}", dead.join(", ")))
        }
    }
}

/// Notes the thread's death if it is dropped while panicking, and stops time for the others: nobody
/// may judge by what the dead one no longer applies.
struct Heart(Arc<Pulse>, String, Flights);

impl Drop for Heart {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.2.halt();
            self.0
                .dead
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(std::mem::take(&mut self.1));
        }
    }
}

fn spawn<T: Send + 'static>(
    pulse: &Arc<Pulse>,
    flights: &Flights,
    name: String,
    run: impl FnOnce() -> T + Send + 'static,
) -> std::io::Result<JoinHandle<T>> {
    let heart = Heart(Arc::clone(pulse), name.clone(), flights.clone());
    std::thread::Builder::new()
        .name(name)
        .stack_size(WORKER_STACK_BYTES)
        .spawn(move || {
            heart.0.standing.enroll(&heart.1);
            let _heart = heart;
            run()
        })
}

/// The largest batch as it lies in the spool: a frame that is larger than a batch may be is one.
fn batch_bytes_max(config: &Config) -> usize {
    let limits = config.judge.batches(config.deadlines.shortest());
    let frame = config.streams.raw.frame_bytes_max;
    limits.bytes_max.max(frame) + limits.rows_max * ENTRY_BYTES
}

/// Rows of a shard that wait for another copy: a second of a flood in which all are altered.
const DISPUTES_MAX: usize = 1 << 16;

fn shard_config(
    config: &Config,
    planned: &Planned,
    window_ms: i64,
    shards: usize,
    is_audit: bool,
) -> ShardConfig {
    ShardConfig {
        deadlines: planned.deadlines.clone(),
        window_ms,
        unexpected_grace_ms: millis(config.ledger.unexpected_grace),
        // Files are read in any order of time: an audit remembers by number alone.
        horizon_ms: if is_audit {
            i64::MAX
        } else {
            millis(config.ledger.horizon)
        },
        settled_max: if is_audit {
            usize::MAX
        } else {
            config.ledger.settled_max / shards.max(1)
        },
        latency_bounds_ms: config.metrics.latency_bounds_ms(),
        // Half of what may wait: the bound on that is never reached because of them.
        disputes_max: (config.ledger.pending_max / (2 * shards.max(1))).clamp(1, DISPUTES_MAX),
        writer_replaces: config.ledger.writer_replaces,
        watched_since_ms: i64::MIN,
    }
}

fn overseer_config(config: &Config, deadlines: &Deadlines) -> OverseerConfig {
    OverseerConfig {
        stall_ms: millis(config.incidents.stall),
        stall_schema_ms: millis(config.incidents.stall_schema),
        clear_ms: millis(config.incidents.clear),
        deadline_max_ms: deadlines.max_ms(),
        silence_ms: PerStream::of(|stream| millis(config.streams.of(stream).silence)),
    }
}

fn retention(config: &Config) -> Retention {
    Retention {
        keep_ms: millis(config.store.keep),
        missing_max: config.store.missing_max as u64,
        samples_max: config.store.samples_max as u64,
        samples_per_reason_max: SAMPLES_PER_REASON_MAX,
    }
}

/// Samples kept of each kind, reason and schema: enough to see a pattern, few enough to read.
const SAMPLES_PER_REASON_MAX: u64 = 20;

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
