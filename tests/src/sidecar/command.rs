//! Landfall's other commands: run to their end, with their output.

use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::paths;

/// The output of a command.
#[derive(Clone, Debug)]
pub struct Answer {
    /// None if a signal ended it.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Answer {
    /// Standard output as one JSON value.
    pub fn json(&self) -> Result<Value, serde_json::Error> {
        serde_json::from_str(&self.stdout)
    }

    /// Standard output as one JSON value on each line.
    pub fn json_lines(&self) -> Result<Vec<Value>, serde_json::Error> {
        self.stdout.lines().map(serde_json::from_str).collect()
    }
}

/// Runs `landfall` with these arguments.
pub fn landfall<A: AsRef<OsStr>>(
    program: &Path,
    args: impl IntoIterator<Item = A>,
) -> io::Result<Answer> {
    let output = Command::new(program)
        .args(args)
        .env("XDG_CACHE_HOME", paths::caches())
        .stdin(Stdio::null())
        .output()?;
    Ok(Answer {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}
