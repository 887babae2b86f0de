//! The accounting of a run: what windows count, which incidents there are, what a late landing
//! revises, and which samples are kept. Pure: messages and times in, one `Prepared` flush out.
//!
//! Knows the ledger's types and the rows of the store. Knows neither the store itself nor metrics,
//! log and checks that run.

pub mod account;
mod audit_incidents;
mod buffered;
mod closing;
mod coverage;
mod events;
mod incident_rows;
mod incidents;
mod late;
mod lost_again;
mod open_windows;
mod prepared;
mod progress;
mod redaction;
pub(super) mod samples;
mod tally;

use std::collections::BTreeMap;
use std::sync::Arc;

use landfall_document::Pointer;
use landfall_ledger::{
    Cause, Counts, Coverage, Frontier, Generation, Incident, IncidentTrackerConfig, PerStream,
    SchemaId, ShardGauges, Stream, Verdict,
};
use landfall_store::{GenerationRow, LandedRow};

use self::account::{Account, RowReason, Undecodable};
pub(super) use self::buffered::Buffered;
pub(super) use self::closing::WindowFindings;
use self::coverage::StoredCoverage;
pub(super) use self::incident_rows::FindingDetails;
use self::incidents::Incidents;
use self::lost_again::MovedEvents;
use self::open_windows::OpenWindows;
pub(super) use self::prepared::{MissingChange, Prepared, SettledKeys};
use self::progress::ShardProgress;
use self::samples::SampleBudget;
use crate::judge::plan::Plan;
use crate::judge::plan_cell::PlanRecord;
use crate::judge::{CheckActivity, JudgeReport, TimeDefect};
use crate::messages::{Described, ShardOutput};

/// A flush is written at once when this much of what shards reported is buffered, so that memory
/// stays bounded.
const BUFFERED_EVENTS_MAX: usize = 4096;
const BUFFERED_BYTES_MAX: usize = 16 << 20;

/// The totals of a run, for audits.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    pub counts: Counts,
    pub by_schema: BTreeMap<String, Counts>,
    pub undecodable: BTreeMap<String, u64>,
    /// Events of either stream whose own time cannot be read, by the defect.
    pub untimed: BTreeMap<TimeDefect, u64>,
    pub imbalance: u64,
    pub account: Account,
}

/// What an account is set up with.
pub(super) struct AccountingParts {
    pub window_ms: i64,
    pub redact: Arc<Vec<Pointer>>,
    /// The store's number for this process's generation 0. In the store numbers go on from process
    /// to process.
    pub first_generation: u64,
    pub shards: usize,
    pub incidents: IncidentTrackerConfig,
    /// The first number of an incident that was never assigned.
    pub next_incident: u64,
    /// None if times are the events' own. The incidents are then determined at the end.
    pub clock_ms: Option<i64>,
    /// Up to when the store knows what happened, in milliseconds.
    pub known_ms: Option<i64>,
    /// Incidents of the last run that go on.
    pub open_incidents: Vec<Incident>,
}

/// The account of a run.
pub(super) struct Accounting {
    window_ms: i64,
    redact: Arc<Vec<Pointer>>,
    first_generation: u64,
    open_windows: OpenWindows,
    incidents: Incidents,
    /// Events that the tracker counts in one incident, and that belong to another one.
    moved: MovedEvents,
    /// The details that window checks gave for open incidents.
    details: FindingDetails,
    shards: Vec<ShardProgress>,
    coverage: StoredCoverage,
    samples: SampleBudget,
    buffered: Buffered,
    totals: Totals,
    /// The first number of an incident that was never assigned, as far as the store knows.
    next_incident: u64,
    longest_deadline_ms: i64,
    /// How many schemas the store knows by their numbers in this run.
    schemas_noted: usize,
    /// The end of the latest window that counts something.
    last_window_end_ms: Option<i64>,
}

/// The missing events that are referred to, by fingerprint: what the store knows of each, or what
/// this flush adds.
pub(super) type KnownMissing = std::collections::HashMap<[u8; 16], LandedRow>;

