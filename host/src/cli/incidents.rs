//! `landfall incidents`: the timeline, as one would write it on an incident page.

use std::process::ExitCode;

use clap::Args;
use clap::builder::PossibleValuesParser;
use landfall_ledger::Cause;
use landfall_store::{IncidentRow, Reader, view};
use serde_json::{Value, json};

use super::{Global, exit, print, times};

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
    let incidents: Vec<IncidentRow> = reader
        .incidents()?
        .into_iter()
        .filter(|row| args.wants(row, now_ms))
        .collect();
    if global.json {
        print::json(&Value::Array(incidents.iter().map(as_json).collect()))?;
    } else if incidents.is_empty() {
        print::line("no incidents")?;
    } else {
        print::page(&view::timeline(&incidents, now_ms))?;
    }
    Ok(if incidents.is_empty() {
        exit::CLEAN.into()
    } else {
        exit::FINDINGS.into()
    })
}

impl IncidentsArgs {
    fn wants(&self, row: &IncidentRow, now_ms: i64) -> bool {
        (!self.open || row.closed_ms.is_none())
            && self.cause.as_ref().is_none_or(|cause| *cause == row.cause)
            && self
                .since
                .is_none_or(|since| row.closed_ms.is_none() || row.end_ms >= since.ms(now_ms))
            && self
                .until
                .is_none_or(|until| row.start_ms < until.ms(now_ms))
    }
}

fn as_json(row: &IncidentRow) -> Value {
    let mut value = json!(row);
    value["detected_after_ms"] = json!(row.opened_ms.saturating_sub(row.start_ms));
    value["open"] = json!(row.closed_ms.is_none());
    value
}
