//! Small worlds, exhaustively: two events in two shards, and every order in which their frames, a hole, the time, what
//! is stored and the death of the process may follow each other. What the simulations meet by chance, this cannot miss.
//!
//! A world is two events, each with what becomes of its row, and whether the written stream has a hole. In every order
//! of its steps that can happen, the end must be right: each event that was read has one verdict in the store; none that
//! landed in time is `missing`; none that did not land is `delivered` or `late`; what was seen is named exactly; and
//! what the store lists as owed is what its counts say.
//!
//! The store is a model here: it has what each shard handed out at its last flush, all of it or nothing. So is the
//! spool: a frame is in it when its event or its row is applied, and the next process begins with those that are not
//! settled.
//!
//! Long: the model of store and crash, and the walk over it, are one argument.

use landfall_ledger::{
    Coverage, Deadlines, Effect, Fingerprint, Form, Frontier, Generation, Hole, HoleCause,
    Judgement, PayloadRef, PerStream, RawObservation, Readings, ReasonId, STAMPS_APART_MS,
    SchemaId, SettledLog, SettledRecord, Shard, ShardConfig, TallyDelta, Verdict,
    WrittenObservation,
};

const DEADLINE_MS: i64 = 100;
const ARRIVED_MS: [i64; 2] = [1_000, 1_010];
const IN_TIME_MS: i64 = 1_050;
const LATE_MS: i64 = 1_200;
/// When the copy of the first event comes, after a crash.
const COPY_MS: i64 = 2_000;

/// What of the written stream nobody saw: in the middle; the last instant before the first event that concerns it, and
/// the one before that; the instant of its deadline, and the one after it, which is within that of the second event.
const HOLES_MS: [(i64, i64); 5] = [
    (1_040, 1_060),
    (-9, ARRIVED_MS[0] - STAMPS_APART_MS),
    (-9, ARRIVED_MS[0] - STAMPS_APART_MS - 1),
    (ARRIVED_MS[0] + DEADLINE_MS, 1_105),
    (ARRIVED_MS[0] + DEADLINE_MS + 1, 1_105),
];

/// The two events; each has the shard of its number.
const EVENTS: [usize; 2] = [0, 1];

/// Where time stops on its way: with all rows in time, behind both deadlines, behind the late rows.
const TIMES_MS: [i64; 3] = [1_070, 1_150, 1_300];

/// What becomes of an event's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Row {
    Never,
    InTime,
    /// In time, and nobody reads it: there is a hole.
    Unseen,
    Late,
}

#[derive(Clone, Copy, Debug)]
struct World {
    rows: [Row; 2],
    hole_ms: Option<(i64, i64)>,
    crashes: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Raw(usize),
    Row(usize),
    /// The source reports the hole.
    Hole,
    /// Time moves on to the next stop.
    Time,
    /// What a shard did since its last flush is stored.
    Flush(usize),
    /// The process dies, and the next one begins.
    Crash,
}

impl Step {
    /// The only shard that it concerns.
    fn shard(self) -> Option<usize> {
        match self {
            Step::Raw(shard) | Step::Row(shard) | Step::Flush(shard) => Some(shard),
            Step::Hole | Step::Time | Step::Crash => None,
        }
    }
}

/// What survives a crash.
#[derive(Default)]
struct Store {
    /// By event: its verdicts, summed.
    verdicts: [[i64; Verdict::ALL.len()]; 2],
    duplicate: i64,
    unexpected: i64,
    /// The frames that are settled: those of the two events, of the copy, and of the two rows.
    settled: [bool; 5],
    /// What each shard remembers of its key.
    keys: [Vec<SettledRecord>; 2],
    /// Owed: with the cause of a hole, if it is unconfirmed.
    owed: [Option<Option<HoleCause>>; 2],
}

struct Process {
    shards: [Shard; 2],
    /// What each did since its last flush.
    effects: [Vec<Effect>; 2],
    readings: Readings,
}

