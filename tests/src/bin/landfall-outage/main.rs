//! The long outage: the writer is dead for 4 h 17 min at a thousand events a second, faster than on a real day.
//!
//! `cargo xtask outage` builds everything and runs this. The exit code is 0 if every event is named and settles and the
//! memory stays within its bound, 1 if not, 2 if it could not be run.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use landfall_tests::outage::{Outage, run};
use landfall_tests::work_dir::WorkDir;

/// Lets the writer be dead for hours, kills Landfall meanwhile, and checks its account.
#[derive(Parser)]
#[command(name = "landfall-outage", version)]
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
    /// How long the writer is dead, in minutes of the pipeline's time.
    #[arg(long, default_value_t = 257.0)]
    minutes: f64,
    /// Events a second of the pipeline's time.
    #[arg(long, default_value_t = 1_000)]
    rate: u64,
    /// Bytes of a raw frame.
    #[arg(long, default_value_t = 600)]
    frame_bytes: usize,
    /// How many times faster than real time.
    #[arg(long, default_value_t = 25.0)]
    speed: f64,
    /// How often Landfall is killed in the outage.
    #[arg(long, default_value_t = 1)]
    kills: u32,
    /// The most memory that Landfall may have resident, in MiB.
    #[arg(long, default_value_t = 256)]
    memory_mib: u64,
    /// Keep configuration, log and store in this directory, which must not exist.
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    match outage(&args) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Whether the memory stayed within its bound.
fn outage(args: &Args) -> anyhow::Result<bool> {
    let work_dir = WorkDir::new("landfall-outage-", args.keep.as_deref())?;
    let dir = work_dir.path().to_owned();
    let began = Instant::now();
    let tell = |line: &str| println!("{:>6.0} s  {line}", began.elapsed().as_secs_f64());
    let measured = run(
        &Outage {
            landfall: args.landfall.clone(),
            guests: args.guests.canonicalize()?,
            schemas: args.schemas.clone(),
            dir,
            lasts_ms: (args.minutes * 60_000.0) as i64,
            per_second: args.rate,
            frame_bytes: args.frame_bytes,
            speed: args.speed,
            kills: args.kills,
        },
        &tell,
    )?;
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    println!(
        "\nevents that did not land in time   {}\n  unconfirmed                      {}\n\
         memory at most                     {:.0} MiB (allowed: {} MiB)\n\
         disk at most                       {:.0} MiB ({:.0} bytes an event)\n\
         ready again after a kill           {:.1?}\n\
         the outage took                    {:.0?}\n\
         all landed and settled in          {:.0?}",
        measured.events,
        measured.unconfirmed,
        mib(measured.rss_bytes_max),
        args.memory_mib,
        mib(measured.disk_bytes_max),
        measured.disk_bytes_max as f64 / measured.events.max(1) as f64,
        measured.recovery_max,
        measured.outage_took,
        measured.landing_took,
    );
    Ok(measured.rss_bytes_max <= args.memory_mib << 20)
}
