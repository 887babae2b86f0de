//! A writer that is dead for hours at full load: does Landfall stay within its memory, name every event, go on after a
//! kill in the middle, and settle everything when the rows land after all?

mod events;
mod measured;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use rusqlite::{Connection, OpenFlags};

use crate::clock::log_time;
use crate::scene::copy_dir;
use crate::sidecar::Process;
use crate::wait;
use crate::wire::Publisher;

pub use self::events::Events;
pub use self::measured::{Measured, disk_bytes, peak_rss_bytes};

/// 2014-11-18T02:00:00Z, in milliseconds.
const START_MS: i64 = 1_416_276_000_000;

/// Frames that may be on their way to Landfall: fewer than find room in sockets.
const AHEAD_FRAMES: u64 = 50_000;

/// Landfall's settings in its own time, as built in.
const DEADLINE_MS: i64 = 10 * 60_000;

/// The pipeline is healthy for so long before and after.
const HEALTHY_MS: i64 = 60_000;

/// How long a wait may take in which something still happens, and one in which nothing does. Real time.
const STUCK_MAX: Duration = Duration::from_secs(120);

/// What an outage is like.
#[derive(Clone, Debug)]
pub struct Outage {
    pub landfall: PathBuf,
    pub guests: PathBuf,
    pub schemas: PathBuf,
    /// Where configuration and store are put.
    pub dir: PathBuf,
    /// How long it lasts, in the pipeline's time.
    pub lasts_ms: i64,
    /// Events a second of the pipeline's time.
    pub per_second: u64,
    pub frame_bytes: usize,
    /// How many times faster than real time the pipeline's time is.
    pub speed: f64,
    /// How often Landfall is killed meanwhile.
    pub kills: u32,
}

/// Lets it happen, and measures. `tell` gets a line now and then.
///
/// # Errors
/// Something is not as it must be, or could not be run.
pub fn run(outage: &Outage, tell: &dyn Fn(&str)) -> anyhow::Result<Measured> {
    let context = zmq::Context::new();
    let mut run = Run {
        events: Events::new(START_MS, outage.per_second, outage.frame_bytes),
        raw: Publisher::bind(&context)?,
        written: Publisher::bind(&context)?,
        process: None,
        starts: 0,
        raw_sent: 0,
        written_sent: 0,
        next: 0,
        outage: outage.clone(),
        measured: Measured::default(),
    };
    run.configure()?;
    run.start()?;
    let healthy = run.events.within(HEALTHY_MS);
    run.play(healthy, true)?;
    run.await_all_read()?;

    let lost_from = run.next;
    let lost = run.events.within(outage.lasts_ms);
    let began = Instant::now();
    let parts = u64::from(outage.kills) + 1;
    for part in 0..parts {
        let until = lost_from + lost * (part + 1) / parts;
        run.play(until - run.next, false)?;
        run.sample(tell)?;
        if part + 1 < parts {
            run.await_all_read()?;
            run.await_all_judged()?;
            let recovery = run.kill_and_start()?;
            tell(&format!(
                "killed and started again: ready and caught up after {recovery:.1?}"
            ));
            run.measured.recovery_max = run.measured.recovery_max.max(recovery);
        }
    }
    run.await_all_read()?;
    run.measured.outage_took = began.elapsed();
    run.await_named(lost, tell)?;
    run.measured.events = lost;
    run.check_names(lost_from, lost)?;
    tell(&format!("every one of {lost} events is named, in order"));

    let began = Instant::now();
    run.land(lost_from, lost, tell)?;
    run.play(healthy, true)?;
    run.await_settled(lost, tell)?;
    run.measured.landing_took = began.elapsed();
    run.check_end(lost + 2 * healthy, lost)?;
    run.sample(tell)?;
    run.stop()?;
    Ok(run.measured)
}

