//! One flush: decided once, written in one transaction however often that takes, then shown.

use std::time::{Duration, Instant};

use landfall_ledger::{Change, Counts, SchemaGauge, SchemaId, ShardGauges, Stream};
use landfall_store::{
    GenerationRow, IncidentRow, MissingRow, Pruned, SampleRow, StoreError, WindowCounts, WindowRow,
};

use super::{Gathered, KnownMissing, Results, incidents, tally};
use crate::messages::Answer;
use crate::thread_watch;

/// Between two tries to write to a store that fails. Everything upstream waits meanwhile.
/// Each pause is twice as long as the one before, up to what somebody who has mended it likes to wait.
const RETRY: Duration = Duration::from_millis(if cfg!(test) { 1 } else { 500 });
const RETRY_MAX: Duration = Duration::from_millis(if cfg!(test) { 1 } else { 4000 });

/// Tries that one line of the log stands for: half a minute.
const TRIES_PER_LINE: u32 = 8;

/// Tries before a store that fails is given up: in an audit, and when the process is to end.
const AUDIT_TRIES: u32 = 5;
const LAST_TRIES: u32 = 2;

/// How often it is noted up to which time the store tells, while there is nothing else to write.
const NOTE: Duration = Duration::from_secs(5);

/// What becomes of single events, in the order in which it was told.
pub(super) enum MissingChange {
    Missing(MissingRow),
    Landed([u8; 16], i64),
    /// Lost once more: its incident, deadline, and when that was said.
    Again([u8; 16], u64, i64, i64),
    /// Missing in a window of the store's until now: arrival, schema and what it is instead.
    Revised(i64, String, WindowCounts),
}

/// One flush, decided.
#[derive(Default)]
pub(super) struct Prepared {
    pub generations: Vec<GenerationRow>,
    /// The first numbers of a generation and of an incident that were never given, if any was given.
    pub next_generation: Option<u64>,
    pub next_incident: Option<u64>,
    pub missing_changes: Vec<MissingChange>,
    /// How many of them are missing.
    pub missing: usize,
    /// Late landings of incidents that are no longer in hand, with the schema.
    pub landed_of_old: Vec<(u64, String)>,
    /// Events that were lost once more: the incident that counted each, with the schema.
    pub lost_again: Vec<(u64, String)>,
    /// In an audit: missing events by schema, first and last arrival, and their incident.
    pub attributed: Vec<(String, i64, i64, u64)>,
    pub windows: Vec<WindowRow>,
    /// Start of the window, schema, generation.
    pub judges: Vec<(i64, String, u64)>,
    /// Starts of windows that closed.
    pub closed: Vec<i64>,
    pub incidents: Vec<IncidentRow>,
    pub changes: Vec<Change>,
    pub samples: Vec<SampleRow>,
    counts: Vec<(SchemaId, Counts)>,
    latency: Vec<SchemaGauge>,
    /// Answers for shards, once all this is written.
    pub answers: Vec<(usize, Answer)>,
    prune: bool,
    pruned: Option<Pruned>,
}

impl Prepared {
    fn is_empty(&self) -> bool {
        self.missing_changes.is_empty()
            && self.windows.is_empty()
            && self.judges.is_empty()
            && self.closed.is_empty()
            && self.incidents.is_empty()
            && self.samples.is_empty()
            && self.answers.is_empty()
            && self.next_generation.is_none()
            && self.next_incident.is_none()
    }

    /// Raw events and verdicts that its windows tell of.
    fn counts(&self) -> u64 {
        let count = |counts: &Counts| {
            let verdicts = counts.verdicts.iter().copied().filter(|n| *n > 0);
            counts.raw.max(0).unsigned_abs() + verdicts.sum::<i64>().unsigned_abs()
        };
        self.counts.iter().map(|(_, counts)| count(counts)).sum()
    }
}

impl Results {
    /// Writes what gathered. A store that fails is tried again until it works: nothing is dropped,
    /// everything upstream waits. Only when the process is to end is it given up after a while, and
    /// what was not stored is counted.
    pub(crate) fn flush_until_done(&mut self, ended: bool) {
        if ended {
            // Whoever was to tell the rest has died.
            for shard in &mut self.shards {
                self.gathered.told.append(&mut shard.gathered);
            }
        }
        let gathered = std::mem::take(&mut self.gathered);
        let known = self.until_done(|results| results.look_up(&gathered.told));
        let mut prepared = self.prepare(gathered, known.unwrap_or_default(), ended);
        let written = self.until_done(|results| {
            let start = Instant::now();
            let written = results.write(&mut prepared);
            results.telemetry.wrote(start.elapsed(), written.is_ok());
            written
        });
        match written {
            Ok(()) => {
                self.answer(&mut prepared);
                self.show(&prepared);
            }
            Err(why) => {
                self.options
                    .ending
                    .results_left(prepared.counts(), prepared.missing as u64, &why);
            }
        }
    }

