//! The results stage: what shards and judges report becomes durable, and is then shown. It has
//! three independent parts: `accounting` decides, `recording` writes, `publishing` shows. This
//! module calls them in turn.
//!
//! Reads no clock and never sleeps: its thread does (`engine`).

pub mod accounting;
mod late_comparison;
mod publishing;
mod recording;
#[cfg(test)]
mod tests;
mod window_checks;

use std::sync::Arc;
use std::time::{Duration, Instant};

use landfall_document::Pointer;
use landfall_ledger::{Incident, IncidentTrackerConfig};
use landfall_store::spool::Spool;
use landfall_store::{Retention, Store, StoreError};

pub use self::accounting::Totals;
use self::accounting::{Accounting, AccountingParts, Buffered, KnownMissing, Prepared};
use self::late_comparison::LateComparison;
use self::publishing::Publishing;
pub use self::recording::KeyMemory;
use self::recording::{Recording, Retry};
use self::window_checks::WindowChecks;
use crate::clock::Clock;
use crate::flow::InFlight;
use crate::judge::CheckActivity;
use crate::judge::plan::Plan;
use crate::judge::plan_cell::PlanCell;
use crate::messages::{Message, ShardAnswer};
use crate::shutdown::Shutdown;
use crate::telemetry::Telemetry;
use crate::time_policy::TimePolicy;

/// Tries before an audit gives up a failing store.
const AUDIT_TRIES: u32 = 5;

/// What the results are set up with.
pub struct ResultsParts {
    pub window_ms: i64,
    pub redact: Arc<Vec<Pointer>>,
    pub retention: Retention,
    /// The store's number for this process's generation 0. In the store numbers go on from process
    /// to process.
    pub first_generation: u64,
    pub time: TimePolicy,
    pub shutdown: Arc<Shutdown>,
    pub plan: Arc<PlanCell>,
    pub store: Store,
    pub spool: Arc<Spool>,
    pub incidents: IncidentTrackerConfig,
    /// The first number of an incident that was never assigned.
    pub next_incident: u64,
    pub telemetry: Telemetry,
    pub shards: usize,
    /// What no source saw.
    pub in_flight: InFlight,
    /// Up to when the store knows what happened, in milliseconds.
    pub known_ms: Option<i64>,
    /// Incidents of the last run that go on.
    pub open_incidents: Vec<Incident>,
    /// What the next run will remember of keys; None in an audit.
    pub key_memory: Option<KeyMemory>,
}

/// The results of a run.
pub struct Results {
    time: TimePolicy,
    shutdown: Arc<Shutdown>,
    plan: Arc<PlanCell>,
    accounting: Accounting,
    recording: Recording,
    publishing: Publishing,
    in_flight: InFlight,
    window_checks: WindowChecks,
    late: LateComparison,
    flush: Flush,
    retry: Retry,
}

/// The state of a flush.
enum Flush {
    None,
    /// The store is asked what it knows of the events.
    LookUp(Buffered),
    Write(Box<Prepared>),
}

/// What a call of `flush` leads to.
pub(crate) enum FlushStep {
    /// The flush is finished. Answers to shards, each with the number of the shard that asked.
    Done(Vec<(usize, ShardAnswer)>),
    /// The store failed. Call again after this pause.
    Wait(Duration),
}

impl Results {
    pub fn new(parts: ResultsParts, now: Instant) -> Self {
        let clock = parts.time.clock();
        let accounting = Accounting::new(AccountingParts {
            window_ms: parts.window_ms,
            redact: parts.redact,
            first_generation: parts.first_generation,
            shards: parts.shards,
            incidents: parts.incidents,
            next_incident: parts.next_incident,
            clock_ms: clock.map(Clock::now_ms),
            known_ms: parts.known_ms,
            open_incidents: parts.open_incidents,
        });
        Self {
            recording: Recording::new(
                parts.store,
                Arc::clone(&parts.spool),
                parts.key_memory,
                parts.retention,
                clock.cloned(),
                now,
            ),
            publishing: Publishing::new(parts.telemetry, parts.spool),
            accounting,
            in_flight: parts.in_flight,
            time: parts.time,
            shutdown: parts.shutdown,
            plan: parts.plan,
            window_checks: WindowChecks::default(),
            late: LateComparison::default(),
            flush: Flush::None,
            retry: Retry::default(),
        }
    }

