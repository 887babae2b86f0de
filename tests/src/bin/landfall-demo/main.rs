//! The day of the incident in about two minutes: a pipeline over real sockets, its writer that goes
//! deaf five times, Landfall beside it as it is shipped, and at the end Landfall's account beside
//! the truth that the pipeline itself recorded. Landfall itself is killed once, and cut off from the writer once.
//!
//! `cargo xtask demo` builds everything and runs this. The exit code is 0 if the two agree in
//! everything, 1 if they do not, 2 if the demo could not be run.

mod account;
mod backfill;
mod screen;
mod strikes;
mod watch;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, anyhow, ensure};
use clap::Parser;
use landfall_tests::clock::{Clock, log_time};
use landfall_tests::events::Maker;
use landfall_tests::pipeline::Pipeline;
use landfall_tests::recording::relay::Relay;
use landfall_tests::replay::{
    DEADLINE_MS, Day, Fault, HELD_MS, Played, Stage, StageOptions, Stretch, WINDOW_MS, play,
};
use landfall_tests::scene::difference;
use landfall_tests::sidecar::{Incident, Readings, Sidecar, landfall};
use landfall_tests::truth::{Expected, Margins, Outage, Verdict};
use landfall_tests::wait;
use landfall_tests::work_dir::WorkDir;

use account::{Account, grouped};
use backfill::Backfill;
use screen::Screen;
use strikes::{Struck, Target};

/// Times in the truth are taken at the near ends of the sockets and Landfall's at the far ends; a
/// latency this near to the deadline, in real time, may be judged either way.
const SLACK: Duration = Duration::from_millis(300);

/// How much earlier than the day Landfall's clock starts, in real time: it compiles its checks
/// meanwhile. The day's events begin when it is ready.
const START: Duration = Duration::from_secs(15);

/// Losses closer together than this are one outage.
const GAP_MS: i64 = 10 * 60_000;

/// How long the last verdicts may take, in real time: the deadline, and a busy machine.
const SETTLE_MAX: Duration = Duration::from_secs(60);

/// Replays the day of the incident, and compares Landfall's account of it with the truth.
#[derive(Parser)]
#[command(name = "landfall-demo", version)]
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
    /// How many times faster than on the day itself.
    #[arg(long, default_value_t = 675.0)]
    speed: f64,
    /// Events a second, in real time.
    #[arg(long, default_value_t = 600)]
    rate: u32,
    /// Every choice of the producer comes from this number.
    #[arg(long, default_value_t = 20141118)]
    seed: u64,
    /// Keep configuration, store and database in this directory, which must not exist.
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::from(1),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// How often Landfall and the truth differed.
fn run(args: &Args) -> anyhow::Result<u64> {
    ensure!(
        args.speed >= 1.0 && args.rate >= 1,
        "--speed and --rate must be at least 1"
    );
    let screen = Screen::new();
    let day = Day::of_the_incident().context("the day has a time that is none")?;
    let work_dir = WorkDir::new("landfall-demo-", args.keep.as_deref())?;
    let dir = work_dir.path().to_owned();

    // The pipeline, and Landfall beside it.
    let mut stage = set_stage(args, &dir, &day)?;
    let writer = Relay::to(stage.pipeline.written_endpoint()).context("failed to listen")?;
    stage.launcher.settings.written = vec![writer.endpoint()];
    let sidecar = Mutex::new(stage.start()?);
    let clock = stage.clock.clone();
    let day = &day.beginning_at(clock.now_ms());
    let strikes_ms = strikes::due_ms()?;
    ensure!(
        day.faults
            .iter()
            .map(|(_, outage)| outage.from_ms)
            .chain(strikes_ms)
            .all(|from_ms| from_ms > day.begin_ms),
        "Landfall needed more than {START:?} to start, so that the day's first outage is over; try a lower --speed"
    );

    let real = Duration::from_secs_f64((day.end_ms - clock.now_ms()) as f64 / args.speed / 1000.0);
    screen.print_line(&format!(
        "The day of the incident, {} – {} UTC, {} times as fast: {} s.\n",
        log_time(day.begin_ms),
        log_time(day.end_ms),
        args.speed,
        real.as_secs(),
    ));
    let margins = Margins {
        deadline_ms: DEADLINE_MS,
        slack_ms: clock.stretch_ms(SLACK),
    };
    let (played, struck) = play_day(args, day, &mut stage, &sidecar, &writer, &screen, margins)?;
    let mut sidecar = sidecar.into_inner().unwrap_or_else(PoisonError::into_inner);

    let backfill = Backfill {
        program: &args.landfall,
        dir: &dir,
        database: stage.database(),
        pipeline: &stage.pipeline,
        sidecar: &sidecar,
        struck: &struck,
        // It was ready before the day began; a hole's end is stamped a moment later.
        seen_since_ms: day.begin_ms + clock.stretch_ms(SLACK),
        margins,
        screen: &screen,
    };
    let pipeline = &stage.pipeline;
    let mut account = Account::new(&screen);
    tell_day(&mut account, &backfill, &played, args)?;

    account.heading("The backfill");
    backfill.run(&mut account)?;
    account.heading("Every verdict after the backfill, beside the truth");
    await_agreement(&backfill)?;
    account.verdicts(
        &readings(&sidecar, &struck)?,
        &pipeline.truth.tally(margins),
    );

    let status = sidecar.stop()?;
    account.line("Landfall drains and ends on SIGTERM", status.success());
    let differences = account.differences();
    screen.print_line(&if differences == 0 {
        format!(
            "\nLandfall's account is the truth, in everything: {} events at {:.0} a second.",
            grouped(pipeline.truth.frames()),
            played.events_a_second,
        )
    } else {
        format!("\nLandfall's account differs from the truth in {differences} lines, marked above.")
    });
    if args.keep.is_some() {
        screen.print_line(&format!("Kept in {}.", dir.display()));
    }
    Ok(differences)
}

