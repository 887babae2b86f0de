//! `landfall ops grafana`: the dashboards, printed or written.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, ValueEnum};
use landfall_ops::Parameters;
use landfall_ops::grafana::{self, File};

use crate::cli::exit;
use crate::cli::print::{self, Answer};

#[derive(Args)]
pub struct GrafanaArgs {
    /// Write both dashboards, and the files by which Grafana finds them when it starts, into this
    /// directory. What is there under their names is replaced.
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Without --output: the dashboard to print, as JSON that Grafana imports.
    #[arg(long, value_enum, default_value_t, conflicts_with = "output")]
    dashboard: Which,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Which {
    /// Does everything land?
    #[default]
    Operators,
    /// For authors of checks.
    Checks,
}

impl Which {
    fn path(self) -> &'static str {
        match self {
            Self::Operators => "landfall-operators.json",
            Self::Checks => "landfall-checks.json",
        }
    }
}

pub fn run(args: &GrafanaArgs, parameters: &Parameters) -> anyhow::Result<ExitCode> {
    let files = grafana::files(parameters);
    match &args.output {
        Some(dir) => {
            for file in files {
                write(dir, &file)?;
            }
        }
        None => {
            let wanted = files.iter().find(|file| file.path == args.dashboard.path());
            let mut answer = Answer::begin();
            for line in wanted.iter().flat_map(|file| file.text.lines()) {
                answer.json_line(line)?;
            }
            answer.end()?;
        }
    }
    Ok(exit::CLEAN.into())
}

fn write(dir: &Path, file: &File) -> anyhow::Result<()> {
    let path = dir.join(file.path);
    let parent = path.parent().unwrap_or(dir);
    std::fs::create_dir_all(parent)
        .with_context(|| format!("failed to make the directory {}", parent.display()))?;
    std::fs::write(&path, &file.text)
        .with_context(|| format!("failed to write {}", path.display()))?;
    print::line(path.display())?;
    Ok(())
}
