//! The results' thread: everything that was told becomes durable, and then visible.
//!
//! Knows the ledger's words, the store and the metrics. Decides nothing about events; it attributes
//! what is missing to incidents by asking the overseer, and closes windows.

pub mod account;
mod book;
mod chronicle;
mod flush;
mod incidents;
mod late;
mod pruning;
mod redaction;
mod retention;
mod samples;
mod schema_log;
mod tally;
mod told;
mod windows;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use landfall_document::Pointer;
use landfall_ledger::{
    Cause, Counts, Frontier, Generation, IncidentId, Overseer, OverseerConfig, SchemaGauge,
    SchemaId, ShardGauges, Verdict,
};
use landfall_runtime::{Seat, WindowCheck};
use landfall_store::spool::Spool;
use landfall_store::{LandedRow, Retention, SampleRow, Store};

use self::account::{Account, Given, Unread};
use self::book::Book;
use self::chronicle::Chronicle;
use self::pruning::Pruning;
use self::samples::SampleBudget;
use self::schema_log::SchemaLog;
use crate::board::Board;
use crate::clock::Clock;
use crate::engine::ending::Ending;
use crate::engine::messages::{Answer, Described, Message};
use crate::engine::plan_cell::PlanCell;
use crate::engine::standing;
use crate::engine::steady::Steady;
use crate::judge::plan::{Plan, STREAM_NAMES};
use crate::judge::{CheckActivity, Describer, JudgeReport, TimeDefect};
use crate::sources::StreamId;

/// How often what gathered is written, in real time, in a steady stream that is no flood more seldom:
/// news of a loss is this old at most. Each time costs a transaction, however little there is.
const FLUSH: Duration = Duration::from_millis(200);
const FLUSH_IN_A_STREAM: Duration = Duration::from_millis(500);

/// With no more messages than this part of what their queue holds between two flushes, it sleeps until
/// the next one.
const FEW_OF_QUEUE: usize = 4;

/// A flush is written at once when this much of what was told has gathered, so that memory stays
/// bounded.
const GATHERED_MAX: usize = 4096;
const GATHERED_BYTES_MAX: usize = 16 << 20;

/// How results are set up.
pub struct ResultsOptions {
    pub window_ms: i64,
    pub redact: Arc<Vec<Pointer>>,
    pub retention: Retention,
    /// What this process's generation 0 is in the store, where numbers go on from process to process.
    pub first_generation: u64,
    /// None in an audit: its clock is its events', and time stands still until all is told.
    pub clock: Option<Clock>,
    pub ending: Arc<Ending>,
}

/// The totals of a run, for audits.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    pub counts: Counts,
    pub by_schema: BTreeMap<String, Counts>,
    pub undecodable: BTreeMap<String, u64>,
    /// Events of either stream without a time that can be read, by what is wrong with it.
    pub untimed: BTreeMap<TimeDefect, u64>,
    pub imbalance: u64,
    pub account: Account,
}

/// The results. Owned by one thread.
pub struct Results {
    options: ResultsOptions,
    plan: Arc<PlanCell>,
    store: Store,
    overseer: Overseer,
    book: Book,
    board: Board,
    spool: Arc<Spool>,
    shards: Vec<ShardState>,
    window_seats: Vec<Seat<WindowCheck>>,
    samples: SampleBudget,
    schema_log: SchemaLog,
    gathered: Gathered,
    totals: Totals,
    /// The plan whose window checks sit in `window_seats`.
    seated: Option<Generation>,
    /// The first number of an incident that was never given, as far as the store was told.
    next_incident: u64,
    pruning: Pruning,
    /// When it was last noted up to which time the store tells.
    noted: Instant,
    longest_deadline_ms: i64,
    clear_ms: i64,
    /// The end of the latest window of an audit.
    audited_ms: Option<i64>,
    /// What is an incident of an audit, until all is told.
    chronicle: Chronicle,
    /// Compares what landed late; made when something first does.
    describer: Option<Describer>,
    /// To each shard.
    answers: Vec<Sender<Answer>>,
    /// What window checks said of incidents that are open.
    details: BTreeMap<IncidentId, String>,
}

#[derive(Clone, Copy)]
struct ShardState {
    frontier: Frontier,
    gauges: ShardGauges,
}

/// What waits to be written.
#[derive(Default)]
struct Gathered {
    told: Vec<Described>,
    /// Bytes of the frames of what was told.
    bytes: usize,
    samples: Vec<SampleRow>,
    /// What metrics will show once it is written.
    counts: Vec<(SchemaId, Counts)>,
    latency: Vec<SchemaGauge>,
}

