//! The command line: the commands, and what they share.

mod ask_running;
mod audit;
mod backfill;
mod compile;
mod config;
mod coverage;
pub mod exit;
mod incidents;
mod logging;
mod missing;
mod ops;
pub mod print;
mod reload;
mod run;
mod schema;
mod signals;
mod spool;
mod status;
mod times;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use landfall_escape::terminal;

use crate::config::Config;

/// Proves, event by event, that what enters a pipeline ends up in the database.
#[derive(Parser)]
#[command(
    name = "landfall",
    version,
    arg_required_else_help = true,
    propagate_version = true
)]
#[command(
    after_help = "Exit codes: 0 all is well, 1 something was found, 2 it could not run,\n\
3 it ended before everything was accounted for (run).\n\
    Start with `landfall config default > landfall.toml`, then `landfall run`."
)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: CliCommand,
}

/// Options of every command.
#[derive(Args, Clone)]
pub struct Global {
    /// The configuration file. Without this option: ./landfall.toml if it exists, otherwise the built-in default.
    #[arg(
        long,
        short,
        global = true,
        value_name = "FILE",
        env = "LANDFALL_CONFIG",
        hide_env_values = true
    )]
    pub config: Option<PathBuf>,
    /// Answer as JSON, for machines.
    #[arg(long, global = true)]
    pub json: bool,
}

impl Global {
    /// Loads the configuration that the command line names.
    ///
    /// # Errors
    /// The file or the environment has errors, each with its place and its remedy.
    pub fn load(&self) -> anyhow::Result<Config> {
        Ok(Config::load(self.config.as_deref())?)
    }
}

#[derive(Subcommand)]
enum CliCommand {
    /// Run the sidecar.
    Run(run::RunArgs),
    /// Make the sidecar that runs with this store reload its files, and show the result.
    Reload(reload::ReloadArgs),
    /// Show which parts of the sidecar that runs with this store are ready.
    Status(status::StatusArgs),
    /// Join recorded streams, and report what did not land.
    Audit(audit::AuditArgs),
    /// Print the timeline of incidents.
    Incidents(incidents::IncidentsArgs),
    /// Print when nobody saw a stream, and why.
    Coverage(coverage::CoverageArgs),
    /// List or count the events that did not land.
    Missing(missing::MissingArgs),
    /// Write or publish exactly the raw frames of events that did not land.
    Backfill(backfill::BackfillArgs),
    /// Look into the frames that wait on disk.
    #[command(subcommand)]
    Spool(spool::SpoolCommand),
    /// Print or check configuration.
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// The internal command of the process that compiles a check for another command.
    #[command(name = compile::COMMAND, hide = true)]
    Compile(compile::CompileArgs),
    /// Work with schemas.
    #[command(subcommand)]
    Schema(schema::SchemaCommand),
    /// Print alert rules, an example for Alertmanager, and dashboards.
    #[command(subcommand)]
    Ops(ops::OpsCommand),
}

impl Cli {
    /// Reads the command line.
    ///
    /// # Errors
    /// It is no command line of Landfall's, or only asks for help. The message was printed; the error is the exit code.
    pub fn of_process() -> Result<Self, ExitCode> {
        let arguments: Vec<OsString> = std::env::args_os().collect();
        Self::try_parse_from(&arguments).map_err(|error| {
            // It quotes the arguments, which may be names of files: it gets them escaped.
            let shown = arguments
                .iter()
                .map(|argument| terminal::line(argument.to_string_lossy()).to_string());
            let error = Self::try_parse_from(shown).err().unwrap_or(error);
            print::usage(&error)
        })
    }

    /// Runs the command, and gives its exit code.
    ///
    /// # Errors
    /// The command could not run.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let global = self.global;
        match self.command {
            CliCommand::Run(args) => run::run(&args, &global),
            CliCommand::Reload(args) => reload::run(&args, &global),
            CliCommand::Status(args) => status::run(&args, &global),
            CliCommand::Audit(args) => audit::run(&args, &global),
            CliCommand::Incidents(args) => incidents::run(&args, &global),
            CliCommand::Coverage(args) => coverage::run(&args, &global),
            CliCommand::Missing(args) => missing::run(&args, &global),
            CliCommand::Backfill(args) => backfill::run(&args, &global),
            CliCommand::Spool(command) => spool::run(&command, &global),
            CliCommand::Config(command) => config::run(&command, &global),
            CliCommand::Compile(args) => compile::run(&args),
            CliCommand::Schema(command) => schema::run(&command, &global),
            CliCommand::Ops(command) => ops::run(command),
        }
    }
}
