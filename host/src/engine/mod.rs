//! Assembles a run. [`build`] makes its stages with their queues, [`Engine::spawn`] starts a thread
//! for each, and [`Running::drain`] ends them in order, upstream first. So nothing that was
//! received is lost.
//!
//! Decides nothing about events. Only the command line knows the engine.

mod control;
mod describe_thread;
mod flush_pacer;
mod judge_thread;
mod open_incidents;
pub mod reload;
mod restore_thread;
mod results_builder;
mod results_thread;
mod running;
mod sequence_readers;
mod settings;
mod shard_thread;
mod stored;
mod sync_thread;
#[cfg(test)]
mod tests;
mod threads;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use crossbeam_channel::{Sender, bounded, unbounded};
use landfall_document::Pointer;
use landfall_ledger::{PerStream, Shard, ShardConfig, Stream};
use landfall_store::spool::{Spool, SpoolError};
use landfall_store::{SPOOL_NAME, Store, StoreError};

pub use self::control::Control;
pub use self::running::{Ended, Running};
pub use self::threads::Liveness;
pub use crate::stages::judging::decoding;

use self::decoding::Decoding;
use self::describe_thread::DescribeThread;
use self::judge_thread::JudgeThread;
use self::restore_thread::RestoreThread;
use self::results_thread::ResultsThread;
use self::settings::{batch_bytes_max, millis, shard_config};
use self::shard_thread::{SHARD_QUEUE, ShardThread};
use self::stored::{Opened, SpoolSettings, Stored};
use self::sync_thread::SyncThread;
use self::threads::{Threads, spawn};
use crate::clock::Clock;
use crate::config::Config;
use crate::flow::queue::{self, LaneStats};
use crate::flow::{FrameBatch, InFlight, ShutdownRequest};
use crate::judge::plan_cell::PlanCell;
use crate::judge::{Describer, Judge, JudgeOptions, SequenceReader};
use crate::planning::planner::Planned;
use crate::results::KeyMemory;
use crate::shutdown::Shutdown;
use crate::sources::SourceContext;
use crate::stages::backlog::Backlog;
use crate::stages::describing::{Allowance, DescribeStage};
use crate::stages::judging::{GiveUp, JudgeStage, SpoolRetry};
use crate::stages::sharding::landings::Landings;
use crate::stages::sharding::{ShardParts, ShardStage};
use crate::telemetry::Telemetry;
use crate::thread_watch::ThreadWatch;
use crate::time_policy::TimePolicy;

/// Joining costs a small part of what judging does: this many workers keep at most one shard busy.
/// Every further shard is one more thread that each batch wakes.
const WORKERS_PER_SHARD: usize = 8;

/// The lane of a stream's batches that an earlier run left, after those of the streams.
const fn restored_lane(stream: Stream) -> usize {
    Stream::ALL.len() + stream.index()
}

/// The outputs of shards that wait before the describer, and the messages that wait before the
/// results. Each takes a mebibyte at most, so both take 32 together, if the store is slower than events come.
const OUTPUT_QUEUE: usize = 16;

/// Why the engine cannot be built or started.
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

/// What an engine is built from.
pub struct EngineParts<'a> {
    pub config: &'a Config,
    pub planned: &'a Planned,
    pub store: Store,
    pub store_dir: &'a Path,
    pub telemetry: &'a Telemetry,
    pub time: TimePolicy,
    /// The clock by which sources pace their waits. Beside a pipeline it also gives the run's time.
    pub clock: &'a Clock,
    /// Set when the run must end; the engine sets it as well if it cannot go on.
    pub stop: &'a ShutdownRequest,
}

/// All stages of a run, before anything runs.
pub struct Engine {
    restore: Vec<RestoreThread>,
    /// With what ends it.
    sync: Option<(SyncThread, Sender<()>)>,
    judges: Vec<JudgeThread>,
    shards: Vec<ShardThread>,
    describer: DescribeThread,
    results: ResultsThread,
    control: Control,
    sources: PerStream<SourceContext>,
    /// How far the streams have been applied.
    pub in_flight: InFlight,
    /// The statistics of each stream's queue.
    pub queues: Vec<Arc<LaneStats>>,
    shutdown: Arc<Shutdown>,
    decoding: Arc<Decoding>,
}

