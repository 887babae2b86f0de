//! One flush: decided once, written in one transaction however often that takes, then shown.

use std::time::{Duration, Instant};

use landfall_ledger::{Change, Counts, SchemaGauge, SchemaId, ShardGauges};
use landfall_store::{
    GenerationRow, IncidentRow, MissingRow, Pruned, SampleRow, StoreError, WindowRow,
};

use super::{Gathered, KnownMissing, PRUNE, Results, incidents, tally};
use crate::engine::messages::{Described, Told};
use crate::sources::StreamId;

/// Between two tries to write to a store that fails. Everything upstream waits meanwhile.
const RETRY: Duration = Duration::from_millis(500);

/// Tries before a store that fails is given up: in an audit, and when the process is to end.
const AUDIT_TRIES: u32 = 5;
const LAST_TRIES: u32 = 2;

/// How often it is noted up to which time the store tells, while there is nothing else to write.
const NOTE: Duration = Duration::from_secs(5);

/// What becomes of single events, in the order in which it was told.
pub(super) enum Fate {
    Missing(MissingRow),
    Landed([u8; 16], i64),
}

/// One flush, decided.
#[derive(Default)]
pub(super) struct Prepared {
    pub generations: Vec<GenerationRow>,
    pub fates: Vec<Fate>,
    /// How many of them are missing.
    pub missing: usize,
    /// Late landings of incidents that are no longer in hand, with the schema.
    pub landed_of_old: Vec<(u64, String)>,
    /// In an audit: missing events by schema, first and last arrival, and their incident.
    pub attributed: Vec<(String, i64, i64, u64)>,
    pub windows: Vec<WindowRow>,
    /// Start of the window, schema, generation.
    pub judges: Vec<(i64, String, u16)>,
    /// Starts of windows that closed.
    pub closed: Vec<i64>,
    pub incidents: Vec<IncidentRow>,
    pub changes: Vec<Change>,
    pub samples: Vec<SampleRow>,
    counts: Vec<(SchemaId, Counts)>,
    latency: Vec<SchemaGauge>,
    prune: bool,
    pruned: Option<Pruned>,
}