impl Accounting {
    pub fn new(parts: AccountingParts) -> Self {
        let never = Frontier {
            raw_ms: i64::MIN,
            written_ms: i64::MIN,
        };
        let shard = || ShardProgress {
            frontier: never,
            gauges: ShardGauges::default(),
            pieces: Vec::new(),
        };
        let mut incidents = Incidents::new(
            parts.incidents.clone(),
            parts.next_incident,
            parts.clock_ms,
            parts.window_ms,
        );
        incidents.tracker_mut().restore(parts.open_incidents);
        Self {
            window_ms: parts.window_ms,
            redact: parts.redact,
            first_generation: parts.first_generation,
            open_windows: OpenWindows::default(),
            longest_deadline_ms: parts.incidents.deadline_max_ms,
            incidents,
            moved: MovedEvents::default(),
            details: FindingDetails::default(),
            shards: (0..parts.shards).map(|_| shard()).collect(),
            coverage: StoredCoverage::new(parts.known_ms),
            samples: SampleBudget::default(),
            buffered: Buffered::default(),
            totals: Totals::default(),
            next_incident: parts.next_incident,
            schemas_noted: 0,
            last_window_end_ms: None,
        }
    }

    /// New bounds of incidents and deadlines.
    pub fn reconfigure(&mut self, config: IncidentTrackerConfig) {
        self.longest_deadline_ms = self.longest_deadline_ms.max(config.deadline_max_ms);
        self.incidents.reconfigure(config);
    }

    /// Whether so much is buffered that it must be written at once.
    pub fn is_full(&self) -> bool {
        self.buffered.events.len() >= BUFFERED_EVENTS_MAX
            || self.buffered.bytes >= BUFFERED_BYTES_MAX
    }

    /// Takes what waits for the next flush. With `ended` also the incomplete reports: the thread
    /// that had to send the rest has died.
    pub fn take_buffered(&mut self, ended: bool) -> Buffered {
        if ended {
            for shard in &mut self.shards {
                self.buffered.events.append(&mut shard.pieces);
            }
        }
        std::mem::take(&mut self.buffered)
    }

    /// Takes what a shard reports. `clock_ms` is the time of the clock, if there is one.
    pub fn shard(&mut self, plan: &Plan, output: ShardOutput<Described>, clock_ms: Option<i64>) {
        self.incidents.activity(&output.activity, output.landed_ms);
        let pieces = &mut self.shards[output.shard].pieces;
        pieces.extend(output.events);
        if output.more {
            return;
        }
        self.buffered.bytes += pieces.iter().map(|one| one.event.bytes()).sum::<usize>();
        self.buffered.events.append(pieces);
        self.buffered.released.extend(output.settled.frames);
        for delta in &output.tallies {
            self.open_windows
                .add(delta.window, delta.schema, &delta.counts);
            self.count(plan, delta.schema, &delta.counts);
            self.note_unjudged(delta.window, delta.schema, &delta.counts, clock_ms);
        }
        let latest = output.tallies.iter().map(|delta| delta.window + 1).max();
        let end_ms = latest.map(|window| window.saturating_mul(self.window_ms));
        self.last_window_end_ms = self.last_window_end_ms.max(end_ms);
        if let Some(flush) = output.flush {
            self.buffered.latency.extend(flush.latency);
            let shard = &mut self.shards[output.shard];
            shard.frontier = flush.frontier;
            shard.gauges = flush.gauges;
        }
        if !output.settled.keys.is_empty() {
            let Frontier { raw_ms, written_ms } = self.shards[output.shard].frontier;
            let applied_ms = raw_ms.min(written_ms);
            self.buffered.settled_keys.push(SettledKeys {
                shard: output.shard,
                applied_ms: (i64::MIN + 1..i64::MAX)
                    .contains(&applied_ms)
                    .then_some(applied_ms),
                records: output.settled.keys,
                has_claims: output.settled.has_claims,
            });
        }
    }

