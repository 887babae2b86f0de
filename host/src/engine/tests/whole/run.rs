//! One run of all stages.
//!
//! Long: it lists all parts of a process, and each step of all stages.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use fastrand::Rng;
use landfall_document::{Column, Pointer, SchemaSet};
use landfall_ledger::{
    Deadlines, Generation, IncidentTrackerConfig, PerStream, ReasonId, Shard, ShardConfig, Stream,
};
use landfall_runtime::{FaultKind, Outcome};
use landfall_store::spool::Spool;
use landfall_store::{MissingFilter, Reader, Retention, SPOOL_NAME, Store};

use super::Sent;
use super::guests::Native;
use crate::clock::Clock;
use crate::engine::tests::shard_in_run::ShardInRun;
use crate::flow::{FrameBatch, InFlight, ShutdownRequest, SourceProgress};
use crate::judge::identity::Secret;
use crate::judge::labels::{Reasons, SchemaLabels};
use crate::judge::plan::{
    EventPlan, EventPointers, JSON_CODEC, ParityPlan, Plan, PlanParts, StreamPlan,
};
use crate::judge::plan_cell::PlanCell;
use crate::judge::{Describer, Judge, JudgeOptions};
use crate::results::{FlushStep, Results, ResultsParts};
use crate::shutdown::Shutdown;
use crate::stages::backlog::Backlog;
use crate::stages::describing::DescribeStage;
use crate::stages::judging::{JudgeInput, JudgeOutput, JudgeStage, SpoolRetry};
use crate::stages::sharding::landings::Landings;
use crate::stages::sharding::{ShardInput, ShardParts};
use crate::telemetry::Telemetry;
use crate::time_policy::TimePolicy;

pub(super) const DEADLINE_MS: i64 = 1_000;
const START_MS: i64 = 1_000_000_000;
const WINDOW_MS: i64 = 1_000;
const SHARDS: usize = 2;

