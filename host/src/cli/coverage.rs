//! `landfall coverage`: when nobody saw a stream, and why.

use std::process::ExitCode;

use clap::Args;
use landfall_store::Reader;

use super::{Global, exit, print, times};
use crate::queries::coverage::{holes, sequence_gaps};

/// Options of `landfall coverage`.
#[derive(Args)]
pub struct CoverageArgs {
    /// Only what was not seen at or after this time.
    #[arg(long, value_parser = times::parse, value_name = "TIME")]
    since: Option<times::Moment>,
    /// Only what was not seen before this time.
    #[arg(long, value_parser = times::parse, value_name = "TIME")]
    until: Option<times::Moment>,
    /// In place of the holes, how many sequence numbers were left out, and how many of these landed.
    #[arg(long)]
    numbers: bool,
}

pub fn run(args: &CoverageArgs, global: &Global) -> anyhow::Result<ExitCode> {
    let reader = Reader::open(&global.load()?.store_dir())?;
    let now_ms = times::now_ms(&reader)?;
    let ms = |moment: Option<times::Moment>| moment.map(|moment| moment.ms(now_ms));
    let (since_ms, until_ms) = (ms(args.since), ms(args.until));
    let (text, json, is_empty) = match args.numbers {
        false => {
            let holes = holes(&reader, since_ms, until_ms)?;
            (holes.as_text(), holes.as_json(), holes.is_empty())
        }
        true => {
            let gaps = sequence_gaps(&reader, since_ms, until_ms)?;
            (gaps.as_text(), gaps.as_json(), gaps.is_empty())
        }
    };
    match global.json {
        true => print::json(&json)?,
        false => print::page(&text)?,
    }
    Ok(match is_empty {
        true => exit::CLEAN.into(),
        false => exit::FINDINGS.into(),
    })
}