    fn answer(&self, prepared: &mut Prepared) {
        for (shard, answer) in prepared.answers.drain(..) {
            // A shard that has ended no longer waits for it.
            if let Some(answers) = self.answers.get(shard) {
                let _ = answers.send(answer);
            }
        }
    }

    /// Tries until it succeeds, or the end must not wait for it any longer.
    fn until_done<T>(
        &mut self,
        mut run: impl FnMut(&mut Self) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let began = Instant::now();
        let mut tries = 0;
        loop {
            let error = match run(self) {
                Ok(done) => {
                    if tries > 0 {
                        tracing::info!(tries, "the store works again");
                    }
                    self.telemetry.store_works();
                    return Ok(done);
                }
                Err(error) => error,
            };
            self.telemetry.store_fails(&error, self.store.path());
            tries += 1;
            let is_useless = error.is_final();
            if is_useless && !self.options.shutdown.has_given_up() {
                tracing::error!("{error}; it makes no sense to go on");
            }
            if is_useless || self.is_audit() && tries >= AUDIT_TRIES {
                self.options.shutdown.give_up(error.to_string());
            }
            let ending = &self.options.shutdown;
            if ending.has_given_up() || tries >= LAST_TRIES && ending.is_over() {
                // What comes after it is not tried as long again.
                ending.give_up(error.to_string());
                return Err(error);
            }
            if tries % TRIES_PER_LINE == 1 {
                let seconds = began.elapsed().as_secs();
                tracing::error!(tries, seconds, "{error}; trying again, nothing is dropped");
            }
            // The store is told as failing; this thread does not stand still.
            thread_watch::idle();
            std::thread::sleep(self.pause(tries));
            thread_watch::busy();
        }
    }

    /// Between a try and the next one: a store that fails for long is asked more seldom. An audit has few tries.
    fn pause(&self, tries: u32) -> Duration {
        match self.is_audit() {
            true => RETRY,
            false => (RETRY * (1 << tries.saturating_sub(1).min(16))).min(RETRY_MAX),
        }
    }

    /// Decides what a flush writes; from here on it can be written any number of times over.
    fn prepare(&mut self, gathered: Gathered, mut known: KnownMissing, ended: bool) -> Prepared {
        let Gathered {
            told,
            samples,
            counts,
            latency,
            ..
        } = gathered;
        let plan = self.plan.current();
        let mut prepared = Prepared {
            samples,
            counts,
            latency,
            ..Prepared::default()
        };
        self.note_generations(&mut prepared);
        self.follow_window_checks(&plan);
        // Stalls are judged by landings: raw frames that are held back hide none.
        let landed_up_to_ms = self.told_up_to(Stream::Written);
        if let Some(now_ms) = landed_up_to_ms {
            self.tracker.tell_at(now_ms);
        }
        let now_ms = self.said_ms();
        for described in told {
            self.attribute(&plan, described, &mut known, now_ms, &mut prepared);
        }
        for stream in Stream::ALL {
            if let Some(told_ms) = self.told_up_to(stream) {
                self.tracker.told_up_to(stream, told_ms);
            }
        }
        if let Some(now_ms) = landed_up_to_ms {
            self.tracker.advance(now_ms);
        }
        self.close_windows(&plan, ended, &mut prepared);
        if self.is_audit() && ended {
            let told = self.audit_incidents.tell(&mut self.tracker, self.clear_ms);
            self.details.extend(told.details);
            prepared
                .attributed
                .extend(told.attributed.into_iter().map(|part| {
                    let schema = plan.labels.name(part.schema).to_owned();
                    (schema, part.first_ms, part.last_ms, part.incident.0)
                }));
        }
        prepared.windows = tally::rows(self.open_windows.take_unwritten(), &plan, self.options.window_ms);
        let judges = self.open_windows.take_unwritten_judges();
        prepared.judges = judges
            .into_iter()
            .map(|(window, schema, generation)| {
                let start_ms = window.saturating_mul(self.options.window_ms);
                (
                    start_ms,
                    plan.labels.name(schema).to_owned(),
                    self.number(generation),
                )
            })
            .collect();
        // What late landings revised was counted just now.
        prepared.counts.append(&mut self.gathered.counts);
        self.tracker.drain_changes(&mut prepared.changes);
        self.moved
            .settle(&mut prepared.changes, &mut prepared.lost_again);
        let next_incident = self.tracker.next_id();
        if self.next_incident < next_incident {
            self.next_incident = next_incident;
            prepared.next_incident = Some(next_incident);
        }
        prepared.incidents = prepared
            .changes
            .iter()
            .map(|change| incidents::row(&plan, change.incident(), &self.details))
            .collect();
        prepared.prune = self.pruning.is_due(&self.store, &self.options.retention);
        prepared
    }

