//! Kills, pauses and cuts off Landfall hundreds of times under load, and holds every word against the truth.
//!
//! `cargo xtask faults` builds everything and runs this. The exit code is 0 if no word was wrong, 1 if one was, or if
//! Landfall could not be run.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context as _;
use clap::Parser;
use landfall_tests::faults::{Fault, Trial, run};
use landfall_tests::work_dir::WorkDir;

/// Lets faults happen to Landfall under load, and checks its account.
#[derive(Parser)]
#[command(name = "landfall-faults", version)]
struct Args {
    /// The program.
    #[arg(long, default_value = "target/release/landfall")]
    landfall: PathBuf,
    /// Directory of the compiled checks.
    #[arg(long, default_value = "target/guests")]
    guests: PathBuf,
    /// Directory of the shipped schemas.
    #[arg(long, default_value = "schemas")]
    schemas: PathBuf,
    /// How often it is killed.
    #[arg(long, default_value_t = 200)]
    kills: u32,
    /// How often it is stopped for 0.1 to 60 seconds.
    #[arg(long, default_value_t = 200)]
    pauses: u32,
    /// How often connections are cut.
    #[arg(long, default_value_t = 200)]
    cuts: u32,
    /// How often the power is cut: killed, and what was not brought to the disk is lost.
    #[arg(long, default_value_t = 200)]
    power_cuts: u32,
    /// Every choice comes from this number.
    #[arg(long, default_value_t = 20141118)]
    seed: u64,
    /// Keep configuration, logs and stores in this directory, which must not exist.
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

fn main() -> ExitCode {
    match faults(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn faults(args: &Args) -> anyhow::Result<()> {
    let work_dir = WorkDir::new("landfall-faults-", args.keep.as_deref())?;
    let dir = work_dir.path().to_owned();
    let began = Instant::now();
    let tell = |line: &str| println!("{:>6.0} s  {line}", began.elapsed().as_secs_f64());
    for (fault, name, times) in [
        (Fault::Kill, "kills", args.kills),
        (Fault::Cut, "cuts", args.cuts),
        (Fault::Pause, "pauses", args.pauses),
        (Fault::PowerCut, "power cuts", args.power_cuts),
    ] {
        if times == 0 {
            continue;
        }
        let dir = dir.join(name.replace(' ', "-"));
        std::fs::create_dir(&dir)?;
        let trial = Trial {
            landfall: args.landfall.clone(),
            guests: args.guests.canonicalize()?,
            schemas: args.schemas.clone(),
            dir,
            fault,
            times,
            seed: args.seed,
            pause_max: None,
        };
        let account = run(&trial, &tell).with_context(|| format!("{times} {name}"))?;
        println!(
            "\n{times} {name}: no wrong word. {} events sent, {} lost; read {}, delivered {}, late {}, missing {}, \
             unconfirmed {} (of which landed {}); rows without their event {}; frames lost {}; without a fault near {}\n",
            account.sent,
            account.lost,
            account.raw,
            account.delivered,
            account.late,
            account.missing,
            account.unconfirmed,
            account.unconfirmed_landed,
            account.unwatched,
            account.frames_lost,
            account.alone,
        );
    }
    Ok(())
}