pub(super) struct Run {
    dir: tempfile::TempDir,
    clock: Clock,
    now_ms: i64,
    began: Instant,
    in_flight: InFlight,
    progress: PerStream<Arc<SourceProgress>>,
    judge: JudgeStage,
    shards: Vec<ShardInRun>,
    describing: DescribeStage,
    results: Results,
    batches: VecDeque<FrameBatch>,
    sent: Vec<Sent>,
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

impl Run {
    #[expect(clippy::too_many_lines, reason = "the list of all parts of a process")]
    pub fn start() -> Self {
        let dir = tempfile::tempdir_in("/dev/shm")
            .or_else(|_| tempfile::tempdir())
            .expect("a directory");
        let clock = Clock::by_hand(START_MS);
        let began = Instant::now();
        let time = TimePolicy::Live(clock.clone());
        let telemetry = Telemetry::new().expect("telemetry");
        let store = Store::open(dir.path(), [7; 16], "whole").expect("a store");
        let spool =
            Spool::open(&dir.path().join(SPOOL_NAME), 1 << 26, 2 + 2 * SHARDS, 0).expect("a spool");
        let in_flight = InFlight::default();
        let plan = plan();
        let cell = Arc::new(PlanCell::new(Arc::clone(&plan), START_MS));
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
            row_spool: Some(spool.writer()),
            is_row_failure_logged: false,
            restoring: Arc::default(),
        };
        let landings = Arc::new(Landings::new(SHARDS));
        let deadlines = Deadlines {
            default_ms: DEADLINE_MS,
            by_schema: Vec::new(),
        };
        let shard = |number| {
            ShardInRun::new(ShardParts {
                number,
                shard: Shard::new(ShardConfig {
                    deadlines: deadlines.clone(),
                    window_ms: WINDOW_MS,
                    unexpected_grace_ms: 1_000_000,
                    horizon_ms: 1_000_000,
                    settled_max: 1 << 20,
                    latency_bounds_ms: vec![100],
                    disputes_max: 1 << 16,
                    writer_replaces: false,
                    watched_since_ms: START_MS,
                }),
                in_flight: in_flight.clone(),
                spool: Arc::clone(&spool),
                telemetry: telemetry.clone(),
                time: time.clone(),
                backlog: Arc::clone(&backlog),
                landings: Arc::clone(&landings),
            })
        };
        let shards = (0..SHARDS).map(shard).collect();
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
            first_generation: 0,
            time,
            shutdown,
            plan: cell,
            store,
            spool,
            incidents: IncidentTrackerConfig {
                stall_ms: 700,
                stall_schema_ms: 0,
                clear_ms: 1000,
                deadline_max_ms: DEADLINE_MS,
                unwatched_min_ms: 5_000,
                silence_ms: PerStream::default(),
            },
            next_incident: 1,
            telemetry,
            shards: SHARDS,
            in_flight: in_flight.clone(),
            known_ms: None,
            open_incidents: Vec::new(),
            key_memory: None,
        };
        Self {
            progress: PerStream::of(|stream| in_flight.add_source(stream, START_MS)),
            results: Results::new(parts, began),
            dir,
            clock,
            now_ms: START_MS,
            began,
            in_flight,
            judge,
            shards,
            describing,
            batches: VecDeque::new(),
            sent: Vec::new(),
        }
    }

    fn now(&self) -> Instant {
        let passed_ms = u64::try_from(self.now_ms - START_MS).unwrap_or(0);
        self.began + Duration::from_millis(passed_ms)
    }

    /// Time goes on: rows land that are due, and events come in.
    pub fn pass_time(&mut self, rng: &mut Rng) {
        self.move_to(self.now_ms + rng.i64(1..200));
        let mut raw = self.batch(Stream::Raw);
        for _ in 0..rng.usize(0..6) {
            let content = rng.u8(..4);
            // At least a second apart from the deadline, so that no stamp is doubtful.
            let lands = match rng.u8(..10) {
                0 | 1 => None,
                2 => Some((self.now_ms + DEADLINE_MS + rng.i64(1_000..4_000), content)),
                3 => Some((self.now_ms + rng.i64(1..500), content + 1)),
                _ => Some((self.now_ms + rng.i64(1..500), content)),
            };
            let event = Sent {
                key: self.sent.len() as u64,
                is_valid: rng.u8(..8) > 0,
                content,
                lands,
                arrived_ms: self.now_ms,
            };
            raw.push(text(&event, content).as_bytes(), self.now_ms);
            self.sent.push(event);
        }
        self.bring(raw);
    }

    fn batch(&self, stream: Stream) -> FrameBatch {
        let mut batch = FrameBatch::detached(stream);
        batch.guard = self.in_flight.begin(stream, self.now_ms);
        batch
    }

    fn bring(&mut self, batch: FrameBatch) {
        if batch.rows() > 0 {
            self.batches.push_back(batch);
        }
    }

    fn move_to(&mut self, now_ms: i64) {
        let before_ms = std::mem::replace(&mut self.now_ms, now_ms);
        self.clock.set_ms(now_ms);
        let mut written = self.batch(Stream::Written);
        for event in &self.sent {
            if let Some((landed_ms, content)) = event.lands
                && (before_ms + 1..=now_ms).contains(&landed_ms)
            {
                written.push(text(event, content).as_bytes(), now_ms);
            }
        }
        self.bring(written);
        for progress in self.progress.values() {
            progress.reach(now_ms);
        }
    }

    /// A batch is judged: not always the first one, for there are several judges.
    pub fn judge(&mut self, rng: &mut Rng) {
        let place = rng.usize(..self.batches.len().clamp(1, 3));
        let Some(batch) = self.batches.remove(place) else {
            return;
        };
        let stream = batch.stream;
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

    /// All rows land, all deadlines pass, and everything is dealt with. Gives what was sent, the verdicts, and all that
    /// the store holds.
    pub fn end(mut self, rng: &mut Rng) -> (Vec<Sent>, BTreeMap<&'static str, i64>, String) {
        for _ in 0..40 {
            self.move_to(self.now_ms + 250);
            self.drain(rng, false);
        }
        self.drain(rng, true);
        self.drain(rng, true);
        self.flush(true);
        let reader = Reader::open(self.dir.path()).expect("the store is read");
        (
            std::mem::take(&mut self.sent),
            verdicts(&reader),
            dump(&reader),
        )
    }

    fn drain(&mut self, rng: &mut Rng, is_last: bool) {
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

/// A frame of either side.
fn text(event: &Sent, content: u8) -> String {
    let Sent { key, is_valid, .. } = event;
    format!(r#"{{"uuid":"k{key}","schema":"A/1","valid":{is_valid},"content":{content}}}"#)
}

/// Events by verdict, over all windows; those that there are none of are left out.
fn verdicts(reader: &Reader) -> BTreeMap<&'static str, i64> {
    let mut verdicts = BTreeMap::new();
    for window in reader.windows().expect("windows") {
        let counts = window.counts;
        for (verdict, events) in [
            ("pending", counts.pending),
            ("delivered", counts.delivered),
            ("late", counts.late),
            ("altered", counts.altered),
            ("missing", counts.missing),
            ("unconfirmed", counts.unconfirmed),
            ("rejected", counts.rejected),
            ("leaked", counts.leaked),
            ("repeated", counts.repeated),
            ("unjudged", counts.unjudged),
            ("duplicate", counts.duplicate),
            ("unexpected", counts.unexpected),
        ] {
            *verdicts.entry(verdict).or_default() += events;
        }
    }
    verdicts.retain(|_, events| *events != 0);
    verdicts
}

/// All that the store holds.
fn dump(reader: &Reader) -> String {
    let mut text = format!(
        "{:#?}\n{:#?}\n",
        reader.windows().expect("windows"),
        reader.incidents().expect("incidents")
    );
    reader
        .missing_each(&MissingFilter::default(), None, |event| {
            text += &format!("{event:?}\n");
            Ok::<(), landfall_store::StoreError>(())
        })
        .expect("missing events");
    text
}
