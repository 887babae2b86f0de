//! `landfall missing`: which events did not land, or how many by schema and time.

use std::io;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use landfall_store::{GroupBy, MissingFilter, MissingGroup, Reader, StoreError, view};
use serde_json::json;

use super::print::{self, Answer, PrintError};
use super::{Global, exit, times};

/// Which missing events are meant; shared with the backfill.
#[derive(Args, Clone)]
pub struct Which {
    /// Arrived at or after this time.
    #[arg(long, value_parser = times::parse, value_name = "TIME")]
    since: Option<times::Moment>,
    /// Arrived before this time.
    #[arg(long, value_parser = times::parse, value_name = "TIME")]
    until: Option<times::Moment>,
    /// Of this schema: name/revision, or a name for all its revisions.
    #[arg(long)]
    schema: Option<String>,
    /// Of this incident, by its number in the timeline.
    #[arg(long)]
    incident: Option<u64>,
}

impl Which {
    /// The filter; an incident that there is none of is an error, and not a clean answer.
    pub fn filter(&self, reader: &Reader) -> anyhow::Result<MissingFilter> {
        if let Some(wanted) = self.incident {
            let known = reader.incidents()?.iter().any(|row| row.id == wanted);
            anyhow::ensure!(
                known,
                "there is no incident {wanted} in this store; `landfall incidents` lists them"
            );
        }
        let now_ms = times::now_ms(reader)?;
        Ok(MissingFilter {
            since_ms: self.since.map(|since| since.ms(now_ms)),
            until_ms: self.until.map(|until| until.ms(now_ms)),
            schema: self.schema.clone(),
            incident: self.incident,
        })
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
    /// Count them by schema, by hour of arrival or by incident; several are joined by commas.
    #[arg(long, value_enum, value_delimiter = ',')]
    by: Vec<By>,
    /// List at most this many, the oldest first.
    #[arg(long)]
    limit: Option<u64>,
}

pub fn run(args: &MissingArgs, global: &Global) -> anyhow::Result<ExitCode> {
    let reader = Reader::open(&global.load()?.store_dir())?;
    let filter = args.which.filter(&reader)?;
    let count = reader.missing_count(&filter)?;
    if !args.by.is_empty() {
        let by: Vec<GroupBy> = args.by.iter().map(|&by| by.into()).collect();
        print_groups(&reader.missing_groups(&filter, &by)?, &args.by, global.json)?;
    } else if args.count && global.json {
        print::json(&json!({ "missing": count }))?;
    } else if args.count {
        print::line(count)?;
    } else {
        list(&reader, &filter, args.limit, count, global.json)?;
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

impl By {
    /// Its name in JSON.
    fn as_str(self) -> &'static str {
        match self {
            By::Schema => "schema",
            By::Hour => "hour",
            By::Incident => "incident",
        }
    }

    /// A group's name, for people.
    fn shown(self, group: &str) -> String {
        match self {
            By::Hour => group
                .parse()
                .map_or_else(|_| group.to_owned(), view::utc_minute),
            By::Schema | By::Incident => group.to_owned(),
        }
    }
}

fn print_groups(groups: &[MissingGroup], by: &[By], as_json: bool) -> Result<(), PrintError> {
    let mut answer = Answer::begin();
    for group in groups {
        let names: Vec<String> = by
            .iter()
            .zip(&group.group)
            .map(|(by, group)| by.shown(group))
            .collect();
        let name = names.join("  ");
        let (first_ms, last_ms) = (group.first_ms, group.last_ms);
        if as_json {
            let mut line = json!({
                "group": name, "missing": group.events, "first_ms": first_ms, "last_ms": last_ms,
            });
            for (by, name) in by.iter().zip(names) {
                line[by.as_str()] = name.into();
            }
            answer.json_line(&line.to_string())?;
        } else {
            let (first, last) = (view::utc_second(first_ms), view::utc_second(last_ms));
            answer.line(format_args!(
                "{:>12}  {name}  ({first} – {last} UTC)",
                group.events
            ))?;
        }
    }
    Ok(answer.end()?)
}

/// One line per event, as it is read: there may be millions.
fn list(
    reader: &Reader,
    filter: &MissingFilter,
    limit: Option<u64>,
    count: u64,
    as_json: bool,
) -> anyhow::Result<()> {
    let mut out = Answer::begin();
    let mut listed = 0u64;
    reader.missing_each(filter, limit, |event| {
        listed += 1;
        if as_json {
            out.json_line(&json!(event).to_string())?;
        } else {
            let arrived = view::utc_second(event.arrived_ms);
            out.line(format_args!(
                "{arrived}  {}  {}  #{}",
                event.schema, event.key, event.incident
            ))?;
        }
        Ok::<(), ListError>(())
    })?;
    if !as_json && listed < count {
        out.line(format_args!("and {} more", count - listed))?;
    }
    Ok(out.end()?)
}

/// Reading or writing failed.
#[derive(Debug, thiserror::Error)]
enum ListError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("failed to write to standard output: {0}")]
    Write(#[from] io::Error),
}
