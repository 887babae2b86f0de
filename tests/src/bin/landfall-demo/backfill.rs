//! Repairs the day: writes out what is missing, feeds it in behind Landfall's tap, and proves that
//! nothing is missing afterwards, both by Landfall's counts and by the database.

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use landfall_tests::pipeline::{Database, Pipeline};
use landfall_tests::sidecar::{Answer, Sidecar, landfall};
use landfall_tests::truth::{Margins, Nature, Verdict};
use landfall_tests::wait;

use crate::account::{Account, grouped};
use crate::screen::Screen;

/// How long the fed-in frames may take to land, in real time.
const LANDING_MAX: Duration = Duration::from_secs(60);

/// Frames a second that are fed in: more than on the day, and well below the limit of the writer.
const RATE: f64 = 4_000.0;

/// Everything that the backfill touches.
pub struct Backfill<'a> {
    pub program: &'a Path,
    pub dir: &'a Path,
    pub database: &'a Path,
    pub pipeline: &'a Pipeline,
    pub sidecar: &'a Sidecar,
    pub margins: Margins,
    pub screen: &'a Screen,
}

impl Backfill<'_> {
    fn ask(&self, args: &[&str]) -> anyhow::Result<Answer> {
        let config = self.sidecar.config().to_string_lossy();
        let all = args.iter().copied().chain(["--config", &config]);
        landfall(self.program, all).context("failed to run landfall")
    }

    pub fn missing_keys(&self) -> anyhow::Result<HashSet<String>> {
        let answer = self.ask(&["missing", "--json"])?;
        let lines = answer
            .json_lines()
            .with_context(|| format!("landfall missing answered {answer:?}"))?;
        Ok(lines
            .iter()
            .filter_map(|line| line.get("key")?.as_str().map(str::to_owned))
            .collect())
    }

    pub fn timeline(&self) -> anyhow::Result<String> {
        Ok(self.ask(&["incidents"])?.stdout)
    }

    pub fn run(&self, account: &mut Account<'_>) -> anyhow::Result<()> {
        let truth = &self.pipeline.truth;
        let lost = truth.keys(Verdict::Missing, self.margins);
        let output = self.dir.join("backfill.log");
        let answer = self.ask(&["backfill", "--output", &output.to_string_lossy()])?;
        ensure!(
            answer.code == Some(0),
            "landfall backfill failed: {}",
            answer.stderr
        );
        let written = std::fs::read(&output)
            .with_context(|| format!("failed to read {}", output.display()))?;
        let mut frames: Vec<&[u8]> = written.split_inclusive(|byte| *byte == b'\n').collect();
        frames.sort_unstable();
        let events: Vec<_> = lost.iter().filter_map(|uuid| truth.event(uuid)).collect();
        let mut wanted: Vec<&[u8]> = events.iter().map(|event| &event.frame[..]).collect();
        wanted.sort_unstable();
        account.columns();
        account.count(
            "raw frames in the backfill",
            wanted.len() as u64,
            frames.len() as u64,
            0,
        );
        account.line(
            "the backfill is the lost frames, byte for byte",
            frames == wanted,
        );

        self.feed(&written)?;
        let landed = wait::until(LANDING_MAX, || {
            let keys = truth.keys(Verdict::Missing, self.margins);
            (keys.is_empty() && self.missing_keys().is_ok_and(|keys| keys.is_empty())).then_some(())
        });
        account.line(
            "fed in behind the tap, all of it lands, and Landfall misses nothing",
            landed.is_some(),
        );
        self.database(account)
    }

    /// Into the processor's third input, which Landfall does not listen to.
    fn feed(&self, frames: &[u8]) -> anyhow::Result<()> {
        let start = std::time::Instant::now();
        for (number, frame) in frames.split_inclusive(|byte| *byte == b'\n').enumerate() {
            let due = Duration::from_secs_f64(number as f64 / RATE);
            std::thread::sleep(due.saturating_sub(start.elapsed()));
            self.pipeline.replay().send(frame)?;
            self.screen
                .status(1.0, &format!("backfill: {} fed in", grouped(number as u64)));
        }
        Ok(())
    }

    /// The database itself has a row for every event that it is owed.
    fn database(&self, account: &mut Account<'_>) -> anyhow::Result<()> {
        let tables = Database::open_to_read(self.database)
            .and_then(|reader| reader.uuids())
            .context("failed to read the pipeline's database")?;
        let rows: HashSet<&str> = tables.values().flatten().map(String::as_str).collect();
        let owed = self
            .pipeline
            .truth
            .select(|event| event.nature == Nature::Valid);
        let there = owed.iter().filter(|uuid| rows.contains(uuid.as_str()));
        account.count(
            "valid events, and their rows",
            owed.len() as u64,
            there.count() as u64,
            0,
        );
        Ok(())
    }
}
