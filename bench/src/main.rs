//! `cargo xtask bench`: what Landfall costs, as ratios within one run.

mod ajv;
mod counts;
mod events;
mod figures;
mod growth;
mod judge;
mod judging;
mod ledger;
mod memory;
mod sidecar;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, ValueEnum};
use serde_json::json;

use ajv::Ajv;
use counts::Load;
use events::Event;
use figures::{Figures, Goal};
use judging::CheckSetup;
use sidecar::Setup;

/// Measures Landfall, prints a table, and writes the figures as JSON.
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
    /// Only these parts.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Part>,
    /// Events of the judging measurements; with --load, of the load.
    #[arg(long, default_value_t = 50_000)]
    events: usize,
    /// Events of the whole-sidecar measurement, on each stream.
    #[arg(long, default_value_t = 100_000)]
    sidecar_events: usize,
    /// Rounds; the middle one counts, and the spread is shown.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Count instructions instead, and report which counts differ from the recorded ones.
    #[arg(long)]
    check: bool,
    /// With --check: keep the new counts.
    #[arg(long, requires = "check")]
    keep: bool,
    /// Where the counts are kept.
    #[arg(long, default_value = "bench/counts.json")]
    counts: PathBuf,
    /// Only drain these endpoints: the bare subscriber of the bench.
    #[arg(long, hide = true)]
    drain: Vec<String>,
    /// Only run a load, to be counted or profiled.
    #[arg(long, value_enum)]
    load: Option<Load>,
}

/// A part of the bench.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// JSON documents on one core, against native loops.
    Documents,
    /// The same against Ajv on Node, where that is there.
    Ajv,
    /// Client-side lines on one core.
    Lines,
    /// Both streams on one core, with validity and parity.
    Pairs,
    /// Ten checks against one.
    Checks,
    /// The ledger alone.
    Ledger,
    /// The whole sidecar against a bare subscriber.
    Sidecar,
    /// The whole sidecar at a thousand events a second.
    Idle,
    /// How cost grows.
    Growth,
}

