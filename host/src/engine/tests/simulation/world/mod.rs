//! One history: what is sent, what of it lands, and the parts of Landfall between the two. The
//! history decides which of them does its next piece of work.

mod restart;
mod script;
mod sent;
mod steps;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use fastrand::Rng;
use landfall_ledger::{Deadlines, IncidentTrackerConfig, Shard, ShardConfig};
use landfall_runtime::{Compiler, Engine as WasmEngine, Loader};
use landfall_store::spool::{Spool, SpoolWriter};
use landfall_store::{Reader, Retention, Store};

pub(super) use self::script::{STALL_MS, key_of};
use self::sent::{Batch, Row, Sent, text_of};
use super::Seen;
use super::laws::Laws;
use crate::clock::Clock;
use crate::config::Config;
use crate::engine::stored::{add_unlanded, restore_keys};
use crate::engine::tests::shard_in_run::ShardInRun;
use crate::flow::{InFlight, ShutdownRequest, SourceProgress};
use crate::judge::Describer;
use crate::judge::plan::Plan;
use crate::judge::plan_cell::PlanCell;
use crate::planning::planner::{Patience, Planner};
use crate::results::{KeyMemory, Results, ResultsParts};
use crate::shutdown::Shutdown;
use crate::stages::backlog::Backlog;
use crate::stages::describing::DescribeStage;
use crate::stages::sharding::landings::Landings;
use crate::stages::sharding::{ShardInput, ShardParts};
use crate::telemetry::Telemetry;
use crate::time_policy::TimePolicy;

const START_MS: i64 = 1_000_000_000;

/// Schemas that have a name in every run; the last one has none in some.
const SCHEMAS: [&str; 3] = ["A/1", "B/1", "C/1"];

/// How long each of them may take to land, and what has no name.
const DEADLINES_MS: [i64; 3] = [900, 900, 400];
const GRACE_MS: i64 = 300;

/// Plans that differ in the schemas that they name. Made once: they load no checks.
pub(super) struct Plans {
    all: Arc<Plan>,
    fewer: Arc<Plan>,
    telemetry: Telemetry,
    /// To see that a history that fails is noticed.
    fails_at_a_start: bool,
}

impl Plans {
    /// A world that fails whenever the process starts again.
    pub(super) fn that_fail_at_a_start() -> Self {
        Self {
            fails_at_a_start: true,
            ..Self::new()
        }
    }

    pub(super) fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let plan = |names: &[&str]| {
            let mut config = Config {
                checks: Vec::new(),
                ..Config::default()
            };
            config.streams.raw.codec = "json".into();
            config.schemas.dir = dir.path().to_owned();
            for name in names {
                let hour = Duration::from_secs(3600);
                config.deadlines.schemas.insert((*name).into(), hour);
            }
            let mut planner = Planner::new(Loader::new(
                WasmEngine::new().expect("an engine"),
                Compiler::InProcess,
            ));
            planner
                .plan(&config, 0, Patience::Whole)
                .expect("a plan")
                .plan
        };
        Self {
            all: plan(&SCHEMAS),
            fewer: plan(&SCHEMAS[..2]),
            telemetry: Telemetry::new().expect("a board"),
            fails_at_a_start: false,
        }
    }
}

/// What does not change in a history.
pub(super) struct Settings {
    pub shards: usize,
    pub horizon_ms: i64,
    pub stall_ms: i64,
    pub missing_max: u64,
}

/// What is known of a key from outside.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    /// Arrival of the first copy that must land, among the copies that were applied in this run.
    pub expected_ms: Option<i64>,
    /// Something of it was applied in this run.
    pub seen: bool,
    /// A row of it was applied: ever, and in this run.
    pub landed: bool,
    pub landed_in_run: bool,
    /// A row of it was applied after all its copies.
    pub landed_last: bool,
    /// Up to when its shard had applied everything when the last row of it was applied.
    pub row_ms: i64,
    /// All its copies must land with the same content.
    pub is_plain: bool,
    /// How often it was sent, and how many rows of it are in the spool, or were.
    pub copies: u32,
    pub kept_rows: u32,
    /// Its copies name different schemas.
    pub is_mixed: bool,
    /// Nothing of it came in an earlier run.
    pub is_of_this_run: bool,
    /// What came of it in an earlier run may be lost.
    pub is_doubtful: bool,
    /// It was settled with its row when a run ended properly, and is remembered until then.
    pub remembered_ms: Option<i64>,
}

/// One run of the process.
struct Run {
    in_flight: InFlight,
    progress: [Arc<SourceProgress>; 2],
    writer: SpoolWriter,
    spool: Arc<Spool>,
    shards: Vec<ShardInRun>,
    describing: DescribeStage,
    results: Results,
    batches: Vec<Batch>,
    /// By shard: up to when it had applied everything when it moved time last.
    applied_ms: Vec<i64>,
    plan: Arc<Plan>,
    window_ms: i64,
    watched_since_ms: i64,
}

