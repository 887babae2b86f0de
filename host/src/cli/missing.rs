//! `landfall missing`: which events did not land, or how many by schema and time.

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use landfall_store::{GroupBy, MissingFilter, MissingGroup, Reader, StoreError, view};
use serde_json::json;

use super::{Global, exit, times};

/// Which missing events are meant; shared with the backfill.
#[derive(Args, Clone)]
pub struct Which {
    /// Arrived at or after this time.
    #[arg(long, value_parser = times::parse, value_name = "TIME")]
    since: Option<i64>,
    /// Arrived before this time.
    #[arg(long, value_parser = times::parse, value_name = "TIME")]
    until: Option<i64>,
    /// Of this schema: name/revision, or a name for all its revisions.
    #[arg(long)]
    schema: Option<String>,
    /// Of this incident, by its number in the timeline.
    #[arg(long)]
    incident: Option<u64>,
}

impl Which {
    pub fn filter(&self) -> MissingFilter {
        MissingFilter {
            since_ms: self.since,
            until_ms: self.until,
            schema: self.schema.clone(),
            incident: self.incident,
        }
    }
}

/// What events are counted by.
#[derive(Clone, Copy, ValueEnum)]
enum By {
    Schema,
    Hour,
    Incident,
}

/// Options of `landfall missing`.
#[derive(Args)]
pub struct MissingArgs {
    #[command(flatten)]
    which: Which,
    /// Only count them.
    #[arg(long)]
    count: bool,
    /// Count them by schema, by hour of arrival or by incident.
    #[arg(long, value_enum)]
    by: Option<By>,
    /// List at most this many, the oldest first.
    #[arg(long)]
    limit: Option<u64>,
}

pub fn run(args: &MissingArgs, global: &Global) -> anyhow::Result<ExitCode> {
    let reader = Reader::open(&global.load()?.store_dir())?;
    let filter = args.which.filter();
    let count = reader.missing_count(&filter)?;
    match args.by {
        Some(by) => print_groups(&reader.missing_groups(&filter, by.into())?, by, global.json),
        None if args.count && global.json => println!("{}", json!({ "missing": count })),
        None if args.count => println!("{count}"),
        None => list(&reader, &filter, args.limit, count, global.json)?,
    }
    Ok(if count == 0 {
        exit::CLEAN.into()
    } else {
        exit::FINDINGS.into()
    })
}

impl From<By> for GroupBy {
    fn from(by: By) -> Self {
        match by {
            By::Schema => GroupBy::Schema,
            By::Hour => GroupBy::Hour,
            By::Incident => GroupBy::Incident,
        }
    }
}

fn print_groups(groups: &[MissingGroup], by: By, as_json: bool) {
    for group in groups {
        let name = match by {
            By::Hour => group
                .group
                .parse()
                .map_or_else(|_| group.group.clone(), view::utc_minute),
            By::Schema | By::Incident => group.group.clone(),
        };
        if as_json {
            let (first_ms, last_ms) = (group.first_ms, group.last_ms);
            println!(
                "{}",
                json!({"group": name, "missing": group.events, "first_ms": first_ms, "last_ms": last_ms})
            );
        } else {
            let (first, last) = (
                view::utc_second(group.first_ms),
                view::utc_second(group.last_ms),
            );
            println!("{:>12}  {name}  ({first} – {last} UTC)", group.events);
        }
    }
}

/// One line per event, as it is read: there may be millions.
fn list(
    reader: &Reader,
    filter: &MissingFilter,
    limit: Option<u64>,
    count: u64,
    as_json: bool,
) -> anyhow::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let mut listed = 0u64;
    reader.missing_each(filter, limit, |event| {
        listed += 1;
        if as_json {
            writeln!(out, "{}", json!(event))?;
        } else {
            let arrived = view::utc_second(event.arrived_ms);
            writeln!(
                out,
                "{arrived}  {}  {}  #{}",
                event.schema, event.key, event.incident
            )?;
        }
        Ok::<(), ListError>(())
    })?;
    if !as_json && listed < count {
        writeln!(out, "and {} more", count - listed)?;
    }
    out.flush()?;
    Ok(())
}

/// Reading or writing failed.
#[derive(Debug, thiserror::Error)]
enum ListError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("failed to write to standard output: {0}")]
    Write(#[from] io::Error),
}
