//! `landfall schema`: events against a schema, without a pipeline.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use landfall_document::{LinesError, PatternDialect, SchemaRules, validate_lines};

use super::print::{self, Output};
use super::{Global, exit};
use crate::flow::ShutdownRequest;
use crate::sources::file::{self, Input, RATIO_MAX};

#[derive(Subcommand)]
pub enum SchemaCommand {
    /// Validate events, one JSON document per line; prints one line per event.
    Validate(ValidateArgs),
}

#[derive(Args)]
pub struct ValidateArgs {
    /// The schema's file.
    #[arg(long, value_name = "FILE")]
    schema: PathBuf,
    /// Directory of the schemas that references name, by place or `$id`, as in the sidecar. Without it,
    /// references find files by place only, relative to the schema's own identifier or else to its file.
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// The dialect of patterns: `python3`, `python2` or `ecma262`. Without it: that of the
    /// configuration, if one is named (`--config`, `LANDFALL_CONFIG`), otherwise `python3`.
    #[arg(long, value_name = "DIALECT", value_parser = dialect)]
    patterns: Option<PatternDialect>,
    /// Whether a draft-03 schema allows undeclared properties at its top level: `open`, as in draft-03, or
    /// `closed`, as in EventLogging. Without it: that of the configuration, if one is named, otherwise `open`.
    #[arg(long, value_name = "OPEN|CLOSED", value_parser = is_closed)]
    draft03: Option<bool>,
    /// How many bytes a byte of a packed file may unpack to, beyond the first GiB.
    #[arg(long, value_name = "N", default_value_t = RATIO_MAX, value_parser = clap::value_parser!(u64).range(1..))]
    ratio_max: u64,
    /// The events: lines, plain, gzip or zstd; `-` is standard input.
    #[arg(value_name = "EVENTS.ndjson")]
    events: PathBuf,
}

impl ValidateArgs {
    /// The rules of a configuration that is named; the arguments override them.
    fn rules(&self, global: &Global) -> anyhow::Result<SchemaRules> {
        let mut rules = match &global.config {
            Some(_) => global.load()?.schemas.rules,
            None => SchemaRules {
                draft03_closed: false,
                ..SchemaRules::default()
            },
        };
        rules.patterns = self.patterns.unwrap_or(rules.patterns);
        rules.draft03_closed = self.draft03.unwrap_or(rules.draft03_closed);
        Ok(rules)
    }
}

fn dialect(name: &str) -> Result<PatternDialect, String> {
    let names = PatternDialect::ALL.map(PatternDialect::name);
    PatternDialect::of_name(name).ok_or_else(|| format!("use one of {}", names.join(", ")))
}

fn is_closed(text: &str) -> Result<bool, String> {
    match text {
        "closed" => Ok(true),
        "open" => Ok(false),
        _ => Err("use `open` or `closed`".to_owned()),
    }
}

pub fn run(command: &SchemaCommand, global: &Global) -> anyhow::Result<ExitCode> {
    let SchemaCommand::Validate(args) = command;
    if let Some(waits) = file::waits(&args.events) {
        print::note(waits);
    }
    let remedy = format!(
        "landfall schema validate --schema {} -",
        args.schema.display()
    );
    let events = Input::open(
        &args.events,
        &remedy,
        args.ratio_max,
        &ShutdownRequest::default(),
    )?;
    let origin = events.origin().clone();
    if let Some(root) = &args.root {
        anyhow::ensure!(root.is_dir(), "{} is no directory (--root)", root.display());
    }
    let rules = args.rules(global)?;
    let mut out = Output::begin();
    let summary = validate_lines(
        &args.schema,
        args.root.as_deref(),
        rules,
        events.into_reader(),
        &mut |answer| match global.json {
            true => out.json_line(answer),
            false => out.line(answer),
        },
        &mut |hint| print::note(format_args!("hint: {hint}")),
        global.json,
    );
    let summary = match summary {
        Err(error @ LinesError::TooLong { line: 1 }) => {
            let guess = origin.guess().map(|guess| format!(": {guess}"));
            anyhow::bail!("{error}{}", guess.unwrap_or_default());
        }
        summary => summary?,
    };
    out.end()?;
    let lines = summary.valid + summary.invalid;
    if origin.is_unreadable(lines, summary.documents(), 0) {
        let found = match (lines, summary.documents()) {
            (1, _) => "the only line is no JSON document".to_owned(),
            (_, 0) => format!("none of {lines} is a JSON document"),
            _ => format!("only one of {lines} is a JSON document"),
        };
        let hint = "an event is a JSON document on a separate line";
        return Err(origin.unreadable(&found, hint).into());
    }
    Ok(if summary.invalid == 0 {
        exit::CLEAN.into()
    } else {
        exit::FINDINGS.into()
    })
}
