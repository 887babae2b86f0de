//! The engine's threads: how each is started, which have died, and which stand still. Knows nothing of what
//! they do.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use landfall_runtime::WORKER_STACK_BYTES;

use crate::flow::InFlight;
use crate::thread_watch::ThreadWatch;

/// Which threads have died. A thread that ends as it should leaves no trace.
pub(super) struct Threads {
    dead: Mutex<Vec<String>>,
    /// And which of them stand still.
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

/// Watches the engine's threads.
pub struct Liveness(pub(super) Arc<Threads>);

impl Liveness {
    /// An error names the threads that died.
    pub fn check(&self) -> Result<(), String> {
        let dead = self.0.dead.lock().unwrap_or_else(PoisonError::into_inner);
        if dead.is_empty() {
            Ok(())
        } else {
            Err(format!("died: {}", dead.join(", ")))
        }
    }
}

/// Notes the thread's death if it is dropped while panicking, and stops time for the others: nobody
/// may judge by what the dead one no longer applies.
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