/// The ends of a shard's channels that others hold.
struct ShardEnds {
    work: Vec<Sender<crate::messages::ShardWork>>,
    answers: Vec<Sender<crate::messages::ShardAnswer>>,
    deadlines: Vec<Sender<landfall_ledger::Deadlines>>,
}

/// What stages of several kinds share.
struct BuildParts<'a> {
    parts: &'a EngineParts<'a>,
    plan: Arc<PlanCell>,
    spool: Arc<Spool>,
    in_flight: InFlight,
    backlog: Arc<Backlog>,
    shutdown: Arc<Shutdown>,
    decoding: Arc<Decoding>,
    restoring: Arc<PerStream<AtomicBool>>,
    redact: Arc<Vec<Pointer>>,
    sequences: Arc<PerStream<Option<SequenceReader>>>,
    window_ms: i64,
    shards: usize,
}

/// Builds all stages and their queues. Nothing runs yet.
///
/// # Errors
/// The store or the spool cannot be opened, or a setting is not a JSON pointer.
pub fn build(mut parts: EngineParts<'_>) -> Result<Engine, EngineError> {
    let config = parts.config;
    let workers = config.judge.workers();
    let shards = match config.ledger.shards {
        0 => workers.div_ceil(WORKERS_PER_SHARD),
        shards => shards,
    };
    let spool_settings = SpoolSettings {
        dir: parts.store_dir.join(SPOOL_NAME),
        bytes_max: config.store.spool_bytes_max as u64,
        // Each judge has one for raw frames and one for rows. Each shard has one for early landings and one for the
        // frames that it moves.
        writers: 2 * (workers + shards),
        batch_bytes: batch_bytes_max(config) as u64,
    };
    let Opened {
        stored,
        spool,
        left,
        run,
    } = stored::open(&mut parts, &spool_settings)?;
    let pointers = config.redact.pointers.iter();
    let redact: Result<Vec<_>, _> = pointers.map(|text| Pointer::parse(text)).collect();
    // The checks of an audit are in force from the beginning of time.
    let since_ms = parts.time.clock().map_or(0, Clock::now_ms);
    let plan = Arc::new(PlanCell::new(Arc::clone(&parts.planned.plan), since_ms));
    let (senders, batches) = queue::channel(&[config.judge.queue(); 2 * Stream::ALL.len()]);
    let in_flight = InFlight::default();
    let sequences = sequence_readers::set_up(config, &parts.time, &in_flight)?;
    let shared = BuildParts {
        plan: Arc::clone(&plan),
        spool,
        in_flight,
        backlog: Arc::new(Backlog::new(shards, config.ledger.pending_max)),
        shutdown: Arc::new(Shutdown::new(parts.stop.clone())),
        decoding: Arc::default(),
        restoring: Arc::default(),
        redact: Arc::new(redact?),
        sequences: Arc::new(sequences),
        window_ms: millis(config.windows.length).max(1),
        shards,
        parts: &parts,
    };
    let (results_in, results_out) = bounded(OUTPUT_QUEUE);
    let (outputs_in, outputs_out) = bounded(OUTPUT_QUEUE);
    let (tracker_in, trackers) = unbounded();
    let (shard_threads, ends, keys_stored) = shared.shards(&outputs_in)?;
    let judges = shared.judges(workers, &stored, &batches, &ends, &results_in);
    let describer = DescribeThread {
        stage: DescribeStage {
            describer: Describer::new(Arc::clone(&parts.planned.plan)),
            plan: Arc::clone(&plan),
            allowance: parts
                .time
                .clock()
                .map(|_| Allowance::new(Instant::now(), Instant::now)),
        },
        outputs: outputs_out,
        answers: ends.answers.clone(),
        results: results_in,
    };
    let control = Control::new(plan, ends.deadlines, tracker_in, &stored, &parts.time);
    let sources = shared.sources(&senders, Stream::index);
    let restored_into = shared.sources(&senders, restored_lane);
    let restore = RestoreThread::of_streams(left, &shared.spool, &restored_into, &shared.restoring);
    let key_memory = run.map(|run| KeyMemory {
        run,
        shards,
        window_ms: shared.window_ms,
        horizon_ms: millis(config.ledger.horizon),
        settled_max: config.ledger.settled_max as u64,
        keys: keys_stored,
    });
    let results_builder = shared.results_builder();
    let (in_flight, shutdown) = (shared.in_flight.clone(), Arc::clone(&shared.shutdown));
    let decoding = Arc::clone(&shared.decoding);
    let sync = shared.sync();
    let results = results_builder.build(parts, stored, key_memory);
    Ok(Engine {
        restore,
        sync,
        judges,
        shards: shard_threads,
        describer,
        results: ResultsThread {
            results,
            messages: results_out,
            trackers,
            answers: ends.answers,
        },
        control,
        sources,
        in_flight,
        queues: batches.stats()[..Stream::ALL.len()].to_vec(),
        shutdown,
        decoding,
    })
}

