//! Landfall as a process: starts it, asks it over HTTP, sends signals, waits for its end.

use std::fs::{self, File};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::metrics::Metrics;
use crate::{http, paths, wait};

/// Checks are compiled at the start: seconds with a debug build on a busy machine.
const START_MAX: Duration = Duration::from_secs(120);

/// The longest drain.
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

/// A running `landfall run`; killed when dropped, unless it has ended.
pub struct Process {
    child: Child,
    log: PathBuf,
    http: SocketAddr,
}

impl Process {
    /// Starts `program` with a configuration and with its output in `log`; waits until it is ready.
    pub fn start(program: &Path, config: &Path, log: &Path) -> Result<Self, SidecarError> {
        Self::start_watched(program, config, log, &|_| ())
    }

    /// The same; `serving` gets the address of its HTTP server, before it is ready.
    pub fn start_watched(
        program: &Path,
        config: &Path,
        log: &Path,
        serving: &dyn Fn(SocketAddr),
    ) -> Result<Self, SidecarError> {
        Self::start_logged(command(program, config), log, serving)
    }

    /// Starts `program` with further variables in its environment, and waits until it is ready.
    pub fn start_within(
        program: &Path,
        config: &Path,
        log: &Path,
        environment: &[(&str, &Path)],
    ) -> Result<Self, SidecarError> {
        let mut command = command(program, config);
        command.envs(environment.iter().copied());
        Self::start_logged(command, log, &|_| ())
    }

    fn start_logged(
        mut command: Command,
        log: &Path,
        serving: &dyn Fn(SocketAddr),
    ) -> Result<Self, SidecarError> {
        let io = |what| move |cause| SidecarError::Io { what, cause };
        let output = File::create(log).map_err(io("creating the log"))?;
        let errors = output.try_clone().map_err(io("sharing the log"))?;
        command.stdout(output).stderr(errors);
        Self::begin(command, log, serving)
    }

    /// The same, with its output and its errors in these files; the caller has to copy the errors to `log`, which is
    /// emptied first: the address of a run before must not be taken for that of this one.
    pub fn start_into(
        program: &Path,
        config: &Path,
        log: &Path,
        output: Stdio,
        errors: Stdio,
    ) -> Result<Self, SidecarError> {
        File::create(log).map_err(|cause| SidecarError::Io {
            what: "emptying the log",
            cause,
        })?;
        let mut command = command(program, config);
        command.stdout(output).stderr(errors);
        Self::begin(command, log, &|_| ())
    }

    fn begin(
        mut command: Command,
        log: &Path,
        serving: &dyn Fn(SocketAddr),
    ) -> Result<Self, SidecarError> {
        let child = command.spawn().map_err(|cause| SidecarError::Start {
            program: command.get_program().into(),
            cause,
        })?;
        let mut process = Self {
            child,
            log: log.to_owned(),
            http: SocketAddr::from(([127, 0, 0, 1], 0)),
        };
        process.http = process.await_address()?;
        serving(process.http);
        process.await_ready()?;
        Ok(process)
    }

    /// The system chooses its port when it binds, so the port is known only afterwards, from the log.
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

    /// HTTP is served before the checks are loaded, so it may still end by an error.
    fn await_ready(&mut self) -> Result<(), SidecarError> {
        let ready = wait::until(START_MAX, || {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Some(Err(status));
            }
            let answer = self.get("/readyz");
            answer
                .is_ok_and(|answer| answer.status == 200)
                .then_some(Ok(()))
        });
        match ready {
            Some(Ok(())) => Ok(()),
            Some(Err(status)) => Err(self.failed(format!("ended at its start with {status}"))),
            None => Err(self.failed("was not ready in time".into())),
        }
    }

    /// Where it serves HTTP.
    pub fn http(&self) -> SocketAddr {
        self.http
    }

    pub fn get(&self, path: &str) -> io::Result<http::Answer> {
        http::get(self.http, path)
    }

    /// The current `/metrics`; empty if there is no answer.
    pub fn metrics(&self) -> Metrics {
        self.get("/metrics")
            .map(|answer| Metrics::parse(&answer.body))
            .unwrap_or_default()
    }

    pub fn log_text(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn signal(&self, signal: Signal) -> Result<(), SidecarError> {
        kill_process(Pid::from_child(&self.child), signal).map_err(|cause| SidecarError::Io {
            what: "sending a signal",
            cause: cause.into(),
        })
    }

    /// Waits until it has ended by itself or by a signal that it was sent.
    pub fn await_end(&mut self) -> Result<ExitStatus, SidecarError> {
        let ended = wait::until(STOP_MAX, || self.child.try_wait().ok().flatten());
        ended.ok_or_else(|| self.failed("did not end in time".into()))
    }

    /// SIGTERM, and waits until it has drained and ended.
    pub fn stop(&mut self) -> Result<ExitStatus, SidecarError> {
        self.signal(Signal::TERM)?;
        self.await_end()
    }

    fn failed(&self, what: String) -> SidecarError {
        let text = self.log_text();
        let lines: Vec<&str> = text.lines().collect();
        let log = lines[lines.len().saturating_sub(LOG_TAIL_LINES)..].join("\n");
        SidecarError::Failed { what, log }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It has already ended: both return an error then, and there is nothing to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `program run` with a configuration.
fn command(program: &Path, config: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .args(["run", "--config"])
        .arg(config)
        .env("XDG_CACHE_HOME", paths::caches())
        .stdin(Stdio::null());
    command
}

/// The address in the log line about the HTTP server, as text or as JSON.
pub fn address(log: &str) -> Option<SocketAddr> {
    let line = log.lines().find(|line| line.contains("serving /metrics"))?;
    let (_, after) = line
        .split_once("address=")
        .or_else(|| line.split_once("\"address\":"))?;
    let ends = |char: char| char.is_whitespace() || char == '"' || char == ',';
    after
        .split(ends)
        .find(|part| !part.is_empty())?
        .parse()
        .ok()
}