impl Prepared {
    fn is_empty(&self) -> bool {
        self.fates.is_empty()
            && self.windows.is_empty()
            && self.judges.is_empty()
            && self.closed.is_empty()
            && self.incidents.is_empty()
            && self.samples.is_empty()
            && self.generations.is_empty()
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
    pub(super) fn flush_until_done(&mut self, ended: bool) {
        let gathered = std::mem::take(&mut self.gathered);
        let known = self.until_done(|results| results.look_up(&gathered.told));
        let mut prepared = self.prepare(gathered, known.unwrap_or_default(), ended);
        let written = self.until_done(|results| {
            let start = Instant::now();
            let written = results.write(&mut prepared);
            results.board.wrote(start.elapsed(), written.is_ok());
            written
        });
        match written {
            Ok(()) => self.show(&prepared),
            Err(why) => {
                self.options
                    .ending
                    .results_left(prepared.counts(), prepared.missing as u64, &why);
            }
        }
    }

    /// Tries until it succeeds, or the end must not wait for it any longer.
    fn until_done<T>(
        &mut self,
        mut run: impl FnMut(&mut Self) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut tries = 0;
        loop {
            let error = match run(self) {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            tries += 1;
            if self.is_audit() && tries >= AUDIT_TRIES {
                self.options.ending.give_up(error.to_string());
            }
            let ending = &self.options.ending;
            if ending.has_given_up() || tries >= LAST_TRIES && ending.is_over() {
                // What comes after it is not tried as long again.
                ending.give_up(error.to_string());
                return Err(error);
            }
            tracing::error!("{error}; trying again, nothing is dropped");
            std::thread::sleep(RETRY);
        }
    }

    /// What the store knows of missing events that are told to have landed.
    fn look_up(&self, told: &[Described]) -> Result<KnownMissing, StoreError> {
        let mut known = KnownMissing::new();
        for described in told {
            if let Told::LandedLate { key, .. } | Told::Unexpected { key, .. } = &described.told
                && let Some(row) = self.store.missing_event(key.to_bytes())?
            {
                known.insert(key.to_bytes(), row);
            }
        }
        Ok(known)
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
        self.note_generation(&plan, &mut prepared);
        // Stalls are judged by landings: raw frames that are held back hide none.
        let landed_up_to_ms = self.told_up_to(StreamId::WRITTEN);
        if let Some(now_ms) = landed_up_to_ms {
            self.overseer.tell_at(now_ms);
        }
        let now_ms = self.said_ms();
        for described in told {
            self.attribute(&plan, described, &mut known, now_ms, &mut prepared);
        }
        for stream in StreamId::ALL {
            if let Some(told_ms) = self.told_up_to(stream) {
                self.overseer.told_up_to(stream.0, told_ms);
            }
        }
        if let Some(now_ms) = landed_up_to_ms {
            self.overseer.advance(now_ms);
        }
        self.close_windows(&plan, ended, &mut prepared);
        if self.is_audit() && ended {
            let told = self.chronicle.tell(&mut self.overseer, self.clear_ms);
            self.details.extend(told.details);
            prepared
                .attributed
                .extend(told.attributed.into_iter().map(|part| {
                    let schema = plan.labels.name(part.schema).to_owned();
                    (schema, part.first_ms, part.last_ms, part.incident.0)
                }));
        }
        prepared.windows = tally::rows(self.book.take_unwritten(), &plan, self.options.window_ms);
        prepared.judges = self
            .book
            .take_unwritten_judges()
            .into_iter()
            .map(|(window, schema, generation)| {
                let start_ms = window.saturating_mul(self.options.window_ms);
                (start_ms, plan.labels.name(schema).to_owned(), generation.0)
            })
            .collect();
        // What late landings revised was counted just now.
        prepared.counts.append(&mut self.gathered.counts);
        self.overseer.drain_changes(&mut prepared.changes);
        prepared.incidents = prepared
            .changes
            .iter()
            .map(|change| incidents::row(&plan, change.incident(), &self.details))
            .collect();
        prepared.prune = self.pruned.elapsed() >= PRUNE;
        prepared
    }

    /// Writes one prepared flush; on an error nothing of it stays.
    fn write(&mut self, prepared: &mut Prepared) -> Result<(), StoreError> {
        let note = !prepared.is_empty() || self.noted.elapsed() >= NOTE;
        let known_ms = self.known_ms();
        let Self { store, options, .. } = self;
        let flush = store.begin()?;
        for row in &prepared.generations {
            flush.generation(row)?;
        }
        for fate in &prepared.fates {
            match fate {
                Fate::Missing(row) => flush.missing(row)?,
                Fate::Landed(fingerprint, landed_ms) => flush.landed(*fingerprint, *landed_ms)?,
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
        }
        if prepared.prune
            && let Some(clock) = &options.clock
        {
            prepared.pruned = Some(flush.prune(clock.now_ms(), &options.retention)?);
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

    /// What is durable becomes visible.
    fn show(&mut self, prepared: &Prepared) {
        let plan = self.plan.current();
        for (schema, counts) in &prepared.counts {
            self.board.counts(plan.labels.name(*schema), counts);
        }
        for gauge in &prepared.latency {
            self.board
                .latency(plan.labels.name(gauge.schema), &gauge.buckets, gauge.sum_ms);
        }
        for change in &prepared.changes {
            incidents::log(&plan, change, &self.details);
            self.board.incident(change);
            if matches!(change, Change::Closed(_)) {
                self.details.remove(&change.incident().id);
            }
        }
        self.board.incidents_open(&self.overseer.open_by_cause());
        self.board.rows(
            prepared.missing,
            prepared.windows.len(),
            prepared.incidents.len(),
            &prepared.samples,
        );
        if prepared.prune {
            self.pruned = Instant::now();
            self.samples.renew();
        }
        if let Some(pruned) = &prepared.pruned {
            self.board.pruned(pruned);
            if pruned.missing > 0 {
                tracing::warn!(
                    events = pruned.missing,
                    "missing events older than store.keep or beyond store.missing_max were removed, \
                     and their backfill with them"
                );
            }
        }
        let now_ms = self.said_ms();
        let gauges: Vec<ShardGauges> = self.shards.iter().map(|shard| shard.gauges).collect();
        self.board.ledger(&gauges, now_ms);
        self.board.sizes(self.store.path(), self.spool.bytes());
    }
}
