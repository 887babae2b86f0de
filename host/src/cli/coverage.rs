//! `landfall coverage`: when nobody saw a stream, and why.

use std::process::ExitCode;

use clap::Args;
use landfall_store::Reader;

use super::{Global, exit, print, times};
use crate::queries::coverage::holes;

/// Options of `landfall coverage`.
#[derive(Args)]
pub struct CoverageArgs {
    /// Only what was not seen at or after this time.
    #[arg(long, value_parser = times::parse, value_name = "TIME")]
    since: Option<times::Moment>,
    /// Only what was not seen before this time.
    #[arg(long, value_parser = times::parse, value_name = "TIME")]
    until: Option<times::Moment>,
}

pub fn run(args: &CoverageArgs, global: &Global) -> anyhow::Result<ExitCode> {
    let reader = Reader::open(&global.load()?.store_dir())?;
    let now_ms = times::now_ms(&reader)?;
    let ms = |moment: Option<times::Moment>| moment.map(|moment| moment.ms(now_ms));
    let holes = holes(&reader, ms(args.since), ms(args.until))?;
    match global.json {
        true => print::json(&holes.as_json())?,
        false => print::page(&holes.as_text())?,
    }
    Ok(match holes.is_empty() {
        true => exit::CLEAN.into(),
        false => exit::FINDINGS.into(),
    })
}
