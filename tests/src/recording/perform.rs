//! Plays a day with Landfall beside it, and records its metrics.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::STEP_MS;
use super::case::{Act, Case};
use super::file::{Happening, Recording};
use super::relay::Relay;
use super::scraper::{Address, Scraper, Scrapes};
use crate::clock::Clock;
use crate::events::{Kind, Maker};
use crate::pipeline::PipelineError;
use crate::replay::{Fault, Launcher, Played, Stage, StageError, StageOptions, Stretch, play};
use crate::sidecar::{Sidecar, SidecarError};

/// How much earlier than the day the clock starts, in real time: Landfall compiles its checks
/// meanwhile.
const START: Duration = Duration::from_secs(20);

/// Before a start that is recorded, in milliseconds of the day.
const BEFORE_MS: i64 = 10 * STEP_MS;

/// Of a hundred minutes, those in which the machine may have been too slow to scrape. A recording with
/// more gaps is discarded.
const LATE_PERCENT_MAX: usize = 2;

/// Every choice of the producer comes from this number.
const SEED: u64 = 20_141_118;

/// The names of endpoints in recordings.
const ENDPOINTS: [&str; 3] = [
    "tcp://127.0.0.1:8421",
    "tcp://127.0.0.1:8422",
    "tcp://127.0.0.1:8600",
];