    /// New bounds of incidents and deadlines.
    pub(crate) fn reconfigure(&mut self, config: IncidentTrackerConfig) {
        self.accounting.reconfigure(config);
    }

    /// Takes one message. The next flush writes what follows from it.
    pub(crate) fn step(&mut self, message: Message, now: Instant) {
        let plan = self.plan.current();
        match message {
            Message::Judged(mut report) => {
                self.publishing.judged(&plan, &mut report, now);
                self.accounting.judged(&plan, &report);
                self.checks(report.checks, now);
            }
            Message::Shard { output, checks } => {
                self.checks(checks, now);
                let clock_ms = self.clock_ms();
                self.accounting.shard(&plan, output, clock_ms);
            }
        }
    }

    /// Whether so much waits that it must be written at once.
    pub(crate) fn is_full(&self) -> bool {
        self.accounting.is_full()
    }

    /// Writes what waits, or continues after a pause. A failing store is tried again until it
    /// works: nothing is dropped, and everything upstream waits. Only when the process shuts down
    /// is the store given up after a while, and what was not stored is counted. `ended`: nothing
    /// comes any more.
    pub(crate) fn flush(&mut self, ended: bool, now: Instant) -> FlushStep {
        loop {
            match std::mem::replace(&mut self.flush, Flush::None) {
                Flush::None => {
                    self.flush = Flush::LookUp(self.accounting.take_buffered(ended));
                }
                Flush::LookUp(mut buffered) => {
                    let plan = self.plan.current();
                    let known = match self.look_up(&plan, &mut buffered, now) {
                        Ok(known) => {
                            self.works();
                            known
                        }
                        Err(error) => match self.failed(&error, now) {
                            Some(pause) => {
                                self.flush = Flush::LookUp(buffered);
                                return FlushStep::Wait(pause);
                            }
                            None => self.look_up_without_store(&plan, &mut buffered, now),
                        },
                    };
                    self.flush = Flush::Write(self.prepare(&plan, buffered, known, ended, now));
                }
                Flush::Write(mut prepared) => match self.write(&prepared, now) {
                    Ok(()) => {
                        self.works();
                        return FlushStep::Done(std::mem::take(&mut prepared.answers));
                    }
                    Err(error) => match self.failed(&error, now) {
                        Some(pause) => {
                            self.flush = Flush::Write(prepared);
                            return FlushStep::Wait(pause);
                        }
                        None => {
                            self.recording.give_up();
                            let missing = prepared.missing as u64;
                            self.shutdown
                                .results_left(prepared.count(), missing, &error);
                            return FlushStep::Done(Vec::new());
                        }
                    },
                },
            }
        }
    }

    /// Logs the lines that are due.
    pub(crate) fn tick(&mut self, now: Instant) {
        self.publishing.tick(now);
    }

    /// Nothing comes any more, and everything is written.
    pub(crate) fn end(mut self) -> Totals {
        self.publishing.end();
        self.accounting.into_totals()
    }

    fn clock_ms(&self) -> Option<i64> {
        self.time.clock().map(Clock::now_ms)
    }

    fn checks(&mut self, checks: Vec<CheckActivity>, now: Instant) {
        self.accounting.checks(&checks);
        self.publishing.checks(checks, now);
    }

    /// Looks up what the store knows of missing events, and compares rows that landed late with
    /// their raw frames.
    fn look_up(
        &mut self,
        plan: &Arc<Plan>,
        buffered: &mut Buffered,
        now: Instant,
    ) -> Result<KnownMissing, StoreError> {
        let known = self.recording.look_up(&buffered.events)?;
        let store = self.recording.store();
        let frame = |key| store.missing_frame(key);
        let mut checks = Vec::new();
        let compared = self
            .late
            .compare(frame, plan, &known, &mut buffered.events, &mut checks);
        self.checks(checks, now);
        compared.map(|()| known)
    }

