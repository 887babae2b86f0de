//! The results: everything that was told becomes durable, and then visible. `take` and `flush` decide;
//! `running` is the thread around them.
//!
//! Knows the ledger's words, the store and the metrics. Decides nothing about events; it attributes
//! what is missing to incidents by asking the overseer, and closes windows.

pub mod account;
mod again;
mod open_windows;
mod audit_incidents;
mod fault_log;
mod flush;
mod incidents;
mod late;
mod log_file;
mod pruning;
mod redaction;
mod retention;
mod running;
mod samples;
mod schema_log;
mod tally;
#[cfg(test)]
mod tests;
mod told;
mod undecodable_log;
mod windows;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Instant;

use crossbeam_channel::Sender;
use landfall_document::Pointer;
use landfall_ledger::{
    Cause, Counts, Frontier, Generation, IncidentId, IncidentTracker, IncidentTrackerConfig, SchemaGauge,
    SchemaId, ShardGauges, Stream, Verdict,
};
use landfall_runtime::{Counters, CheckInstance, WindowCheck};
use landfall_store::spool::Spool;
use landfall_store::{LandedRow, Retention, SampleRow, Store};

use self::account::{Account, Given, Undecodable};
use self::again::Moved;
use self::open_windows::OpenWindows;
use self::audit_incidents::AuditIncidents;
use self::fault_log::FaultLog;
use self::log_file::LogFile;
use self::pruning::Pruning;
use self::samples::SampleBudget;
use self::schema_log::SchemaLog;
use self::undecodable_log::UndecodableLog;
use crate::telemetry::Telemetry;
use crate::clock::Clock;
use crate::shutdown::Shutdown;
use crate::judge::plan::Plan;
use crate::judge::plan_cell::PlanCell;
use crate::judge::{CheckActivity, Comparison, Describer, JudgeReport, TimeDefect};
use crate::messages::{Answer, Described, Message, ShardOutput};

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
    pub ending: Arc<Shutdown>,
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
    tracker: IncidentTracker,
    open_windows: OpenWindows,
    telemetry: Telemetry,
    spool: Arc<Spool>,
    shards: Vec<ShardState>,
    window_checks: Vec<CheckInstance<WindowCheck>>,
    samples: SampleBudget,
    faults: FaultLog,
    schema_log: SchemaLog,
    gathered: Gathered,
    totals: Totals,
    undecodable_log: UndecodableLog,
    /// The plan whose window checks sit in `window_checks`.
    window_checks_of: Option<Generation>,
    /// The first number of an incident that was never given, as far as the store was told.
    next_incident: u64,
    pruning: Pruning,
    log_file: LogFile,
    /// When it was last noted up to which time the store tells.
    noted: Instant,
    longest_deadline_ms: i64,
    clear_ms: i64,
    /// The end of the latest window of an audit.
    audited_ms: Option<i64>,
    /// What is an incident of an audit, until all is told.
    audit_incidents: AuditIncidents,
    /// Compares what landed late; made when something first does.
    describer: Option<Describer>,
    /// To each shard.
    answers: Vec<Sender<Answer>>,
    /// What window checks said of incidents that are open.
    details: BTreeMap<IncidentId, String>,
    /// Events that the overseer counts in an incident, and another one has by now.
    moved: Moved,
}

