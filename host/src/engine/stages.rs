//! Starts the threads of shards and of judges, and reads from the store what the last run left.

use std::sync::Arc;
use std::thread::JoinHandle;

use crossbeam_channel::{Sender, bounded, unbounded};
use landfall_ledger::{Deadlines, Fingerprint, IncidentTrackerConfig, PerStream, Shard};
use landfall_store::spool::Spool;
use landfall_store::{Store, StoreError};

use super::EngineError;
use super::backlog::Backlog;
use super::compaction::Compaction;
use super::decoding::Decoding;
use super::held;
use super::judging::{Judging, Waiting};
use super::landings::Landings;
use super::settings::tracker_config;
use super::sharding::{SHARD_QUEUE, Sharding};
use super::threads::{Threads, spawn};
use crate::telemetry::Telemetry;
use crate::config::Config;
use crate::shutdown::Shutdown;
use crate::judge::identity::Secret;
use crate::judge::plan_cell::PlanCell;
use crate::judge::{Judge, JudgeOptions};
use crate::messages::{Answer, Message, ShardOutput, ShardWork};
use crate::planning::planner::Planned;
use crate::queue::Receiver;
use crate::sources::{InFlight, FrameBatch};

/// What the store has kept for the next run.
pub(super) struct Kept {
    pub secret: Secret,
    pub next_incident: u64,
    pub first_generation: u64,
}

/// Closes what an ended run left open, and says in the log what was done.
pub(super) fn open(store: &mut Store) -> Result<Kept, EngineError> {
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
    Ok(Kept {
        secret: Secret::new(store.secret()?),
        next_incident: store.next_incident()?,
        first_generation: store.next_generation()?,
    })
}

/// What threads of several kinds share.
pub(super) struct Shared<'a> {
    pub threads: &'a Arc<Threads>,
    pub in_flight: &'a InFlight,
    pub telemetry: &'a Telemetry,
    pub spool: &'a Arc<Spool>,
    pub backlog: &'a Arc<Backlog>,
    pub is_audit: bool,
}

/// The threads of the shards, and what is sent to each.
#[derive(Default)]
pub(super) struct Shards {
    pub threads: Vec<JoinHandle<()>>,
    pub work: Vec<Sender<ShardWork>>,
    pub answers: Vec<Sender<Answer>>,
    pub deadlines: Vec<Sender<Deadlines>>,
}

pub(super) fn start_shards(
    shared: &Shared<'_>,
    shards: Vec<Shard>,
    told: &Sender<ShardOutput>,
) -> Result<Shards, EngineError> {
    let landings = Arc::new(Landings::new(shards.len()));
    let mut started = Shards::default();
    for (number, shard) in shards.into_iter().enumerate() {
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
            told: told.clone(),
            in_flight: shared.in_flight.clone(),
            writer: shared.spool.modest_writer(),
            compaction: Compaction::new(Arc::clone(shared.spool)),
            telemetry: shared.telemetry.clone(),
            spool: Arc::clone(shared.spool),
            audit: shared.is_audit,
            backlog: Arc::clone(shared.backlog),
            held: held::Held::default(),
            landings: Arc::clone(&landings),
            pressed: 0,
            said: false,
        };
        let name = format!("shard-{number}");
        let thread = spawn(shared.threads, shared.in_flight, name, move || sharding.run())?;
        started.threads.push(thread);
        started.work.push(work_in);
        started.answers.push(answers_in);
        started.deadlines.push(deadlines_in);
    }
    Ok(started)
}

/// What all judges begin with.
pub(super) struct Judges<'a> {
    pub options: JudgeOptions,
    pub planned: &'a Planned,
    pub plan: &'a Arc<PlanCell>,
    pub batches: &'a Receiver<FrameBatch>,
    pub work: &'a [Sender<ShardWork>],
    pub results: &'a Sender<Message>,
    pub ending: &'a Arc<Shutdown>,
    pub decoding: &'a Arc<Decoding>,
}

pub(super) fn start_judges(
    shared: &Shared<'_>,
    workers: usize,
    judges: &Judges<'_>,
) -> Result<Vec<JoinHandle<()>>, EngineError> {
    let start = |number| {
        let plan = Arc::clone(&judges.planned.plan);
        let judging = Judging {
            judge: Judge::new(judges.options.clone(), plan),
            plan: Arc::clone(judges.plan),
            batches: judges.batches.clone(),
            spool: shared.spool.writer(),
            shards: judges.work.to_vec(),
            results: judges.results.clone(),
            telemetry: shared.telemetry.clone(),
            backlog: Arc::clone(shared.backlog),
            ending: Arc::clone(judges.shutdown),
            waiting: Waiting::default(),
            overrun: false,
            audit: shared.is_audit,
            decoding: Arc::clone(judges.decoding),
            in_flight: shared.in_flight.clone(),
        };
        let name = format!("judge-{number}");
        spawn(shared.threads, shared.in_flight, name, move || judging.run())
    };
    let judges: std::io::Result<_> = (0..workers).map(start).collect();
    Ok(judges?)
}

/// An audit cannot tell that a stream is silent: recorded frames come when they are read.
pub(super) fn tracker_config_of(config: &Config, planned: &Planned, is_audit: bool) -> IncidentTrackerConfig {
    let mut tracker = tracker_config(config, &planned.deadlines);
    if is_audit {
        tracker.silence_ms = PerStream::default();
    }
    tracker
}

/// What an earlier run said to be missing, and is owed still.
pub(super) fn add_unlanded(store: &Store, shards: &mut [Shard]) -> Result<(), StoreError> {
    let count = shards.len();
    store.unlanded(|fingerprint| {
        let key = Fingerprint::from_bytes(fingerprint);
        shards[key.shard(count)].add_unlanded(key);
    })
}
