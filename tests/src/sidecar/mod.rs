//! Landfall as a process: configured, started, asked, stopped, as an operator does it.

mod answers;
mod command;
mod readings;
mod settings;
mod store;

use std::fs::{self, File};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

pub use answers::{Incident, MissingEvent};
pub use command::{Answer, landfall};
pub use readings::Readings;
pub use settings::{CheckSettings, Settings};
pub use store::{StoreReader, StoredSample, WindowTotals};

use crate::metrics::Metrics;
use crate::{http, wait};

/// Checks are compiled at the start: seconds with a debug build on a busy machine.
const START_MAX: Duration = Duration::from_secs(120);

/// Longest drain.
const STOP_MAX: Duration = Duration::from_secs(60);

/// Lines of the log that an error shows.
const LOG_TAIL_LINES: usize = 30;

/// What went wrong with the process.
#[derive(Debug, thiserror::Error)]
pub enum SidecarError {
    #[error("failed to start {}: {cause} (set LANDFALL_BIN to the built program)", program.display())]
    Start { program: PathBuf, cause: io::Error },
    #[error("{what}: {cause}")]
    Io {
        what: &'static str,
        cause: io::Error,
    },
    #[error("landfall {what}; the end of its log:\n{log}")]
    Failed { what: String, log: String },
}

/// The running sidecar; killed when dropped, unless it was stopped.
pub struct Sidecar {
    child: Child,
    dir: PathBuf,
    config: PathBuf,
    log: PathBuf,
    http: SocketAddr,
}

impl Sidecar {
    /// Writes the configuration into `dir`, starts `program` there and waits until it serves HTTP and is ready.
    pub fn start(program: &Path, dir: &Path, settings: &Settings) -> Result<Self, SidecarError> {
        let mut sidecar = Self::spawn(program, dir, settings)?;
        sidecar.await_ready()?;
        Ok(sidecar)
    }

    /// Starts the process, and waits only until it serves HTTP.
    pub fn spawn(program: &Path, dir: &Path, settings: &Settings) -> Result<Self, SidecarError> {
        let config = dir.join("landfall.toml");
        let written = settings.write(&config);
        written.map_err(|cause| SidecarError::Io {
            what: "writing the configuration",
            cause,
        })?;
        let log = dir.join("landfall.log");
        let mut log_file = File::create(&log).map_err(|cause| SidecarError::Io {
            what: "creating the log",
            cause,
        })?;
        let errors = log_file.try_clone().map_err(|cause| SidecarError::Io {
            what: "sharing the log",
            cause,
        })?;
        // What cannot be started says so in the log as well.
        let mut command = Command::new(program);
        command
            .arg("run")
            .arg("--config")
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(errors);
        let for_child = log_file.try_clone().map_err(|cause| SidecarError::Io {
            what: "sharing the log",
            cause,
        })?;
        let child = command.stderr(for_child).spawn().map_err(|cause| {
            let _ = io::Write::write_fmt(&mut log_file, format_args!("{cause}\n"));
            SidecarError::Start {
                program: program.to_owned(),
                cause,
            }
        })?;
        let unknown = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut sidecar = Self {
            child,
            dir: dir.to_owned(),
            config,
            log,
            http: unknown,
        };
        sidecar.http = sidecar.await_address()?;
        Ok(sidecar)
    }

    /// Its port is free when it binds it, so it has to be asked for afterwards: the log tells.
    fn await_address(&mut self) -> Result<SocketAddr, SidecarError> {
        let found = wait::until(START_MAX, || {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Some(Err(status));
            }
            address(&self.log_text()).map(Ok)
        });
        match found {
            Some(Ok(address)) => Ok(address),
            Some(Err(status)) => Err(self.failed(format!("ended at once with {status}"))),
            None => Err(self.failed("did not serve HTTP in time".into())),
        }
    }

    /// Waits until `/readyz` says 200.
    pub fn await_ready(&mut self) -> Result<(), SidecarError> {
        let ready = wait::until(START_MAX, || {
            http::get(self.http, "/readyz")
                .is_ok_and(|answer| answer.status == 200)
                .then_some(())
        });
        ready.ok_or_else(|| self.failed("was not ready in time".into()))
    }

    pub fn config(&self) -> &Path {
        &self.config
    }

    /// Where the configuration, the log and the store are.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub fn store_dir(&self) -> PathBuf {
        self.dir.join(settings::STORE)
    }

    pub fn store(&self) -> StoreReader {
        StoreReader::new(&self.store_dir())
    }

    pub fn get(&self, path: &str) -> io::Result<http::Answer> {
        http::get(self.http, path)
    }

    /// What `/metrics` says now; empty if it cannot be asked.
    pub fn metrics(&self) -> Metrics {
        self.get("/metrics")
            .map(|answer| Metrics::parse(&answer.body))
            .unwrap_or_default()
    }

    /// What `/readyz` says now.
    pub fn readiness(&self) -> Value {
        let answer = self.get("/readyz");
        answer
            .ok()
            .and_then(|answer| serde_json::from_str(&answer.body).ok())
            .unwrap_or_default()
    }

    pub fn log_text(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Whether the process still runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// SIGHUP: read the configuration again.
    pub fn reload(&self) -> io::Result<()> {
        self.signal(Signal::HUP)
    }

    /// SIGTERM, and waits until it has drained and ended.
    pub fn stop(&mut self) -> Result<ExitStatus, SidecarError> {
        self.signal(Signal::TERM)
            .map_err(|cause| SidecarError::Io {
                what: "sending SIGTERM",
                cause,
            })?;
        let ended = wait::until(STOP_MAX, || self.child.try_wait().ok().flatten());
        ended.ok_or_else(|| self.failed("did not end after SIGTERM".into()))
    }

    fn signal(&self, signal: Signal) -> io::Result<()> {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or_else(|| io::Error::other("a process id out of range"))?;
        kill_process(pid, signal).map_err(io::Error::from)
    }

    fn failed(&self, what: String) -> SidecarError {
        let text = self.log_text();
        let lines: Vec<&str> = text.lines().collect();
        let log = lines[lines.len().saturating_sub(LOG_TAIL_LINES)..].join("\n");
        SidecarError::Failed { what, log }
    }
}

impl Drop for Sidecar {
    fn drop(&mut self) {
        // Already ended: both say so, and there is nothing to do about it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The address in the log line that says where HTTP is served.
fn address(log: &str) -> Option<SocketAddr> {
    let line = log.lines().find(|line| line.contains("serving /metrics"))?;
    let (_, after) = line.split_once("address=")?;
    after
        .split_whitespace()
        .next()?
        .trim_matches('"')
        .parse()
        .ok()
}