struct ShardState {
    frontier: Frontier,
    gauges: ShardGauges,
    /// Pieces of what it tells, until the last one is there.
    gathered: Vec<Described>,
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
        tracker: IncidentTrackerConfig,
        next_incident: u64,
        telemetry: Telemetry,
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
        let (longest_deadline_ms, clear_ms) = (tracker.deadline_max_ms, tracker.clear_ms);
        Self {
            options,
            plan,
            store,
            tracker: IncidentTracker::new(tracker, now_ms, next_incident),
            open_windows: OpenWindows::default(),
            telemetry,
            spool,
            shards: (0..shards)
                .map(|_| ShardState {
                    frontier: never,
                    gauges: ShardGauges::default(),
                    gathered: Vec::new(),
                })
                .collect(),
            window_checks: Vec::new(),
            samples: SampleBudget::default(),
            faults: FaultLog::default(),
            schema_log: SchemaLog::default(),
            gathered: Gathered::default(),
            totals: Totals::default(),
            undecodable_log: UndecodableLog::default(),
            window_checks_of: None,
            next_incident,
            pruning,
            log_file: LogFile::default(),
            noted: Instant::now(),
            longest_deadline_ms,
            clear_ms,
            audited_ms: None,
            audit_incidents: AuditIncidents::default(),
            describer: None,
            answers,
            details: BTreeMap::new(),
            moved: Moved::default(),
        }
    }

    /// New bounds of incidents and deadlines.
    pub(crate) fn reconfigure(&mut self, config: IncidentTrackerConfig) {
        self.longest_deadline_ms = self.longest_deadline_ms.max(config.deadline_max_ms);
        self.tracker.reconfigure(config);
    }

    /// Takes one message. What comes of it is written by the next flush.
    pub(crate) fn take(&mut self, message: Message) {
        match message {
            Message::Judged(report) => self.take_report(report),
            Message::Shard { told, checks } => {
                self.take_activity(checks);
                self.take_told(told);
            }
        }
    }

    /// The next commit is done, and seems to have failed.
    #[cfg(test)]
    pub(crate) fn lose_answer(&mut self) {
        self.store.lose_answer();
    }

    /// Whether so much has gathered that it is to be written at once.
    fn is_full(&self) -> bool {
        self.gathered.told.len() >= GATHERED_MAX || self.gathered.bytes >= GATHERED_BYTES_MAX
    }

    fn take_told(&mut self, told: ShardOutput<Described>) {
        // In an audit lines come in any order of time: what waited for how long cannot be told.
        if !self.is_audit() {
            for activity in &told.activity {
                self.tracker.activity(activity);
            }
            if let Some(landed_ms) = told.landed_ms {
                self.tracker.landed(landed_ms);
            }
        }
        let ShardState { gathered, .. } = &mut self.shards[told.shard];
        gathered.extend(told.told);
        if told.more {
            return;
        }
        self.gathered.bytes += gathered.iter().map(|one| one.event.bytes()).sum::<usize>();
        self.gathered.told.append(gathered);
        let plan = self.plan.current();
        for delta in &told.tallies {
            self.open_windows.add(delta.window, delta.schema, &delta.counts);
            self.count(&plan, delta.schema, &delta.counts);
            self.note_unjudged(delta.window, delta.schema, &delta.counts);
        }
        if self.is_audit() {
            let latest = told.tallies.iter().map(|delta| delta.window + 1).max();
            let end_ms = latest.map(|window| window.saturating_mul(self.options.window_ms));
            self.audited_ms = self.audited_ms.max(end_ms);
        }
        if let Some(flush) = told.flush {
            self.gathered.latency.extend(flush.latency);
            let shard = &mut self.shards[told.shard];
            shard.frontier = flush.frontier;
            shard.gauges = flush.gauges;
        }
    }

    fn take_report(&mut self, report: JudgeReport) {
        let generation = report.generation;
        let stream = report.stream;
        let plan = self.plan.current();
        for count in &report.raw {
            let counts = Counts {
                raw: count.events as i64,
                ..Counts::default()
            };
            self.open_windows.add(count.window, count.schema, &counts);
            self.open_windows.judged_by(count.window, count.schema, generation);
            self.count(&plan, count.schema, &counts);
        }
        if let Some(seen) = report.seen_ms
            && !self.is_audit()
        {
            self.tracker.seen(report.stream, seen);
        }
        for &(reason, rows) in &report.undecodable {
            let reason = samples::reason_of(&plan, reason);
            self.telemetry
                .undecodable(report.stream, &reason.check, &reason.id, rows);
            *self
                .totals
                .undecodable
                .entry(reason.id.clone())
                .or_default() += rows;
            let unread = Undecodable {
                stream,
                check: reason.check,
                reason: reason.id,
            };
            if !self.is_audit()
                && let Some(frames) = self.undecodable_log.add(&unread, rows, Instant::now())
            {
                let Undecodable { check, reason, .. } = &unread;
                let name = stream.as_str();
                tracing::warn!(
                    stream = name,
                    check,
                    reason,
                    frames,
                    "frames cannot be read: see whether streams.{name}.codec, .envelope and event.key \
                     are right; samples have some of the frames (told once a minute; \
                     landfall_undecodable_total counts them)"
                );
            }
            *self.totals.account.undecodable.entry(unread).or_default() += rows;
        }
        for &(defect, events) in &report.untimed {
            *self.totals.untimed.entry(defect).or_default() += events;
        }
        for &(violation, rows) in &report.violations {
            let reason = samples::reason_of(&plan, violation.reason);
            self.telemetry.violations(&reason.check, &reason.id, rows);
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
        for note in report.unread {
            self.faults.fault(note, Instant::now());
        }
        self.take_activity(report.checks);
    }

    /// What checks did, and said in the log.
    fn take_activity(&mut self, checks: Vec<CheckActivity>) {
        let now = Instant::now();
        for check in checks {
            self.telemetry.check(&check.name, &check.counters);
            self.totals.account.check(&check.name, &check.counters);
            for faults in &check.counters.schemas {
                self.telemetry.schema_faults(faults);
                self.schema_log.take(&check.name, faults, Instant::now());
            }
            for line in &check.log {
                samples::log_line(&check.name, line);
            }
            if is_well(&check.counters) {
                self.faults.well(&check.name);
            }
            for note in check.faults {
                self.faults.fault(note, now);
            }
            for suspension in check.suspensions {
                self.faults.suspended(&check.name, suspension, now);
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
            self.audit_incidents
                .note(window, cause, schema, events, first_ms, last_ms);
        } else {
            self.tracker.note(cause, schema, events, first_ms, last_ms);
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
    fn told_up_to(&self, stream: Stream) -> Option<i64> {
        let of_stream = |shard: &ShardState| match stream {
            Stream::Raw => shard.frontier.raw_ms,
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

/// Whether a check was asked, and did not fail in any way.
fn is_well(counters: &Counters) -> bool {
    let failed = counters.faults.iter().chain(&counters.rows_faulted);
    counters.batches > 0 && failed.sum::<u64>() == 0
}

/// A missing event that is spoken of: what is known of it.
struct Known {
    row: LandedRow,
    /// What its row that lands is to the raw frame that the store has; none if it was not compared.
    compared: Option<Comparison>,
    /// It is told in this flush: its place among the fates, where its frame is.
    told: Option<usize>,
}

/// Missing events that are spoken of, by fingerprint.
type KnownMissing = HashMap<[u8; 16], Known>;
