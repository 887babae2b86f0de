//! All stages of one process, and a step of each. A process may begin with what an earlier one left in its directory.
//!
//! Long: it lists all parts of a process, and each step of all stages.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fastrand::Rng;
use landfall_document::{Column, Pointer, SchemaSet};
use landfall_ledger::{
    Deadlines, Generation, Hole, HoleCause, IncidentTrackerConfig, PayloadRef, PerStream, ReasonId,
    Shard, ShardConfig, Stream,
};
use landfall_runtime::{FaultKind, Outcome};
use landfall_store::spool::{LeftFrame, Spool};
use landfall_store::{Reader, Retention, SPOOL_NAME, Store};

use super::guests::Native;
use crate::clock::Clock;
use crate::engine::open_incidents::ongoing;
use crate::engine::stored::{SpoolSettings, add_unlanded, restore, restore_keys};
use crate::engine::tests::shard_in_run::ShardInRun;
use crate::flow::{FrameBatch, InFlight, ShutdownRequest};
use crate::judge::identity::Secret;
use crate::judge::labels::{Reasons, SchemaLabels};
use crate::judge::plan::{
    EventPlan, EventPointers, JSON_CODEC, ParityPlan, Plan, PlanParts, StreamPlan,
};
use crate::judge::plan_cell::PlanCell;
use crate::judge::{Describer, Judge, JudgeOptions};
use crate::results::{FlushStep, KeyMemory, Results, ResultsParts};
use crate::shutdown::Shutdown;
use crate::stages::backlog::Backlog;
use crate::stages::describing::DescribeStage;
use crate::stages::judging::{JudgeInput, JudgeOutput, JudgeStage, SpoolRetry};
use crate::stages::sharding::landings::Landings;
use crate::stages::sharding::{ShardInput, ShardParts};
use crate::telemetry::Telemetry;
use crate::time_policy::TimePolicy;

pub(super) const DEADLINE_MS: i64 = 1_000;
const WINDOW_MS: i64 = 1_000;
pub(super) const SHARDS: usize = 2;

/// The keys of settled events are remembered for longer than any history takes.
const HORIZON_MS: i64 = 1_000_000;

/// How a process is set up.
#[derive(Clone, Copy)]
pub(super) struct Setup<'a> {
    pub dir: &'a Path,
    pub now_ms: i64,
    /// Real time at the beginning of the history, and Landfall's then.
    pub began: Instant,
    pub began_ms: i64,
    /// How long a row waits for its event.
    pub grace_ms: i64,
}

/// A batch that was judged.
pub(super) struct JudgedBatch {
    pub stream: Stream,
    pub is_restored: bool,
    /// Its place among the batches of its stream.
    pub place: usize,
}

pub(super) struct Process {
    clock: Clock,
    now_ms: i64,
    began: Instant,
    began_ms: i64,
    pub in_flight: InFlight,
    judge: JudgeStage,
    shards: Vec<ShardInRun>,
    describing: DescribeStage,
    results: Results,
    pub batches: VecDeque<FrameBatch>,
    /// Events and rows that an earlier process left.
    pub restored: [usize; 2],
}

