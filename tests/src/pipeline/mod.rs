//! A pipeline like the one for which Landfall was made: producer, processor, batching writer, all
//! over real ZeroMQ sockets. Each part has its own thread and its own sockets, and does wrong things
//! only if a test asks for them.

mod processor;
mod producer;
pub mod writer;

use std::path::Path;

pub use producer::Producer;
pub use writer::{Database, Faults, Order, Writer, WriterOptions};

use crate::clock::Clock;
use crate::identity::Era;
use crate::truth::Truth;
use crate::wire::Publisher;
use processor::Processor;

/// What could not be set up or done.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    #[error("a socket of the pipeline: {0}")]
    Socket(#[from] zmq::Error),
    #[error("the pipeline's database: {0}")]
    Database(#[from] rusqlite::Error),
    #[error("a thread of the pipeline: {0}")]
    Thread(#[from] std::io::Error),
    #[error("{0} did not subscribe in time")]
    NoSubscriber(&'static str),
}

/// How a pipeline is built.
#[derive(Clone, Debug)]
pub struct PipelineOptions {
    pub clock: Clock,
    pub era: Era,
    pub writer: WriterOptions,
}

impl Default for PipelineOptions {
    fn default() -> Self {
        Self {
            clock: Clock::real(),
            era: Era::Timestamp,
            writer: WriterOptions::default(),
        }
    }
}

/// The running pipeline.
pub struct Pipeline {
    pub truth: Truth,
    pub clock: Clock,
    pub producer: Producer,
    pub writer: Writer,
    written: Publisher,
    replay: Publisher,
    processor: Processor,
    // Dropped last: a context waits for its sockets.
    context: zmq::Context,
}

impl Pipeline {
    /// Starts all parts, with the database at `database`; they have found each other when this returns.
    pub fn start(database: &Path, options: PipelineOptions) -> Result<Self, PipelineError> {
        let PipelineOptions { clock, era, writer } = options;
        let context = zmq::Context::new();
        let truth = Truth::default();
        let producer = Producer::bind(&context, truth.clone())?;
        let replay = Publisher::bind(&context)?;
        let [client, server] = producer.endpoints();
        let processor = Processor::start(
            &context,
            &[client, server, replay.endpoint()],
            era,
            truth.clone(),
        )?;
        let written = Publisher::bind(&context)?;
        let writer = Writer::start(
            &context,
            processor.endpoint(),
            database,
            writer,
            clock.clone(),
            &written,
            truth.clone(),
        )?;
        if !producer.await_subscribers(1) || !replay.await_subscriptions(1) {
            return Err(PipelineError::NoSubscriber("the processor"));
        }
        if !processor.await_subscribers(1) {
            return Err(PipelineError::NoSubscriber("the writer"));
        }
        Ok(Self {
            truth,
            clock,
            producer,
            writer,
            written,
            replay,
            processor,
            context,
        })
    }

    /// Where raw frames can be subscribed to: client-side, then server-side.
    pub fn raw_endpoints(&self) -> [String; 2] {
        self.producer.endpoints().map(str::to_owned)
    }

    /// Where the writer publishes what it committed.
    pub fn written_endpoint(&self) -> &str {
        self.written.endpoint()
    }

    /// Where only the processor listens: frames of a backfill go in here, invisible to a subscriber of the raw stream.
    pub fn replay(&self) -> &Publisher {
        &self.replay
    }

    /// The writer's publisher, for frames that no writer should send.
    pub fn written(&self) -> &Publisher {
        &self.written
    }

    /// Lines that the processor could not read.
    pub fn malformed(&self) -> u64 {
        self.processor.malformed()
    }

    pub fn context(&self) -> &zmq::Context {
        &self.context
    }

    /// Waits until somebody beside the pipeline listens at all three taps.
    pub fn await_watcher(&self) -> Result<(), PipelineError> {
        if !self.producer.await_subscribers(2) {
            return Err(PipelineError::NoSubscriber("a watcher of the raw stream"));
        }
        if !self.written.await_subscriptions(1) {
            return Err(PipelineError::NoSubscriber(
                "a watcher of the written stream",
            ));
        }
        Ok(())
    }
}
