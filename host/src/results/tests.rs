//! What was reported, and what the store then has: one script for each rule.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use landfall_ledger::{
    Effect, Fingerprint, Frontier, Generation, Hole, HoleCause, IncidentTrackerConfig, PayloadRef,
    PerStream, SchemaId, SettledLog, ShardGauges, Stream, WrittenSide,
};
use landfall_runtime::{Compiler, Engine as WasmEngine, Loader};
use landfall_store::spool::Spool;
use landfall_store::{Frame, IncidentRow, MissingEvent, MissingFilter, Reader, Retention, Store};

use super::{FlushStep, Results, ResultsParts};
use crate::clock::Clock;
use crate::config::Config;
use crate::flow::{InFlight, ShutdownRequest};
use crate::judge::plan_cell::PlanCell;
use crate::judge::{JudgeReport, SchemaCount};
use crate::messages::ShardFlush;
use crate::messages::{Described, LedgerEvent, Message, ShardOutput};
use crate::planning::planner::{Patience, Planner};
use crate::shutdown::Shutdown;
use crate::telemetry::Telemetry;
use crate::time_policy::TimePolicy;

/// An incident is over so long after the last report about it.
const CLEAR_MS: i64 = 10_000;
const DEADLINE_MS: i64 = 1_000;

/// The results of one process.
struct Process {
    results: Results,
    clock: Clock,
    telemetry: Telemetry,
    shutdown: Arc<Shutdown>,
    in_flight: InFlight,
}

impl Process {
    /// A process that starts at `now_ms` and keeps so many missing events.
    fn start(dir: &Path, now_ms: i64, missing_max: u64) -> Self {
        let mut config = Config {
            checks: Vec::new(),
            ..Config::default()
        };
        config.streams.raw.codec = "json".into();
        config.schemas.dir = dir.to_owned();
        let hour = std::time::Duration::from_secs(3600);
        config.deadlines.schemas.insert("A/1".into(), hour);
        let mut planner =
            Planner::new(Loader::new(WasmEngine::new().unwrap(), Compiler::InProcess));
        let plan = planner.plan(&config, 0, Patience::Whole).unwrap().plan;
        let store_dir = dir.join("store");
        let mut store = Store::open(&store_dir, [7; 16], "test").unwrap();
        store.close_leftovers(&[]).unwrap();
        let clock = Clock::by_hand(now_ms);
        let tracker = IncidentTrackerConfig {
            stall_ms: 1_000_000,
            stall_schema_ms: 0,
            clear_ms: CLEAR_MS,
            deadline_max_ms: DEADLINE_MS,
            unwatched_min_ms: 5_000,
            silence_ms: landfall_ledger::PerStream::default(),
        };
        let next_incident = store.next_incident().unwrap();
        let spool = Spool::open(&dir.join("spool"), 1 << 20, 1, 0).unwrap();
        let telemetry = Telemetry::new().unwrap();
        let shutdown = Arc::new(Shutdown::new(ShutdownRequest::default()));
        let in_flight = InFlight::default();
        let parts = ResultsParts {
            window_ms: 1_000,
            redact: Arc::default(),
            retention: Retention {
                keep_ms: i64::MAX / 4,
                missing_max,
                samples_max: 10,
                samples_per_reason_max: 10,
            },
            first_generation: store.next_generation().unwrap(),
            time: TimePolicy::Live(clock.clone()),
            shutdown: Arc::clone(&shutdown),
            plan: Arc::new(PlanCell::new(plan, now_ms)),
            store,
            spool,
            incidents: tracker,
            next_incident,
            telemetry: telemetry.clone(),
            shards: 1,
            in_flight: in_flight.clone(),
            known_ms: None,
            open_incidents: Vec::new(),
            key_memory: None,
        };
        let results = Results::new(parts, Instant::now());
        Self {
            results,
            clock,
            telemetry,
            shutdown,
            in_flight,
        }
    }