impl BuildParts<'_> {
    /// The shards. They know which events an earlier run reported as missing and are still owed, and which it settled.
    /// With them, the number of settled keys that were stored so far.
    fn shards(
        &self,
        outputs: &Sender<crate::messages::ShardOutput>,
    ) -> Result<(Vec<ShardThread>, ShardEnds, u64), StoreError> {
        let EngineParts {
            config,
            planned,
            time,
            ..
        } = self.parts;
        let shard_config = ShardConfig {
            watched_since_ms: time.begin_ms(),
            ..shard_config(config, planned, self.window_ms, self.shards, time)
        };
        let mut shards: Vec<Shard> = (0..self.shards)
            .map(|_| Shard::new(shard_config.clone()))
            .collect();
        stored::add_unlanded(&self.parts.store, &mut shards)?;
        let keys_stored = match time.is_of_events() {
            true => 0,
            false => stored::restore_keys(
                &self.parts.store,
                &mut shards,
                &planned.plan.labels,
                self.window_ms,
            )?,
        };
        let landings = Arc::new(Landings::new(self.shards));
        let mut ends = ShardEnds {
            work: Vec::new(),
            answers: Vec::new(),
            deadlines: Vec::new(),
        };
        let threads = shards.into_iter().enumerate().map(|(number, shard)| {
            let (work_in, work) = bounded(SHARD_QUEUE);
            // Bounded by the questions that are on their way; these are bounded by the describer's
            // queue.
            let (answers_in, answers) = unbounded();
            let (deadlines_in, deadlines) = unbounded();
            ends.work.push(work_in);
            ends.answers.push(answers_in);
            ends.deadlines.push(deadlines_in);
            ShardThread {
                stage: ShardStage::new(ShardParts {
                    number,
                    shard,
                    in_flight: self.in_flight.clone(),
                    spool: Arc::clone(&self.spool),
                    telemetry: self.parts.telemetry.clone(),
                    time: time.clone(),
                    backlog: Arc::clone(&self.backlog),
                    landings: Arc::clone(&landings),
                }),
                work,
                answers,
                deadlines,
                outputs: outputs.clone(),
            }
        });
        let threads = threads.collect();
        Ok((threads, ends, keys_stored))
    }

    fn judges(
        &self,
        workers: usize,
        stored: &Stored,
        batches: &queue::Receiver<FrameBatch>,
        ends: &ShardEnds,
        results: &Sender<crate::messages::Message>,
    ) -> Vec<JudgeThread> {
        let is_recorded = self.parts.time.is_of_events();
        let options = JudgeOptions {
            secret: stored.secret,
            shards: self.shards,
            window_ms: self.window_ms,
            event_time: is_recorded,
            redact: Arc::clone(&self.redact),
            readable: Arc::default(),
            sequences: Arc::clone(&self.sequences),
        };
        let judge = |_| JudgeThread {
            stage: JudgeStage {
                judge: Judge::new(options.clone(), Arc::clone(&self.parts.planned.plan)),
                plan: Arc::clone(&self.plan),
                spool: self.spool.writer(),
                telemetry: self.parts.telemetry.clone(),
                backlog: Arc::clone(&self.backlog),
                shutdown: Arc::clone(&self.shutdown),
                waiting: SpoolRetry::default(),
                row_spool: (!is_recorded).then(|| self.spool.modest_writer()),
                is_row_failure_logged: false,
                is_overrun: false,
                give_up: is_recorded.then(|| GiveUp::new(self.in_flight.clone())),
                decoding: Arc::clone(&self.decoding),
                restoring: Arc::clone(&self.restoring),
            },
            batches: batches.clone(),
            shards: ends.work.clone(),
            results: results.clone(),
        };
        (0..workers).map(judge).collect()
    }

    /// What brings frames and results to the disk, and what ends that. None in an audit, because what it leaves is
    /// nobody's memory.
    fn sync(&self) -> Option<(SyncThread, Sender<()>)> {
        let interval = self.parts.config.store.sync_interval;
        let wanted = !interval.is_zero() && !self.parts.time.is_of_events();
        wanted.then(|| {
            SyncThread::new(
                Arc::clone(&self.spool),
                self.parts.store_dir.to_owned(),
                interval,
                self.parts.telemetry.clone(),
            )
        })
    }

    /// The contexts in which the sources of each stream are opened: they put batches into these lanes.
    fn sources(
        &self,
        senders: &[queue::Sender<FrameBatch>],
        lane: fn(Stream) -> usize,
    ) -> PerStream<SourceContext> {
        let config = self.parts.config;
        let limits = config.judge.batches(config.deadlines.shortest());
        PerStream::of(|stream| SourceContext {
            stream,
            clock: self.parts.clock.clone(),
            in_flight: self.in_flight.clone(),
            queue: senders[lane(stream)].clone(),
            limits,
            frame_bytes_max: config.streams.of(stream).frame_bytes_max,
            stop: self.parts.stop.clone(),
        })
    }
}

