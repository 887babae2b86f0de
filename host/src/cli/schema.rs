//! `landfall schema`: events against a schema, without a pipeline.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use landfall_document::validate_lines;

use super::{Global, exit};

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
    /// Directory whose schemas references lead to, by place or `$id`, as in the sidecar. Without it
    /// they lead to files by place only, from where the schema's own identifier says, else beside it.
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// The events; `-` is standard input.
    #[arg(value_name = "EVENTS.ndjson")]
    events: PathBuf,
}

pub fn run(command: &SchemaCommand, global: &Global) -> anyhow::Result<ExitCode> {
    let SchemaCommand::Validate(args) = command;
    let events: Box<dyn BufRead> = if args.events == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        let file = File::open(&args.events)
            .with_context(|| format!("failed to open {}", args.events.display()))?;
        Box::new(BufReader::new(file))
    };
    if let Some(root) = &args.root {
        anyhow::ensure!(root.is_dir(), "{} is no directory (--root)", root.display());
    }
    let mut out = io::BufWriter::new(io::stdout().lock());
    let summary = validate_lines(
        &args.schema,
        args.root.as_deref(),
        events,
        &mut out,
        global.json,
    )?;
    out.flush()?;
    Ok(if summary.invalid == 0 {
        exit::CLEAN.into()
    } else {
        exit::FINDINGS.into()
    })
}