    /// It is `now_ms`, and these events were reported. Then they are written.
    fn at(&mut self, now_ms: i64, events: Vec<LedgerEvent>) {
        self.clock.set_ms(now_ms);
        let described = events.into_iter().map(|event| Described {
            key: String::from_utf8(event.frames.raw.clone()).unwrap(),
            event,
            comparison: None,
            generation: Generation(0),
        });
        let flush = ShardFlush {
            latency: Vec::new(),
            gauges: ShardGauges::default(),
            frontier: Frontier {
                raw_ms: now_ms,
                written_ms: now_ms,
            },
        };
        self.take(Message::Shard {
            output: ShardOutput {
                shard: 0,
                activity: Vec::new(),
                landed_ms: None,
                events: described.collect(),
                more: false,
                tallies: Vec::new(),
                settled: SettledLog::default(),
                flush: Some(flush),
            },
            checks: Vec::new(),
        });
        while let FlushStep::Wait(pause) = self.results.flush(false, Instant::now()) {
            std::thread::sleep(pause);
        }
    }

    fn take(&mut self, message: Message) {
        self.results.step(message, Instant::now());
    }
}

const A: SchemaId = SchemaId(2);

fn ledger_event(effect: Effect, raw: Vec<u8>) -> LedgerEvent {
    LedgerEvent {
        shard: 0,
        effect,
        frames: PerStream {
            raw,
            written: Vec::new(),
        },
        place: 0,
    }
}

fn missing(key: u128, arrived_ms: i64) -> LedgerEvent {
    let effect = Effect::Missing {
        key: Fingerprint(key),
        payload: PayloadRef(0),
        schema: A,
        arrived_ms,
        deadline_ms: arrived_ms + DEADLINE_MS,
        generation: Generation(0),
        hole: None,
    };
    ledger_event(effect, format!("key {key}").into_bytes())
}

fn again(key: u128, arrived_ms: i64) -> LedgerEvent {
    let effect = Effect::MissingAgain {
        key: Fingerprint(key),
        schema: A,
        arrived_ms,
        deadline_ms: arrived_ms + DEADLINE_MS,
        hole: None,
        window: Some(0),
    };
    ledger_event(effect, Vec::new())
}

fn landed(key: u128, landed_ms: i64) -> LedgerEvent {
    let effect = Effect::LandedLate {
        key: Fingerprint(key),
        schema: A,
        landed_ms,
        written: WrittenSide::Gone,
        window: Some(0),
        is_of_copy: false,
    };
    ledger_event(effect, Vec::new())
}

fn reader(dir: &Path) -> Reader {
    Reader::open(&dir.join("store")).unwrap()
}

/// Events and late landings of each incident, which are those of its share.
fn counts(dir: &Path) -> Vec<(u64, u64)> {
    let counts = |incident: IncidentRow| {
        let counts = (incident.events, incident.landed_late);
        let shares = incident.shares.iter();
        let of_shares: Vec<_> = shares.map(|one| (one.events, one.landed_late)).collect();
        assert_eq!(of_shares, [counts], "incident {}", incident.id);
        counts
    };
    let incidents = reader(dir).incidents().unwrap();
    incidents.into_iter().map(counts).collect()
}

fn owed(dir: &Path) -> Vec<MissingEvent> {
    let mut owed = Vec::new();
    reader(dir)
        .missing_each(&MissingFilter::default(), None, |event| {
            owed.push(event);
            Ok::<(), landfall_store::StoreError>(())
        })
        .unwrap();
    owed
}

fn incidents_of(dir: &Path) -> Vec<(String, u64)> {
    let owed = owed(dir).into_iter();
    owed.map(|event| (event.key, event.incident)).collect()
}

/// One that is over, and what comes after it is another.
const LATER_MS: i64 = 10 * CLEAR_MS;