struct Run {
    outage: Outage,
    events: Events,
    raw: Publisher,
    written: Publisher,
    process: Option<Process>,
    starts: u64,
    /// To the process that runs.
    raw_sent: u64,
    written_sent: u64,
    /// The number of the next event.
    next: u64,
    measured: Measured,
}

impl Run {
    fn configure(&self) -> anyhow::Result<()> {
        let schemas = self.outage.dir.join("schemas");
        for name in ["EventCapsule", "AppTap"] {
            copy_dir(&self.outage.schemas.join(name), &schemas.join(name))?;
        }
        // Everything else as it is built in, but for the length of a stall's end, which would only make it longer.
        let text = format!(
            "[clock]\nspeed = {speed:?}\norigin = \"{origin}Z\"\n\
             [streams.raw]\nendpoints = [\"{raw}\"]\n\
             [streams.written]\nendpoints = [\"{written}\"]\n\
             [schemas]\ndir = \"{schemas}\"\n\
             [store]\ndir = \"store\"\n\
             [http]\nlisten = \"127.0.0.1:0\"\n\
             [guests]\ndir = \"{guests}\"\n",
            speed = self.outage.speed,
            origin = log_time(START_MS),
            raw = self.raw.endpoint(),
            written = self.written.endpoint(),
            schemas = schemas.display(),
            guests = self.outage.guests.display(),
        );
        std::fs::write(self.config(), text)?;
        Ok(())
    }

    fn config(&self) -> PathBuf {
        self.outage.dir.join("landfall.toml")
    }

    fn store(&self) -> PathBuf {
        self.outage.dir.join("store")
    }

    fn process(&self) -> anyhow::Result<&Process> {
        self.process.as_ref().context("Landfall does not run")
    }

    fn start(&mut self) -> anyhow::Result<()> {
        let log = self.outage.dir.join(format!("log-{}", self.starts));
        self.process = Some(Process::start(&self.outage.landfall, &self.config(), &log)?);
        self.starts += 1;
        (self.raw_sent, self.written_sent) = (0, 0);
        ensure!(
            self.raw.await_subscriptions(self.starts)
                && self.written.await_subscriptions(self.starts),
            "Landfall did not subscribe"
        );
        Ok(())
    }

    /// Ends it with SIGKILL and starts it again. Gives how long it took to be ready and to have judged again what it
    /// had not judged.
    fn kill_and_start(&mut self) -> anyhow::Result<Duration> {
        self.note_peak()?;
        if let Some(mut process) = self.process.take() {
            process.signal(rustix::process::Signal::KILL)?;
            process.await_end()?;
        }
        let began = Instant::now();
        self.start()?;
        let pending = self.number("SELECT coalesce(sum(pending), 0) FROM windows")?;
        wait::until(STUCK_MAX, || {
            let lag = self.metric("landfall_frontier_lag_seconds", "raw");
            (lag < 5.0 * self.outage.speed).then_some(())
        })
        .with_context(|| format!("what waited ({pending}) was not judged again in time"))?;
        Ok(began.elapsed())
    }

    fn stop(&mut self) -> anyhow::Result<()> {
        self.note_peak()?;
        if let Some(mut process) = self.process.take() {
            let status = process.stop()?;
            ensure!(status.success(), "Landfall ended with {status}");
        }
        Ok(())
    }