    /// Takes what judging a batch led to.
    pub fn judged(&mut self, plan: &Plan, report: &JudgeReport) {
        let (generation, stream) = (report.generation, report.stream);
        self.buffered.released.extend(&report.released);
        for count in &report.raw {
            let counts = Counts {
                raw: count.events as i64,
                ..Counts::default()
            };
            self.open_windows.add(count.window, count.schema, &counts);
            self.open_windows
                .judged_by(count.window, count.schema, generation);
            self.count(plan, count.schema, &counts);
        }
        if let Some(seen_ms) = report.seen_ms {
            self.incidents.seen(stream, seen_ms);
        }
        let account = &mut self.totals.account;
        for &(reason, rows) in &report.undecodable {
            let reason = samples::reason_of(plan, reason);
            let undecodable = self.totals.undecodable.entry(reason.id.clone());
            *undecodable.or_default() += rows;
            let by = Undecodable {
                stream,
                check: reason.check,
                reason: reason.id,
            };
            *account.undecodable.entry(by).or_default() += rows;
        }
        for &(defect, events) in &report.untimed {
            *self.totals.untimed.entry(defect).or_default() += events;
        }
        for &(violation, rows) in &report.violations {
            let reason = samples::reason_of(plan, violation.reason);
            let row_reason = RowReason {
                stream,
                check: reason.check,
                reason: reason.id,
                outcome: RowReason::outcome_of(violation.outcome),
                decides: violation.decides,
            };
            *account.reasons.entry(row_reason).or_default() += rows;
        }
        for sample in &report.samples {
            let number = self.number(generation);
            let row = samples::of_judge(plan, sample, number, &self.redact);
            if self.samples.take(&row) {
                self.buffered.samples.push(row);
            }
        }
    }

    /// Takes what checks did.
    pub fn checks(&mut self, checks: &[CheckActivity]) {
        for check in checks {
            self.totals.account.check(&check.name, &check.counters);
        }
    }

    /// Prepares a flush. From here on it can be written any number of times. `known` is what the
    /// store knows of the missing events that are referred to. What window checks find in the
    /// windows that close goes to [`Accounting::found`], and then comes [`Accounting::finish`].
    pub fn prepare(
        &mut self,
        plan: &Plan,
        buffered: Buffered,
        mut known: KnownMissing,
        coverage: &PerStream<Coverage>,
        clock_ms: Option<i64>,
    ) -> Prepared {
        let mut prepared = Prepared {
            samples: buffered.samples,
            released: buffered.released,
            settled_keys: buffered.settled_keys,
            complete_ms: self.complete_ms(clock_ms),
            counts: buffered.counts,
            latency: buffered.latency,
            ..Prepared::default()
        };
        self.covered(coverage, &mut prepared);
        // Stalls are judged by landings. Raw frames that are held back do not hide a stall.
        let landed_up_to_ms = self.reported_up_to(Stream::Written, clock_ms);
        self.incidents.landed_up_to(landed_up_to_ms);
        let now_ms = clock_ms.unwrap_or_else(|| self.complete_ms(clock_ms));
        for described in buffered.events {
            self.attribute(plan, described, &mut known, now_ms, &mut prepared);
        }
        for stream in Stream::ALL {
            if let Some(reported_up_to_ms) = self.reported_up_to(stream, clock_ms) {
                self.incidents.reported_up_to(stream, reported_up_to_ms);
            }
        }
        self.incidents.advance(landed_up_to_ms);
        prepared
    }

    /// Adds the generations of checks that were put in force, even if only for a moment.
    pub fn generations(&self, records: Vec<PlanRecord>, out: &mut Prepared) {
        for record in records {
            let generation = self.number(record.generation);
            out.next_generation = Some(generation + 1);
            let rows = record.checks.into_iter().map(|check| GenerationRow {
                generation,
                since_ms: record.since_ms,
                check_name: check.name,
                version: check.version,
                digest: check.digest,
            });
            out.generations.extend(rows);
        }
    }

