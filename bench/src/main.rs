//! `cargo xtask bench`: what Landfall costs, as ratios within one run.

mod events;
mod judge;
mod ledger;
mod sidecar;

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Parser;
use serde_json::json;

/// Measures Landfall and writes the figures as JSON.
#[derive(Parser)]
struct Args {
    /// Directory of the compiled guests.
    #[arg(long, default_value = "target/guests")]
    guests: PathBuf,
    /// The program that is measured as a whole.
    #[arg(long, default_value = "target/release/landfall")]
    landfall: PathBuf,
    /// Where the figures go.
    #[arg(long, default_value = "target/bench.json")]
    out: PathBuf,
    /// Events of the judging measurement.
    #[arg(long, default_value_t = 100_000)]
    events: usize,
    /// Events of the whole-sidecar measurement, on each stream.
    #[arg(long, default_value_t = 200_000)]
    sidecar_events: usize,
    /// Rounds; the best of each way counts.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let events = events::events(args.events, 1);
    let bytes: usize = events.iter().map(|event| event.capsule.len()).sum();
    println!(
        "{} events of 5 schemas, {} bytes each on average\n",
        events.len(),
        bytes / events.len().max(1)
    );

    let judge = judge::documents(&args.guests, &events, args.rounds)?;
    line(
        "judge_ratio",
        judge.ratio(),
        "judging on one core / serde_json + jsonschema",
        2.0,
    );
    line_rate("native loop", judge.native_per_second);
    line_rate("judging", judge.judged_per_second);

    let ledger = ledger::measure(1_000_000);
    line_rate("ledger, a million pending", ledger.observations_per_second);
    println!(
        "    {:<34} {:>12.1} bytes",
        "ledger, per pending event", ledger.bytes_per_pending
    );

    let sidecar = sidecar::measure(
        &args.landfall,
        &args.guests,
        args.sidecar_events,
        args.rounds,
    )?;
    line(
        "sidecar_ratio",
        sidecar.ratio(),
        "the whole sidecar / a bare subscriber",
        0.35,
    );
    line_rate("bare subscriber, both streams", sidecar.bare_per_second);
    line_rate("sidecar, both streams", sidecar.sidecar_per_second);

    let figures = json!({
        "judge_ratio": judge.ratio(),
        "judge_native_per_second": judge.native_per_second,
        "judge_per_second": judge.judged_per_second,
        "ledger_per_second": ledger.observations_per_second,
        "ledger_bytes_per_pending": ledger.bytes_per_pending,
        "sidecar_ratio": sidecar.ratio(),
        "sidecar_bare_per_second": sidecar.bare_per_second,
        "sidecar_per_second": sidecar.sidecar_per_second,
        "sidecar_rss_bytes_max": sidecar.rss_bytes_max,
        "events": events.len(),
        "event_bytes_mean": bytes / events.len().max(1),
    });
    std::fs::write(&args.out, format!("{figures:#}\n"))
        .with_context(|| format!("failed to write {}", args.out.display()))?;
    println!("\nwritten to {}", args.out.display());
    Ok(())
}

fn line(name: &str, ratio: f64, what: &str, goal: f64) {
    println!("{name:<18} {ratio:>6.2}   {what} (goal {goal})");
}

fn line_rate(what: &str, per_second: f64) {
    println!("    {what:<34} {per_second:>12.0} /s");
}