/// Plays the day while Landfall is watched and struck, until every event has its verdict.
fn play_day(
    args: &Args,
    day: &Day,
    stage: &mut Stage,
    sidecar: &Mutex<Sidecar>,
    writer: &Relay,
    screen: &Screen,
    margins: Margins,
) -> anyhow::Result<(Played, Struck)> {
    let (launcher, clock) = (stage.launcher.clone(), stage.clock.clone());
    let truth = stage.pipeline.truth.clone();
    let end = AtomicBool::new(false);
    let target = Target {
        sidecar,
        launcher: &launcher,
        writer,
        truth: &truth,
        clock: &clock,
        screen,
    };
    let interval_ms = ((args.speed * 1000.0) / f64::from(args.rate)).max(1.0) as i64;
    let mut maker = Maker::of_2014(args.seed);
    std::thread::scope(|scope| {
        scope.spawn(|| watch::watch(day, sidecar, &clock, screen, &end));
        let striking = scope.spawn(|| target.strike());
        let tell = |line: &str| screen.print_line(line);
        let played = play(day, &mut stage.pipeline, &mut maker, interval_ms, &tell);
        let struck = striking.join();
        if let (Ok(_), Ok(Ok(struck))) = (&played, &struck) {
            settle(&stage.pipeline, sidecar, struck, &clock, margins);
        }
        end.store(true, Ordering::Relaxed);
        let struck = struck.map_err(|_| anyhow!("the thread of the strikes died"))??;
        Ok((played?, struck))
    })
}

fn set_stage(args: &Args, dir: &Path, day: &Day) -> anyhow::Result<Stage> {
    let guests = args
        .guests
        .canonicalize()
        .with_context(|| format!("no checks in {}", args.guests.display()))?;
    let start_ms = Clock::starting(0, args.speed).stretch_ms(START);
    let options = StageOptions {
        program: args.landfall.clone(),
        guests,
        schemas: args.schemas.clone(),
        ..StageOptions::new(args.speed, day.begin_ms - start_ms)
    };
    let mut stage = Stage::set(dir, options)?;
    // Whether a schema's objective is missed in an outage depends on the number of events in a window, which is
    // chance: so there is no truth to compare with.
    stage
        .launcher
        .settings
        .checks
        .retain(|check| check.name != "delivery-objective");
    Ok(stage)
}

/// What Landfall has counted over both of its runs.
fn readings(sidecar: &Sidecar, struck: &Struck) -> anyhow::Result<Readings> {
    let totals = sidecar.store().totals();
    let totals = totals.context("failed to read Landfall's store")?;
    let readings = Readings::of(&sidecar.metrics()).with_store(&totals);
    Ok(readings.after(&struck.killed))
}

