//! Signals to the process. A signal that the parent process ignored stays ignored: a shell ignores SIGINT for
//! commands that it starts in the background. The signals in `always` are handled all the same: for
//! `landfall run` that is SIGHUP, which `nohup` ignores.

use std::io;

use tokio::signal::unix::{Signal as Arrivals, SignalKind, signal};

/// A signal that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    Interrupt,
    Terminate,
    Hangup,
}

/// From its creation on, signals do not end the process by themselves.
pub struct Signals {
    interrupt: Option<Arrivals>,
    terminate: Option<Arrivals>,
    hangup: Option<Arrivals>,
}

impl Signal {
    pub fn name(self) -> &'static str {
        match self {
            Self::Interrupt => "SIGINT",
            Self::Terminate => "SIGTERM",
            Self::Hangup => "SIGHUP",
        }
    }
}

impl Signals {
    /// `always` are handled even if the parent process ignored them: signals that do not end the process.
    ///
    /// # Errors
    /// The system gives no signals, or this is outside of a tokio runtime.
    pub fn listen(always: &[Signal]) -> io::Result<Self> {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let ignored = ignored(&status);
        let arrivals = |which: Signal, kind: SignalKind| {
            let is_ignored = ignored >> (kind.as_raw_value() - 1) & 1 == 1;
            if is_ignored && !always.contains(&which) {
                let name = which.name();
                tracing::info!(
                    "{name} is ignored, because the process that started this one ignores it"
                );
                return Ok(None);
            }
            signal(kind).map(Some)
        };
        Ok(Self {
            interrupt: arrivals(Signal::Interrupt, SignalKind::interrupt())?,
            terminate: arrivals(Signal::Terminate, SignalKind::terminate())?,
            hangup: arrivals(Signal::Hangup, SignalKind::hangup())?,
        })
    }

    /// The next one.
    pub async fn next(&mut self) -> Signal {
        tokio::select! {
            () = arrival(&mut self.interrupt) => Signal::Interrupt,
            () = arrival(&mut self.terminate) => Signal::Terminate,
            () = arrival(&mut self.hangup) => Signal::Hangup,
        }
    }
}

async fn arrival(signal: &mut Option<Arrivals>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}

/// The signals that are ignored: a bit each. None, if that cannot be read.
fn ignored(status: &str) -> u64 {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.map(|mask| u64::from_str_radix(mask.trim(), 16));
    mask.and_then(Result::ok).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignored_signals_are_read_from_the_status_of_a_process() {
        let status =
            "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000003\nSigCgt:\t0000000000000000\n";
        assert_eq!(ignored(status), 3);
        assert_eq!(ignored("SigIgn:\tno number\n"), 0);
        assert_eq!(ignored(""), 0);
    }
}
