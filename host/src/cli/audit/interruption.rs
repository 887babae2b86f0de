//! Somebody ends an audit from outside (SIGINT, SIGTERM, SIGHUP): it stops to read, says that there is no
//! answer, and leaves nothing behind. Who asks a second time does not want to wait for that.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::thread;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::cli::exit;
use crate::sources::Stop;

/// The signal that came, if one did.
#[derive(Clone, Debug, Default)]
pub(super) struct Interruption(Arc<OnceLock<&'static str>>);

struct Signals {
    interrupt: Option<Signal>,
    terminate: Option<Signal>,
    hangup: Option<Signal>,
}

impl Interruption {
    /// Sets `stop` at the first signal. At the second one the process ends at once, without the scratch
    /// directory.
    pub fn watch(stop: Stop, scratch: Option<PathBuf>) -> io::Result<Self> {
        let interruption = Self::default();
        let told = Arc::clone(&interruption.0);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()?;
        // From now on signals no longer end the process by themselves.
        let mut signals = runtime.block_on(async { Signals::new() })?;
        thread::Builder::new()
            .name("signals".into())
            .spawn(move || {
                runtime.block_on(async {
                    let name = signals.next().await;
                    let _ = told.set(name);
                    stop.set();
                    signals.next().await;
                    if let Some(scratch) = scratch {
                        // Nobody can be told if it fails.
                        let _ = std::fs::remove_dir_all(scratch);
                    }
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

impl Signals {
    fn new() -> io::Result<Self> {
        let ignored = ignored();
        let heard = |kind: SignalKind| match ignored >> (kind.as_raw_value() - 1) & 1 {
            0 => signal(kind).map(Some),
            _ => Ok(None),
        };
        Ok(Self {
            interrupt: heard(SignalKind::interrupt())?,
            terminate: heard(SignalKind::terminate())?,
            hangup: heard(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            () = came(&mut self.interrupt) => "SIGINT",
            () = came(&mut self.terminate) => "SIGTERM",
            () = came(&mut self.hangup) => "SIGHUP",
        }
    }
}

async fn came(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}

/// The signals that whoever started this wants it to ignore, as `nohup` does with SIGHUP: a bit each.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.map(|mask| u64::from_str_radix(mask.trim(), 16));
    mask.and_then(Result::ok).unwrap_or_default()
}
