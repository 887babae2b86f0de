//! Reads what the store has kept for the next run.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use landfall_ledger::{Fingerprint, Incident, SchemaId, SettledRecord, Shard};
use landfall_store::spool::{LeftFrame, LeftFrames, Spool, SpoolError};
use landfall_store::{GroupBy, KEY_RECORD_BYTES, MissingFilter, Reader, Store, StoreError};

use super::open_incidents::ongoing;
use super::{EngineError, EngineParts};
use crate::clock::Clock;
use crate::judge::identity::Secret;
use crate::judge::labels::{SchemaLabels, UNKNOWN_SCHEMA};
use crate::telemetry::Telemetry;
use crate::time_policy::TimePolicy;

pub(super) struct Stored {
    pub secret: Secret,
    pub next_incident: u64,
    pub first_generation: u64,
    /// Up to when the store knows what happened, by the clock of this run. None: it is by another clock.
    pub known_ms: Option<i64>,
    /// Incidents that were open when the last run ended, and that go on.
    pub open_incidents: Vec<Incident>,
}

impl Stored {
    /// Closes what an ended run left open and what does not go on, and logs what was done. Without `labels` nothing goes
    /// on.
    ///
    /// # Errors
    /// The store cannot be read or written.
    pub fn open(
        store: &mut Store,
        dir: &Path,
        labels: Option<&SchemaLabels>,
        time: &TimePolicy,
    ) -> Result<Self, StoreError> {
        let by_system = time.clock().map(Clock::follows_system);
        match store.take_rewrite_result() {
            None => {}
            Some(Ok(())) => tracing::info!(
                "the store's file was rewritten, because deleted data could still be read in it"
            ),
            Some(Err(error)) => tracing::warn!(
                "{error}; what was deleted from the store until now can still be read in its file, and the next \
                 start tries again"
            ),
        }
        let open_incidents = match labels {
            Some(labels) => ongoing(&Reader::open(dir)?.incidents()?, labels),
            None => Vec::new(),
        };
        let kept: Vec<u64> = open_incidents
            .iter()
            .map(|incident| incident.id.0)
            .collect();
        let left = store.close_leftovers(&kept)?;
        if !kept.is_empty() {
            tracing::info!(
                incidents = kept.len(),
                "incidents that were open when the last run ended go on"
            );
        }
        if left.incidents > 0 {
            tracing::info!(
                incidents = left.incidents,
                "incidents that were open when the last run ended are closed as of then"
            );
        }
        Ok(Self {
            secret: Secret::new(store.secret()?),
            next_incident: store.next_incident()?,
            first_generation: store.next_generation()?,
            known_ms: store
                .known_time()?
                .filter(|(_, follows_system)| Some(*follows_system) == by_system)
                .map(|(known_ms, _)| known_ms),
            open_incidents,
        })
    }
}

/// The store and the spool, opened for a run.
pub(super) struct Opened {
    pub stored: Stored,
    pub spool: Arc<Spool>,
    /// Frames of the last run of whose events or rows nothing is stored, in the order in which they came.
    pub left: Vec<LeftFrame>,
    /// The number of the run. None in an audit, which begins with nothing and after which nothing goes on.
    pub run: Option<u64>,
}

/// Opens both, and goes on where the last run ended.
///
/// # Errors
/// The store or the spool cannot be read or written.
pub(super) fn open(
    parts: &mut EngineParts<'_>,
    settings: &SpoolSettings,
) -> Result<Opened, EngineError> {
    if parts.time.is_of_events() {
        return Ok(Opened {
            stored: Stored::open(&mut parts.store, parts.store_dir, None, &parts.time)?,
            spool: settings.open()?,
            left: Vec::new(),
            run: None,
        });
    }
    let labels = &parts.planned.plan.labels;
    let stored = Stored::open(&mut parts.store, parts.store_dir, Some(labels), &parts.time)?;
    show_overdue(&Reader::open(parts.store_dir)?, labels, parts.telemetry)?;
    let (spool, left) = restore(&mut parts.store, settings, parts.telemetry)?;
    Ok(Opened {
        stored,
        spool,
        left,
        run: Some(parts.store.begin_run()?),
    })
}

/// Shows how many events of earlier runs have not landed, under the names that they have in this run: their landings
/// will be counted under these.
fn show_overdue(
    reader: &Reader,
    labels: &SchemaLabels,
    telemetry: &Telemetry,
) -> Result<(), StoreError> {
    for unconfirmed in [false, true] {
        let filter = MissingFilter {
            unconfirmed: Some(unconfirmed),
            ..MissingFilter::default()
        };
        for group in reader.missing_groups(&filter, &[GroupBy::Schema])? {
            let stored = group.group.first().map_or("", String::as_str);
            let schema = labels.name(labels.find(stored.as_bytes()));
            match unconfirmed {
                false => telemetry.overdue(schema, group.events, 0),
                true => telemetry.overdue(schema, 0, group.events),
            }
        }
    }
    Ok(())
}

