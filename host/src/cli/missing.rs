//! `landfall missing`: which events did not land, or how many by schema and time.

use std::io;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use landfall_store::{MissingFilter, Reader, StoreError};

use super::print::{Output, PrintError};
use super::{Global, exit, times};
use crate::queries::{Format, missing};

/// Which missing events are meant; shared with the backfill.
#[derive(Args, Clone)]
pub struct MissingSelection {
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

impl MissingSelection {
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
            unconfirmed: None,
            certain: None,
        })
    }
}

/// What is said of an event that did not land as far as Landfall saw.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum VerdictArg {
    /// All was seen: it is not there.
    Missing,
    /// Nobody watched the written stream all the time.
    Unconfirmed,
}

/// What events are counted by.
#[derive(Clone, Copy, ValueEnum)]
enum GroupArg {
    Schema,
    Hour,
    Incident,
}

/// Options of `landfall missing`.
#[derive(Args)]
pub struct MissingArgs {
    #[command(flatten)]
    which: MissingSelection,
    /// Only those with this verdict.
    #[arg(long, value_enum)]
    verdict: Option<VerdictArg>,
    /// Only count them.
    #[arg(long)]
    count: bool,
    /// Count them by schema, by hour of arrival or by incident; several are joined by commas.
    #[arg(long, value_enum, value_delimiter = ',')]
    by: Vec<GroupArg>,
    /// List at most this many, the oldest first.
    #[arg(long)]
    limit: Option<u64>,
}

pub fn run(args: &MissingArgs, global: &Global) -> anyhow::Result<ExitCode> {
    let reader = Reader::open(&global.load()?.store_dir())?;
    let filter = MissingFilter {
        unconfirmed: args
            .verdict
            .map(|verdict| verdict == VerdictArg::Unconfirmed),
        ..args.which.filter(&reader)?
    };
    let count = reader.missing_count(&filter)?;
    let format = match global.json {
        true => Format::Json,
        false => Format::Text,
    };
    if args.by.is_empty() && !args.count {
        list(&reader, &filter, args.limit, count, format)?;
    } else {
        let by: Vec<missing::By> = args.by.iter().map(|&by| by.into()).collect();
        let lines = match by.is_empty() {
            true => vec![missing::count(&reader, &filter, count, format)?],
            false => missing::groups(&reader, &filter, &by, format)?,
        };
        print_lines(&lines, format)?;
    }
    Ok(if count == 0 {
        exit::CLEAN.into()
    } else {
        exit::FINDINGS.into()
    })
}

impl From<GroupArg> for missing::By {
    fn from(by: GroupArg) -> Self {
        match by {
            GroupArg::Schema => Self::Schema,
            GroupArg::Hour => Self::Hour,
            GroupArg::Incident => Self::Incident,
        }
    }
}

fn print_lines(lines: &[String], format: Format) -> Result<(), PrintError> {
    let mut answer = Output::begin();
    for line in lines {
        put(&mut answer, line, format)?;
    }
    Ok(answer.end()?)
}

fn put(answer: &mut Output, line: &str, format: Format) -> io::Result<()> {
    match format {
        Format::Json => answer.json_line(line),
        Format::Text => answer.line(line),
    }
}

/// One line per event, as it is read: there may be millions.
fn list(
    reader: &Reader,
    filter: &MissingFilter,
    limit: Option<u64>,
    count: u64,
    format: Format,
) -> anyhow::Result<()> {
    let mut out = Output::begin();
    let mut listed = 0u64;
    reader.missing_each(filter, limit, |event| {
        listed += 1;
        put(&mut out, &missing::event(&event, format), format)?;
        Ok::<(), ListError>(())
    })?;
    if format == Format::Text && listed < count {
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
