//! Sends a command to the Landfall that runs with the configured store, and prints its answer.

use std::process::ExitCode;

use serde::Serialize;

use super::{Global, exit, print};
use crate::control::{self, Command, Reply};

/// How an answer is printed.
pub(super) struct Answer<T> {
    /// The answer to the command; None if the reply is another one.
    pub of: fn(Reply) -> Option<T>,
    pub lines: fn(&T) -> Vec<String>,
    /// Whether there is nothing to find fault with.
    pub is_clean: fn(&T) -> bool,
}

pub(super) fn run<T: Serialize>(
    global: &Global,
    command: Command,
    answer: &Answer<T>,
) -> anyhow::Result<ExitCode> {
    let store_dir = global.load()?.store_dir();
    let reply = control::ask(&store_dir, command)?;
    let other = "the running Landfall gave another answer; is it of another version?";
    let shown = (answer.of)(reply).ok_or_else(|| anyhow::anyhow!(other))?;
    if global.json {
        print::json(&serde_json::json!(shown))?;
    } else {
        for line in (answer.lines)(&shown) {
            print::line(line)?;
        }
    }
    Ok(match (answer.is_clean)(&shown) {
        true => exit::CLEAN.into(),
        false => exit::FINDINGS.into(),
    })
}
