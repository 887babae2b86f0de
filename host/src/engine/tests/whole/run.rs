//! One run in which everything is seen: events are sent, and their rows land.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use fastrand::Rng;
use landfall_ledger::{PerStream, Stream};
use landfall_store::{MissingFilter, Reader};

use super::Sent;
use super::process::{DEADLINE_MS, Process, Setup};
use crate::flow::SourceProgress;

const START_MS: i64 = 1_000_000_000;

pub(super) struct Run {
    dir: tempfile::TempDir,
    now_ms: i64,
    pub process: Process,
    progress: PerStream<Arc<SourceProgress>>,
    sent: Vec<Sent>,
}

/// A directory in memory, if there is one: what a disk takes to sync is not what is tested.
pub(super) fn memory_dir() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .expect("a directory")
}

impl Run {
    pub fn start() -> Self {
        let dir = memory_dir();
        let process = Process::start(Setup {
            dir: dir.path(),
            now_ms: START_MS,
            began: Instant::now(),
            began_ms: START_MS,
            grace_ms: 1_000_000,
        });
        Self {
            progress: PerStream::of(|stream| process.in_flight.add_source(stream, START_MS)),
            dir,
            now_ms: START_MS,
            process,
            sent: Vec::new(),
        }
    }

    /// Time goes on: rows land that are due, and events come in.
    pub fn pass_time(&mut self, rng: &mut Rng) {
        self.move_to(self.now_ms + rng.i64(1..200));
        let mut raw = self.process.batch(Stream::Raw);
        for _ in 0..rng.usize(0..6) {
            let content = rng.u8(..4);
            // At least a second apart from the deadline, so that no stamp is doubtful.
            let lands = match rng.u8(..10) {
                0 | 1 => None,
                2 => Some((self.now_ms + DEADLINE_MS + rng.i64(1_000..4_000), content)),
                3 => Some((self.now_ms + rng.i64(1..500), content + 1)),
                _ => Some((self.now_ms + rng.i64(1..500), content)),
            };
            let event = Sent {
                key: self.sent.len() as u64,
                is_valid: rng.u8(..8) > 0,
                content,
                lands,
                arrived_ms: self.now_ms,
            };
            raw.push(text(&event, content).as_bytes(), self.now_ms);
            self.sent.push(event);
        }
        self.process.bring(raw);
    }

    fn move_to(&mut self, now_ms: i64) {
        let before_ms = std::mem::replace(&mut self.now_ms, now_ms);
        self.process.move_to(now_ms);
        let mut written = self.process.batch(Stream::Written);
        for event in &self.sent {
            if let Some((landed_ms, content)) = event.lands
                && (before_ms + 1..=now_ms).contains(&landed_ms)
            {
                written.push(text(event, content).as_bytes(), now_ms);
            }
        }
        self.process.bring(written);
        for progress in self.progress.values() {
            progress.reach(now_ms);
        }
    }

    /// All rows land, all deadlines pass, and everything is dealt with. Gives what was sent, the verdicts, and all that
    /// the store holds.
    pub fn end(mut self, rng: &mut Rng) -> (Vec<Sent>, BTreeMap<&'static str, i64>, String) {
        for _ in 0..40 {
            self.move_to(self.now_ms + 250);
            self.process.drain(rng, false);
        }
        self.process.drain(rng, true);
        self.process.drain(rng, true);
        self.process.flush(true);
        let reader = Reader::open(self.dir.path()).expect("the store is read");
        (
            std::mem::take(&mut self.sent),
            verdicts(&reader),
            dump(&reader),
        )
    }
}

/// A frame of either side.
pub(super) fn text(event: &Sent, content: u8) -> String {
    let Sent { key, is_valid, .. } = event;
    format!(r#"{{"uuid":"k{key}","schema":"A/1","valid":{is_valid},"content":{content}}}"#)
}

/// Events by verdict, over all windows; those that there are none of are left out.
pub(super) fn verdicts(reader: &Reader) -> BTreeMap<&'static str, i64> {
    let mut verdicts = BTreeMap::new();
    for window in reader.windows().expect("windows") {
        let counts = window.counts;
        for (verdict, events) in [
            ("pending", counts.pending),
            ("delivered", counts.delivered),
            ("late", counts.late),
            ("altered", counts.altered),
            ("missing", counts.missing),
            ("unconfirmed", counts.unconfirmed),
            ("rejected", counts.rejected),
            ("leaked", counts.leaked),
            ("repeated", counts.repeated),
            ("unjudged", counts.unjudged),
            ("duplicate", counts.duplicate),
            ("unexpected", counts.unexpected),
        ] {
            *verdicts.entry(verdict).or_default() += events;
        }
    }
    verdicts.retain(|_, events| *events != 0);
    verdicts
}

/// All that the store holds.
pub(super) fn dump(reader: &Reader) -> String {
    let mut text = format!(
        "{:#?}\n{:#?}\n",
        reader.windows().expect("windows"),
        reader.incidents().expect("incidents")
    );
    reader
        .missing_each(&MissingFilter::default(), None, |event| {
            text += &format!("{event:?}\n");
            Ok::<(), landfall_store::StoreError>(())
        })
        .expect("missing events");
    text
}
