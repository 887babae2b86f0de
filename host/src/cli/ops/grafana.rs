//! `landfall ops grafana`: the dashboards, printed or written.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, ValueEnum};
use landfall_ops::grafana::{self, File};
use landfall_ops::{Parameters, parameters};

use crate::cli::{exit, print};

/// Options of `landfall ops grafana`.
#[derive(Args)]
pub struct GrafanaArgs {
    /// Write both dashboards, and the files by which Grafana finds them when it starts, into this
    /// directory. Existing files with these names are replaced.
    #[arg(long, short, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Without --output: the dashboard to print, as JSON that Grafana imports.
    #[arg(long, value_enum, default_value_t, conflicts_with = "output")]
    dashboard: DashboardChoice,
    /// Where you publish docs/OPERATIONS.md: panels link to its sections.
    #[arg(long, value_name = "URL", value_parser = parameters::base_url)]
    runbook_url: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum DashboardChoice {
    /// Does everything land?
    #[default]
    Operators,
    /// For authors of checks.
    Checks,
}

impl DashboardChoice {
    fn path(self) -> &'static str {
        match self {
            Self::Operators => "landfall-operators.json",
            Self::Checks => "landfall-checks.json",
        }
    }
}

pub fn run(args: &GrafanaArgs) -> anyhow::Result<ExitCode> {
    let default = Parameters::default();
    let runbook_url = args.runbook_url.clone().unwrap_or(default.runbook_url);
    let files = grafana::files(&Parameters {
        runbook_url,
        ..Parameters::default()
    });
    match &args.output {
        Some(dir) => files.iter().try_for_each(|file| write(dir, file))?,
        None => {
            let path = args.dashboard.path();
            let mut wanted = files.iter().filter(|file| file.path == path);
            wanted.try_for_each(|file| print::generated(&file.text))?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_grafana_needs_is_written_below_the_directory_and_over_what_is_there() {
        let dir = tempfile::tempdir().unwrap();
        let args = |url: &str| GrafanaArgs {
            output: Some(dir.path().join("new")),
            dashboard: DashboardChoice::Operators,
            runbook_url: Some(url.to_owned()),
        };
        let read = |path: &str| std::fs::read_to_string(dir.path().join("new").join(path)).unwrap();
        for url in ["https://docs.example/a.md", "https://docs.example/b.md"] {
            run(&args(url)).unwrap();
            for which in [DashboardChoice::Operators, DashboardChoice::Checks] {
                assert!(read(which.path()).contains(&format!("\"{url}#")), "{url}");
            }
        }
        assert!(!read(DashboardChoice::Operators.path()).contains("a.md"));
        for kind in ["dashboards", "datasources"] {
            assert!(read(&format!("provisioning/{kind}/landfall.yml")).contains("apiVersion: 1"));
        }
    }
}