/// A path through a world.
struct Path {
    world: World,
    store: Store,
    process: Process,
    /// What was done.
    raw: [bool; 2],
    /// The row was applied.
    row_known: [bool; 2],
    /// It came while no process ran, or was not read before the process died.
    row_gone: [bool; 2],
    hole_told: bool,
    times: usize,
    crashed: bool,
    /// It had its verdict in the store when the process died.
    stored: [bool; 2],
}

fn key(event: usize) -> Fingerprint {
    // The top bits say which shard.
    let key = Fingerprint((event as u128) << 127 | (event as u128 + 7) << 40 | 5);
    assert_eq!(key.shard(2), event);
    key
}

/// The segments of the rows; those of the events are 1 and 2, that of the copy is 3.
const ROW_SEGMENTS: [u64; 2] = [4, 5];

fn payload(segment: u64) -> PayloadRef {
    PayloadRef(segment << PayloadRef::SEGMENT_SHIFT)
}

fn schema(event: usize) -> SchemaId {
    SchemaId(4 + event as u16)
}

fn shard(watched_since_ms: i64) -> Shard {
    Shard::new(ShardConfig {
        deadlines: Deadlines {
            default_ms: DEADLINE_MS,
            by_schema: Vec::new(),
        },
        window_ms: 500,
        unexpected_grace_ms: 40,
        horizon_ms: 1_000_000,
        settled_max: 100,
        latency_bounds_ms: Vec::new(),
        disputes_max: 8,
        writer_replaces: false,
        watched_since_ms,
    })
}

impl Process {
    fn new(watched_since_ms: i64) -> Self {
        Self {
            shards: [shard(watched_since_ms), shard(watched_since_ms)],
            effects: [Vec::new(), Vec::new()],
            readings: Readings::default(),
        }
    }

    fn unseen(&mut self, streams: PerStream<bool>, hole: Hole) {
        let add = |coverage: &mut Coverage, wanted: bool| {
            if wanted {
                coverage.add(hole);
            }
        };
        add(&mut self.readings.coverage.raw, streams.raw);
        add(&mut self.readings.coverage.written, streams.written);
        for shard in &mut self.shards {
            shard.set_readings(self.readings.clone());
        }
    }

    fn raw(&mut self, event: usize, arrived_ms: i64, segment: u64) {
        let observation = RawObservation {
            key: key(event),
            form: Form::NONE,
            arrived_ms,
            payload: payload(segment),
            schema: schema(event),
            judgement: Judgement::Expected,
            reason: ReasonId(0),
            generation: Generation(0),
        };
        self.shards[event].raw(&observation, &mut self.effects[event]);
    }
}

impl Path {
    fn new(world: World) -> Self {
        Self {
            world,
            store: Store::default(),
            process: Process::new(0),
            raw: [false; 2],
            row_known: [false; 2],
            row_gone: [false; 2],
            hole_told: false,
            times: 0,
            crashed: false,
            stored: [false; 2],
        }
    }

    fn row_ms(&self, event: usize) -> Option<i64> {
        match self.world.rows[event] {
            Row::InTime => Some(IN_TIME_MS),
            Row::Late => Some(LATE_MS),
            Row::Never | Row::Unseen => None,
        }
    }

    /// Everything that comes until then has been applied, or is lost.
    fn is_complete(&self, to_ms: i64) -> bool {
        let raw = EVENTS
            .into_iter()
            .all(|event| self.raw[event] || ARRIVED_MS[event] > to_ms || self.crashed);
        let rows = EVENTS.into_iter().all(|event| {
            let waits = self.row_ms(event).is_some_and(|at_ms| at_ms <= to_ms);
            !waits || self.row_known[event] || self.row_gone[event]
        });
        let is_due = self
            .world
            .hole_ms
            .is_some_and(|(from_ms, _)| from_ms <= to_ms);
        let hole = !is_due || self.hole_told || self.crashed;
        raw && rows && hole
    }