    /// Lets so many events happen, at their pace; `lands`: the writer is well.
    fn play(&mut self, events: u64, lands: bool) -> anyhow::Result<()> {
        let (began, from) = (Instant::now(), self.next);
        let per_second = self.outage.per_second as f64 * self.outage.speed;
        while self.next < from + events {
            let due = from + (began.elapsed().as_secs_f64() * per_second) as u64;
            while self.next < due.min(from + events) {
                self.raw.send(&self.events.frame(self.next))?;
                self.raw_sent += 1;
                if lands {
                    self.written.send(&self.events.row(self.next))?;
                    self.written_sent += 1;
                }
                self.next += 1;
                if self.raw_sent.is_multiple_of(AHEAD_FRAMES / 4) {
                    self.hold_back()?;
                }
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    /// The rows of so many events land, as fast as Landfall takes them.
    fn land(&mut self, from: u64, events: u64, tell: &dyn Fn(&str)) -> anyhow::Result<()> {
        for number in from..from + events {
            self.written.send(&self.events.row(number))?;
            self.written_sent += 1;
            if self.written_sent.is_multiple_of(AHEAD_FRAMES / 4) {
                self.hold_back()?;
            }
            if (number - from + 1).is_multiple_of(1_000_000) {
                tell(&format!("{} rows landed late", number - from + 1));
            }
        }
        Ok(())
    }

    /// Waits while more frames than find room are on their way.
    fn hold_back(&self) -> anyhow::Result<()> {
        let mut last = 0.0;
        let mut moved = Instant::now();
        loop {
            let read = [
                (self.raw_sent, self.metric("landfall_frames_total", "raw")),
                (
                    self.written_sent,
                    self.metric("landfall_frames_total", "written"),
                ),
            ];
            if read
                .iter()
                .all(|(sent, read)| *sent as f64 - read < AHEAD_FRAMES as f64)
            {
                return Ok(());
            }
            let sum = read[0].1 + read[1].1;
            if sum > last {
                (last, moved) = (sum, Instant::now());
            }
            ensure!(
                moved.elapsed() < STUCK_MAX,
                "Landfall reads nothing any more"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until all that was sent was read.
    fn await_all_read(&self) -> anyhow::Result<()> {
        let read = wait::until(STUCK_MAX, || {
            let raw = self.metric("landfall_frames_total", "raw") as u64;
            let written = self.metric("landfall_frames_total", "written") as u64;
            (raw == self.raw_sent && written == self.written_sent).then_some(())
        });
        read.context("not all frames were read")
    }

    /// Waits until the store has counted all raw events that were sent. What is only read when Landfall is killed is
    /// lost, as it must be: a busy machine judges late.
    fn await_all_judged(&self) -> anyhow::Result<()> {
        let judged = wait::until(STUCK_MAX, || {
            let raw = self.number("SELECT coalesce(sum(raw), 0) FROM windows");
            (raw.ok()? == self.next).then_some(())
        });
        judged.context("not all events were judged")
    }

    /// Waits until all events of the outage have their verdict.
    fn await_named(&mut self, lost: u64, tell: &dyn Fn(&str)) -> anyhow::Result<()> {
        self.await_growth("events are named", tell, |run| {
            let named = run.number("SELECT count(*) FROM missing WHERE landed_ms IS NULL")?;
            Ok((named, named == lost))
        })
    }

    fn await_settled(&mut self, lost: u64, tell: &dyn Fn(&str)) -> anyhow::Result<()> {
        self.await_growth("are late", tell, |run| {
            let late = run.number("SELECT coalesce(sum(late), 0) FROM windows")?;
            let open = run.number("SELECT count(*) FROM incidents WHERE closed_ms IS NULL")?;
            Ok((late * 100 - open, late == lost && open == 0))
        })
    }

    /// Waits as long as something grows.
    fn await_growth(
        &mut self,
        what: &str,
        tell: &dyn Fn(&str),
        mut look: impl FnMut(&Self) -> anyhow::Result<(u64, bool)>,
    ) -> anyhow::Result<()> {
        let (mut last, mut grew) = (0, Instant::now());
        let mut told = Instant::now();
        loop {
            let (now, done) = look(self)?;
            if done {
                return Ok(());
            }
            if now > last {
                (last, grew) = (now, Instant::now());
            }
            // A deadline, in real time, and as long again.
            let deadline =
                Duration::from_secs_f64(DEADLINE_MS as f64 / 1_000.0 / self.outage.speed);
            if grew.elapsed() > STUCK_MAX + deadline {
                bail!("{what}: it stays at {last}");
            }
            if told.elapsed() > Duration::from_secs(10) {
                told = Instant::now();
                tell(&format!("{what}: {last}"));
                self.sample(tell)?;
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// Every lost event is in the list, in the order in which they came, with its own key.
    fn check_names(&mut self, from: u64, lost: u64) -> anyhow::Result<()> {
        let connection = self.connection()?;
        let mut statement = connection.prepare(
            "SELECT key, hole FROM missing WHERE landed_ms IS NULL ORDER BY arrived_ms, place, id",
        )?;
        let mut rows = statement.query([])?;
        let mut number = from;
        let mut unconfirmed = 0;
        while let Some(row) = rows.next()? {
            let (key, hole) = (row.get_ref(0)?.as_str()?, row.get_ref(1)?.as_str()?);
            unconfirmed += u64::from(!hole.is_empty());
            let expected = self.events.uuid(number);
            ensure!(
                key == expected,
                "event {number} is named {key}, and not {expected}"
            );
            number += 1;
        }
        ensure!(
            number == from + lost,
            "{} of {lost} events are named",
            number - from
        );
        self.measured.unconfirmed = unconfirmed;
        Ok(())
    }

    /// All is settled, and there was one outage.
    fn check_end(&self, all: u64, lost: u64) -> anyhow::Result<()> {
        for (what, sql, expected) in [
            ("raw events", "SELECT sum(raw) FROM windows", all),
            ("late", "SELECT sum(late) FROM windows", lost),
            (
                "delivered",
                "SELECT sum(delivered) FROM windows",
                all - lost,
            ),
            (
                "unbalanced windows",
                "SELECT count(*) FROM windows WHERE raw <> delivered + late",
                0,
            ),
            (
                "owed",
                "SELECT count(*) FROM missing WHERE landed_ms IS NULL",
                0,
            ),
            (
                "outages",
                "SELECT count(*) FROM incidents WHERE cause = 'stalled'",
                1,
            ),
            (
                "other losses",
                "SELECT count(*) FROM incidents WHERE cause = 'loss'",
                0,
            ),
            (
                "wrong rows",
                "SELECT sum(unexpected + duplicate + altered + leaked + repeated + unjudged) FROM windows",
                0,
            ),
        ] {
            let found = self.number(sql)?;
            ensure!(found == expected, "{what}: {found}, and not {expected}");
        }
        Ok(())
    }

    /// Notes what memory and disk Landfall takes now.
    fn sample(&mut self, tell: &dyn Fn(&str)) -> anyhow::Result<()> {
        self.note_peak()?;
        let disk = disk_bytes(&self.store());
        self.measured.disk_bytes_max = self.measured.disk_bytes_max.max(disk);
        let mib = |bytes: u64| bytes >> 20;
        tell(&format!(
            "event {}: at most {} MiB of memory, {} MiB on disk",
            self.next,
            mib(self.measured.rss_bytes_max),
            mib(disk)
        ));
        Ok(())
    }

    fn note_peak(&mut self) -> anyhow::Result<()> {
        let peak = peak_rss_bytes(self.process()?.id());
        self.measured.rss_bytes_max = self.measured.rss_bytes_max.max(peak);
        Ok(())
    }

    fn metric(&self, name: &str, stream: &str) -> f64 {
        let metrics = self.process.as_ref().map(Process::metrics);
        metrics.map_or(0.0, |metrics| metrics.sum(name, &[("stream", stream)]))
    }

    fn number(&self, sql: &str) -> anyhow::Result<u64> {
        let number: i64 = self.connection()?.query_row(sql, [], |row| row.get(0))?;
        Ok(u64::try_from(number)?)
    }

    fn connection(&self) -> anyhow::Result<Connection> {
        let path: &Path = &self.store().join("landfall.sqlite");
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        connection.busy_timeout(Duration::from_secs(30))?;
        Ok(connection)
    }
}