/// A plan of native checks: validity decides, parity compares, and a window check finds windows with losses.
fn plan() -> Arc<Plan> {
    let mut labels = SchemaLabels::default();
    labels.extend(["A/1"].into_iter());
    let pointer = |text| Pointer::parse(text).expect("a pointer");
    let mut plan = Plan::build(PlanParts {
        generation: Generation(0),
        event: EventPointers {
            key: pointer("/uuid"),
            schema: pointer("/schema"),
            revision: None,
            time: Vec::new(),
        },
        codecs: PerStream::of(|_| JSON_CODEC.to_owned()),
        checks: Vec::new(),
        schemas: Arc::new(SchemaSet::default()),
        labels: Arc::new(labels),
        reasons: Arc::new(Reasons::default()),
    })
    .expect("a plan");
    let validity = Native::new("validity", "/valid", Outcome::Violation);
    let parity = Native::new("parity", "/content", Outcome::Violation);
    let faults = |name: &str| -> [ReasonId; FaultKind::ALL.len()] {
        FaultKind::ALL.map(|kind| plan.reasons.intern(name, &kind.reason()))
    };
    let (validity_faults, parity_faults) = (faults("validity"), faults("parity"));
    let seen = plan.reasons.intern("validity", "seen");
    let columns = |names: &[&str]| -> Vec<Column> {
        let columns = names.iter().map(|name| Column::parse(name));
        columns.map(|column| column.expect("a column")).collect()
    };
    plan.streams = PerStream::of(|stream| {
        let parity = ParityPlan {
            check: Arc::clone(&parity) as _,
            columns: vec![0],
            fields: Vec::new(),
            faults: parity_faults,
        };
        let validity = EventPlan {
            check: Arc::clone(&validity) as _,
            columns: vec![1],
            decides: true,
            reasons: vec![(seen, Outcome::Violation)],
            faults: validity_faults,
        };
        StreamPlan {
            codec: None,
            columns: columns(&["/content", "/valid"]),
            events: match stream {
                Stream::Raw => vec![validity],
                Stream::Written => Vec::new(),
            },
            parity: vec![parity],
        }
    });
    plan.windows = vec![Native::new("objective", "", Outcome::Violation) as _];
    Arc::new(plan)
}

impl Process {
    #[expect(clippy::too_many_lines, reason = "the list of all parts of a process")]
    pub fn start(setup: Setup<'_>) -> Self {
        let Setup {
            dir,
            now_ms,
            began,
            began_ms,
            grace_ms,
        } = setup;
        let clock = Clock::by_hand(now_ms);
        let time = TimePolicy::Live(clock.clone());
        let telemetry = Telemetry::new().expect("telemetry");
        let mut store = Store::open(dir, [7; 16], "whole").expect("a store");
        let plan = plan();
        let reader = Reader::open(dir).expect("the store is read");
        let open_incidents = ongoing(&reader.incidents().expect("incidents"), &plan.labels);
        let kept: Vec<u64> = open_incidents.iter().map(|open| open.id.0).collect();
        store.close_leftovers(&kept).expect("closed");
        let settings = SpoolSettings {
            dir: dir.join(SPOOL_NAME),
            bytes_max: 1 << 26,
            writers: 2 + 2 * SHARDS,
            batch_bytes: 0,
        };
        let (spool, left) = restore(&mut store, &settings, &telemetry).expect("a spool");
        let in_flight = InFlight::default();
        let cell = Arc::new(PlanCell::new(Arc::clone(&plan), now_ms));
        let backlog = Arc::new(Backlog::new(SHARDS, 1_000_000));
        let shutdown = Arc::new(Shutdown::new(ShutdownRequest::default()));
        let options = JudgeOptions {
            secret: Secret::new([7; 16]),
            shards: SHARDS,
            window_ms: WINDOW_MS,
            event_time: false,
            redact: Arc::default(),
            readable: Arc::default(),
            sequences: Arc::default(),
        };
        let judge = JudgeStage {
            judge: Judge::new(options, Arc::clone(&plan)),
            plan: Arc::clone(&cell),
            spool: spool.writer(),
            telemetry: telemetry.clone(),
            backlog: Arc::clone(&backlog),
            shutdown: Arc::clone(&shutdown),
            waiting: SpoolRetry::default(),
            is_overrun: false,
            give_up: None,
            decoding: Arc::default(),
            row_spool: Some(spool.modest_writer()),
            is_row_failure_logged: false,
            restoring: Arc::default(),
        };
        let landings = Arc::new(Landings::new(SHARDS));
        let deadlines = Deadlines {
            default_ms: DEADLINE_MS,
            by_schema: Vec::new(),
        };
        let config = ShardConfig {
            deadlines,
            window_ms: WINDOW_MS,
            unexpected_grace_ms: grace_ms,
            horizon_ms: HORIZON_MS,
            settled_max: 1 << 20,
            latency_bounds_ms: vec![100],
            disputes_max: 1 << 16,
            writer_replaces: false,
            watched_since_ms: now_ms,
        };
        let mut shards: Vec<Shard> = (0..SHARDS).map(|_| Shard::new(config.clone())).collect();
        add_unlanded(&store, &mut shards).expect("listed");
        let keys = restore_keys(&store, &mut shards, &plan.labels, WINDOW_MS).expect("restored");
        let key_memory = KeyMemory {
            run: store.begin_run().expect("a number"),
            shards: SHARDS,
            window_ms: WINDOW_MS,
            horizon_ms: HORIZON_MS,
            settled_max: 1 << 20,
            keys,
        };
        let shard = |(number, shard)| {
            ShardInRun::new(ShardParts {
                number,
                shard,
                in_flight: in_flight.clone(),
                spool: Arc::clone(&spool),
                telemetry: telemetry.clone(),
                time: time.clone(),
                backlog: Arc::clone(&backlog),
                landings: Arc::clone(&landings),
            })
        };
        let shards = shards.into_iter().enumerate().map(shard).collect();
        let describing = DescribeStage {
            describer: Describer::new(Arc::clone(&plan)),
            plan: Arc::clone(&cell),
            allowance: None,
        };
        let parts = ResultsParts {
            window_ms: WINDOW_MS,
            redact: Arc::default(),
            retention: Retention {
                keep_ms: i64::MAX / 4,
                missing_max: 1_000_000,
                samples_max: 1000,
                samples_per_reason_max: 20,
            },
            first_generation: store.next_generation().expect("a number"),
            time,
            shutdown,
            plan: cell,
            next_incident: store.next_incident().expect("a number"),
            store,
            spool: Arc::clone(&spool),
            incidents: IncidentTrackerConfig {
                stall_ms: 700,
                stall_schema_ms: 0,
                clear_ms: 1000,
                deadline_max_ms: DEADLINE_MS,
                unwatched_min_ms: 5_000,
                silence_ms: PerStream::default(),
            },
            telemetry,
            shards: SHARDS,
            in_flight: in_flight.clone(),
            known_ms: None,
            open_incidents,
            key_memory: Some(key_memory),
        };
        let mut process = Self {
            results: Results::new(parts, began),
            clock,
            now_ms,
            began,
            began_ms,
            in_flight,
            judge,
            shards,
            describing,
            batches: VecDeque::new(),
            restored: [0; 2],
        };
        process.judge_again(left, &spool);
        process
    }