/// Adds to the shards the events that an earlier run reported as missing and that are still owed.
pub(super) fn add_unlanded(store: &Store, shards: &mut [Shard]) -> Result<(), StoreError> {
    let count = shards.len();
    store.unlanded(|fingerprint| {
        let key = Fingerprint::from_bytes(fingerprint);
        shards[key.shard(count)].add_unlanded(key);
    })
}

/// Adds to the shards what earlier runs settled. Gives how many keys they have stored.
pub(super) fn restore_keys(
    store: &Store,
    shards: &mut [Shard],
    labels: &SchemaLabels,
    window_ms: i64,
) -> Result<u64, StoreError> {
    let schemas = store.run_schemas()?;
    let mut numbers: HashMap<(u64, u16), SchemaId> = HashMap::new();
    for (of_run, name) in schemas {
        numbers.insert(of_run, labels.find(name.as_bytes()));
    }
    store.settled_keys(|row| {
        let renumbered = |schema: SchemaId| {
            let number = numbers.get(&(row.run, schema.0)).copied();
            // What had a name is not what nobody knows.
            number.filter(|now| *now != UNKNOWN_SCHEMA || schema == UNKNOWN_SCHEMA)
        };
        // With another number of shards nobody knows whose keys they are now.
        let owners = match row.shards == shards.len() {
            true => row.shard..row.shard + 1,
            false => 0..shards.len(),
        };
        for shard in shards.get_mut(owners).unwrap_or_default() {
            let (records, _) = row.records.as_chunks::<KEY_RECORD_BYTES>();
            for record in records {
                let same_windows = row.window_ms == window_ms;
                if let Some(record) = SettledRecord::from_bytes(*record, renumbered, same_windows) {
                    shard.restore(record, row.at_ms, row.has_claims);
                }
            }
        }
    })
}

/// How the spool is opened.
pub(super) struct SpoolSettings {
    pub dir: PathBuf,
    pub bytes_max: u64,
    pub writers: usize,
    /// The largest batch.
    pub batch_bytes: u64,
}

impl SpoolSettings {
    /// Opens it, and removes what is in it.
    ///
    /// # Errors
    /// The settings are too small for it, or the disk fails.
    pub fn open(&self) -> Result<Arc<Spool>, SpoolError> {
        Spool::open(&self.dir, self.bytes_max, self.writers, self.batch_bytes)
    }
}

/// Opens the spool with what the last run left, and takes the events that had no verdict out of the counts of their
/// windows: they are judged and counted again. Gives their frames, and those of rows of which nothing was stored, in the
/// order in which they came, and logs what cannot be restored.
pub(super) fn restore(
    store: &mut Store,
    settings: &SpoolSettings,
    telemetry: &Telemetry,
) -> Result<(Arc<Spool>, Vec<LeftFrame>), EngineError> {
    let settled = store.settled_frames()?;
    let is_settled = |segment: u32, entry_at: u32| {
        let frames = settled.get(&segment);
        frames.is_some_and(|frames| frames.contains(&entry_at))
    };
    let (spool, left) = Spool::reopen(
        &settings.dir,
        settings.bytes_max,
        settings.writers,
        settings.batch_bytes,
        &is_settled,
    )?;
    let events = left.frames.iter().filter(|frame| !frame.is_row);
    let arrivals_ms: Vec<i64> = events.map(|frame| frame.arrived_ms).collect();
    let (events, rows) = (arrivals_ms.len(), left.frames.len() - arrivals_ms.len());
    let restored = store.restore(&arrivals_ms, &spool.live_segments(), &left.copies)?;
    telemetry.restored(events as u64, rows as u64, restored.lost, left.damaged);
    log(&left, events, rows, restored.lost);
    Ok((spool, left.frames))
}

fn log(left: &LeftFrames, events: usize, rows: usize, lost: u64) {
    if !left.frames.is_empty() {
        tracing::info!(
            events,
            rows,
            "events that had no verdict when the last run ended, and rows of which nothing was stored, are judged again"
        );
    }
    if left.damaged > 0 {
        tracing::error!(
            frames = left.damaged,
            "frames in the spool are damaged and cannot be read back; check the disk"
        );
    }
    for path in &left.put_aside {
        tracing::error!(
            path = %path.display(),
            "a file of the spool is damaged as a whole and was put aside under this name; check the disk"
        );
    }
    if left.cut_off > 0 {
        tracing::warn!(
            files = left.cut_off,
            "files of the spool end in the middle of a record, as they do if Landfall was killed while it wrote; what is \
             behind that is not read"
        );
    }
    if left.of_old_format > 0 {
        tracing::warn!(
            files = left.of_old_format,
            "the spool was written by a version that could not restore events; its files are removed"
        );
    }
    if lost > 0 {
        tracing::warn!(
            events = lost,
            "events of earlier runs stay pending in their windows, because their frames are gone"
        );
    }
}