/// The owners in every recording. The schema of page timings has only the default owner.
const OWNERS: &str = "\
[owners]
default = \"data-platform\"
landfall = \"observability\"
schemas = { RigEdit = \"editing\", RigSearch = \"search\", \"(none)\" = \"instrumentation\" }
checks = { delivery-objective = \"analytics\" }
";

/// Why a day could not be recorded.
#[derive(Debug, thiserror::Error)]
pub enum PerformError {
    #[error(transparent)]
    Stage(#[from] StageError),
    #[error(transparent)]
    Sidecar(#[from] SidecarError),
    #[error(transparent)]
    Pipeline(#[from] PipelineError),
    #[error("a file of the stage: {0}")]
    Io(#[from] io::Error),
    #[error(
        "the machine was too slow: {late} of {minutes} minutes were not asked for; try again with less beside it"
    )]
    TooSlow { late: usize, minutes: usize },
}

/// Plays `case` and records the metrics that `keep` wants.
pub fn perform(
    case: &Case,
    keep: &(dyn Fn(&str) -> bool + Sync),
    on_line: &(dyn Fn(&str) + Sync),
) -> Result<Recording, PerformError> {
    let dir = tempfile::Builder::new()
        .prefix("landfall-record-")
        .tempdir()?;
    let before_ms = if case.from_cold {
        BEFORE_MS
    } else {
        Clock::starting(0, case.speed).stretch_ms(START)
    };
    let mut options = StageOptions::new(case.speed, case.day.begin_ms - before_ms);
    options.writer = case.writer;
    // Each schema has dozens of series, and promtool looks at every one in every minute.
    options.few_schemas = true;
    let mut stage = Stage::set(dir.path(), options)?;
    let settings = &mut stage.launcher.settings;
    if let Some(stall) = case.stall {
        settings.stall = stall.into();
    }
    if let Some(stall) = case.stall_schema {
        settings.stall_schema = stall.into();
    }
    settings.extra.push_str(OWNERS);
    if case.from_cold {
        settings
            .extra
            .push_str("[compile]\ncache_bytes_max = \"0B\"\n");
    }
    let raw = stage.pipeline.raw_endpoints();
    let relay = Relay::to(stage.pipeline.written_endpoint())?;
    stage.launcher.settings.written = vec![relay.endpoint()];
    let written = relay.endpoint();
    let endpoints = raw.into_iter().chain([written]);
    let endpoints: BTreeMap<String, String> = endpoints.zip(ENDPOINTS.map(str::to_owned)).collect();

    let address = Address::default();
    let mut sidecar = None;
    if !case.from_cold {
        sidecar = Some(stage.start()?);
        address.set(sidecar.as_ref().map(Sidecar::http));
    }
    let clock = stage.clock.clone();
    // The first whole minute from now on.
    let from_ms = (clock.now_ms().div_euclid(STEP_MS) + 1) * STEP_MS;
    let day = case.day.clone().beginning_at(from_ms);
    let scraper = Scraper {
        clock: &clock,
        address: &address,
        from_ms,
        not_asked: &case.not_asked,
        unanswered: &case.unanswered,
        endpoints: &endpoints,
        keep,
    };
    let interval_ms = (case.speed * 1000.0 / f64::from(case.rate)).max(1.0) as i64;
    let end = AtomicBool::new(false);
    let launcher = stage.launcher.clone();
    let (played, acted, scrapes) = thread::scope(|scope| {
        let scrapes = scope.spawn(|| scraper.run(&end));
        let acts = scope.spawn(|| {
            Acts {
                case,
                launcher: &launcher,
                clock: &clock,
                address: &address,
                relay: &relay,
                on_line,
            }
            .run(sidecar)
        });
        let mut maker = Maker::of_2014(SEED);
        let played = play(&day, &mut stage.pipeline, &mut maker, interval_ms, on_line);
        let acted = acts.join();
        end.store(true, Ordering::Relaxed);
        (played, acted, scrapes.join())
    });
    let played = played?;
    let (sidecar, acted) = acted.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
    let scrapes = scrapes.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    drop(sidecar);
    if scrapes.late * 100 > scrapes.minutes * LATE_PERCENT_MAX {
        return Err(PerformError::TooSlow {
            late: scrapes.late,
            minutes: scrapes.minutes,
        });
    }
    Ok(recording(
        case,
        from_ms,
        happenings(case, &played, acted),
        scrapes,
    ))
}

/// What happens to Landfall during the day: it is started, reloaded, restarted, killed and cut off.
struct Acts<'a> {
    case: &'a Case,
    launcher: &'a Launcher,
    clock: &'a Clock,
    address: &'a Address,
    relay: &'a Relay,
    on_line: &'a (dyn Fn(&str) + Sync),
}

impl Acts<'_> {
    /// The process at the end, and what was done.
    fn run(&self, sidecar: Option<Sidecar>) -> Result<(Sidecar, Vec<Happening>), PerformError> {
        let mut done = Vec::new();
        let mut sidecar = match sidecar {
            Some(sidecar) => sidecar,
            None => {
                let from_ms = self.clock.now_ms();
                let sidecar = self.launch()?;
                done.push(self.done(from_ms, "Landfall starts"));
                sidecar
            }
        };
        for (number, (at_ms, act)) in self.case.acts.iter().enumerate() {
            thread::sleep(self.clock.until(*at_ms));
            let from_ms = self.clock.now_ms();
            match act {
                Act::Reload => {
                    self.add_schema(number)?;
                    sidecar.reload(|text| {
                        let schemas = format!("schemas = {{ RigSearch = \"{}m\" }}", 20 + number);
                        text.lines()
                            .map(|line| match line.starts_with("schemas = {") {
                                true => schemas.as_str(),
                                false => line,
                            })
                            .collect::<Vec<_>>()
                            .join("\n")
                    })?;
                    done.push(self.done(from_ms, "Landfall is told to reload"));
                }
                Act::Restart => {
                    sidecar.stop()?;
                    self.address.set(None);
                    // The old process ends before the new one starts.
                    drop(sidecar);
                    sidecar = self.launch()?;
                    done.push(self.done(from_ms, "Landfall is restarted"));
                }
                Act::Die { minutes } => {
                    // Dropped, it is killed.
                    drop(sidecar);
                    self.address.set(None);
                    thread::sleep(self.clock.until(at_ms + minutes * STEP_MS));
                    sidecar = self.launch()?;
                    done.push(self.done(from_ms, "Landfall is dead"));
                }
                Act::CutOff { minutes } => {
                    self.relay.cut();
                    thread::sleep(self.clock.until(at_ms + minutes * STEP_MS));
                    self.relay.fix();
                    done.push(self.done(from_ms, "Landfall is cut off from the writer"));
                }
            }
        }
        Ok((sidecar, done))
    }

    /// Starts Landfall, and scrapes it from the moment when it answers.
    fn launch(&self) -> Result<Sidecar, PerformError> {
        let sidecar = self
            .launcher
            .launch_watched(&|address| self.address.set(Some(address)))?;
        Ok(sidecar)
    }

    fn add_schema(&self, number: usize) -> io::Result<()> {
        let kind = Kind::Edit;
        let dir = self.launcher.settings.schemas.join(kind.name());
        let next = kind.revision() + 1 + number as u64;
        fs::copy(
            dir.join(format!("{}.json", kind.revision())),
            dir.join(format!("{next}.json")),
        )
        .map(drop)
    }

    fn done(&self, from_ms: i64, what: &str) -> Happening {
        (self.on_line)(what);
        Happening {
            from_ms,
            to_ms: self.clock.now_ms(),
            what: what.to_owned(),
        }
    }
}

fn happenings(case: &Case, played: &Played, mut all: Vec<Happening>) -> Vec<Happening> {
    let mut add = |stretch: &Stretch, what: String| {
        all.push(Happening {
            from_ms: stretch.from_ms,
            to_ms: stretch.to_ms,
            what,
        });
    };
    for (fault, stretch) in &played.faults {
        let what = match fault {
            Fault::Deaf => "the writer is deaf".to_owned(),
            Fault::Refused => "the writer's database refuses connections".to_owned(),
            Fault::Loss { percent } => format!("the writer loses {percent} % of its rows"),
            Fault::Skips(kind) => format!("the writer loses all rows of {}", kind.name()),
        };
        add(stretch, what);
    }
    for at_ms in &played.batches_lost_ms {
        let stretch = Stretch {
            from_ms: *at_ms,
            to_ms: *at_ms,
        };
        add(&stretch, "a duplicate key kills a batch".into());
    }
    for (trouble, stretch) in &case.day.troubles {
        add(stretch, format!("trouble of single events: {trouble:?}"));
    }
    for lull in &case.day.lulls {
        add(lull, "no event comes in".into());
    }
    for (at_ms, lost) in case.day.rare.iter().flat_map(|rare| &rare.events) {
        if *lost {
            let stretch = Stretch {
                from_ms: *at_ms,
                to_ms: *at_ms,
            };
            add(&stretch, "an event of the rare schema is lost".into());
        }
    }
    for gap in &case.not_asked {
        add(gap, "Prometheus does not ask".into());
    }
    for gap in &case.unanswered {
        add(gap, "Prometheus gets no answer".into());
    }
    all.sort_by(|a, b| (a.from_ms, &a.what).cmp(&(b.from_ms, &b.what)));
    // One key may make a batch of several tables fail.
    all.dedup();
    all
}

fn recording(case: &Case, from_ms: i64, happenings: Vec<Happening>, scrapes: Scrapes) -> Recording {
    Recording {
        case: case.name.to_owned(),
        title: case.title.to_owned(),
        healthy: case.healthy,
        made: format!(
            "cargo xtask record {} (clock {} times as fast, {} events a second of real time, {} of {} minutes missed)",
            case.name, case.speed, case.rate, scrapes.late, scrapes.minutes
        ),
        from_ms,
        minutes: scrapes.minutes,
        happenings,
        series: scrapes.series,
    }
}
