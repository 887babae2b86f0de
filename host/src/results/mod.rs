//! The results' thread: everything that was told becomes durable, and then visible.
//!
//! Knows the ledger's words, the store and the metrics. Decides nothing about events; it attributes
//! what is missing to incidents by asking the overseer, and closes windows.

mod book;
mod incidents;
mod redaction;
mod samples;
mod tally;
mod windows;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};
use landfall_document::Pointer;
use landfall_ledger::{
    Cause, Change, Counts, Frontier, Overseer, OverseerConfig, SchemaId, ShardGauges, Verdict,
};
use landfall_runtime::{Seat, WindowCheck};
use landfall_store::spool::Spool;
use landfall_store::{MissingRow, Retention, SampleRow, Store, StoreError};

use self::book::Book;
use self::samples::SampleBudget;
use crate::board::Board;
use crate::clock::Clock;
use crate::engine::messages::{Described, Message, Told};
use crate::engine::plan_cell::PlanCell;
use crate::judge::JudgeReport;
use crate::judge::plan::Plan;

/// How often what gathered is written, in real time: news of a loss is this old at most.
const FLUSH: Duration = Duration::from_millis(50);

/// A flush is written at once when this many missing events have gathered, so that memory stays bounded.
const GATHERED_MAX: usize = 4096;

/// Between two tries to write to a store that fails. Everything upstream waits meanwhile.
const RETRY: Duration = Duration::from_millis(500);

/// How often retention is applied, in real time.
const PRUNE: Duration = Duration::from_secs(30);

/// How results are set up.
pub struct ResultsOptions {
    pub window_ms: i64,
    pub redact: Arc<Vec<Pointer>>,
    pub retention: Retention,
    /// The clock of an audit is its events': time moves by the frontiers alone.
    pub clock: Option<Clock>,
}

