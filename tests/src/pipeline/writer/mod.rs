//! The batching database writer: a main loop that drains the socket into memory, and a worker that
//! takes batches from there, commits them and publishes what it committed.
//!
//! As in the incident, the worker can die alone: then the main loop goes on draining, the process
//! stays up, the sockets stay connected, and what was in memory is lost when the writer restarts.

mod database;
mod faults;
mod memory;
mod row;
mod worker;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

pub use database::Database;
pub use faults::{Faults, Order};
pub use row::{Cell, Row};

use crate::clock::Clock;
use crate::truth::Truth;
use crate::wire::{Publisher, Subscriber};

use super::PipelineError;
use faults::Switches;
use memory::Memory;
use worker::Worker;

/// How long the main loop waits for a frame before it looks whether it should end.
const LOOK: Duration = Duration::from_millis(50);

/// When a batch is written.
#[derive(Clone, Copy, Debug)]
pub struct WriterOptions {
    pub batch_rows: usize,
    /// In real time: the longest that a row waits for its batch.
    pub batch_wait: Duration,
}

impl Default for WriterOptions {
    fn default() -> Self {
        Self {
            batch_rows: 400,
            batch_wait: Duration::from_millis(50),
        }
    }
}

/// The running writer; ends when dropped.
pub struct Writer {
    memory: Memory,
    switches: Switches,
    stop: Arc<AtomicBool>,
    main_loop: Option<JoinHandle<()>>,
    worker: Option<Worker>,
    parts: WorkerParts,
}

/// What every worker needs, the first one as well as those of later restarts.
#[derive(Clone)]
struct WorkerParts {
    database: PathBuf,
    options: WriterOptions,
    clock: Clock,
    written: Publisher,
    truth: Truth,
}

impl Writer {
    pub fn start(
        context: &zmq::Context,
        valid: &str,
        database: &Path,
        options: WriterOptions,
        clock: Clock,
        written: &Publisher,
        truth: Truth,
    ) -> Result<Self, PipelineError> {
        let subscriber = Subscriber::connect(context, &[valid])?;
        let memory = Memory::default();
        let stop = Arc::new(AtomicBool::new(false));
        let (into, stopped) = (memory.clone(), stop.clone());
        let main_loop = thread::Builder::new()
            .name("writer-main".into())
            .spawn(move || drain(&subscriber, &into, &stopped))?;
        let parts = WorkerParts {
            database: database.to_owned(),
            options,
            clock,
            written: written.clone(),
            truth,
        };
        let mut writer = Self {
            memory,
            switches: Switches::default(),
            stop,
            main_loop: Some(main_loop),
            worker: None,
            parts,
        };
        writer.restart()?;
        Ok(writer)
    }

    /// The worker dies after the current batch. The main loop goes on draining, and nothing lands.
    pub fn go_deaf(&mut self) {
        // Dropping a worker ends its thread.
        self.worker = None;
    }

    pub fn is_deaf(&self) -> bool {
        self.worker.is_none()
    }

    /// The writer is started again; what was in its memory is gone.
    pub fn restart(&mut self) -> Result<(), PipelineError> {
        self.worker = None;
        self.memory.clear();
        self.worker = Some(Worker::start(
            self.memory.clone(),
            self.switches.clone(),
            self.parts.clone(),
        )?);
        Ok(())
    }

    /// Changes the faults of whole intervals.
    pub fn set(&self, change: impl FnOnce(&mut Faults)) {
        self.switches.change(change);
    }

    /// The current faults.
    pub fn faults(&self) -> Faults {
        self.switches.get()
    }

    /// Batches that failed as a whole because of one duplicate key.
    pub fn batches_lost(&self) -> u64 {
        self.switches.batches_lost()
    }

    /// Rows in memory: not yet in a batch, or held back.
    pub fn backlog(&self) -> usize {
        self.memory.len()
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.worker = None;
        if let Some(thread) = self.main_loop.take() {
            // A panic of the thread has been printed; there is nothing to add.
            let _ = thread.join();
        }
    }
}

fn drain(subscriber: &Subscriber, memory: &Memory, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        match subscriber.receive(LOOK) {
            Ok(Some(frame)) => memory.put(frame),
            Ok(None) => {}
            // The context is gone: so is the pipeline.
            Err(_) => return,
        }
    }
}
