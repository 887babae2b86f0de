//! Faults of Landfall and of its connections, hundreds of them at random moments under load: it is killed, paused, or
//! cut off. Afterwards each of its words is held against the truth.
//!
//! What must hold, whatever happens:
//! - no event that landed is `missing`, and no row is `unexpected`, `duplicate` or `altered`;
//! - each event that was read has one verdict, in one window;
//! - each event that did not land is named, unless it was sent while Landfall was away or cut off.

mod account;
mod load;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, bail, ensure};

use crate::clock::real_ms;
use crate::outage::Events;
use crate::power_cut::Disk;
use crate::recording::relay::Relay;
use crate::scene::copy_dir;
use crate::sidecar::Process;
use crate::wait;
use crate::wire::Publisher;

pub use self::account::Account;
use self::account::Known;

/// 2014-11-18T02:00:00Z, in milliseconds: the events' own time, which decides nothing here.
const START_MS: i64 = 1_416_276_000_000;

/// Events a second.
const PER_SECOND: u32 = 300;

/// An event lands within a fraction of a second, or not.
const DEADLINE: Duration = Duration::from_secs(3);

/// Between two faults.
const HEALTHY_MS: std::ops::Range<u64> = 500..4_000;

/// Before one fault in so many Landfall is left alone for so long: for some seconds of that it can blame nothing.
const ALONE_EVERY: u32 = 4;
const ALONE: Duration = Duration::from_secs(14);

/// So many frames may be counted and not be on the disk, for each power cut: some of what came since the last sync. A
/// spool that is never brought there loses twice as many.
const FRAMES_LOST_MAX: u64 = 50;

/// Shortest and longest pause, and cut; evenly in the logarithm.
const PAUSE_S: (f64, f64) = (0.1, 60.0);
const CUT_S: (f64, f64) = (0.05, 8.0);

/// What is sent so long before a fault may not have been read when it begins.
const BEFORE: Duration = Duration::from_secs(1);

/// When Landfall dies, its store knows at least what happened so long before. How far it is, it says itself: the last
/// `known_ms` that it stored. This bounds only that word, also for a busy machine.
const KNOWN_LATE_MAX: Duration = Duration::from_secs(15);

/// It is later than this for one kill in so many, and one more: where other tests take the processor.
const KNOWN_LATE_SELDOM: Duration = Duration::from_millis(2_500);
const KNOWN_LATE_EVERY: u32 = 5;

/// Landfall has caught up once the streams' times are no further behind than this.
const CAUGHT_UP_S: f64 = 1.0;

/// What was read so long before the power is cut may not be on the disk: Landfall's default, and what a sync takes.
const SYNC_INTERVAL: Duration = Duration::from_millis(1_500);

/// So long after a fault Landfall sees all again: the default of `streams.*.settle`, and a reconnect.
const SETTLED: Duration = Duration::from_secs(2);

/// How long everything may take to settle after the last fault.
const SETTLE_MAX: Duration = Duration::from_secs(180);

/// What is done to Landfall.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// SIGKILL, and started again at once.
    Kill,
    /// SIGSTOP, and SIGCONT after a while.
    Pause,
    /// One connection or both end, and are refused for a while.
    Cut,
    /// SIGKILL, and what was not brought to the disk is lost.
    PowerCut,
}

/// A trial: so many faults of one kind.
#[derive(Clone, Debug)]
pub struct Trial {
    pub landfall: PathBuf,
    pub guests: PathBuf,
    pub schemas: PathBuf,
    /// Where configuration and store are put.
    pub dir: PathBuf,
    pub fault: Fault,
    pub times: u32,
    pub seed: u64,
    /// The longest pause; None: a minute.
    pub pause_max: Option<Duration>,
}

