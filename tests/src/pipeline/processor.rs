//! Reads raw lines, drops what is invalid, publishes capsules.
//!
//! It asks the truth which events are valid, because the truth knows this by construction. It computes
//! uuid and capsule from the line alone, as the original does.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::{Map, Value};

use crate::events::line;
use crate::identity::Era;
use crate::truth::{Fate, Truth};
use crate::wire::{Publisher, Subscriber};

use super::PipelineError;

/// How long the thread waits for a frame before it looks whether it should end.
const LOOK: Duration = Duration::from_millis(50);

/// The running processor; ends when dropped.
pub struct Processor {
    valid: Publisher,
    malformed: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Processor {
    pub fn start(
        context: &zmq::Context,
        raw: &[&str],
        era: Era,
        truth: Truth,
    ) -> Result<Self, PipelineError> {
        let subscriber = Subscriber::connect(context, raw)?;
        let valid = Publisher::bind(context)?;
        let malformed = Arc::new(AtomicU64::new(0));
        let stop = Arc::new(AtomicBool::new(false));
        let work = Work {
            subscriber,
            valid: valid.clone(),
            malformed: malformed.clone(),
            era,
            truth,
        };
        let stopped = stop.clone();
        let thread = thread::Builder::new()
            .name("processor".into())
            .spawn(move || work.run(&stopped))?;
        Ok(Self {
            valid,
            malformed,
            stop,
            thread: Some(thread),
        })
    }

    pub fn endpoint(&self) -> &str {
        self.valid.endpoint()
    }

    pub fn malformed(&self) -> u64 {
        self.malformed.load(Ordering::Relaxed)
    }

    pub fn await_subscribers(&self, count: u64) -> bool {
        self.valid.await_subscriptions(count)
    }
}

impl Drop for Processor {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has been printed; there is nothing to add.
            let _ = thread.join();
        }
    }
}

struct Work {
    subscriber: Subscriber,
    valid: Publisher,
    malformed: Arc<AtomicU64>,
    era: Era,
    truth: Truth,
}

impl Work {
    fn run(&self, stop: &AtomicBool) {
        while !stop.load(Ordering::Relaxed) {
            match self.subscriber.receive(LOOK) {
                Ok(Some(frame)) => self.frame(&frame),
                Ok(None) => {}
                // The context is gone: so is the pipeline.
                Err(_) => return,
            }
        }
    }

    fn frame(&self, frame: &[u8]) {
        let Some(read) = line::read(frame, self.era) else {
            self.malformed.fetch_add(1, Ordering::Relaxed);
            return;
        };
        let Some((nature, fate)) = self.truth.fate(&read.uuid) else {
            self.malformed.fetch_add(1, Ordering::Relaxed);
            return;
        };
        if !nature.passes() && fate != Fate::Leaked {
            return;
        }
        if let Some(capsule) = self.capsule(&read) {
            // A full queue is the pipeline's own business, as in the original.
            let _ = self.valid.send(capsule.to_string().as_bytes());
        }
    }

    /// The capsule: the line's JSON, and the parts of the line that the JSON does not have.
    fn capsule(&self, read: &line::Read) -> Option<Value> {
        let mut capsule: Map<String, Value> = match serde_json::from_str(&read.capsule) {
            Ok(capsule) => capsule,
            // Python reads texts that this library does not; the truth knows Python's result.
            Err(_) => self.carried(read)?,
        };
        let mut add = |name: &str, value: Value| {
            capsule.entry(name).or_insert(value);
        };
        add("uuid", read.uuid.clone().into());
        add("recvFrom", read.place.recv_from.clone().into());
        add("seqId", read.place.seq_id.into());
        add("timestamp", (read.place.time_ms / 1000).into());
        if let Some(agent) = &read.user_agent {
            add("userAgent", agent.clone().into());
        }
        Some(capsule.into())
    }

    fn carried(&self, read: &line::Read) -> Option<Map<String, Value>> {
        let event = self.truth.event(&read.uuid)?;
        let (schema, revision) = event.schema.rsplit_once('/')?;
        let mut capsule = Map::new();
        capsule.insert(
            "event".into(),
            serde_json::from_str(event.carried.as_deref()?).ok()?,
        );
        capsule.insert("schema".into(), schema.into());
        capsule.insert("revision".into(), revision.parse::<u64>().ok()?.into());
        capsule.insert("wiki".into(), "enwiki".into());
        Some(capsule)
    }
}
