//! Repairs the day: writes out what did not land, feeds it in behind Landfall's tap, and proves that all of it lands,
//! both by Landfall's counts and by the database. What Landfall could not see, the database is asked for first.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use landfall_tests::clock::log_time;
use landfall_tests::pipeline::{Database, Pipeline};
use landfall_tests::sidecar::{Answer, Sidecar, landfall};
use landfall_tests::truth::{BlindSpot, Event, Margins, Nature};
use landfall_tests::wait;

use crate::account::{Account, grouped};
use crate::screen::Screen;
use crate::strikes::Struck;

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
    pub struck: &'a Struck,
    /// From when on nothing but the strikes kept Landfall from seeing all.
    pub seen_since_ms: i64,
    pub margins: Margins,
    pub screen: &'a Screen,
}

/// One line of `landfall missing --json`.
struct Named {
    key: String,
    /// `missing` or `unconfirmed`.
    verdict: String,
    incident: u64,
}

impl Backfill<'_> {
    fn ask(&self, args: &[&str]) -> anyhow::Result<Answer> {
        let config = self.sidecar.config().to_string_lossy();
        let all = args.iter().copied().chain(["--config", &config]);
        landfall(self.program, all).context("failed to run landfall")
    }

    /// What `landfall missing` names.
    fn named(&self) -> anyhow::Result<Vec<Named>> {
        let answer = self.ask(&["missing", "--json"])?;
        let lines = answer
            .json_lines()
            .with_context(|| format!("landfall missing answered {answer:?}"))?;
        let read = |line: &serde_json::Value| {
            let text = |name: &str| line.get(name)?.as_str().map(str::to_owned);
            Some(Named {
                key: text("key")?,
                verdict: text("verdict")?,
                incident: line.get("incident")?.as_u64()?,
            })
        };
        let named: Option<Vec<Named>> = lines.iter().map(read).collect();
        named.with_context(|| format!("landfall missing answered {}", answer.stdout))
    }

    pub fn timeline(&self) -> anyhow::Result<String> {
        Ok(self.ask(&["incidents"])?.stdout)
    }

    /// The holes that Landfall reports since the day began, beside what was done to it.
    pub fn coverage(&self, account: &mut Account<'_>) -> anyhow::Result<()> {
        let Struck {
            kill: (killed_ms, kill),
            cut: (cut_ms, cut),
            ..
        } = self.struck;
        let since = format!("{}Z", log_time(self.seen_since_ms));
        let text = self.ask(&["coverage", "--since", &since])?.stdout;
        self.screen.print_line(text.trim_end());
        let answer = self.ask(&["coverage", "--since", &since, "--json"])?;
        let holes = answer.json()?;
        let holes: Vec<(String, i64, i64)> = holes
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|hole| {
                let ms = |name: &str| hole.get(name)?.as_i64();
                let stream = hole.get("stream")?.as_str()?.to_owned();
                Some((stream, ms("from_ms")?, ms("to_ms")?))
            })
            .collect();
        let covers = |stream: &str, at_ms: i64| {
            holes
                .iter()
                .any(|hole| hole.0 == stream && hole.1 <= at_ms && hole.2 > at_ms)
        };
        account.line(
            "it says that it did not see the raw stream while it was killed",
            covers("raw", *killed_ms),
        );
        account.line(
            "and the written one neither then nor while it was cut off",
            covers("written", *killed_ms) && covers("written", *cut_ms),
        );
        let within = |spot: &BlindSpot, hole: &(String, i64, i64)| {
            hole.1 >= spot.from_ms && hole.2 <= spot.to_ms && (spot.is_raw || hole.0 == "written")
        };
        let no_more = holes
            .iter()
            .all(|hole| within(kill, hole) || within(cut, hole));
        account.line("and that it saw all the rest", no_more);
        Ok(())
    }

    /// Every event that did not land, and what Landfall says of it.
    pub fn names(&self, account: &mut Account<'_>) -> anyhow::Result<()> {
        let truth = &self.pipeline.truth;
        let named = self.named()?;
        let keys: HashSet<&str> = named.iter().map(|named| named.key.as_str()).collect();
        let is_lost = |event: &Event| event.nature == Nature::Valid && event.landings.is_empty();
        let lost = truth.select(is_lost);
        let must_be_named = |uuid: &&String| {
            let allowed = truth.allowed(uuid, self.margins);
            allowed.is_some_and(|(_, may_be_unread)| !may_be_unread)
        };
        let least = lost.iter().filter(must_be_named).count();
        let found = lost.iter().filter(|uuid| keys.contains(uuid.as_str()));
        account.columns();
        account.within(
            "events that did not land, by name",
            least as u64,
            lost.len() as u64,
            found.count() as u64,
        );
        let unnamed = lost
            .iter()
            .filter(must_be_named)
            .filter(|uuid| !keys.contains(uuid.as_str()))
            .count();
        account.line(
            "each is named, unless it was sent while Landfall was killed",
            unnamed == 0,
        );
        let is_right = |named: &&Named| {
            let allowed = truth.allowed(&named.key, self.margins);
            allowed.is_some_and(|(verdicts, _)| {
                verdicts
                    .iter()
                    .any(|verdict| verdict.as_str() == named.verdict)
            })
        };
        let wrong = named.len() - named.iter().filter(is_right).count();
        account.line(
            "no event that is in the database is called missing, and what Landfall did not see is `unconfirmed`",
            wrong == 0,
        );
        Ok(())
    }

    pub fn run(&self, account: &mut Account<'_>) -> anyhow::Result<()> {
        let truth = &self.pipeline.truth;
        let answer = self.ask(&["backfill", "--dry-run"])?;
        self.screen.print_line(&format!(
            "`landfall backfill --dry-run` says: {}",
            answer.stderr.trim_end()
        ));
        let rows = self.rows()?;
        let mut incidents: BTreeMap<u64, Vec<Named>> = BTreeMap::new();
        for named in self.named()? {
            incidents.entry(named.incident).or_default().push(named);
        }
        let mut written = Vec::new();
        let (mut sent, mut landed) = (Vec::new(), 0);
        for (incident, named) in incidents {
            let there = named
                .iter()
                .filter(|named| rows.contains(&named.key))
                .count();
            if there > 0 {
                self.screen.print_line(&format!(
                    "  incident #{incident}: {} of {} events are in the database, so they are not sent again",
                    grouped(there as u64),
                    grouped(named.len() as u64)
                ));
                landed += there;
                account.line("all of them are", there == named.len());
                continue;
            }
            let output = self.dir.join(format!("backfill-{incident}.log"));
            let answer = self.ask(&[
                "backfill",
                "--unconfirmed",
                "--incident",
                &incident.to_string(),
                "--output",
                &output.to_string_lossy(),
            ])?;
            ensure!(
                answer.code == Some(0),
                "landfall backfill failed: {}",
                answer.stderr
            );
            let frames = std::fs::read(&output);
            written.extend(frames.with_context(|| format!("failed to read {}", output.display()))?);
            sent.extend(named.into_iter().map(|named| named.key));
        }
        let mut frames: Vec<&[u8]> = written.split_inclusive(|byte| *byte == b'\n').collect();
        frames.sort_unstable();
        let events: Vec<_> = sent.iter().filter_map(|uuid| truth.event(uuid)).collect();
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
        let all_landed = wait::until(LANDING_MAX, || {
            let left = self.named().ok().filter(|left| left.len() == landed)?;
            let rows = self.rows().ok()?;
            let is_all = sent.iter().all(|uuid| rows.contains(uuid));
            let is_there = left.iter().all(|named| rows.contains(&named.key));
            (is_all && is_there).then_some(())
        });
        account.line(
            "fed in behind the tap, all of it lands, and Landfall misses nothing that is not in the database",
            all_landed.is_some(),
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

    /// The uuids of all rows in the pipeline's database.
    fn rows(&self) -> anyhow::Result<HashSet<String>> {
        let tables = Database::open_to_read(self.database)
            .and_then(|reader| reader.uuids())
            .context("failed to read the pipeline's database")?;
        Ok(tables.into_values().flatten().collect())
    }

    /// The database itself has a row for every event that it is owed, and that Landfall read.
    fn database(&self, account: &mut Account<'_>) -> anyhow::Result<()> {
        let rows = self.rows()?;
        let truth = &self.pipeline.truth;
        let owed = truth.select(|event| event.nature == Nature::Valid);
        let may_be_unread = |uuid: &&String| {
            let allowed = truth.allowed(uuid, self.margins);
            allowed.is_some_and(|(_, may_be_unread)| may_be_unread)
        };
        let there = owed.iter().filter(|uuid| rows.contains(uuid.as_str()));
        let unread = owed.iter().filter(may_be_unread).count();
        account.within(
            "valid events, and their rows",
            (owed.len() - unread) as u64,
            owed.len() as u64,
            there.count() as u64,
        );
        Ok(())
    }
}