/// Runs a trial. `tell` gets a line after each fault.
///
/// # Errors
/// Landfall could not be run, or a word of it was wrong: the error has the first of them.
pub fn run(trial: &Trial, tell: &dyn Fn(&str)) -> anyhow::Result<Account> {
    let context = zmq::Context::new();
    let (raw, written) = (Publisher::bind(&context)?, Publisher::bind(&context)?);
    let relays = match trial.fault {
        Fault::Cut => Some((Relay::to(raw.endpoint())?, Relay::to(written.endpoint())?)),
        Fault::Kill | Fault::Pause | Fault::PowerCut => None,
    };
    let endpoints = match &relays {
        Some((raw, written)) => [raw.endpoint(), written.endpoint()],
        None => [raw.endpoint().to_owned(), written.endpoint().to_owned()],
    };
    let config = configure(trial, &endpoints)?;
    let disk = match trial.fault {
        Fault::PowerCut => Some(Disk::below(&trial.dir.join("store"), &trial.dir)?),
        Fault::Kill | Fault::Pause | Fault::Cut => None,
    };
    let mut faults = Faults {
        disk,
        trial,
        config,
        process: None,
        starts: 0,
        rng: fastrand::Rng::with_seed(trial.seed),
        relays,
        blind: Vec::new(),
        doubt: Vec::new(),
        known_late: Vec::new(),
    };
    faults.start()?;
    ensure!(
        raw.await_subscriptions(1) && written.await_subscriptions(1),
        "Landfall did not subscribe"
    );
    let events = Events::new(START_MS, 1_000, 400);
    let end = AtomicBool::new(false);
    let sent = thread::scope(|scope| {
        let load = scope.spawn(|| load::run(&events, &raw, &written, PER_SECOND, trial.seed, &end));
        let done = (1..=trial.times).try_for_each(|number| {
            let what = faults.one(number)?;
            tell(&format!("{number} of {}: {what}", trial.times));
            anyhow::Ok(())
        });
        // The last events are seen by a healthy Landfall.
        thread::sleep(DEADLINE);
        end.store(true, Ordering::Release);
        let sent = load
            .join()
            .map_err(|_| anyhow!("the pipeline's thread died"))?;
        done?;
        anyhow::Ok(sent?)
    })?;
    faults.settle()?;
    faults.check_known_late()?;
    let known = Known {
        events: &events,
        sent: &sent,
        blind: &faults.blind,
        doubt: &faults.doubt,
    };
    let account = Account::read(&faults.store(), &known)?;
    faults.stop()?;
    let frames_lost_max = match trial.fault {
        Fault::PowerCut => FRAMES_LOST_MAX * u64::from(trial.times),
        Fault::Kill | Fault::Pause | Fault::Cut => 0,
    };
    account.check(frames_lost_max)?;
    Ok(account)
}

struct Faults<'a> {
    trial: &'a Trial,
    config: PathBuf,
    process: Option<Process>,
    starts: u32,
    rng: fastrand::Rng,
    relays: Option<(Relay, Relay)>,
    disk: Option<Disk>,
    /// When events may not have been read.
    blind: Vec<(Instant, Instant)>,
    /// When rows may not have been seen.
    doubt: Vec<(Instant, Instant)>,
    /// By kill: for how long before it the store knew nothing.
    known_late: Vec<Duration>,
}