    /// The steps that may come next. `flushed`: nothing happened in that shard since its last flush.
    fn steps(&self, flushed: [bool; 2]) -> Vec<Step> {
        let mut steps = Vec::new();
        for event in EVENTS {
            // After the crash only what came before it is missing: those frames are gone.
            if !self.raw[event] && !self.crashed {
                steps.push(Step::Raw(event));
            }
            if self.row_ms(event).is_some() && !self.row_known[event] && !self.row_gone[event] {
                steps.push(Step::Row(event));
            }
            // A flush matters by what a crash leaves of it.
            let may_matter = self.world.crashes && !self.crashed;
            if may_matter && !flushed[event] {
                steps.push(Step::Flush(event));
            }
        }
        if self.world.hole_ms.is_some() && !self.hole_told && !self.crashed {
            steps.push(Step::Hole);
        }
        if self.times < TIMES_MS.len() && self.is_complete(TIMES_MS[self.times]) {
            steps.push(Step::Time);
        }
        if self.world.crashes && !self.crashed {
            steps.push(Step::Crash);
        }
        steps
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Raw(event) => {
                self.raw[event] = true;
                self.process.raw(event, ARRIVED_MS[event], event as u64 + 1);
            }
            Step::Row(event) => {
                self.row_known[event] = true;
                self.row(event);
            }
            Step::Hole => {
                self.hole_told = true;
                let streams = PerStream {
                    raw: false,
                    written: true,
                };
                let (from_ms, to_ms) = self.world.hole_ms.expect("there is one");
                let hole = Hole {
                    from_ms,
                    to_ms,
                    cause: HoleCause::Disconnected,
                };
                self.process.unseen(streams, hole);
            }
            Step::Time => {
                self.advance(TIMES_MS[self.times]);
                self.times += 1;
            }
            Step::Flush(event) => self.flush(event),
            Step::Crash => self.crash(),
        }
    }

    fn row(&mut self, event: usize) {
        let at_ms = self.row_ms(event).expect("it lands");
        let row = WrittenObservation {
            key: key(event),
            form: Form::NONE,
            earliest_ms: at_ms,
            arrived_ms: at_ms,
            schema: schema(event),
            row: 0,
            payload: payload(ROW_SEGMENTS[event]),
            generation: Generation(0),
        };
        let process = &mut self.process;
        process.shards[event].written(&row, &mut process.effects[event]);
    }

    fn advance(&mut self, to_ms: i64) {
        let frontier = Frontier {
            raw_ms: to_ms,
            written_ms: to_ms,
        };
        let process = &mut self.process;
        for (shard, effects) in process.shards.iter_mut().zip(&mut process.effects) {
            shard.advance(frontier, effects);
        }
    }

    /// Stores what a shard did, and gives it the store's answers.
    fn flush(&mut self, number: usize) {
        let shard = &mut self.process.shards[number];
        let mut deltas: Vec<TallyDelta> = Vec::new();
        shard.drain_tallies(&mut deltas);
        let mut log = SettledLog::default();
        shard.drain_settled(&mut log);
        let store = &mut self.store;
        for delta in deltas {
            let event = usize::from(delta.schema.0 - 4);
            for (sum, more) in store.verdicts[event].iter_mut().zip(delta.counts.verdicts) {
                *sum += more;
            }
            store.duplicate += delta.counts.duplicate;
            store.unexpected += delta.counts.unexpected;
        }
        for frame in &log.frames {
            store.settled[frame.segment() as usize - 1] = true;
        }
        store.keys[number].extend(&log.keys);
        let mut answers = Vec::new();
        for effect in self.process.effects[number].drain(..) {
            let event = number;
            match effect {
                Effect::Missing { hole, .. } => store.owed[event] = Some(hole),
                Effect::LandedLate { window, .. } => {
                    let owed = store.owed[event].take();
                    // Its counts are the store's to revise.
                    if let (None, Some(hole)) = (window, owed) {
                        let was = match hole {
                            None => Verdict::Missing,
                            Some(_) => Verdict::Unconfirmed,
                        };
                        store.verdicts[event][was as usize] -= 1;
                        store.verdicts[event][Verdict::Late as usize] += 1;
                    }
                }
                Effect::MissingAgain {
                    hole: Some(hole),
                    window,
                    ..
                } => {
                    let owed = store.owed[event].replace(Some(hole));
                    if let (None, Some(None)) = (window, owed) {
                        store.verdicts[event][Verdict::Missing as usize] -= 1;
                        store.verdicts[event][Verdict::Unconfirmed as usize] += 1;
                    }
                }
                Effect::Recall { key } => answers.push(key),
                _ => {}
            }
        }
        for key in answers {
            let missing = self.store.owed[number].map(|_| schema(number));
            let process = &mut self.process;
            process.shards[number].recalled(key, missing, &mut process.effects[number]);
        }
    }

    /// The process dies at the latest time that it knows of; the next one begins with what was stored.
    fn crash(&mut self) {
        self.crashed = true;
        let time_ms = |place: usize| TIMES_MS[place];
        let mut now_ms = self.times.checked_sub(1).map_or(0, time_ms);
        for event in EVENTS {
            if self.raw[event] {
                now_ms = now_ms.max(ARRIVED_MS[event]);
            }
            if self.row_known[event] {
                now_ms = now_ms.max(self.row_ms(event).unwrap_or_default());
            }
        }
        for event in EVENTS {
            // What it had not read is gone, and so is what came before the next one began.
            let came = self.row_ms(event).is_some_and(|at_ms| at_ms <= now_ms);
            self.row_gone[event] = came && !self.row_known[event];
        }
        self.process = Process::new(now_ms + 1);
        let both = PerStream {
            raw: true,
            written: true,
        };
        let hole = Hole {
            from_ms: i64::MIN,
            to_ms: now_ms + 1,
            cause: HoleCause::NotRunning,
        };
        self.process.unseen(both, hole);
        for event in EVENTS {
            let shard = &mut self.process.shards[event];
            for record in &self.store.keys[event] {
                let record = SettledRecord::from_bytes(record.to_bytes(), Some, true);
                shard.restore(record.expect("it reads back"), now_ms, false);
            }
            if self.store.owed[event].is_some() {
                shard.add_unlanded(key(event));
            }
            self.stored[event] = self.store.settled[event];
            // Judges finish in any order: here the row comes first for one event, and second for the other.
            let row_waits = self.row_known[event] && !self.store.settled[3 + event];
            if row_waits && event == 0 {
                self.row(event);
            }
            if self.raw[event] && !self.store.settled[event] {
                self.process.raw(event, ARRIVED_MS[event], event as u64 + 1);
            }
            if row_waits && event == 1 {
                self.row(event);
            }
        }
    }

    /// Whether the world's hole has a part in the time that decides about an event.
    fn is_unseen(&self, event: usize) -> bool {
        let from_ms = ARRIVED_MS[event] - STAMPS_APART_MS;
        let to_ms = ARRIVED_MS[event] + DEADLINE_MS;
        let hole = self.world.hole_ms.filter(|_| self.hole_told);
        hole.is_some_and(|hole| hole.0 <= to_ms && hole.1 >= from_ms)
    }

    /// Lets all time pass, stores everything, and checks the end.
    fn end(mut self, steps: &[Step]) {
        let has_copy = self.crashed && self.raw[0];
        if has_copy {
            self.process.raw(0, COPY_MS, 3);
            self.flush(0);
        }
        self.advance(100_000);
        for _ in 0..3 {
            self.flush(0);
            self.flush(1);
        }
        for event in EVENTS {
            let about = format!("{:?}, event {event}: {steps:?}", self.world);
            let mut verdicts = self.store.verdicts[event];
            if has_copy && event == 0 {
                // The pipeline owes no second row for it.
                verdicts[Verdict::Repeated as usize] -= 1;
            }
            let net: Vec<Verdict> = Verdict::ALL
                .into_iter()
                .filter(|verdict| verdicts[*verdict as usize] != 0)
                .collect();
            if !self.raw[event] {
                assert!(net.is_empty(), "{net:?}: it was never read. {about}");
                continue;
            }
            assert_eq!(verdicts.iter().sum::<i64>(), 1, "{verdicts:?} {about}");
            let [verdict] = net[..] else {
                panic!("{net:?} {about}");
            };
            assert!(self.store.settled[event], "its frame stays. {about}");
            let row_settled = self.store.settled[3 + event];
            assert_eq!(row_settled, self.row_known[event], "its row. {about}");
            let owed = match self.store.owed[event] {
                None => None,
                Some(None) => Some(Verdict::Missing),
                Some(Some(_)) => Some(Verdict::Unconfirmed),
            };
            let is_owed = matches!(verdict, Verdict::Missing | Verdict::Unconfirmed);
            assert_eq!(owed, is_owed.then_some(verdict), "the list. {about}");

            let row = self.world.rows[event];
            let right = match (row, self.row_known[event]) {
                (Row::InTime, true) => verdict == Verdict::Delivered,
                (Row::Late, true) => verdict == Verdict::Late,
                // It landed in time, and nobody saw it.
                (Row::InTime | Row::Unseen, _) => verdict == Verdict::Unconfirmed,
                // As of its deadline it was not there, if that was seen. A copy that is lost after a crash is looked
                // for in a time that was not seen, and the event is what its copy is.
                (Row::Never | Row::Late, _) => {
                    let is_judged_again = self.crashed && !self.stored[event];
                    let is_unseen =
                        self.is_unseen(event) || is_judged_again || has_copy && event == 0;
                    verdict
                        == match is_unseen {
                            false => Verdict::Missing,
                            true => Verdict::Unconfirmed,
                        }
                }
            };
            assert!(right, "{verdict:?} {about}");
        }
        // No row is one too many, whatever is applied again; none whose event was read is without it.
        let Store {
            duplicate,
            unexpected,
            ..
        } = self.store;
        assert_eq!(duplicate, 0, "{:?}: {steps:?}", self.world);
        let all_read = self.raw == [true; 2];
        assert!(
            !all_read || self.crashed || unexpected == 0,
            "{:?}: {steps:?}",
            self.world
        );
    }
}