pub(super) struct World<'a> {
    plans: &'a Plans,
    settings: Settings,
    dir: tempfile::TempDir,
    clock: Clock,
    now_ms: i64,
    began: Instant,
    run: Option<Run>,
    laws: Laws,
    keys: BTreeMap<u64, Known>,
    /// What was sent last under each key.
    sent: Vec<Sent>,
    /// The raw events that are in the spool, or were: their place there is the index.
    accepted: Vec<Sent>,
    /// The rows that are in the spool, or were, by the references to their frames: no frame is moved here.
    kept_rows: HashMap<u64, Row>,
    due: Vec<Row>,
    deaf_until_ms: i64,
    restarts: u64,
    out_of_step: u64,
    /// What happens, line by line, if anybody wants to read it.
    pub(super) story: Option<&'a mut Vec<String>>,
}

impl<'a> World<'a> {
    pub(super) fn new(rng: &mut Rng, plans: &'a Plans) -> Self {
        let settings = Settings {
            shards: rng.usize(1..=4),
            horizon_ms: [600, 1500, 4000][rng.usize(..3)],
            stall_ms: [250, 700, 1500][rng.usize(..3)],
            missing_max: if rng.u8(..8) == 0 { 6 } else { 1_000_000 },
        };
        Self::with(settings, rng, plans)
    }

    fn with(settings: Settings, rng: &mut Rng, plans: &'a Plans) -> Self {
        let mut world = Self {
            plans,
            laws: Laws::new(settings.missing_max < 1000),
            settings,
            dir: memory_dir(),
            clock: Clock::by_hand(START_MS),
            now_ms: START_MS,
            began: Instant::now(),
            run: None,
            keys: BTreeMap::new(),
            sent: Vec::new(),
            accepted: Vec::new(),
            kept_rows: HashMap::new(),
            due: Vec::new(),
            deaf_until_ms: 0,
            restarts: 0,
            out_of_step: 0,
            story: None,
        };
        world.start(rng);
        world
    }

    /// Real time, as far as a stage sees any: it goes with the clock.
    fn now(&self) -> Instant {
        let passed_ms = u64::try_from(self.now_ms - START_MS).unwrap_or(0);
        self.began + Duration::from_millis(passed_ms)
    }

    /// Adds a line to the story.
    fn tell(&mut self, text: impl FnOnce() -> String) {
        let at_ms = self.now_ms - START_MS;
        if let Some(story) = &mut self.story {
            story.push(format!("{at_ms:>7} ms  {}", text()));
        }
    }

    fn run(&mut self) -> &mut Run {
        self.run.as_mut().expect("it runs")
    }

    fn start(&mut self, rng: &mut Rng) {
        let plan = match rng.u8(..3) {
            0 => Arc::clone(&self.plans.fewer),
            _ => Arc::clone(&self.plans.all),
        };
        let window_ms = [500, 500, 700, 3000][rng.usize(..4)];
        let mut store =
            Store::open(self.dir.path(), [7; 16], "simulation").expect("the store opens");
        let open_incidents = self.open_incidents(&mut store, &plan);
        self.laws.begin(
            Reader::open(self.dir.path()).expect("the store is read"),
            store.next_incident().expect("a number"),
        );
        let (spool, left) = self.open_spool(&mut store);
        let (in_flight, restored, progress) = self.add_sources(&left);
        let cell = Arc::new(PlanCell::new(Arc::clone(&plan), self.now_ms));
        let landings = Arc::new(Landings::new(self.settings.shards));
        let backlog = Arc::new(Backlog::new(self.settings.shards, 1_000_000));
        let config = self.shard_config(&plan, window_ms);
        let mut shards: Vec<Shard> = (0..self.settings.shards)
            .map(|_| Shard::new(config.clone()))
            .collect();
        add_unlanded(&store, &mut shards).expect("listed");
        let keys = restore_keys(&store, &mut shards, &plan.labels, window_ms).expect("restored");
        let key_memory = KeyMemory {
            run: store.begin_run().expect("a number"),
            shards: self.settings.shards,
            window_ms,
            horizon_ms: self.settings.horizon_ms,
            settled_max: 1 << 20,
            keys,
        };
        let time = TimePolicy::Live(self.clock.clone());
        let shards = shards.into_iter().enumerate().map(|(number, shard)| {
            let parts = ShardParts {
                number,
                shard,
                in_flight: in_flight.clone(),
                spool: Arc::clone(&spool),
                telemetry: self.plans.telemetry.clone(),
                time: time.clone(),
                backlog: Arc::clone(&backlog),
                landings: Arc::clone(&landings),
            };
            ShardInRun::new(parts)
        });
        let shards: Vec<ShardInRun> = shards.collect();
        let describing = DescribeStage {
            describer: Describer::new(Arc::clone(&plan)),
            plan: Arc::clone(&cell),
            allowance: None,
        };
        let tracker = IncidentTrackerConfig {
            stall_ms: self.settings.stall_ms,
            stall_schema_ms: [0, 1000][rng.usize(..2)],
            clear_ms: 1000,
            deadline_max_ms: config.deadlines.max_ms(),
            unwatched_min_ms: 5_000,
            silence_ms: landfall_ledger::PerStream::default(),
        };
        let next_incident = store.next_incident().expect("a number");
        let parts = ResultsParts {
            window_ms,
            redact: Arc::default(),
            retention: Retention {
                keep_ms: i64::MAX / 4,
                missing_max: self.settings.missing_max,
                samples_max: 1000,
                samples_per_reason_max: 3,
            },
            first_generation: store.next_generation().expect("a number"),
            time,
            shutdown: Arc::new(Shutdown::new(ShutdownRequest::default())),
            plan: cell,
            store,
            spool: Arc::clone(&spool),
            incidents: tracker,
            next_incident,
            telemetry: self.plans.telemetry.clone(),
            shards: self.settings.shards,
            in_flight: in_flight.clone(),
            known_ms: None,
            open_incidents,
            key_memory: Some(key_memory),
        };
        let results = Results::new(parts, self.now());
        self.run = Some(Run {
            in_flight,
            progress,
            writer: spool.writer(),
            spool,
            shards,
            describing,
            results,
            batches: Vec::new(),
            applied_ms: vec![i64::MIN; self.settings.shards],
            plan,
            window_ms,
            watched_since_ms: self.now_ms,
        });
        self.restore(left, restored);
    }