impl Faults<'_> {
    fn start(&mut self) -> anyhow::Result<()> {
        let log = self.trial.dir.join(format!("log-{}", self.starts));
        let environment = self.disk.as_ref().map(Disk::environment);
        let environment = environment.as_ref().map_or(&[][..], |all| all);
        let program = &self.trial.landfall;
        let process = Process::start_within(program, &self.config, &log, environment)?;
        self.process = Some(process);
        self.starts += 1;
        Ok(())
    }

    fn process(&self) -> anyhow::Result<&Process> {
        self.process.as_ref().context("Landfall does not run")
    }

    fn store(&self) -> PathBuf {
        self.trial.dir.join("store/landfall.sqlite")
    }

    /// Lets one fault happen after a while. Gives what it was.
    fn one(&mut self, number: u32) -> anyhow::Result<String> {
        if number.is_multiple_of(ALONE_EVERY) {
            thread::sleep(ALONE);
        }
        thread::sleep(Duration::from_millis(self.rng.u64(HEALTHY_MS)));
        let from = Instant::now();
        let (what, known) = self.let_happen(from)?;
        // Landfall is slow to see that it sees all again, and must not be slower.
        let to = Instant::now() + BEFORE + SETTLED;
        let before = match self.trial.fault {
            Fault::PowerCut => BEFORE + SYNC_INTERVAL,
            Fault::Kill | Fault::Pause | Fault::Cut => BEFORE,
        };
        // What the store did not know of a dead process is judged by the next one, which did not see the rows.
        let since = (from - before).min(known - BEFORE);
        self.doubt.push((since, to));
        Ok(what)
    }

    /// Also gives until when Landfall knows what happened.
    fn let_happen(&mut self, from: Instant) -> anyhow::Result<(String, Instant)> {
        match self.trial.fault {
            Fault::Kill => {
                if let Some(mut process) = self.process.take() {
                    process.signal(rustix::process::Signal::KILL)?;
                    process.await_end()?;
                }
                let known = self.known_until(from)?;
                self.start()?;
                // What the store did not know may not have been in the spool either.
                self.blind
                    .push((from.min(known) - BEFORE, Instant::now() + BEFORE));
                let ready = from.elapsed();
                Ok((format!("killed; ready after {ready:.1?}"), known))
            }
            Fault::PowerCut => {
                if let Some(mut process) = self.process.take() {
                    process.signal(rustix::process::Signal::KILL)?;
                    process.await_end()?;
                }
                let disk = self.disk.as_ref().context("no disk is watched")?;
                let loss = disk.cut(&mut self.rng)?;
                let known = self.known_until(from)?;
                self.start()?;
                let before = BEFORE + SYNC_INTERVAL;
                self.blind
                    .push((from.min(known) - before, Instant::now() + BEFORE));
                let what = format!(
                    "power cut: {} bytes of {} files lost, {} files came back; ready after {:.1?}",
                    loss.bytes,
                    loss.files,
                    loss.came_back,
                    from.elapsed()
                );
                Ok((what, known))
            }
            Fault::Pause => {
                let longest = self
                    .trial
                    .pause_max
                    .map_or(PAUSE_S.1, |max| max.as_secs_f64());
                let pause = self.within(PAUSE_S.0, longest);
                self.process()?.signal(rustix::process::Signal::STOP)?;
                thread::sleep(pause);
                self.process()?.signal(rustix::process::Signal::CONT)?;
                self.await_caught_up()?;
                Ok((format!("paused for {pause:.1?}"), from))
            }
            Fault::Cut => {
                let cut = self.within(CUT_S.0, CUT_S.1);
                let which = self.rng.u8(1..4);
                if let Some((raw, written)) = &self.relays {
                    let chosen = [(raw, 1), (written, 2)];
                    let chosen = chosen.iter().filter(|(_, bit)| which & bit != 0);
                    chosen.clone().for_each(|(relay, _)| relay.cut());
                    thread::sleep(cut);
                    chosen.clone().for_each(|(relay, _)| relay.fix());
                }
                self.await_ready()?;
                self.blind.push((from - BEFORE, Instant::now() + BEFORE));
                let names = ["", "raw", "written", "both"];
                let what = format!("{} cut for {cut:.1?}", names[usize::from(which)]);
                Ok((what, from))
            }
        }
    }

    /// Until when the store of a process that died at `died` knows what happened.
    fn known_until(&mut self, died: Instant) -> anyhow::Result<Instant> {
        let known_ms = account::known_ms(&self.store())?;
        let ago_ms = u64::try_from(real_ms() - known_ms).unwrap_or_default();
        let known = Instant::now() - Duration::from_millis(ago_ms);
        let late = died.saturating_duration_since(known);
        ensure!(
            late <= KNOWN_LATE_MAX,
            "the store of a killed process knew nothing of its last {late:.1?}"
        );
        self.known_late.push(late);
        Ok(known)
    }

    fn check_known_late(&self) -> anyhow::Result<()> {
        let all = &self.known_late;
        let is_late = |late: &&Duration| **late > KNOWN_LATE_SELDOM;
        let late = all.iter().filter(is_late).count();
        ensure!(
            late <= all.len() / KNOWN_LATE_EVERY as usize + 1,
            "the stores of {late} killed processes knew nothing of their last {KNOWN_LATE_SELDOM:.1?}: {all:.1?}"
        );
        Ok(())
    }

    /// A length of time, evenly in the logarithm.
    fn within(&mut self, least: f64, most: f64) -> Duration {
        Duration::from_secs_f64(least * (most / least).powf(self.rng.f64()))
    }

    fn await_ready(&self) -> anyhow::Result<()> {
        let process = self.process()?;
        wait::until(SETTLE_MAX, || {
            let answer = process.get("/readyz").ok()?;
            (answer.status == 200).then_some(())
        })
        .context("Landfall is not ready again")
    }

    /// Waits until the frames that came during a pause are judged.
    fn await_caught_up(&self) -> anyhow::Result<()> {
        let process = self.process()?;
        wait::until(SETTLE_MAX, || {
            let metrics = process.metrics();
            let lag_s =
                |stream: &str| metrics.sum("landfall_frontier_lag_seconds", &[("stream", stream)]);
            (lag_s("raw").max(lag_s("written")) < CAUGHT_UP_S).then_some(())
        })
        .context("Landfall has not caught up after a pause")
    }

    /// Waits until nothing waits any more.
    fn settle(&self) -> anyhow::Result<()> {
        let mut last = None;
        let began = Instant::now();
        // What was sent last is read and judged by then; afterwards nothing comes any more.
        thread::sleep(2 * DEADLINE);
        while began.elapsed() < SETTLE_MAX {
            let pending = account::pending(&self.store())?;
            if pending == 0 {
                return Ok(());
            }
            last = Some(pending);
            thread::sleep(Duration::from_millis(200));
        }
        bail!("{last:?} events still wait for their verdict")
    }

    fn stop(&mut self) -> anyhow::Result<()> {
        if let Some(mut process) = self.process.take() {
            let status = process.stop()?;
            ensure!(status.success(), "Landfall ended with {status}");
        }
        Ok(())
    }
}

