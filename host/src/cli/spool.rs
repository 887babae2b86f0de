//! `landfall spool`: the files with the frames of events that wait.

use std::process::ExitCode;

use clap::Subcommand;
use landfall_store::{Reader, SPOOL_NAME};

use super::{Global, exit, print};
use crate::queries::spool::files;

/// Commands about the spool.
#[derive(Subcommand)]
pub enum SpoolCommand {
    /// List the files, with what is in them, what waits for a verdict, and what is damaged. Changes nothing, and can be
    /// used while the sidecar runs.
    Inspect,
}

pub fn run(command: &SpoolCommand, global: &Global) -> anyhow::Result<ExitCode> {
    match command {
        SpoolCommand::Inspect => inspect(global),
    }
}

/// Exits with 1 if something is damaged.
fn inspect(global: &Global) -> anyhow::Result<ExitCode> {
    let dir = global.load()?.store_dir();
    let files = files(&Reader::open(&dir)?, &dir.join(SPOOL_NAME))?;
    match global.json {
        true => print::json(&files.as_json())?,
        false => print::page(&files.as_text())?,
    }
    Ok(match files.is_damaged() {
        true => exit::FINDINGS.into(),
        false => exit::CLEAN.into(),
    })
}