impl Results {
    #[allow(
        clippy::too_many_arguments,
        reason = "the assembly's one place that knows all of them"
    )]
    pub fn new(
        options: ResultsOptions,
        plan: Arc<PlanCell>,
        store: Store,
        overseer: OverseerConfig,
        next_incident: u64,
        board: Board,
        spool: Arc<Spool>,
        answers: Vec<Sender<Answer>>,
        now_ms: i64,
    ) -> Self {
        let shards = answers.len();
        let never = Frontier {
            raw_ms: i64::MIN,
            written_ms: i64::MIN,
        };
        let pruning = Pruning::start(&store, options.clock.as_ref(), &options.retention);
        let (longest_deadline_ms, clear_ms) = (overseer.deadline_max_ms, overseer.clear_ms);
        Self {
            options,
            plan,
            store,
            overseer: Overseer::new(overseer, now_ms, next_incident),
            book: Book::default(),
            board,
            spool,
            shards: vec![
                ShardState {
                    frontier: never,
                    gauges: ShardGauges::default()
                };
                shards
            ],
            window_seats: Vec::new(),
            samples: SampleBudget::default(),
            schema_log: SchemaLog::default(),
            gathered: Gathered::default(),
            totals: Totals::default(),
            seated: None,
            next_incident,
            pruning,
            noted: Instant::now(),
            longest_deadline_ms,
            clear_ms,
            audited_ms: None,
            chronicle: Chronicle::default(),
            describer: None,
            answers,
            details: BTreeMap::new(),
        }
    }

    /// Runs until everybody upstream has ended; gives the totals of the run.
    pub fn run(
        mut self,
        messages: &Receiver<Message>,
        overseers: &Receiver<OverseerConfig>,
    ) -> Totals {
        let few = messages.capacity().unwrap_or_default() / FEW_OF_QUEUE;
        let mut steady = Steady::default();
        let mut count = 0;
        loop {
            let pause = steady.pause(FLUSH, FLUSH_IN_A_STREAM);
            let began = Instant::now();
            let due = began + pause;
            // Waking for each message costs more than taking it.
            standing::waits();
            if count <= few {
                std::thread::sleep(pause);
            }
            count = 0;
            let mut events = 0;
            let ended = loop {
                while let Ok(config) = overseers.try_recv() {
                    self.longest_deadline_ms = self.longest_deadline_ms.max(config.deadline_max_ms);
                    self.overseer.reconfigure(config);
                }
                standing::waits();
                let message = messages.recv_deadline(due);
                standing::works();
                match message {
                    Ok(message) => {
                        // Shards tell of themselves in any case; a batch of landings brings work too.
                        if let Message::Judged(report) = &message {
                            events += report.raw_events().max(1);
                        }
                        self.take(message);
                    }
                    Err(RecvTimeoutError::Timeout) => break false,
                    Err(RecvTimeoutError::Disconnected) => break true,
                }
                count += 1;
                let full = self.gathered.told.len() >= GATHERED_MAX
                    || self.gathered.bytes >= GATHERED_BYTES_MAX;
                if full || count > few && Instant::now() >= due {
                    break false;
                }
            };
            steady.round(events, began.elapsed());
            self.flush_until_done(ended);
            if ended {
                return self.totals;
            }
        }
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Judged(report) => self.take_report(report),
            Message::Shard {
                shard,
                activity,
                landed_ms,
                told,
                checks,
                flush,
            } => {
                self.take_activity(&checks);
                // In an audit lines come in any order of time: what waited for how long cannot be told.
                if !self.is_audit() {
                    for activity in &activity {
                        self.overseer.activity(activity);
                    }
                    if let Some(landed_ms) = landed_ms {
                        self.overseer.landed(landed_ms);
                    }
                }
                self.gathered.bytes += told.iter().map(|told| told.told.bytes()).sum::<usize>();
                self.gathered.told.extend(told);
                let Some(flush) = flush else { return };
                let plan = self.plan.current();
                for delta in &flush.tallies {
                    self.book.add(delta.window, delta.schema, &delta.counts);
                    self.count(&plan, delta.schema, &delta.counts);
                    self.note_unjudged(delta.window, delta.schema, &delta.counts);
                }
                if self.is_audit() {
                    let latest = flush.tallies.iter().map(|delta| delta.window + 1).max();
                    let end_ms = latest.map(|window| window.saturating_mul(self.options.window_ms));
                    self.audited_ms = self.audited_ms.max(end_ms);
                }
                self.gathered.latency.extend(flush.latency);
                self.shards[shard] = ShardState {
                    frontier: flush.frontier,
                    gauges: flush.gauges,
                };
            }
        }
    }

    fn take_report(&mut self, report: JudgeReport) {
        let generation = report.generation;
        let stream = STREAM_NAMES.get(report.stream).copied().unwrap_or_default();
        let plan = self.plan.current();
        for count in &report.raw {
            let counts = Counts {
                raw: count.events as i64,
                ..Counts::default()
            };
            self.book.add(count.window, count.schema, &counts);
            self.book.judged_by(count.window, count.schema, generation);
            self.count(&plan, count.schema, &counts);
        }
        if let Some(seen) = report.seen_ms
            && !self.is_audit()
        {
            self.overseer.seen(report.stream as u8, seen);
        }
        for &(reason, rows) in &report.undecodable {
            let reason = samples::reason_of(&plan, reason);
            self.board
                .undecodable(report.stream, &reason.check, &reason.id, rows);
            *self
                .totals
                .undecodable
                .entry(reason.id.clone())
                .or_default() += rows;
            let unread = Unread {
                stream,
                check: reason.check,
                reason: reason.id,
            };
            *self.totals.account.undecodable.entry(unread).or_default() += rows;
        }
        for &(defect, events) in &report.untimed {
            *self.totals.untimed.entry(defect).or_default() += events;
        }
        for &(violation, rows) in &report.violations {
            let reason = samples::reason_of(&plan, violation.reason);
            self.board.violations(&reason.check, &reason.id, rows);
            let given = Given {
                stream,
                check: reason.check,
                reason: reason.id,
                outcome: Given::outcome_of(violation.outcome),
                decides: violation.decides,
            };
            *self.totals.account.reasons.entry(given).or_default() += rows;
        }
        for sample in &report.samples {
            let number = self.number(generation);
            let row = samples::of_judge(&plan, sample, number, &self.options.redact);
            self.keep_sample(row);
        }
        self.take_activity(&report.checks);
    }

    /// What checks did, and said in the log.
    fn take_activity(&mut self, checks: &[CheckActivity]) {
        for check in checks {
            self.board.check(&check.name, &check.counters);
            self.totals.account.check(&check.name, &check.counters);
            for faults in &check.counters.schemas {
                self.board.schema_faults(faults);
                self.schema_log.take(&check.name, faults, Instant::now());
            }
            for line in &check.log {
                samples::log_line(&check.name, line);
            }
        }
    }

    fn keep_sample(&mut self, row: SampleRow) {
        if self.samples.take(&row) {
            self.gathered.samples.push(row);
        }
    }

    /// Counts verdicts in totals, and in metrics once they are written.
    fn count(&mut self, plan: &Plan, schema: SchemaId, counts: &Counts) {
        let name = plan.labels.name(schema);
        self.gathered.counts.push((schema, *counts));
        self.totals.counts.add(counts);
        match self.totals.by_schema.get_mut(name) {
            Some(known) => known.add(counts),
            None => {
                self.totals.by_schema.insert(name.to_owned(), *counts);
            }
        }
    }

    /// Events that could not be judged are an incident of their own kind. Of their arrival only the
    /// window is known.
    fn note_unjudged(&mut self, window: i64, schema: SchemaId, counts: &Counts) {
        let unjudged = counts.verdict(Verdict::Unjudged);
        if unjudged > 0 {
            let start_ms = window.saturating_mul(self.options.window_ms);
            let last_ms = start_ms.saturating_add(self.options.window_ms - 1);
            let at_ms = self.now_ms().clamp(start_ms, last_ms);
            self.note(
                Cause::Unjudged,
                schema,
                unjudged.unsigned_abs(),
                at_ms,
                at_ms,
            );
        }
    }

    /// Something happened to events that arrived (or landed) in a stretch of time.
    fn note(&mut self, cause: Cause, schema: SchemaId, events: u64, first_ms: i64, last_ms: i64) {
        if self.is_audit() {
            let window = first_ms.div_euclid(self.options.window_ms);
            self.chronicle
                .note(window, cause, schema, events, first_ms, last_ms);
        } else {
            self.overseer.note(cause, schema, events, first_ms, last_ms);
        }
    }

    /// The number of a generation in the store.
    fn number(&self, generation: Generation) -> u64 {
        self.options.first_generation + u64::from(generation.0)
    }

    fn is_audit(&self) -> bool {
        self.options.clock.is_none()
    }

    /// Time by which everything told is complete.
    fn now_ms(&self) -> i64 {
        let told = self
            .shards
            .iter()
            .map(|shard| shard.frontier.written_ms.min(shard.frontier.raw_ms))
            .min();
        let told = told.unwrap_or(i64::MIN);
        match (&self.options.clock, told) {
            (Some(clock), i64::MAX) => clock.now_ms(),
            (_, told) => told,
        }
    }

    /// Up to when everything of a stream has been told; None if that is not known (yet), and in an
    /// audit, where time stands still.
    fn told_up_to(&self, stream: StreamId) -> Option<i64> {
        let of_stream = |shard: &ShardState| match stream {
            StreamId::RAW => shard.frontier.raw_ms,
            _ => shard.frontier.written_ms,
        };
        let told = self.shards.iter().map(of_stream).min()?;
        match &self.options.clock {
            Some(clock) if told == i64::MAX => Some(clock.now_ms()),
            Some(_) if told != i64::MIN => Some(told),
            _ => None,
        }
    }

    /// When something is said: the clock's time, or in an audit the events'.
    fn said_ms(&self) -> i64 {
        self.options
            .clock
            .as_ref()
            .map_or_else(|| self.now_ms(), Clock::now_ms)
    }
}

/// A missing event that is spoken of: what is known of it.
struct Known {
    row: LandedRow,
    /// Its raw frame, if the store has it.
    frame: Option<Vec<u8>>,
    /// It is told in this flush: its place among the fates, where its frame is.
    told: Option<usize>,
}

/// Missing events that are spoken of, by fingerprint.
type KnownMissing = HashMap<[u8; 16], Known>;