#[test]
fn an_event_that_is_lost_twice_is_counted_by_the_second_incident_alone() {
    // In one run; and with a restart in between, after which nobody has the first one in hand.
    for restarted in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let mut process = Process::start(dir.path(), 0, 100);
        process.at(2_000, vec![missing(1, 500), missing(2, 500)]);
        assert_eq!(counts(dir.path()), [(2, 0)]);
        process.at(LATER_MS, Vec::new());
        if restarted {
            drop(process);
            process = Process::start(dir.path(), LATER_MS, 100);
        }
        process.at(LATER_MS + 5_000, vec![again(1, LATER_MS + 3_000)]);
        assert_eq!(counts(dir.path()), [(1, 0), (1, 0)], "{restarted}");
        let rows = [("key 1".to_owned(), 2), ("key 2".to_owned(), 1)];
        assert_eq!(incidents_of(dir.path()), rows);
        // Whoever writes the first one down again has not forgotten it.
        process.at(LATER_MS + 6_000, vec![landed(2, LATER_MS + 6_000)]);
        assert_eq!(counts(dir.path()), [(1, 1), (1, 0)], "{restarted}");
        process.at(LATER_MS + 7_000, vec![landed(1, LATER_MS + 7_000)]);
        assert_eq!(counts(dir.path()), [(1, 1), (1, 1)], "{restarted}");
        assert!(owed(dir.path()).is_empty());
    }
}

#[test]
fn an_event_that_is_lost_twice_in_one_incident_is_counted_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut process = Process::start(dir.path(), 0, 100);
    process.at(2_000, vec![missing(1, 500)]);
    process.at(4_000, vec![again(1, 2_500), missing(2, 2_500)]);
    assert_eq!(counts(dir.path()), [(2, 0)]);
    process.at(6_000, vec![again(1, 4_500), again(2, 4_500)]);
    assert_eq!(counts(dir.path()), [(2, 0)]);
}

#[test]
fn the_second_loss_of_an_event_is_reported_even_if_retention_removed_the_first() {
    let dir = tempfile::tempdir().unwrap();
    let mut process = Process::start(dir.path(), 0, 1);
    process.at(2_000, vec![missing(1, 500), missing(2, 600)]);
    process.at(2_100, Vec::new());
    assert_eq!(incidents_of(dir.path()), [("key 2".to_owned(), 1)]);
    process.at(2_200, vec![landed(2, 2_200)]);
    process.at(LATER_MS, Vec::new());

    process.at(LATER_MS + 5_000, vec![again(1, LATER_MS + 3_000)]);
    // Nobody knows to which incident the first loss belonged.
    assert_eq!(counts(dir.path()), [(2, 1), (1, 0)]);
    let owed_now = owed(dir.path());
    let [event] = &owed_now[..] else {
        panic!("{owed_now:?}");
    };
    assert_eq!((event.incident, event.arrived_ms), (2, LATER_MS + 3_000));
    assert_eq!(reader(dir.path()).frame(event.id).unwrap(), Frame::Lost);

    process.at(LATER_MS + 8_000, vec![landed(1, LATER_MS + 8_000)]);
    assert_eq!(counts(dir.path()), [(2, 1), (1, 1)]);
    assert!(owed(dir.path()).is_empty());
}

#[test]
fn what_was_written_though_its_commit_failed_is_counted_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut process = Process::start(dir.path(), 0, 100);
    process.at(500, Vec::new());
    let mut report = JudgeReport::new(Stream::Raw, Generation::default());
    report.raw.push(SchemaCount {
        window: 0,
        schema: A,
        events: 3,
    });
    process.take(Message::Judged(report));
    process.results.lose_answer();
    process.at(2_000, vec![missing(1, 500)]);
    let windows = reader(dir.path()).windows().unwrap();
    assert_eq!(windows[0].counts.raw, 3);
    assert_eq!(counts(dir.path()), [(1, 0)]);
    // And it goes on.
    process.at(3_000, vec![missing(2, 1_500)]);
    assert_eq!(counts(dir.path()), [(2, 0)]);
}

#[test]
fn a_store_that_was_moved_is_reported_and_written_again_once_it_is_back() {
    let dir = tempfile::tempdir().unwrap();
    let (here, away) = (dir.path().join("store"), dir.path().join("away"));
    let mut process = Process::start(dir.path(), 0, 100);
    let telemetry = process.telemetry.clone();
    process.at(500, Vec::new());
    assert!(telemetry.readiness().is_ready());
    std::fs::rename(&here, &away).unwrap();
    let back = std::thread::spawn({
        let telemetry = telemetry.clone();
        move || {
            while telemetry.readiness().is_ready() {
                std::thread::yield_now();
            }
            std::fs::rename(away, here).unwrap();
        }
    });
    process.at(2_000, vec![missing(1, 500)]);
    back.join().unwrap();
    assert!(telemetry.readiness().is_ready());
    assert_eq!(incidents_of(dir.path()), [("key 1".to_owned(), 1)]);
}

