//! The writer's worker thread: writes batches to the database, and publishes commits on the `written` stream.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use crate::truth::{Fate, Landing};

use super::WorkerParts;
use super::database::{Database, Inserted};
use super::faults::{Faults, Switches};
use super::memory::Memory;
use super::row::Row;
use crate::pipeline::PipelineError;

/// The thread; ends after the current batch when dropped.
pub struct Worker {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    pub fn start(
        memory: Memory,
        switches: Switches,
        parts: WorkerParts,
    ) -> Result<Self, PipelineError> {
        let database = Database::open(&parts.database)?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let mut work = Work {
            memory,
            switches,
            parts,
            database,
            rng: fastrand::Rng::with_seed(1),
        };
        let thread = thread::Builder::new()
            .name("writer-worker".into())
            .spawn(move || {
                while !stopped.load(Ordering::Relaxed) {
                    work.batch();
                }
            })?;
        Ok(Self {
            stop,
            thread: Some(thread),
        })
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has been printed; there is nothing to add.
            let _ = thread.join();
        }
    }
}

/// A row, and what to do with it.
struct Fated {
    row: Row,
    altered: bool,
    doubled: bool,
}

struct Work {
    memory: Memory,
    switches: Switches,
    parts: WorkerParts,
    database: Database,
    rng: fastrand::Rng,
}

impl Work {
    fn batch(&mut self) {
        let options = self.parts.options;
        let order = self.switches.get().order;
        let frames = self
            .memory
            .batch(options.batch_rows, options.batch_wait, order);
        // The current faults, after the wait for the batch.
        let faults = self.switches.get();
        let mut tables: BTreeMap<String, Vec<Fated>> = BTreeMap::new();
        let now_ms = self.parts.clock.now_ms();
        let due = self.memory.due(now_ms).into_iter().map(|row| Fated {
            row,
            altered: false,
            doubled: false,
        });
        let fresh: Vec<Fated> = frames
            .iter()
            .filter_map(|frame| Row::of(frame))
            .filter_map(|row| self.meet_fate(row, faults))
            .collect();
        for fated in due.chain(fresh) {
            tables.entry(fated.row.table()).or_default().push(fated);
        }
        for rows in tables.into_values() {
            self.insert(&rows, faults);
        }
    }

    /// The writer's result for a row; None if it loses the row, or holds it back.
    fn meet_fate(&mut self, mut row: Row, faults: Faults) -> Option<Fated> {
        let is_skipped = faults.skipped == Some(row.schema.as_str());
        if is_skipped || self.rng.u8(..100) < faults.loss_percent {
            return None;
        }
        let fate = self
            .parts
            .truth
            .fate(&row.uuid)
            .map_or(Fate::Normal, |(_, fate)| fate);
        match fate {
            Fate::Lost => return None,
            Fate::Held { ms } => {
                self.memory.hold(self.parts.clock.now_ms() + ms, row);
                return None;
            }
            Fate::Altered => drop(row.alter()),
            Fate::Normal | Fate::Leaked | Fate::Doubled => {}
        }
        Some(Fated {
            row,
            altered: fate == Fate::Altered,
            doubled: fate == Fate::Doubled,
        })
    }

    fn insert(&mut self, batch: &[Fated], faults: Faults) {
        if faults.refused {
            return;
        }
        let rows: Vec<&Row> = batch.iter().map(|fated| &fated.row).collect();
        match self.database.insert(&rows, faults.strict_keys) {
            Ok(Inserted::Rows(places)) => {
                for place in places {
                    self.publish(&batch[place]);
                }
            }
            Ok(Inserted::NothingForADuplicate) => self.switches.batch_lost(),
            // A test pipeline that cannot write its database proves nothing, so panic.
            Err(error) => panic!("the pipeline's database failed: {error}"),
        }
    }

    fn publish(&self, fated: &Fated) {
        let json = fated.row.to_json();
        for _ in 0..if fated.doubled { 2 } else { 1 } {
            let landing = Landing {
                at_ms: self.parts.clock.now_ms(),
                altered: fated.altered,
            };
            self.parts.truth.landed(&fated.row.uuid, landing);
            // A full queue is the pipeline's own business, as in the original.
            let _ = self.parts.written.send(json.as_bytes());
        }
    }
}