    /// Adds windows and incidents as rows. `ended`: nothing comes any more.
    pub fn finish(&mut self, plan: &Plan, ended: bool, out: &mut Prepared) {
        if ended {
            let attribution = self.incidents.end();
            self.details.extend(attribution.details);
            let rows = attribution.attributed.into_iter().map(|part| {
                let schema = plan.labels.name(part.schema).to_owned();
                (schema, part.first_ms, part.last_ms, part.incident.0)
            });
            out.attributed.extend(rows);
        }
        out.windows = tally::rows(self.open_windows.take_unwritten(), plan, self.window_ms);
        let judges = self.open_windows.take_unwritten_judges();
        let judge = |(window, schema, generation): (i64, SchemaId, Generation)| {
            let start_ms = window.saturating_mul(self.window_ms);
            let schema = plan.labels.name(schema).to_owned();
            (start_ms, schema, self.number(generation))
        };
        out.judges = judges.into_iter().map(judge).collect();
        if !out.settled_keys.is_empty() {
            let schemas = (0_u16..).zip(plan.labels.names());
            let new = schemas.skip(self.schemas_noted);
            out.run_schemas = new.map(|(number, name)| (number, name.clone())).collect();
            self.schemas_noted += out.run_schemas.len();
        }
        // What late landings revised was counted in this call.
        out.counts.append(&mut self.buffered.counts);
        let tracker = self.incidents.tracker_mut();
        tracker.drain_changes(&mut out.changes);
        let next_incident = tracker.next_id();
        self.moved.settle(&mut out.changes, &mut out.lost_again);
        if self.next_incident < next_incident {
            self.next_incident = next_incident;
            out.next_incident = Some(next_incident);
        }
        out.incidents = out
            .changes
            .iter()
            .map(|change| incident_rows::row(plan, change.incident(), &self.details))
            .collect();
        out.open_by_cause = self.incidents.tracker().open_by_cause();
        out.gauges = self.shards.iter().map(|shard| shard.gauges).collect();
    }

    /// A flush was written. FindingDetails of closed incidents are no longer needed. `is_round`: retention
    /// began a round, and samples may be taken anew.
    pub fn written(&mut self, prepared: &Prepared, is_round: bool) {
        for change in &prepared.changes {
            if matches!(change, landfall_ledger::Change::Closed(_)) {
                self.details.remove(&change.incident().id);
            }
        }
        if is_round {
            self.samples.renew();
        }
    }

    /// The totals of the run.
    pub fn into_totals(self) -> Totals {
        self.totals
    }

    /// The end of the latest window that counts something, in milliseconds. A recording is known up
    /// to there.
    pub fn last_window_end_ms(&self) -> Option<i64> {
        self.last_window_end_ms
    }

    /// Counts verdicts in totals, and in metrics once they are written.
    fn count(&mut self, plan: &Plan, schema: SchemaId, counts: &Counts) {
        let name = plan.labels.name(schema);
        self.buffered.counts.push((schema, *counts));
        self.totals.counts.add(counts);
        match self.totals.by_schema.get_mut(name) {
            Some(known) => known.add(counts),
            None => {
                self.totals.by_schema.insert(name.to_owned(), *counts);
            }
        }
    }

    /// Reports events that could not be judged as an incident of their own kind. Only the window of
    /// their arrival is known.
    fn note_unjudged(
        &mut self,
        window: i64,
        schema: SchemaId,
        counts: &Counts,
        clock_ms: Option<i64>,
    ) {
        let unjudged = counts.verdict(Verdict::Unjudged);
        if unjudged > 0 {
            let start_ms = window.saturating_mul(self.window_ms);
            let last_ms = start_ms.saturating_add(self.window_ms - 1);
            let at_ms = self.complete_ms(clock_ms).clamp(start_ms, last_ms);
            let events = unjudged.unsigned_abs();
            self.incidents
                .note(Cause::Unjudged, schema, events, at_ms, at_ms);
        }
    }

    /// The number of a generation in the store.
    fn number(&self, generation: Generation) -> u64 {
        self.first_generation + u64::from(generation.0)
    }
}