    /// The same with a store that was given up: only events of this flush are known.
    fn look_up_without_store(
        &mut self,
        plan: &Arc<Plan>,
        buffered: &mut Buffered,
        now: Instant,
    ) -> KnownMissing {
        let known = KnownMissing::default();
        let mut checks = Vec::new();
        // Nothing is read from the store, so nothing fails.
        let _ = self.late.compare(
            |_| Ok(None),
            plan,
            &known,
            &mut buffered.events,
            &mut checks,
        );
        self.checks(checks, now);
        known
    }

    /// Prepares a flush. From here on it can be written any number of times.
    fn prepare(
        &mut self,
        plan: &Plan,
        buffered: Buffered,
        known: KnownMissing,
        ended: bool,
        now: Instant,
    ) -> Box<Prepared> {
        let clock_ms = self.clock_ms();
        let coverage = self.in_flight.coverage();
        let mut prepared = self
            .accounting
            .prepare(plan, buffered, known, &coverage, clock_ms);
        self.accounting
            .unread(&self.in_flight.take_unread(), &mut prepared);
        self.accounting
            .left_out(&self.in_flight.take_sequence_counts(), &mut prepared);
        self.in_flight
            .forget_holes_before(self.accounting.holes_done_ms(clock_ms));
        self.accounting
            .generations(self.plan.take_unrecorded(), &mut prepared);
        self.judge_windows(plan, ended, now, &mut prepared);
        self.accounting.finish(plan, ended, &mut prepared);
        Box::new(prepared)
    }

    /// Closes windows, and has window checks judge their tallies.
    fn judge_windows(&mut self, plan: &Plan, ended: bool, now: Instant, prepared: &mut Prepared) {
        self.window_checks.follow(plan);
        for closed in self.accounting.close_windows(plan, ended, prepared) {
            let judged = self.window_checks.judge(&closed.tallies);
            let (findings, activity): (Vec<_>, Vec<_>) = judged.into_iter().unzip();
            findings
                .iter()
                .for_each(|found| self.publishing.found(found));
            self.checks(activity, now);
            self.accounting.found(plan, &closed, &findings, prepared);
        }
    }

    fn write(&mut self, prepared: &Prepared, now: Instant) -> Result<(), StoreError> {
        let clock_ms = self.clock_ms();
        // A recording is known up to the last window that counts something.
        let known_ms = match self.time {
            TimePolicy::Live(_) => clock_ms,
            TimePolicy::Recorded => self.accounting.last_window_end_ms(),
        };
        let (written, took) = self.recording.write(prepared, known_ms, now);
        self.publishing.wrote(took, written.is_ok());
        let written = written?;
        let plan = self.plan.current();
        let now_ms = clock_ms.unwrap_or(i64::MIN);
        self.publishing.written(&plan, prepared, now_ms);
        if let Some(pruned) = &written.pruned {
            self.publishing.pruned(pruned);
        }
        if let Some(ahead_ms) = self.recording.clock_ahead_ms() {
            self.publishing.clock_ahead(ahead_ms);
        }
        if written.is_round {
            self.recording.empty_log();
        }
        self.publishing.sizes(self.recording.path());
        self.accounting.written(prepared, written.is_round);
        Ok(())
    }

    fn works(&mut self) {
        self.retry.succeeded();
        self.publishing.store_works();
    }

    /// The pause before the next try; None to give up.
    fn failed(&mut self, error: &StoreError, now: Instant) -> Option<Duration> {
        self.publishing.store_fails(error, self.recording.path());
        let tries_max = self.time.is_of_events().then_some(AUDIT_TRIES);
        self.retry.failed(error, tries_max, &self.shutdown, now)
    }

    /// Makes the next commit succeed and seem to fail.
    #[cfg(test)]
    pub(crate) fn lose_answer(&mut self) {
        self.recording.lose_answer();
    }
}