/// Waits until every raw event has its verdict. If that does not come, the account will show it.
fn settle(
    pipeline: &Pipeline,
    sidecar: &Mutex<Sidecar>,
    struck: &Struck,
    clock: &Clock,
    margins: Margins,
) {
    let tally = pipeline.truth.tally(margins);
    let least = tally.frames - tally.malformed - tally.unread;
    // Rows may be held back until now, and incidents stay open for a while.
    let quiet_ms = clock.now_ms() + HELD_MS;
    wait::until(SETTLE_MAX, || {
        let sidecar = sidecar.lock().unwrap_or_else(PoisonError::into_inner);
        let readings = readings(&sidecar, struck).ok()?;
        let settled = readings.raw >= least && readings.is_settled(readings.raw);
        (settled && clock.now_ms() > quiet_ms && pipeline.writer.backlog() == 0).then_some(())
    });
}

/// Waits until all counts agree. If that does not come, the account will show it.
fn await_agreement(backfill: &Backfill<'_>) -> anyhow::Result<()> {
    let Backfill {
        pipeline,
        sidecar,
        struck,
        margins,
        ..
    } = backfill;
    wait::until(SETTLE_MAX, || {
        let readings = match readings(sidecar, struck) {
            Ok(readings) => readings,
            Err(error) => return Some(Err(error)),
        };
        difference(&readings, &pipeline.truth.tally(*margins))
            .is_empty()
            .then_some(Ok(()))
    })
    .unwrap_or(Ok(()))
}

/// The day as Landfall reports it, beside the truth.
fn tell_day(
    account: &mut Account<'_>,
    backfill: &Backfill<'_>,
    played: &Played,
    args: &Args,
) -> anyhow::Result<()> {
    let Backfill {
        pipeline,
        sidecar,
        struck,
        margins,
        screen,
        ..
    } = backfill;
    let truth = &pipeline.truth;
    account.heading("The timeline, as `landfall incidents` prints it");
    screen.print_line(backfill.timeline()?.trim_end());

    let config = sidecar.config().to_string_lossy();
    let answer = landfall(&args.landfall, ["incidents", "--json", "--config", &config])?;
    let incidents = Incident::read_all(&answer.json()?)
        .with_context(|| format!("landfall incidents answered {}", answer.stdout))?;
    let (outages, others) = apart(truth.outages(GAP_MS, *margins), &played.faults);
    account.heading("The outages of the writer, beside the truth");
    account.outages(&outages, &incidents, WINDOW_MS + DEADLINE_MS, args.speed);

    let tally = truth.tally(*margins);
    let late = truth.select(|event| event.verdict(*margins) == Expected::One(Verdict::Late));
    let lost_elsewhere: u64 = others.iter().map(|outage| outage.events).sum();
    account.heading("All other incidents, beside the truth");
    let stalled = outages.iter().map(|outage| outage.certain).sum();
    let stalled_most = outages.iter().map(|outage| outage.events).sum();
    let exactly = |cause, events| (cause, events, events);
    let unconfirmed = tally.count(Verdict::Unconfirmed);
    account.causes(
        &[
            ("stalled", stalled, stalled_most),
            exactly("loss", lost_elsewhere + late.len() as u64),
            exactly("altered", tally.count(Verdict::Altered)),
            exactly("leaked", tally.count(Verdict::Leaked)),
            exactly("unjudged", tally.count(Verdict::Unjudged)),
            exactly("duplicate", tally.duplicate),
            exactly("unexpected", tally.unexpected),
            (
                "unwatched",
                unconfirmed,
                unconfirmed + tally.open(Verdict::Unconfirmed),
            ),
        ],
        &incidents,
    );

    account.heading("Every verdict, beside the truth");
    account.verdicts(&readings(sidecar, struck)?, &tally);
    account.heading("What Landfall did not see, as `landfall coverage` prints it");
    backfill.coverage(account)?;
    account.heading("Every event that did not land, by name, beside the database");
    backfill.names(account)
}

/// The losses of the deaf writer, and all others.
fn apart(losses: Vec<Outage>, faults: &[(Fault, Stretch)]) -> (Vec<Outage>, Vec<Outage>) {
    losses.into_iter().partition(|loss| {
        faults
            .iter()
            .any(|(_, stretch)| stretch.from_ms <= loss.last_ms && stretch.to_ms >= loss.first_ms)
    })
}
