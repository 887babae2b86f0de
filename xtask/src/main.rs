//! `cargo xtask`: everything that is done with the repository, as commands that also work on a
//! machine with nothing but rustup's cargo, a C++ compiler and git.
//!
//! It builds and runs Landfall as a person would. It does not link it.

mod bench;
mod command;
mod debian;
mod demo;
mod fuzz;
mod guests;
mod jsonschema;
mod mutants;
mod prometheus;
mod record;
mod setup;
mod sim;
mod steps;
mod test;
mod test_programs;
mod tidy;
mod trial;
mod wasm;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::steps::Steps;
use crate::workspace::Workspace;

/// Sets up, builds, demonstrates, tests and measures Landfall.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Finds or installs what builds and tests need: a way to WebAssembly, Prometheus and Alertmanager
    /// with their tools, and the validator of Python that schemas are held against.
    Setup,
    /// Builds all checks for WebAssembly, into target/guests.
    Guests,
    /// The day of the incident in two minutes, and Landfall's account of it beside the truth.
    Demo {
        /// Arguments for the demo itself; `-- --help` lists them.
        #[arg(last = true)]
        args: Vec<String>,
    },
    /// The writer is dead for 4 h 17 min at a thousand events a second, and Landfall is killed meanwhile: memory, disk,
    /// and whether every event is named and settles. Takes about 20 minutes and 15 GB of disk.
    Outage {
        /// Arguments for the trial itself; `-- --help` lists them.
        #[arg(last = true)]
        args: Vec<String>,
    },
    /// Kills, pauses and cuts off Landfall hundreds of times under load, and holds every word against the truth. Takes
    /// hours.
    Faults {
        /// Arguments for the trial itself; `-- --help` lists them.
        #[arg(last = true)]
        args: Vec<String>,
    },
    /// Records anew what Landfall's metrics say over days of a pipeline, for the tests of rules: into
    /// ops/prometheus/recorded, in three quarters of an hour.
    Record {
        /// The days to record; without any, all of them.
        cases: Vec<String>,
    },
    /// Format, lints, rules of the repository, and all tests.
    Test,
    /// Runs the simulations over many seeds, on all cores: the ledger against its oracle; shards, results and store over
    /// restarts; all stages from frames to the store. A seed that fails is printed with a history made shorter.
    Sim {
        /// The first so many, as 1000, or some, as 317..318.
        #[arg(long, default_value = "2000", value_parser = sim::seeds)]
        seeds: std::ops::Range<u64>,
    },
    /// Measures Landfall as ratios within one run.
    Bench {
        /// Counts instructions instead, and fails if a count moved from the one that is kept.
        #[arg(long)]
        check: bool,
        /// Arguments for the bench itself; `-- --help` lists them.
        #[arg(last = true)]
        args: Vec<String>,
    },
    /// Breaks the ledger on purpose, one way at a time, and fails if its tests do not notice: all of
    /// host/ledger/mutants, on a copy.
    Mutants {
        /// Only these: the names of patches, without `.patch`.
        names: Vec<String>,
    },
    /// Looks for inputs that break a property of what reads hostile bytes, by coverage. What it finds is kept
    /// in target/fuzz.
    Fuzz {
        /// One of the directories of fuzz/corpus; without it all of them, in turn.
        target: Option<String>,
        /// Seconds for each target.
        #[arg(long, default_value_t = 60)]
        seconds: u32,
    },
    /// Checks the rules of the repository that can be checked: who imports whom, and the like.
    Tidy,
}

fn main() -> ExitCode {
    let task = Cli::parse().task;
    match run(task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> anyhow::Result<()> {
    let workspace = Workspace::find()?;
    let mut steps = Steps::new(&workspace);
    match task {
        Task::Setup => setup::run(&workspace, &mut steps).map(|_| ()),
        Task::Guests => guests::run(&workspace, &mut steps),
        Task::Demo { args } => demo::run(&workspace, &mut steps, &args),
        Task::Outage { args } => trial::run(&workspace, &mut steps, "outage", &args),
        Task::Faults { args } => trial::run(&workspace, &mut steps, "faults", &args),
        Task::Record { cases } => record::run(&workspace, &mut steps, &cases),
        Task::Test => test::run(&workspace, &mut steps),
        Task::Sim { seeds } => sim::run(&workspace, &mut steps, &seeds),
        Task::Bench { check, args } => bench::run(&workspace, &mut steps, check, &args),
        Task::Mutants { names } => mutants::run(&workspace, &mut steps, &names),
        Task::Fuzz { target, seconds } => {
            fuzz::run(&workspace, &mut steps, target.as_deref(), seconds)
        }
        Task::Tidy => tidy::run(&workspace),
    }
}
