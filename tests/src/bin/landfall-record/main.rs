//! Records Landfall's metrics over whole days, for the tests of rules. `cargo xtask record` builds
//! everything and runs this.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, ensure};
use clap::Parser;
use landfall_tests::paths;
use landfall_tests::recording::{Case, perform};

/// Metrics that no rule uses: they would make the files several times as large.
const LEFT_OUT: [&str; 12] = [
    "landfall_delivery_latency_seconds",
    "landfall_process_cpu",
    "landfall_process_resident",
    "landfall_process_threads",
    "landfall_check_busy",
    "landfall_check_memory_bytes",
    "landfall_frame_bytes",
    "landfall_frame_batches",
    "landfall_batches_in_flight",
    "landfall_store_write",
    "landfall_store_rows_total",
    "landfall_store_log_bytes",
];

/// Records days of a pipeline, with Landfall beside it.
#[derive(Parser)]
#[command(name = "landfall-record", version)]
struct Args {
    /// The days; without any, all of them.
    cases: Vec<String>,
    /// List the days, and record nothing.
    #[arg(long)]
    list: bool,
    /// The directory of recordings.
    #[arg(long, value_name = "DIR")]
    into: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> anyhow::Result<()> {
    let all = Case::all().context("a case has a time that is none")?;
    for name in &args.cases {
        ensure!(
            all.iter().any(|case| case.name == name),
            "there is no case {name:?}; --list shows all"
        );
    }
    if args.list {
        for case in &all {
            println!("{:<20} {}", case.name, case.title);
        }
        return Ok(());
    }
    let into = args.into.clone().unwrap_or_else(paths::recordings);
    std::fs::create_dir_all(&into)?;
    let keep = |name: &str| !LEFT_OUT.iter().any(|left_out| name.starts_with(left_out));
    for case in &all {
        if !args.cases.is_empty() && !args.cases.iter().any(|name| name == case.name) {
            continue;
        }
        let length_s = (case.day.end_ms - case.day.begin_ms) as f64 / case.speed / 1000.0;
        println!("{}: {} ({length_s:.0} s)", case.name, case.title);
        let recording = perform(case, &keep, &|line| println!("  {line}"))
            .with_context(|| format!("failed to record {}", case.name))?;
        let path = into.join(format!("{}.txt.gz", case.name));
        recording
            .write(&path)
            .with_context(|| format!("failed to write {}", path.display()))?;
        println!(
            "  {} series, {} minutes, {} bytes",
            recording.series.len(),
            recording.minutes,
            path.metadata()?.len()
        );
    }
    Ok(())
}
