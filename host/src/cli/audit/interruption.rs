//! Handles a signal during an audit (SIGINT, SIGTERM, SIGHUP). The audit stops reading, reports
//! that there is no answer, and leaves nothing behind. A second signal ends the process at once.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::thread;

use crate::cli::exit;
use crate::cli::signals::Signals;
use crate::flow::ShutdownRequest;

/// The signal that came, if one did.
#[derive(Clone, Debug, Default)]
pub(super) struct Interruption(Arc<OnceLock<&'static str>>);

impl Interruption {
    /// Sets `stop` at the first signal. At the second one the process ends at once, after it has
    /// removed the scratch directory.
    ///
    /// # Errors
    /// The system gives no thread or no signals.
    pub fn watch(stop: ShutdownRequest, scratch: Option<PathBuf>) -> io::Result<Self> {
        let interruption = Self::default();
        let signal_name = Arc::clone(&interruption.0);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()?;
        // From now on signals no longer end the process by themselves.
        let mut signals = runtime.block_on(async { Signals::listen(&[]) })?;
        thread::Builder::new()
            .name("signals".into())
            .spawn(move || {
                runtime.block_on(async {
                    let _ = signal_name.set(signals.next().await.name());
                    stop.set();
                    signals.next().await;
                    if let Some(scratch) = scratch {
                        // If this fails, nobody can be informed.
                        let _ = std::fs::remove_dir_all(scratch);
                    }
                    #[expect(
                        clippy::disallowed_methods,
                        reason = "the second signal; an audit keeps nothing"
                    )]
                    std::process::exit(exit::COULD_NOT_RUN.code());
                });
            })?;
        Ok(interruption)
    }

    /// The name of the signal.
    pub fn signal(&self) -> Option<&'static str> {
        self.0.get().copied()
    }
}
