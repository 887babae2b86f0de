//! Where frames come from: ZeroMQ publishers and recorded files. A source reads frames, stamps them
//! with their arrival, packs them into batches and puts these into a bounded queue.
//!
//! Knows nothing of what a frame means: no codec, no JSON, no key. By `SourceProgress` it reports
//! the instant before which it has read everything that arrived. The ledger calls an event missing
//! only by this report.
//!
//! To add a kind of source, add a folder here with its settings, an arm in `settings.rs` and an arm
//! in [`Opener::open`].

mod batch_writer;
mod error;
pub mod file;
mod in_order;
mod publisher;
mod report;
mod settings;
pub mod zmq;

use std::sync::Arc;
use std::thread::{self, JoinHandle};

use crate::flow::{Link, SourceStatus};
use crate::thread_watch::ThreadWatch;

pub use batch_writer::{BatchWriter, SourceContext};
pub use error::SourceError;
pub use in_order::start_in_order;
pub use publisher::{PublishError, Publisher};
pub use report::report;
pub use settings::SourceSettings;

/// A source that is open and has not begun to read.
pub trait Source: Send {
    /// The name of its thread.
    fn thread_name(&self) -> String;

    /// What it reports about its connection and about what it read.
    fn status(&self) -> Arc<SourceStatus>;

    /// Reads until the end of its input, or until the request to shut down in its context is set, and hands on all
    /// that it read.
    ///
    /// # Errors
    /// The input failed, or not all that was read could be handed on.
    fn run(self: Box<Self>) -> Result<(), SourceError>;
}

/// Opens sources, and holds what the sources of one kind share.
#[derive(Default)]
pub struct Opener {
    sockets: zmq::Sockets,
}

impl Opener {
    /// Opens the sources of a stream.
    ///
    /// # Errors
    /// The settings or the process make it impossible. A peer that is not there is no error: a
    /// source tries to connect for as long as it lives.
    pub fn open(
        &self,
        settings: &SourceSettings,
        context: &SourceContext,
    ) -> Result<Vec<Box<dyn Source>>, SourceError> {
        match settings {
            SourceSettings::Zmq(settings) => zmq::open(&self.sockets, settings, context),
        }
    }
}

/// A source that runs on its own thread.
pub struct RunningSource {
    pub status: Arc<SourceStatus>,
    thread: JoinHandle<Result<(), SourceError>>,
}

impl RunningSource {
    /// Starts the thread of a source, and has it watched by `threads`.
    ///
    /// # Errors
    /// The system cannot start a thread.
    pub fn start(source: Box<dyn Source>, threads: &Arc<ThreadWatch>) -> Result<Self, SourceError> {
        let (name, status) = (source.thread_name(), source.status());
        let ended = SetEnded(Arc::clone(&status));
        let threads = Arc::clone(threads);
        let thread = thread::Builder::new().name(name.clone()).spawn(move || {
            let _ended = ended;
            threads.enroll(&name);
            source.run()
        });
        let thread = thread.map_err(|source| SourceError::Thread {
            endpoint: status.endpoint().to_owned(),
            source,
        })?;
        Ok(Self { status, thread })
    }

    /// Whether its thread has ended.
    pub fn has_ended(&self) -> bool {
        self.thread.is_finished()
    }

    /// Waits for the source's end. An outer error is the panic of its thread.
    ///
    /// # Errors
    /// The error with which [`Source::run`] ended.
    pub fn join(self) -> thread::Result<Result<(), SourceError>> {
        self.thread.join()
    }
}

/// Sets the status when the thread ends in any way, even by a panic.
struct SetEnded(Arc<SourceStatus>);

impl Drop for SetEnded {
    fn drop(&mut self) {
        self.0.set_link(Link::Ended);
    }
}
