//! A pipeline and the sidecar that watches it, in one directory: most end-to-end tests begin with it.
//!
//! Everything here panics when it fails, and shows Landfall's log: it is made for tests.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::clock::Clock;
use crate::events::{Made, Maker};
use crate::identity::Era;
use crate::paths;
use crate::pipeline::{Pipeline, PipelineOptions};
use crate::sidecar::{Answer, Readings, Settings, Sidecar, StoreReader, landfall};
use crate::truth::{Margins, Tally, Verdict};
use crate::wait::{await_some, await_until};

/// The deadline of [`Settings::new`].
const DEADLINE_MS: i64 = 6_000;

/// A latency this near to the deadline may be judged either way, because of the time in the sockets and a
/// batch's wait on both sides.
const SLACK_MS: i64 = 300;

/// The pipeline and its watcher.
pub struct Scene {
    // In the order in which they are to end.
    pub sidecar: Sidecar,
    pub pipeline: Pipeline,
    pub maker: Maker,
    pub margins: Margins,
    pub dir: TempDir,
    program: PathBuf,
}

impl Scene {
    /// Both started, and all sockets connected.
    pub fn start() -> Self {
        Self::with(|_| {})
    }

    /// The same with other settings.
    pub fn with(change: impl FnOnce(&mut Settings)) -> Self {
        Self::build(Era::Timestamp, change)
    }

    /// The same for the formats of `era`.
    pub fn build(era: Era, change: impl FnOnce(&mut Settings)) -> Self {
        let dir = tempfile::Builder::new()
            .prefix("landfall-test-")
            .tempdir()
            .expect("a directory for the test");
        let options = PipelineOptions {
            era,
            ..PipelineOptions::default()
        };
        let pipeline = Pipeline::start(&dir.path().join("pipeline.sqlite"), options)
            .expect("the pipeline starts");
        let schemas = dir.path().join("schemas");
        gather_schemas(&paths::schemas(), &schemas).expect("the schemas are copied");
        let mut settings = Settings::new(
            &pipeline.raw_endpoints(),
            pipeline.written_endpoint(),
            schemas,
        );
        let mut maker = Maker::of_2014(1);
        if era == Era::Dt {
            settings.checks = Settings::reference_checks("2019");
            maker = Maker::of_2019(1);
        }
        change(&mut settings);
        let program = paths::landfall();
        let sidecar = match Sidecar::start(&program, dir.path(), &settings) {
            Ok(sidecar) => sidecar,
            Err(error) => panic!("{error}"),
        };
        pipeline.await_watcher().expect("Landfall subscribes");
        let margins = Margins {
            deadline_ms: DEADLINE_MS,
            slack_ms: SLACK_MS,
        };
        Self {
            sidecar,
            pipeline,
            maker,
            margins,
            dir,
            program,
        }
    }

    /// Makes `count` events and sends them.
    pub fn send(
        &mut self,
        count: usize,
        mut make: impl FnMut(&mut Maker, i64) -> Made,
    ) -> Vec<Made> {
        (0..count)
            .map(|_| {
                let now_ms = self.pipeline.clock.now_ms();
                let mut made = make(&mut self.maker, now_ms);
                self.pipeline
                    .producer
                    .send_at(&mut made, &self.pipeline.clock)
                    .expect("an event is sent");
                made
            })
            .collect()
    }

    /// Sends `count` valid events.
    pub fn send_valid(&mut self, count: usize) -> Vec<Made> {
        self.send(count, Maker::valid)
    }

    /// Sends an event once more.
    pub fn send_again(&self, made: &Made) {
        self.pipeline
            .producer
            .send(made)
            .expect("an event is sent again");
    }

    /// Waits until this many events have landed.
    pub fn await_landed(&self, events: u64) {
        await_until("events land", || {
            self.pipeline.truth.landed_events() >= events
        });
    }

    pub fn clock(&self) -> Clock {
        self.pipeline.clock.clone()
    }

    pub fn readings(&self) -> Readings {
        Readings::of(&self.sidecar.metrics())
    }

    pub fn tally(&self) -> Tally {
        self.pipeline.truth.tally(self.margins)
    }