/// The totals of a run, for audits.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    pub counts: Counts,
    pub by_schema: BTreeMap<String, Counts>,
    pub undecodable: BTreeMap<String, u64>,
    pub imbalance: u64,
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
    gathered: Gathered,
    totals: Totals,
    seen_generation: Option<u16>,
    pruned: Instant,
    longest_deadline_ms: i64,
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
    samples: Vec<SampleRow>,
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
        shards: usize,
        now_ms: i64,
    ) -> Self {
        let never = Frontier {
            raw_ms: i64::MIN,
            written_ms: i64::MIN,
        };
        let longest_deadline_ms = overseer.deadline_max_ms;
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
            gathered: Gathered::default(),
            totals: Totals::default(),
            seen_generation: None,
            pruned: Instant::now(),
            longest_deadline_ms,
        }
    }

    /// Runs until everybody upstream has ended; gives the totals of the run.
    pub fn run(
        mut self,
        messages: &Receiver<Message>,
        overseers: &Receiver<OverseerConfig>,
    ) -> Totals {
        let mut flushed = Instant::now();
        loop {
            while let Ok(config) = overseers.try_recv() {
                self.longest_deadline_ms = self.longest_deadline_ms.max(config.deadline_max_ms);
                self.overseer.reconfigure(config);
            }
            let ended = match messages.recv_timeout(FLUSH) {
                Ok(message) => {
                    self.take(message);
                    false
                }
                Err(RecvTimeoutError::Timeout) => false,
                Err(RecvTimeoutError::Disconnected) => true,
            };
            if ended || flushed.elapsed() >= FLUSH || self.gathered.told.len() >= GATHERED_MAX {
                self.flush_until_done(ended);
                flushed = Instant::now();
            }
            if ended {
                return self.totals;
            }
        }
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Judged(report) => self.take_report(report),
            Message::Shard { shard, told, flush } => {
                self.gathered.told.extend(told);
                let Some(flush) = flush else { return };
                let plan = self.plan.current();
                for delta in &flush.tallies {
                    self.book.add(delta.window, delta.schema, &delta.counts);
                    self.count(&plan, delta.schema, &delta.counts);
                }
                for activity in &flush.activity {
                    self.overseer.activity(activity);
                }
                for gauge in &flush.latency {
                    self.board.latency(
                        plan.labels.name(gauge.schema),
                        &gauge.buckets,
                        gauge.sum_ms,
                    );
                }
                self.shards[shard] = ShardState {
                    frontier: flush.frontier,
                    gauges: flush.gauges,
                };
            }
        }
    }

    fn take_report(&mut self, report: JudgeReport) {
        let plan = self.plan.current();
        for count in &report.raw {
            let counts = Counts {
                raw: count.events as i64,
                ..Counts::default()
            };
            self.book.add(count.window, count.schema, &counts);
            self.count(&plan, count.schema, &counts);
        }
        if let Some(seen) = report.seen_ms {
            self.overseer.seen(report.stream as u8, seen);
        }
        for &(reason, rows) in &report.undecodable {
            let reason = samples::reason_of(&plan, reason);
            self.board
                .undecodable(report.stream, &reason.check, &reason.id, rows);
            *self.totals.undecodable.entry(reason.id).or_default() += rows;
        }
        for &(reason, rows) in &report.violations {
            let reason = samples::reason_of(&plan, reason);
            self.board.violations(&reason.check, &reason.id, rows);
        }
        for sample in &report.samples {
            let row = samples::of_judge(&plan, sample);
            self.keep_sample(row);
        }
        for check in &report.checks {
            self.board.check(&check.name, &check.counters);
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

    /// Counts verdicts in metrics and totals.
    fn count(&mut self, plan: &Plan, schema: SchemaId, counts: &Counts) {
        let name = plan.labels.name(schema);
        self.board.counts(name, counts);
        self.totals.counts.add(counts);
        match self.totals.by_schema.get_mut(name) {
            Some(known) => known.add(counts),
            None => {
                self.totals.by_schema.insert(name.to_owned(), *counts);
            }
        }
        // An event that could not be judged is an incident of its own kind; loss is told one by one.
        let unjudged = counts.verdict(Verdict::Unjudged);
        if unjudged > 0 {
            let at = self.now_ms();
            self.overseer
                .note(Cause::Unjudged, schema, unjudged.unsigned_abs(), at, at);
        }
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

    /// Writes what gathered. A store that fails is tried again until it works: nothing is dropped,
    /// everything upstream waits. At the end it is given up after some tries, loudly.
    fn flush_until_done(&mut self, ended: bool) {
        /// Tries at the end of the process.
        const LAST_TRIES: u32 = 10;
        let told = std::mem::take(&mut self.gathered.told);
        let samples = std::mem::take(&mut self.gathered.samples);
        let mut prepared = self.prepare(told, samples, ended);
        let mut tries = 0;
        loop {
            let start = Instant::now();
            match self.write(&mut prepared) {
                Ok(()) => {
                    self.board.wrote(start.elapsed(), true);
                    break;
                }
                Err(error) => {
                    self.board.wrote(start.elapsed(), false);
                    tries += 1;
                    if ended && tries >= LAST_TRIES {
                        tracing::error!("{error}; the last results of this run are not stored");
                        break;
                    }
                    tracing::error!("{error}; trying again, nothing is dropped");
                    std::thread::sleep(RETRY);
                }
            }
        }
        self.show(&prepared);
    }

    /// Decides what a flush writes; from here on it can be written any number of times over.
    fn prepare(&mut self, told: Vec<Described>, samples: Vec<SampleRow>, ended: bool) -> Prepared {
        let plan = self.plan.current();
        let mut prepared = Prepared {
            samples,
            ..Prepared::default()
        };
        self.note_generation(&plan, &mut prepared);
        let now_ms = self.said_ms();
        for described in told {
            self.attribute(&plan, described, now_ms, &mut prepared);
        }
        let now_ms = self.now_ms();
        if now_ms != i64::MIN && now_ms != i64::MAX {
            self.overseer.advance(now_ms);
        }
        self.close_windows(&plan, ended, &mut prepared);
        prepared.windows = tally::rows(self.book.take_unwritten(), &plan, self.options.window_ms);
        self.overseer.drain_changes(&mut prepared.changes);
        prepared.incidents = prepared
            .changes
            .iter()
            .map(|change| incidents::row(&plan, change.incident()))
            .collect();
        prepared.prune = self.pruned.elapsed() >= PRUNE;
        prepared
    }

    /// When something is said: the clock's time, or in an audit the events'.
    fn said_ms(&self) -> i64 {
        self.options
            .clock
            .as_ref()
            .map_or_else(|| self.now_ms(), Clock::now_ms)
    }

    fn attribute(&mut self, plan: &Plan, described: Described, now_ms: i64, out: &mut Prepared) {
        let Described {
            told,
            key,
            comparison,
        } = described;
        match told {
            Told::Missing {
                key: fingerprint,
                frame,
                schema,
                arrived_ms,
                deadline_ms,
                generation,
            } => {
                let incident = self.overseer.missing(schema, arrived_ms, deadline_ms);
                out.missing.push(MissingRow {
                    fingerprint: fingerprint.to_bytes(),
                    key,
                    schema: plan.labels.name(schema).to_owned(),
                    arrived_ms,
                    deadline_ms,
                    said_ms: now_ms.max(deadline_ms),
                    incident: incident.0,
                    generation: generation.0,
                    frame,
                });
            }
            Told::LandedLate {
                key: fingerprint,
                schema,
                landed_ms,
            } => {
                out.landed.push(LandedLate {
                    fingerprint: fingerprint.to_bytes(),
                    landed_ms,
                    schema,
                    known: true,
                });
            }
            Told::Altered {
                schema,
                arrived_ms,
                raw: _,
                written,
                ..
            } => {
                self.overseer
                    .note(Cause::Altered, schema, 1, arrived_ms, arrived_ms);
                let row = samples::altered(
                    plan,
                    schema,
                    key,
                    arrived_ms,
                    comparison.as_ref(),
                    &written,
                    &self.options.redact,
                );
                if self.samples.take(&row) {
                    out.samples.push(row);
                }
            }
            Told::Compare {
                schema,
                arrived_ms,
                written,
                ..
            } => {
                if let Some(crate::judge::Comparison::Differs(_)) = &comparison {
                    self.overseer
                        .note(Cause::Altered, schema, 1, arrived_ms, arrived_ms);
                    let row = samples::altered(
                        plan,
                        schema,
                        key,
                        arrived_ms,
                        comparison.as_ref(),
                        &written,
                        &self.options.redact,
                    );
                    if self.samples.take(&row) {
                        out.samples.push(row);
                    }
                }
            }
            Told::Leaked {
                schema,
                arrived_ms,
                reason,
                written,
                ..
            } => {
                self.overseer
                    .note(Cause::Leaked, schema, 1, arrived_ms, arrived_ms);
                let row = samples::written(
                    plan,
                    "leaked",
                    schema,
                    key,
                    arrived_ms,
                    reason,
                    &written,
                    &self.options.redact,
                );
                if self.samples.take(&row) {
                    out.samples.push(row);
                }
            }
            Told::Duplicate {
                schema,
                landed_ms,
                written,
                ..
            } => {
                self.overseer
                    .note(Cause::Duplicate, schema, 1, landed_ms, landed_ms);
                let none = crate::judge::labels::NO_REASON;
                let row = samples::written(
                    plan,
                    "duplicate",
                    schema,
                    key,
                    landed_ms,
                    none,
                    &written,
                    &self.options.redact,
                );
                if self.samples.take(&row) {
                    out.samples.push(row);
                }
            }
            Told::Unexpected {
                key: fingerprint,
                schema,
                landed_ms,
                written,
            } => {
                // It may be an event that went missing longer ago than the ledger remembers.
                out.landed.push(LandedLate {
                    fingerprint: fingerprint.to_bytes(),
                    landed_ms,
                    schema,
                    known: false,
                });
                let none = crate::judge::labels::NO_REASON;
                let row = samples::written(
                    plan,
                    "unexpected",
                    schema,
                    key,
                    landed_ms,
                    none,
                    &written,
                    &self.options.redact,
                );
                out.unexpected.push((schema, landed_ms, row));
            }
        }
    }

    /// Writes one prepared flush; on an error nothing of it stays.
    fn write(&mut self, prepared: &mut Prepared) -> Result<(), StoreError> {
        let Self { store, options, .. } = self;
        let now_ms = options.clock.as_ref().map_or(0, Clock::now_ms);
        let flush = store.begin()?;
        for row in &prepared.generations {
            flush.generation(row)?;
        }
        for row in &prepared.missing {
            flush.missing(row)?;
        }
        prepared.landed_rows.clear();
        for landed in &prepared.landed {
            let row = flush.landed(landed.fingerprint, landed.landed_ms)?;
            prepared.landed_rows.push(row);
        }
        for row in &prepared.windows {
            flush.window(row)?;
        }
        for start_ms in &prepared.closed {
            flush.close_window(*start_ms)?;
        }
        for row in &prepared.incidents {
            flush.incident(row)?;
        }
        for row in &prepared.samples {
            flush.sample(row)?;
        }
        for row in &prepared.samples {
            flush.trim_samples(
                &row.kind,
                &row.check_name,
                &row.reason,
                options.retention.samples_per_reason_max,
            )?;
        }
        if prepared.prune {
            prepared.pruned = Some(flush.prune(now_ms, &options.retention)?);
        }
        flush.commit()
    }

    /// What is durable becomes visible.
    fn show(&mut self, prepared: &Prepared) {
        self.settle_landed(prepared);
        for change in &prepared.changes {
            incidents::log(&self.plan.current(), change);
            self.board.incident(change);
        }
        self.board.incidents_open(&self.overseer.open_by_cause());
        self.board.rows(
            prepared.missing.len(),
            prepared.windows.len(),
            prepared.incidents.len(),
            &prepared.samples,
        );
        if prepared.prune {
            self.pruned = Instant::now();
        }
        if let Some(pruned) = &prepared.pruned {
            self.board.pruned(pruned);
            self.samples.renew();
            if pruned.missing > 0 {
                tracing::warn!(
                    events = pruned.missing,
                    "missing events beyond store.missing_max were removed, and their backfill with them"
                );
            }
        }
        let now_ms = self.said_ms();
        let gauges: Vec<ShardGauges> = self.shards.iter().map(|shard| shard.gauges).collect();
        self.board.ledger(&gauges, now_ms);
        self.board.sizes(self.store.path(), self.spool.bytes());
    }

    /// Late landings: the incident's count, and for those that the ledger had forgotten the verdict.
    fn settle_landed(&mut self, prepared: &Prepared) {
        let plan = self.plan.current();
        for (landed, row) in prepared.landed.iter().zip(&prepared.landed_rows) {
            let Some(row) = row else { continue };
            let schema = plan.labels.find(row.schema.as_bytes());
            if !self
                .overseer
                .landed_late(landfall_ledger::IncidentId(row.incident), schema)
            {
                let put = self.store.begin().and_then(|flush| {
                    flush.incident_landed_late(row.incident, &row.schema)?;
                    flush.commit()
                });
                if let Err(error) = put {
                    tracing::error!(
                        "{error}; an incident's count of late landings is too low by one"
                    );
                }
            }
            if !landed.known {
                let window = row.arrived_ms.div_euclid(self.options.window_ms);
                let mut counts = Counts::default();
                counts.verdicts[Verdict::Missing as usize] = -1;
                counts.verdicts[Verdict::Late as usize] = 1;
                self.book.add(window, schema, &counts);
                self.count(&plan, schema, &counts);
                // And it was not unexpected.
                let counts = Counts {
                    unexpected: -1,
                    ..Counts::default()
                };
                let window = landed.landed_ms.div_euclid(self.options.window_ms);
                self.book.add(window, landed.schema, &counts);
                self.count(&plan, landed.schema, &counts);
            }
        }
        let unknown = prepared
            .landed
            .iter()
            .zip(&prepared.landed_rows)
            .filter(|(landed, _)| !landed.known);
        for ((schema, landed_ms, sample), (_, row)) in prepared.unexpected.iter().zip(unknown) {
            if row.is_none() {
                self.overseer
                    .note(Cause::Unexpected, *schema, 1, *landed_ms, *landed_ms);
                if self.samples.take(sample) {
                    self.gathered.samples.push(sample.clone());
                }
            }
        }
    }
}

/// A late landing that the store is to hear of.
struct LandedLate {
    fingerprint: [u8; 16],
    landed_ms: i64,
    schema: SchemaId,
    /// The ledger knew that it was missing, and has counted it.
    known: bool,
}

/// One flush, decided.
#[derive(Default)]
struct Prepared {
    generations: Vec<landfall_store::GenerationRow>,
    missing: Vec<MissingRow>,
    landed: Vec<LandedLate>,
    /// What the store knew of each of `landed`.
    landed_rows: Vec<Option<landfall_store::LandedRow>>,
    unexpected: Vec<(SchemaId, i64, SampleRow)>,
    windows: Vec<landfall_store::WindowRow>,
    /// Starts of windows that closed.
    closed: Vec<i64>,
    incidents: Vec<landfall_store::IncidentRow>,
    changes: Vec<Change>,
    samples: Vec<SampleRow>,
    prune: bool,
    pruned: Option<landfall_store::Pruned>,
}
