//! `landfall ops`: rules, an example of notifications and dashboards for this program's metrics, generated for
//! an installation. The crate `landfall-ops` generates them.

mod grafana;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Subcommand};
use landfall_escape::terminal;
use landfall_ops::parameters::{self, ParameterError};
use landfall_ops::{Parameters, alertmanager, prometheus};

use super::{exit, print};

#[derive(Subcommand)]
pub enum OpsCommand {
    /// Print recording and alert rules for Prometheus 2.42 or later.
    Prometheus(PrometheusArgs),
    /// Print an example for Alertmanager: routes, inhibitions, receivers.
    Alertmanager(AlertmanagerArgs),
    /// Print or write dashboards for Grafana 10.4 or later.
    Grafana(grafana::GrafanaArgs),
}

/// Options of all of them.
#[derive(Args)]
pub struct Common {
    /// Write to this file; an existing file is replaced (`-`: standard output).
    #[arg(long, short, value_name = "FILE", default_value = "-")]
    output: PathBuf,
    /// How many times faster than real time Landfall's clock runs (clock.speed): each duration is divided
    /// by it.
    #[arg(long, value_name = "FACTOR", default_value = "1", value_parser = parameters::time_factor, allow_negative_numbers = true)]
    time_factor: f64,
}

/// Options of `landfall ops prometheus`.
#[derive(Args)]
pub struct PrometheusArgs {
    #[command(flatten)]
    common: Common,
    /// Where you publish docs/OPERATIONS.md: alerts link to its sections.
    #[arg(long, value_name = "URL", value_parser = parameters::base_url)]
    runbook_url: Option<String>,
    /// Where Grafana is: alerts link to its dashboards.
    #[arg(long, value_name = "URL", value_parser = parameters::base_url)]
    dashboard_url: Option<String>,
    /// The job under which Prometheus scrapes Landfall.
    #[arg(long, value_name = "NAME", value_parser = name)]
    job: Option<String>,
}

/// Options of `landfall ops alertmanager`.
#[derive(Args)]
pub struct AlertmanagerArgs {
    #[command(flatten)]
    common: Common,
    /// The address to which notifications are posted: the name of each receiver is appended.
    #[arg(long, value_name = "URL", value_parser = parameters::base_url)]
    webhook_url: Option<String>,
    /// An owner from [owners] of Landfall's configuration, who gets separate receivers; may be repeated.
    #[arg(long = "owner", value_name = "NAME", value_parser = name)]
    owners: Vec<String>,
}

/// A name that is shown unchanged: the generated text is printed unescaped.
fn name(text: &str) -> Result<String, ParameterError> {
    let name = parameters::name(text)?;
    let is_plain = name
        .chars()
        .all(|c| c == '\\' || terminal::line(c).to_string() == c.to_string());
    is_plain.then_some(name).ok_or(ParameterError::Name)
}

pub fn run(command: OpsCommand) -> anyhow::Result<ExitCode> {
    match command {
        OpsCommand::Prometheus(args) => {
            let default = Parameters::default();
            let parameters = Parameters {
                runbook_url: args.runbook_url.unwrap_or(default.runbook_url),
                dashboard_url: args.dashboard_url.unwrap_or(default.dashboard_url),
                job: args.job.unwrap_or(default.job),
                time_factor: args.common.time_factor,
                ..Parameters::default()
            };
            answer(&args.common.output, &prometheus::rules(&parameters))
        }
        OpsCommand::Alertmanager(args) => {
            let default = Parameters::default();
            let parameters = Parameters {
                webhook_url: args.webhook_url.unwrap_or(default.webhook_url),
                owners: args.owners,
                time_factor: args.common.time_factor,
                ..Parameters::default()
            };
            let text = alertmanager::configuration(&parameters);
            answer(&args.common.output, &text)
        }
        OpsCommand::Grafana(args) => grafana::run(&args),
    }
}

/// Another user reads the file, so it has the usual permissions. It holds no secret.
fn answer(output: &Path, text: &str) -> anyhow::Result<ExitCode> {
    if output == Path::new("-") {
        print::generated(text)?;
    } else {
        std::fs::write(output, text)
            .with_context(|| format!("failed to write {}", output.display()))?;
    }
    Ok(exit::CLEAN.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_would_act_on_a_terminal_is_none() {
        assert_eq!(
            name("editing \"team\" é").as_deref(),
            Ok("editing \"team\" é")
        );
        for text in ["a\u{1b}[31m", "a\u{202e}b", "a\u{200b}b", "a\nb"] {
            assert_eq!(name(text), Err(ParameterError::Name), "{text:?}");
        }
    }
}