fn main() -> anyhow::Result<ExitCode> {
    let args = Args::parse();
    if !args.drain.is_empty() {
        sidecar::drain(&args.drain)?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(load) = args.load {
        counts::run(load, &args.guests, args.events)?;
        return Ok(ExitCode::SUCCESS);
    }
    if args.check {
        let moved = counts::check(&args.guests, &args.counts, args.keep)?;
        return Ok(ExitCode::from(u8::from(moved > 0 && !args.keep)));
    }
    let mut figures = Figures::default();
    measure(&args, &mut figures)?;
    let missed = figures.missed().join(", ");
    figures.set("events", json!(args.events));
    std::fs::write(&args.out, format!("{:#}\n", figures.into_json()))
        .with_context(|| format!("failed to write {}", args.out.display()))?;
    println!("\nwritten to {}", args.out.display());
    if !missed.is_empty() {
        println!("goals missed: {missed}");
    }
    Ok(ExitCode::SUCCESS)
}

fn measure(args: &Args, figures: &mut Figures) -> anyhow::Result<()> {
    let wants = |part| args.only.is_empty() || args.only.contains(&part);
    let guests = args
        .guests
        .canonicalize()
        .with_context(|| format!("no checks in {}", args.guests.display()))?;
    let shapes = events::shapes();
    let events = events::events(&shapes, args.events, 1);
    let bytes: usize = events.iter().map(|event| event.capsule.len()).sum();
    println!(
        "{} events of {} schemas, {} bytes each on average; the middle of {} rounds [and their spread]\n",
        events.len(),
        distinct(&shapes),
        bytes / events.len().max(1),
        args.rounds,
    );
    if wants(Part::Documents) {
        let work = || judge::documents(&guests, &shapes, &events, args.rounds);
        let (compared, grew) = memory::growth_bytes(work);
        let compared = compared?;
        let what = "judging documents on one core / serde_json + jsonschema";
        figures.goal("judge_ratio", what, &compared.ratios(), Goal::AtLeast(2.0));
        figures.plain(
            "judge_native_per_second",
            "the native loop",
            &compared.other_per_second,
        );
        figures.plain("judge_per_second", "judging", &compared.judged_per_second);
        figures.memory("judge_rss_bytes_max", grew);
    }
    if wants(Part::Ajv) {
        measure_ajv(args, figures, &guests, &shapes, &events)?;
    }
    if wants(Part::Lines) {
        let work = || judge::lines(&guests, &shapes, &events, args.rounds);
        let (compared, grew) = memory::growth_bytes(work);
        let compared = compared?;
        let what = "client-side lines on one core / a native loop that does the same";
        figures.goal(
            "judge_lines_ratio",
            what,
            &compared.ratios(),
            Goal::AtLeast(1.2),
        );
        figures.plain(
            "lines_native_per_second",
            "the native loop",
            &compared.other_per_second,
        );
        figures.plain("lines_per_second", "judging", &compared.judged_per_second);
        figures.memory("lines_rss_bytes_max", grew);
    }
    if wants(Part::Pairs) {
        let work = || judge::pairs(&guests, &shapes, &events, args.rounds);
        let (per_second, grew) = memory::growth_bytes(work);
        let per_second = per_second?;
        let what = "events, both streams on one core, validity and parity";
        figures.plain("pairs_per_second", what, &per_second);
        figures.memory("pairs_rss_bytes_max", grew);
    }
    if wants(Part::Checks) {
        let work = || measure_checks(args, figures, &guests, &shapes, &events);
        let (measured, grew) = memory::growth_bytes(work);
        measured?;
        figures.memory("checks_rss_bytes_max", grew);
    }
    if wants(Part::Ledger) {
        measure_ledger(args, figures);
    }
    let landfall = || {
        args.landfall
            .canonicalize()
            .with_context(|| format!("no program at {}", args.landfall.display()))
    };
    if wants(Part::Sidecar) || wants(Part::Idle) {
        let setup = Setup {
            landfall: landfall()?,
            guests: guests.clone(),
            shapes: &shapes,
            workers: 0,
        };
        measure_sidecar(args, figures, &setup, wants)?;
    }
    if wants(Part::Growth) {
        println!("\nhow cost grows");
        let rows = growth::measure(&guests, &landfall()?, args.sidecar_events)?;
        figures.set("growth", json!(rows));
    }
    Ok(())
}

fn measure_ledger(args: &Args, figures: &mut Figures) {
    let rounds = || (0..args.rounds).map(|_| ledger::measure(1_000_000));
    let (measured, grew) = memory::growth_bytes(|| rounds().collect::<Vec<_>>());
    let per_second: Vec<f64> = measured
        .iter()
        .map(|one| one.observations_per_second)
        .collect();
    let what = "observations on one core, a million pending";
    figures.goal("ledger_per_second", what, &per_second, Goal::AtLeast(5e6));
    let bare: Vec<f64> = (0..args.rounds)
        .map(|_| ledger::bare_join_per_second(1_000_000))
        .collect();
    figures.plain(
        "ledger_bare_per_second",
        "a bare hash join of 32-byte entries",
        &bare,
    );
    let bytes: Vec<f64> = measured.iter().map(|one| one.bytes_per_pending).collect();
    figures.goal(
        "ledger_bytes_per_pending",
        "bytes",
        &bytes,
        Goal::AtMost(80.0),
    );
    figures.memory("ledger_rss_bytes_max", grew);
}

fn measure_ajv(
    args: &Args,
    figures: &mut Figures,
    guests: &std::path::Path,
    shapes: &[events::Shape],
    events: &[Event],
) -> anyhow::Result<()> {
    if !ajv::is_here() {
        println!("judge_ajv_ratio: left out, there is no node and npm here");
        return Ok(());
    }
    let dir = args.out.with_file_name("bench-ajv");
    let mut ajv = Ajv::start(&dir, shapes, events)?;
    let compared = judge::documents_and(guests, shapes, events, args.rounds, || ajv.round())?;
    let what = "judging documents on one core / Ajv on Node";
    figures.goal(
        "judge_ajv_ratio",
        what,
        &compared.ratios(),
        Goal::AtLeast(1.5),
    );
    figures.plain(
        "ajv_per_second",
        "Ajv, JSON.parse for each event",
        &compared.other_per_second,
    );
    Ok(())
}

/// One check, and nine small ones beside it; and ten that each validate.
fn measure_checks(
    args: &Args,
    figures: &mut Figures,
    guests: &std::path::Path,
    shapes: &[events::Shape],
    events: &[Event],
) -> anyhow::Result<()> {
    let frames: Vec<&[u8]> = events
        .iter()
        .map(|event| event.capsule.as_bytes())
        .collect();
    let per_second =
        |checks: &[CheckSetup]| judge::judged(guests, shapes, checks, &frames, args.rounds);
    let one = per_second(&[CheckSetup::validity()])?;
    let columns = [
        "/event/count1",
        "/event/count5",
        "/event/count9",
        "/event/text0",
        "/seqId",
        "/timestamp",
        "/wiki",
        "/recvFrom",
        "/webHost",
    ];
    let small = columns
        .iter()
        .enumerate()
        .map(|(number, at)| CheckSetup::limit(number, at));
    let ten: Vec<CheckSetup> = std::iter::once(CheckSetup::validity())
        .chain(small)
        .collect();
    let validities: Vec<CheckSetup> = (0..10)
        .map(|number| CheckSetup {
            name: format!("validity-{number}"),
            ..CheckSetup::validity()
        })
        .collect();
    let cost =
        |many: &[f64]| -> Vec<f64> { one.iter().zip(many).map(|(one, many)| one / many).collect() };
    let ten = per_second(&ten)?;
    let what = "one check's rate / that of ten on the same stream";
    figures.goal("ten_checks_cost", what, &cost(&ten), Goal::AtMost(3.0));
    let validities = per_second(&validities)?;
    figures.plain(
        "ten_validities_cost",
        "the same, if all ten validate",
        &cost(&validities),
    );
    Ok(())
}

fn measure_sidecar(
    args: &Args,
    figures: &mut Figures,
    setup: &Setup<'_>,
    wants: impl Fn(Part) -> bool,
) -> anyhow::Result<()> {
    let mut rss_bytes_max = 0;
    if wants(Part::Sidecar) {
        let measured = sidecar::measure(setup, args.sidecar_events, args.rounds)?;
        let what = "the whole sidecar / a bare subscriber, nothing lost";
        figures.goal(
            "sidecar_ratio",
            what,
            &measured.ratios(),
            Goal::AtLeast(0.35),
        );
        figures.plain(
            "sidecar_bare_per_second",
            "frames, bare, both streams",
            &measured.bare_per_second,
        );
        figures.plain(
            "sidecar_per_second",
            "frames, sidecar, both streams",
            &measured.sidecar_per_second,
        );
        figures.plain(
            "sidecar_rss_bytes_max",
            "bytes of memory at most",
            &[measured.rss_bytes_max as f64],
        );
        rss_bytes_max = measured.rss_bytes_max;
    }
    if wants(Part::Idle) {
        let rounds = args.rounds.max(1);
        let (mut shares, mut bare, mut rss) = (Vec::new(), Vec::new(), 0);
        for _ in 0..rounds {
            bare.push(sidecar::bare_idle(setup.shapes)?);
            let (share, bytes) = sidecar::idle(setup)?;
            shares.push(share);
            rss = rss.max(bytes);
        }
        let what = "of one core at 1,000 events a second on both streams";
        figures.goal("idle_share", what, &shares, Goal::AtMost(0.02));
        figures.plain("idle_bare_share", "the same of a bare subscriber", &bare);
        figures.plain(
            "idle_rss_bytes_max",
            "bytes of memory at most",
            &[rss as f64],
        );
        rss_bytes_max = rss_bytes_max.max(rss);
    }
    figures.set("rss_bytes_max", json!(rss_bytes_max));
    Ok(())
}

/// The number of schemas; common ones occur more than once.
fn distinct(shapes: &[events::Shape]) -> usize {
    let names: std::collections::BTreeSet<&str> =
        shapes.iter().map(|shape| shape.name.as_str()).collect();
    names.len()
}