    /// Writes one prepared flush; on an error nothing of it stays.
    fn write(&mut self, prepared: &mut Prepared) -> Result<(), StoreError> {
        if self.store.is_committed()? {
            // The try before this one was done, and only said that it was not.
            return Ok(());
        }
        let note = !prepared.is_empty() || self.noted.elapsed() >= NOTE;
        let known_ms = self.known_ms();
        if let Some(clock) = &self.options.clock {
            self.pruning.advance(clock.now_ms());
        }
        let Self {
            store,
            options,
            pruning,
            ..
        } = self;
        let flush = store.begin()?;
        if note {
            flush.number()?;
        }
        for row in &prepared.generations {
            flush.generation(row)?;
        }
        if let Some(next) = prepared.next_generation {
            flush.generations_given(next)?;
        }
        if let Some(next) = prepared.next_incident {
            flush.incidents_given(next)?;
        }
        for change in &prepared.missing_changes {
            match change {
                MissingChange::Missing(row) => flush.missing(row)?,
                MissingChange::Landed(fingerprint, landed_ms) => flush.landed(*fingerprint, *landed_ms)?,
                MissingChange::Again(fingerprint, incident, deadline_ms, said_ms) => {
                    flush.missing_again(*fingerprint, *incident, *deadline_ms, *said_ms)?;
                }
                MissingChange::Revised(arrived_ms, schema, counts) => {
                    flush.window_revised(*arrived_ms, schema, counts)?;
                }
            }
        }
        for row in &prepared.windows {
            flush.window(row)?;
        }
        for (start_ms, schema, generation) in &prepared.judges {
            flush.window_judge(*start_ms, schema, *generation)?;
        }
        for start_ms in &prepared.closed {
            flush.close_window(*start_ms)?;
        }
        for row in &prepared.incidents {
            flush.incident(row)?;
        }
        for (schema, first_ms, last_ms, incident) in &prepared.attributed {
            flush.attribute(schema, *first_ms, *last_ms, *incident)?;
        }
        for (incident, schema) in &prepared.landed_of_old {
            flush.incident_landed_late(*incident, schema)?;
        }
        for (incident, schema) in &prepared.lost_again {
            flush.incident_lost_again(*incident, schema)?;
        }
        for row in &prepared.samples {
            flush.sample(row)?;
        }
        for row in &prepared.samples {
            flush.trim_samples(
                &row.kind,
                &row.check_name,
                &row.reason,
                &row.schema,
                options.retention.samples_per_reason_max,
            )?;
        }
        if let Some(known_ms) = known_ms
            && note
        {
            let follows_system = options
                .clock
                .as_ref()
                .is_some_and(|clock| clock.system_offset_ms().is_some());
            flush.known(known_ms, follows_system)?;
            if follows_system && let Some(time_ms) = pruning.time_ms() {
                flush.retention_time(time_ms)?;
            }
        }
        if prepared.prune
            && let Some(at_ms) = pruning.at_ms()
        {
            prepared.pruned = Some(flush.prune(at_ms, &options.retention)?);
        }
        flush.commit()?;
        if note {
            self.noted = Instant::now();
        }
        Ok(())
    }

    /// The time up to which the store tells what happened. In an audit that of the last incident,
    /// or of the last window that closed.
    fn known_ms(&self) -> Option<i64> {
        match &self.options.clock {
            Some(clock) => Some(clock.now_ms()),
            None => self.audited_ms,
        }
    }

    /// What was deleted stands in the write-ahead log until that is emptied.
    fn empty_log(&mut self) {
        match self.store.empty_log() {
            Ok(emptied) => self.log_file.emptied(emptied),
            // Nothing is lost by it, and it is tried again.
            Err(error) => tracing::warn!("{error}"),
        }
    }

    /// What is durable becomes visible.
    fn show(&mut self, prepared: &Prepared) {
        let plan = self.plan.current();
        for (schema, counts) in &prepared.counts {
            self.telemetry.counts(plan.labels.name(*schema), counts);
        }
        for gauge in &prepared.latency {
            self.telemetry
                .latency(plan.labels.name(gauge.schema), &gauge.buckets, gauge.sum_ms);
        }
        for change in &prepared.changes {
            incidents::log(&plan, change, &self.details);
            self.telemetry.incident(change);
            if matches!(change, Change::Closed(_)) {
                self.details.remove(&change.incident().id);
            }
        }
        self.telemetry.incidents_open(&self.tracker.open_by_cause());
        self.telemetry.rows(
            prepared.missing,
            prepared.windows.len(),
            prepared.incidents.len(),
            &prepared.samples,
        );
        if prepared.prune {
            let pruned = prepared.pruned.unwrap_or_default();
            self.telemetry.pruned(&pruned);
            if self.pruning.pruned(&pruned) {
                self.samples.renew();
                self.empty_log();
            }
        }
        if let Some(ahead_ms) = self.pruning.ahead_ms() {
            self.telemetry.clock_ahead(ahead_ms);
        }
        let now_ms = self.said_ms();
        let gauges: Vec<ShardGauges> = self.shards.iter().map(|shard| shard.gauges).collect();
        self.telemetry.ledger(&gauges, now_ms);
        self.telemetry.sizes(self.store.path(), self.spool.bytes());
    }
}