    /// What an earlier process left comes before all else.
    fn judge_again(&mut self, left: Vec<LeftFrame>, spool: &Spool) {
        let (rows, events): (Vec<_>, Vec<_>) = left.into_iter().partition(|frame| frame.is_row);
        self.restored = [events.len(), rows.len()];
        for (stream, other, frames) in [
            (Stream::Raw, Stream::Written, events),
            (Stream::Written, Stream::Raw, rows),
        ] {
            let (Some(oldest), Some(newest)) = (frames.first(), frames.last()) else {
                continue;
            };
            let progress = self.in_flight.add_restored(stream, oldest.arrived_ms);
            let hole = Hole {
                from_ms: i64::MIN,
                to_ms: newest.arrived_ms,
                cause: HoleCause::NotRunning,
            };
            self.in_flight.unseen(other, hole);
            let mut bytes = Vec::new();
            for frames in frames.chunks(3) {
                let guard = self.in_flight.begin(stream, frames[0].arrived_ms);
                let mut batch = FrameBatch::new(stream, 0, guard);
                batch.is_restored = true;
                for frame in frames {
                    spool.read(frame.reference, &mut bytes).expect("a frame");
                    batch.push_restored(&bytes, frame.earliest_ms, frame.arrived_ms);
                    batch.spooled.push(PayloadRef(frame.reference));
                }
                self.batches.push_back(batch);
            }
            progress.finish();
        }
    }

    fn now(&self) -> Instant {
        let passed_ms = u64::try_from(self.now_ms - self.began_ms).unwrap_or(0);
        self.began + Duration::from_millis(passed_ms)
    }