impl Engine {
    /// The context in which the sources of a stream are opened.
    pub fn source_context(&self, stream: Stream) -> &SourceContext {
        &self.sources[stream]
    }

    /// Starts the threads of all stages, and has them watched by `threads`.
    ///
    /// # Errors
    /// The system cannot start a thread.
    pub fn spawn(self, threads: &Arc<ThreadWatch>) -> Result<Running, EngineError> {
        let watched = Arc::new(Threads::new(Arc::clone(threads)));
        let mut handles = Vec::new();
        for restore in self.restore {
            let name = format!("restore-{}", restore.stream());
            handles.push(spawn(&watched, &self.in_flight, name, || restore.run())?);
        }
        for (number, shard) in self.shards.into_iter().enumerate() {
            let name = format!("shard-{number}");
            handles.push(spawn(&watched, &self.in_flight, name, || shard.run())?);
        }
        for (number, judge) in self.judges.into_iter().enumerate() {
            let name = format!("judge-{number}");
            handles.push(spawn(&watched, &self.in_flight, name, || judge.run())?);
        }
        let (describer, results) = (self.describer, self.results);
        let name = "describer".into();
        handles.push(spawn(&watched, &self.in_flight, name, || describer.run())?);
        let name = "results".into();
        let results = spawn(&watched, &self.in_flight, name, || results.run())?;
        let sync = match self.sync {
            None => None,
            Some((sync, until)) => {
                let name = "sync".into();
                Some((
                    spawn(&watched, &self.in_flight, name, || sync.run())?,
                    until,
                ))
            }
        };
        Ok(Running {
            threads: handles,
            results,
            sync,
            watched,
            shutdown: self.shutdown,
            decoding: self.decoding,
            control: self.control,
            sources: Some(self.sources),
            in_flight: self.in_flight,
        })
    }
}