    fn shard_config(&self, plan: &Plan, window_ms: i64) -> ShardConfig {
        let mut by_schema = vec![DEADLINES_MS[0]; 2];
        for (name, deadline_ms) in SCHEMAS.iter().zip(DEADLINES_MS) {
            let place = usize::from(plan.labels.find(name.as_bytes()).0);
            if place >= 2 {
                by_schema.resize(by_schema.len().max(place + 1), DEADLINES_MS[0]);
                by_schema[place] = deadline_ms;
            }
        }
        ShardConfig {
            deadlines: Deadlines {
                default_ms: DEADLINES_MS[0],
                by_schema,
            },
            window_ms,
            unexpected_grace_ms: GRACE_MS,
            horizon_ms: self.settings.horizon_ms,
            settled_max: 1 << 20,
            latency_bounds_ms: vec![100],
            disputes_max: 1 << 16,
            writer_replaces: false,
            watched_since_ms: self.now_ms,
        }
    }

    /// Everything that came is dealt with, in the order in which threads end.
    fn end(&mut self, rng: &mut Rng) {
        while !self.run().batches.is_empty() {
            self.judge(rng);
        }
        for number in 0..self.settings.shards {
            while !self.run().shards[number].work.is_empty() {
                self.apply_to(number);
            }
        }
        loop {
            for number in 0..self.settings.shards {
                self.advance_shard(number);
            }
            self.report_all(rng);
            self.flush();
            let waits = |shard: &ShardInRun| shard.stage.awaits_answers();
            if !self.run().shards.iter().any(waits) {
                break;
            }
        }
        let now = self.now();
        for shard in &mut self.run().shards {
            shard.give(ShardInput::Conclude, now);
            shard.give(ShardInput::LastTick, now);
        }
        self.report_all(rng);
        self.flush_as(true);
    }

    fn report_all(&mut self, rng: &mut Rng) {
        while self
            .run()
            .shards
            .iter()
            .any(|shard| !shard.outputs.is_empty())
        {
            self.describe(rng);
        }
    }

    /// All deadlines pass, everything is dealt with, and the store has what became of each key.
    pub(super) fn come_to_rest(&mut self, rng: &mut Rng) {
        self.end(rng);
        self.now_ms += 20_000;
        self.clock.set_ms(self.now_ms);
        let now_ms = self.now_ms;
        for progress in &self.run().progress {
            progress.reach(now_ms);
        }
        self.end(rng);
        self.laws.ended();
        let spool = Arc::clone(&self.run().spool);
        self.laws.check_keys(&self.keys, text_of);
        self.laws.check_raw(self.accepted.len());
        self.run = None;
        assert_eq!(spool.bytes(), 0, "all frames are released");
    }

    pub(super) fn add_to(&self, seen: &mut Seen) {
        seen.restarts += self.restarts;
        seen.out_of_step += self.out_of_step;
        self.laws.add_to(seen);
    }
}

/// A directory in memory, if there is one: what a disk takes to sync is not what is tested.
fn memory_dir() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .expect("a directory")
}