    pub fn move_to(&mut self, now_ms: i64) {
        self.now_ms = now_ms;
        self.clock.set_ms(now_ms);
    }

    /// A batch of frames that come now.
    pub fn batch(&self, stream: Stream) -> FrameBatch {
        let mut batch = FrameBatch::detached(stream);
        batch.guard = self.in_flight.begin(stream, self.now_ms);
        batch
    }

    pub fn bring(&mut self, batch: FrameBatch) {
        if batch.rows() > 0 {
            self.batches.push_back(batch);
        }
    }

    /// A batch is judged: not always the first one, for there are several judges. Gives which one it was.
    pub fn judge(&mut self, rng: &mut Rng) -> Option<JudgedBatch> {
        let place = rng.usize(..self.batches.len().clamp(1, 3));
        // What an earlier process left comes before all else of its stream.
        let first = self.batches.iter().position(|batch| batch.is_restored);
        let batch = self.batches.remove(first.unwrap_or(place))?;
        let (stream, is_restored) = (batch.stream, batch.is_restored);
        let before = self.batches.iter().take(place);
        let place = before.filter(|other| other.stream == stream).count();
        let input = JudgeInput::Batch {
            batch,
            raw_waits: false,
        };
        let now = self.now();
        if let Some(output) = self.judge.step(input, now) {
            assert!(
                self.in_flight.unfinished(stream) > 0,
                "until it is reported"
            );
            let JudgeOutput {
                report,
                shares,
                guard: _guard,
            } = output;
            self.results
                .step(crate::messages::Message::Judged(report), now);
            for (number, work) in shares {
                self.shards[number].work.push_back(work);
            }
        }
        Some(JudgedBatch {
            stream,
            is_restored,
            place,
        })
    }

    pub fn apply(&mut self, rng: &mut Rng) {
        self.apply_to(rng.usize(..SHARDS));
    }

    fn apply_to(&mut self, number: usize) {
        let now = self.now();
        let shard = &mut self.shards[number];
        if let Some(work) = shard.work.pop_front() {
            shard.give(ShardInput::Work(work), now);
        }
    }

    pub fn tick(&mut self, rng: &mut Rng) {
        self.tick_of(rng.usize(..SHARDS), false);
    }

    fn tick_of(&mut self, number: usize, is_last: bool) {
        let now = self.now();
        let shard = &mut self.shards[number];
        let answers = shard.answers.drain(..).collect();
        shard.give(ShardInput::Answers(answers), now);
        match is_last {
            true => {
                shard.give(ShardInput::Conclude, now);
                shard.give(ShardInput::LastTick, now);
            }
            false => shard.give(ShardInput::Tick, now),
        }
    }

    pub fn describe(&mut self, rng: &mut Rng) {
        self.describe_of(rng.usize(..SHARDS));
    }

    fn describe_of(&mut self, number: usize) {
        let now = self.now();
        let Some(output) = self.shards[number].outputs.pop_front() else {
            return;
        };
        let described = self.describing.step(output, now);
        for (shard, answer) in described.answers {
            self.shards[shard].answers.push_back(answer);
        }
        self.results.step(described.message, now);
    }

    pub fn flush(&mut self, has_ended: bool) {
        let now = self.now();
        let FlushStep::Done(answers) = self.results.flush(has_ended, now) else {
            panic!("the store works");
        };
        for (shard, answer) in answers {
            self.shards[shard].answers.push_back(answer);
        }
    }

    /// Everything that is there is dealt with. `is_last`: nothing comes any more.
    pub fn drain(&mut self, rng: &mut Rng, is_last: bool) {
        while !self.batches.is_empty() {
            self.judge(rng);
        }
        for number in 0..SHARDS {
            while !self.shards[number].work.is_empty() {
                self.apply_to(number);
            }
            self.tick_of(number, is_last);
            while !self.shards[number].outputs.is_empty() {
                self.describe_of(number);
            }
        }
        self.flush(false);
    }
}