/// Walks all paths from here on. Gives their number.
fn walk(world: World, steps: &mut Vec<Step>) -> u64 {
    let mut path = Path::new(world);
    let mut flushed = [true; 2];
    for step in &*steps {
        path.step(*step);
        match step {
            Step::Flush(shard) => flushed[*shard] = true,
            Step::Raw(event) | Step::Row(event) => flushed[*event] = false,
            Step::Time => flushed = [false; 2],
            Step::Hole => {}
            Step::Crash => flushed = [true; 2],
        }
    }
    let next = path.steps(flushed);
    // Flushes alone change nothing that the end does not do.
    if next.iter().all(|step| matches!(step, Step::Flush(_))) {
        path.end(steps);
        return 1;
    }
    let last = steps.last().and_then(|step| step.shard());
    let mut paths = 0;
    for step in next {
        // Two steps of different shards, one right after the other, lead to the same in either order.
        if last
            .zip(step.shard())
            .is_some_and(|(last, next)| last > next)
        {
            continue;
        }
        steps.push(step);
        paths += walk(world, steps);
        steps.pop();
    }
    paths
}

fn worlds(crashes: bool) -> impl Iterator<Item = World> {
    let pairs = move |rows: &'static [Row], hole_ms| {
        rows.iter().flat_map(move |first| {
            rows.iter().map(move |second| World {
                rows: [*first, *second],
                hole_ms,
                crashes,
            })
        })
    };
    let seen = pairs(&[Row::Never, Row::InTime, Row::Late], None);
    let unseen = pairs(&[Row::Never, Row::Unseen, Row::Late], Some(HOLES_MS[0]));
    // At the edges only that matters which does not land in time.
    let edges = HOLES_MS[1..].iter();
    let edges = edges.flat_map(move |hole_ms| pairs(&[Row::Never], Some(*hole_ms)));
    seen.chain(unseen).chain(edges)
}

#[test]
fn in_every_order_without_a_crash_the_end_is_right() {
    let paths: u64 = worlds(false)
        .map(|world| walk(world, &mut Vec::new()))
        .sum();
    println!("{paths} paths");
    assert!(paths > 100);
}

#[test]
fn whenever_the_process_dies_the_end_is_right() {
    let paths: u64 = worlds(true).map(|world| walk(world, &mut Vec::new())).sum();
    println!("{paths} paths");
    assert!(paths > 100_000);
}