#[test]
fn a_store_that_is_gone_when_the_end_comes_is_no_clean_end() {
    let dir = tempfile::tempdir().unwrap();
    let mut process = Process::start(dir.path(), 0, 100);
    let shutdown = Arc::clone(&process.shutdown);
    process.at(500, Vec::new());
    std::fs::remove_dir_all(dir.path().join("store")).unwrap();
    shutdown.give_up("the request to shut down was long ago".into());
    process.at(2_000, vec![missing(1, 500)]);
    let left = shutdown.unaccounted();
    assert_eq!(left.missing, 1);
    assert!(
        left.to_string().contains("moved, removed or replaced"),
        "{left}"
    );
}

#[test]
fn what_was_deleted_is_in_no_file_any_more_after_a_round_of_retention() {
    let is_there = |dir: &Path, key: u128| {
        let text = format!("key {key}").into_bytes();
        let mut files = std::fs::read_dir(dir.join("store")).unwrap();
        files.any(|file| {
            let bytes = std::fs::read(file.unwrap().path()).unwrap_or_default();
            bytes.windows(text.len()).any(|window| window == text)
        })
    };
    let dir = tempfile::tempdir().unwrap();
    let mut process = Process::start(dir.path(), 0, 1);
    process.at(2_000, vec![missing(1001, 500)]);
    process.at(2_100, vec![missing(1002, 600)]);
    assert!(is_there(dir.path(), 1001), "in the log");
    process.results.recording.make_pruning_due();
    process.at(3_000, Vec::new());
    assert!(!is_there(dir.path(), 1001));
    assert!(is_there(dir.path(), 1002));
}

#[test]
fn a_hole_that_has_ended_is_one_incident_that_closes_for_good() {
    let dir = tempfile::tempdir().unwrap();
    let mut process = Process::start(dir.path(), 0, 100);
    let written = process.in_flight.add_source(Stream::Written, 0);
    let hole = |to_ms| Hole {
        from_ms: 1_000,
        to_ms,
        cause: HoleCause::Disconnected,
    };
    let incident = || reader(dir.path()).incidents().unwrap();
    written.unseen(hole(4_000));
    process.at(4_000, Vec::new());
    assert!(incident().is_empty(), "it may still be a short one");
    written.unseen(hole(9_000));
    // The streams are applied only so far, because nothing is acknowledged.
    process.at(4_500, Vec::new());
    let [opened] = &incident()[..] else {
        panic!("one incident")
    };
    assert_eq!((opened.start_ms, opened.opened_ms), (1_000, 9_000));
    let mut last = Vec::new();
    for now_ms in (10_000..40 * CLEAR_MS).step_by(1_000) {
        process.at(now_ms, Vec::new());
        last.push(incident()[0].closed_ms);
    }
    let closed = last.last().copied().flatten();
    assert!(
        closed.is_some_and(|at_ms| at_ms <= 9_000 + 2 * CLEAR_MS + 1_000),
        "{last:?}"
    );
    let since = last.iter().position(Option::is_some).unwrap();
    assert!(
        last[since..].iter().all(|at_ms| *at_ms == closed),
        "{last:?}"
    );
    assert_eq!(incident().len(), 1);
}

#[test]
fn an_unconfirmed_event_whose_copy_is_lost_in_sight_stays_with_what_nobody_saw() {
    let dir = tempfile::tempdir().unwrap();
    let mut process = Process::start(dir.path(), 0, 100);
    let mut first = missing(1, 500);
    if let Effect::Missing { hole, .. } = &mut first.effect {
        *hole = Some(HoleCause::Disconnected);
    }
    process.at(2_000, vec![first]);
    process.at(4_000, vec![again(1, 2_500)]);
    let causes: Vec<String> = reader(dir.path())
        .incidents()
        .unwrap()
        .into_iter()
        .filter(|incident| incident.events > 0)
        .map(|incident| incident.cause)
        .collect();
    assert_eq!(causes, ["unwatched"]);
    assert_eq!(owed(dir.path())[0].hole, "disconnected");
}
