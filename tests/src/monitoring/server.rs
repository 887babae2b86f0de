//! A program that serves HTTP: started on a free port, asked, and ended with its owner.

use std::fs::{self, File};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::{http, percent, wait};

/// A start takes a second on a machine that is busy.
const START_MAX: Duration = Duration::from_secs(60);

/// What the program logs once it listens, with its port.
const LISTENS: &str = "msg=\"Listening on\" address=";

/// What went wrong with a program or its answers.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    #[error("{what}: {cause}")]
    Io {
        what: &'static str,
        cause: io::Error,
    },
    #[error("{program} {what}; the end of its log:\n{log}")]
    Failed {
        program: String,
        what: String,
        log: String,
    },
    #[error("{asked} answered what was not expected: {answer}")]
    Answer { asked: String, answer: String },
}

impl ServerError {
    pub fn io(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |cause| Self::Io { what, cause }
    }
}

/// The running program; killed when dropped.
pub struct Server {
    child: Child,
    log: PathBuf,
    program: String,
    address: SocketAddr,
}

impl Server {
    /// Starts `program`, with arguments to listen on port 0, with its output in `log`, and waits until it
    /// answers `ready` with 200. It runs in the directory into which it was unpacked, or in the root.
    pub fn start(
        program: &Path,
        args: &[String],
        log: &Path,
        ready: &str,
    ) -> Result<Self, ServerError> {
        let output = File::create(log).map_err(ServerError::io("creating a log"))?;
        let errors = output
            .try_clone()
            .map_err(ServerError::io("sharing a log"))?;
        // A package has its programs in usr/bin, and what they read beside it.
        let root = program.ancestors().nth(3).filter(|root| root.is_dir());
        let child = Command::new(program)
            .args(args)
            .current_dir(root.unwrap_or(Path::new("/")))
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .spawn()
            .map_err(ServerError::io("starting a program"))?;
        let mut server = Self {
            child,
            log: log.to_owned(),
            program: program.display().to_string(),
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
        };
        server.address = server.await_address()?;
        let answers = || {
            http::get(server.address, ready)
                .is_ok_and(|answer| answer.status == 200)
                .then_some(())
        };
        match wait::until(START_MAX, answers) {
            Some(()) => Ok(server),
            None => Err(server.failed("was not ready in time".into())),
        }
    }

    fn await_address(&mut self) -> Result<SocketAddr, ServerError> {
        let found = wait::until(START_MAX, || {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Some(Err(status));
            }
            let log = self.log_text();
            let (_, after) = log.split_once(LISTENS)?;
            Some(Ok(after.split_whitespace().next()?.parse().ok()?))
        });
        match found {
            Some(Ok(address)) => Ok(address),
            Some(Err(status)) => Err(self.failed(format!("ended at once with {status}"))),
            None => Err(self.failed("did not listen in time".into())),
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn log_text(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// GET of `path` with these parameters; the answer must be JSON with status 200.
    pub fn json(&self, path: &str, parameters: &[(&str, &str)]) -> Result<Value, ServerError> {
        let parameters: Vec<String> = parameters
            .iter()
            .map(|(name, value)| format!("{name}={}", percent::encode(value)))
            .collect();
        let path = format!("{path}?{}", parameters.join("&"));
        let answer = http::get(self.address, &path).map_err(ServerError::io("asking a server"))?;
        let wrong = || ServerError::Answer {
            asked: percent::decode(&path).unwrap_or_else(|| path.clone()),
            answer: answer.body.clone(),
        };
        if answer.status != 200 {
            return Err(wrong());
        }
        serde_json::from_str(&answer.body).map_err(|_| wrong())
    }

    /// POST to `path` with nothing; the answer must be 200.
    pub fn post(&self, path: &str) -> Result<(), ServerError> {
        let answer = http::post(self.address, path).map_err(ServerError::io("asking a server"))?;
        if answer.status == 200 {
            return Ok(());
        }
        Err(ServerError::Answer {
            asked: path.to_owned(),
            answer: answer.body,
        })
    }

    fn failed(&self, what: String) -> ServerError {
        let text = self.log_text();
        let lines: Vec<&str> = text.lines().collect();
        ServerError::Failed {
            program: self.program.clone(),
            what,
            log: lines[lines.len().saturating_sub(20)..].join("\n"),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has already ended: both return an error then, and there is nothing to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