    /// Waits until Landfall has a verdict on every raw event that was sent.
    pub fn await_settled(&self) -> Readings {
        let tally = self.tally();
        let raw = tally.frames - tally.malformed;
        let mut last = Readings::default();
        let settled = crate::wait::until(crate::wait::PATIENCE, || {
            last = self.readings();
            last.is_settled(raw).then(|| last.clone())
        });
        match settled {
            Some(readings) => readings,
            None => panic!(
                "{raw} events do not settle: {last:?}\n{}",
                self.sidecar.log_text()
            ),
        }
    }

    /// Waits until all events have their verdict, and compares every count with the truth.
    #[track_caller]
    pub fn assert_truth(&self) -> Readings {
        self.await_settled();
        // Counts other than verdicts may come a moment later.
        await_some("all counts equal the truth", || {
            let (readings, tally) = (self.readings(), self.tally());
            (difference(&readings, &tally).is_empty()).then_some(readings)
        })
    }

    /// Like [`Self::assert_truth`], but returns at once what differs.
    pub fn differences(&self) -> Vec<String> {
        difference(&self.readings(), &self.tally())
    }

    pub fn store(&self) -> StoreReader {
        self.sidecar.store()
    }

    /// Runs a command with this scene's configuration.
    pub fn landfall(&self, args: &[&str]) -> Answer {
        let config = [OsString::from("--config"), self.sidecar.config().into()];
        let args = args.iter().map(OsString::from).chain(config);
        landfall(&self.program, args).expect("landfall runs")
    }

    /// The keys that `landfall missing` lists, sorted.
    pub fn missing_keys(&self) -> Vec<String> {
        let answer = self.landfall(&["missing", "--json"]);
        let lines = answer
            .json_lines()
            .unwrap_or_else(|error| panic!("{error}: {answer:?}"));
        let mut keys: Vec<String> = lines
            .iter()
            .filter_map(|line| line.get("key")?.as_str().map(str::to_owned))
            .collect();
        keys.sort();
        keys
    }

    /// The keys that are missing by the truth, sorted.
    pub fn truly_missing(&self) -> Vec<String> {
        let mut keys = self.pipeline.truth.keys(Verdict::Missing, self.margins);
        keys.sort();
        keys
    }

    /// SIGTERM; the exit code must be 0.
    pub fn stop(&mut self) {
        let status = self
            .sidecar
            .stop()
            .unwrap_or_else(|error| panic!("{error}"));
        assert!(
            status.success(),
            "ended with {status}:\n{}",
            self.sidecar.log_text()
        );
    }
}

/// What differs between Landfall's counts and the truth, one line each.
pub fn difference(readings: &Readings, tally: &Tally) -> Vec<String> {
    let mut differing = Vec::new();
    let mut unexplained = 0u64;
    for verdict in Verdict::ALL {
        let (counted, true_count) = (readings.count(verdict), tally.count(verdict));
        // An event of several possible verdicts may be in any of them.
        if counted < true_count || counted > true_count + tally.open(verdict) {
            differing.push(format!(
                "{}: Landfall counts {counted}, the truth {true_count}",
                verdict.as_str()
            ));
        }
        unexplained += counted.saturating_sub(true_count);
    }
    if unexplained > tally.either {
        differing.push(format!(
            "{unexplained} verdicts too many, and {} are open",
            tally.either
        ));
    }
    let (raw, malformed) = (tally.frames - tally.malformed, tally.malformed);
    for (name, counted, true_count, unread) in [
        ("raw", readings.raw, raw, tally.unread),
        ("duplicate", readings.duplicate, tally.duplicate, 0),
        ("unexpected", readings.unexpected, tally.unexpected, 0),
        (
            "undecodable",
            readings.undecodable,
            malformed,
            tally.malformed_unread,
        ),
        ("imbalance", readings.imbalance, 0, 0),
    ] {
        if !(true_count - unread..=true_count).contains(&counted) {
            differing.push(format!(
                "{name}: Landfall counts {counted}, the truth {true_count} (of them may be unread: {unread})"
            ));
        }
    }
    differing
}

/// Puts the shipped schemas and the rig's own into one directory.
pub fn gather_schemas(shipped: &Path, into: &Path) -> io::Result<()> {
    copy_dir(shipped, into)?;
    copy_dir(&rig_schemas(), into)
}

/// The schemas of the rig's own events.
pub fn rig_schemas() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/schemas")
}

/// Copies all files of a directory, and those below it.
pub fn copy_dir(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_dir(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
