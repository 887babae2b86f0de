//! The engine's threads: how each is started, which have died, and which stand still. Knows nothing
//! of what they do.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use landfall_runtime::WORKER_STACK_BYTES;

use crate::flow::InFlight;
use crate::thread_watch::ThreadWatch;

/// The receiver is gone: the engine is ending, or a thread died.
pub(super) struct Disconnected;

/// Records which threads have died. A thread that ends properly is not recorded.
pub(super) struct Threads {
    dead: Mutex<Vec<String>>,
    /// Watches which of them stand still.
    pub thread_watch: Arc<ThreadWatch>,
}

impl Threads {
    pub fn new(thread_watch: Arc<ThreadWatch>) -> Self {
        Self {
            dead: Mutex::default(),
            thread_watch,
        }
    }
}

/// Shows whether the engine's threads live.
pub struct Liveness(pub(super) Arc<Threads>);

impl Liveness {
    /// The error names the threads that died.
    ///
    /// # Errors
    /// At least one thread died.
    pub fn check(&self) -> Result<(), String> {
        let dead = self.0.dead.lock().unwrap_or_else(PoisonError::into_inner);
        if dead.is_empty() {
            Ok(())
        } else {
            Err(format!("died: {}", dead.join(", ")))
        }
    }
}

/// Records the thread's death if it is dropped during a panic. Then it also stops time for the
/// others, because nobody may judge by what the dead thread no longer applies.
struct ThreadGuard {
    threads: Arc<Threads>,
    name: String,
    in_flight: InFlight,
}

impl Drop for ThreadGuard {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.in_flight.halt();
            self.threads
                .dead
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(std::mem::take(&mut self.name));
        }
    }
}

/// Starts a thread of the engine.
pub(super) fn spawn<T: Send + 'static>(
    threads: &Arc<Threads>,
    in_flight: &InFlight,
    name: String,
    run: impl FnOnce() -> T + Send + 'static,
) -> std::io::Result<JoinHandle<T>> {
    let guard = ThreadGuard {
        threads: Arc::clone(threads),
        name: name.clone(),
        in_flight: in_flight.clone(),
    };
    std::thread::Builder::new()
        .name(name)
        .stack_size(WORKER_STACK_BYTES)
        .spawn(move || {
            guard.threads.thread_watch.enroll(&guard.name);
            let _guard = guard;
            run()
        })
}