fn configure(trial: &Trial, [raw, written]: &[String; 2]) -> anyhow::Result<PathBuf> {
    let schemas = trial.dir.join("schemas");
    for name in ["EventCapsule", "AppTap"] {
        copy_dir(&trial.schemas.join(name), &schemas.join(name))?;
    }
    let text = format!(
        "[streams.raw]\nendpoints = [\"{raw}\"]\nhwm_frames = 100000\n\
         [streams.written]\nendpoints = [\"{written}\"]\nhwm_frames = 100000\n\
         [schemas]\ndir = \"{schemas}\"\n\
         [deadlines]\ndefault = \"{deadline}s\"\n\
         [windows]\nlength = \"2s\"\n\
         [incidents]\nstall = \"1h\"\nstall_schema = \"0s\"\nclear = \"1s\"\n\
         [ledger]\nunexpected_grace = \"2s\"\n\
         [store]\ndir = \"store\"\n\
         [http]\nlisten = \"127.0.0.1:0\"\n\
         [guests]\ndir = \"{guests}\"\n",
        schemas = schemas.display(),
        guests = trial.guests.display(),
        deadline = DEADLINE.as_secs(),
    );
    let path: &Path = &trial.dir.join("landfall.toml");
    std::fs::write(path, text)?;
    Ok(path.to_owned())
}
