//! `landfall incidents`: the timeline, as one would write it on an incident page.

use std::process::ExitCode;

use clap::Args;
use clap::builder::PossibleValuesParser;
use landfall_ledger::Cause;
use landfall_store::Reader;

use super::{Global, exit, print, times};
use crate::queries::incidents::{IncidentFilter, incidents};

/// Options of `landfall incidents`.
#[derive(Args)]
pub struct IncidentsArgs {
    /// Only those that are open.
    #[arg(long)]
    open: bool,
    /// Only those of a cause.
    #[arg(long, value_parser = PossibleValuesParser::new(Cause::ALL.map(Cause::as_str)))]
    cause: Option<String>,
    /// Only those that end at or after this time.
    #[arg(long, value_parser = times::parse, value_name = "TIME")]
    since: Option<times::Moment>,
    /// Only those that start before this time.
    #[arg(long, value_parser = times::parse, value_name = "TIME")]
    until: Option<times::Moment>,
}

pub fn run(args: &IncidentsArgs, global: &Global) -> anyhow::Result<ExitCode> {
    let reader = Reader::open(&global.load()?.store_dir())?;
    let now_ms = times::now_ms(&reader)?;
    let filter = IncidentFilter {
        open: args.open,
        cause: args.cause.clone(),
        since_ms: args.since.map(|since| since.ms(now_ms)),
        until_ms: args.until.map(|until| until.ms(now_ms)),
    };
    let incidents = incidents(&reader, &filter, now_ms)?;
    if global.json {
        print::json(&incidents.as_json())?;
    } else {
        print::page(&incidents.as_text())?;
    }
    Ok(if incidents.is_empty() {
        exit::CLEAN.into()
    } else {
        exit::FINDINGS.into()
    })
}
