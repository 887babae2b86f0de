//! Histories in which Landfall is blind, asleep or dead for a while: connections end, a network holds everything back,
//! the process sleeps, and it is killed and starts again on what it left. What was published, and what of it was read,
//! is known here from outside; no word about an event may be wrong.
//!
//! Each event has a key of its own. What may be said of it:
//!
//! - Its row was read: what the row says, whenever the process died since then.
//! - Its row was not read, or there was none: `missing` or `unconfirmed`; for an invalid event `rejected`. If the row
//!   had landed by the deadline, never `missing`. If there was no fault near, never `unconfirmed`.
//! - If its row was read so long before it that the row was given up, it may be `unjudged`.
//! - A row is never one too many. It is `unexpected` at most if its event was not read, and had come longer before it
//!   than any deadline: Landfall looks no further back.

mod laws;

use std::collections::BTreeMap;
use std::time::Instant;

use fastrand::Rng;
use landfall_ledger::{PerStream, Stream};
use landfall_store::Reader;

use super::Sent;
use super::process::{DEADLINE_MS, Process, Setup};
use super::run::{dump, memory_dir, text};

use self::laws::unlanded;
use super::wire::{AGAIN_MAX_MS, SETTLE_MS, Wire};

const START_MS: i64 = 1_000_000_000;

/// How long a source may take until it looks again, unless it sleeps.
const NAP_MAX_MS: i64 = 200;

/// What is read so long after a pause, or after a network held it back, may have come before.
const CATCH_UP_MS: i64 = 1_000;

/// How long a row waits for its event.
const GRACE_MS: i64 = 400;

/// An event, and what became of both sides.
struct Fate {
    sent: Sent,
    /// When its frame was read, if it was; and whether it was put into the spool.
    raw_read_ms: Option<i64>,
    is_accepted: bool,
    /// When the row was published, and between which instants it was read.
    row_ms: Option<i64>,
    row_read_ms: Option<(i64, i64)>,
    is_row_accepted: bool,
    /// Nothing of it was stored when a process died.
    is_doubtful: bool,
}

pub(super) struct BlindWorld {
    /// To find it again.
    seed: u64,
    dir: tempfile::TempDir,
    began: Instant,
    now_ms: i64,
    wires: PerStream<Wire>,
    process: Option<Process>,
    fates: Vec<Fate>,
    /// New events are sent.
    sends: bool,
    /// From the last instant at which a look may have found all well, to the first at which all is well again.
    faults_ms: Vec<(i64, i64)>,
    /// A process runs in which frames of these batches were read and not judged yet, by stream.
    unjudged: PerStream<Vec<Vec<usize>>>,
    pub seen: BTreeMap<&'static str, u64>,
}

impl BlindWorld {
    pub fn start(seed: u64, rng: &mut Rng) -> Self {
        let mut world = Self {
            seed,
            dir: memory_dir(),
            began: Instant::now(),
            now_ms: START_MS,
            wires: PerStream::of(|stream| Wire::new(stream, rng.bool())),
            process: None,
            fates: Vec::new(),
            sends: true,
            faults_ms: Vec::new(),
            unjudged: PerStream::default(),
            seen: BTreeMap::new(),
        };
        world.begin_process(rng, START_MS);
        world
    }

    fn begin_process(&mut self, rng: &mut Rng, blind_since_ms: i64) {
        let process = Process::start(Setup {
            dir: self.dir.path(),
            now_ms: self.now_ms,
            began: self.began,
            began_ms: START_MS,
            grace_ms: GRACE_MS,
        });
        let [events, rows] = process.restored;
        *self.seen.entry("restored events").or_default() += events as u64;
        *self.seen.entry("restored rows").or_default() += rows as u64;
        let real = |now_ms: i64| {
            let passed_ms = (now_ms - START_MS).unsigned_abs();
            self.began + std::time::Duration::from_millis(passed_ms)
        };
        for (_, wire) in self.wires.iter_mut() {
            wire.attach(&process, real(self.now_ms), self.now_ms, rng);
        }
        self.process = Some(process);
        self.fault(blind_since_ms, self.now_ms + 300);
    }

    /// Nothing is certain from the first to the second instant, until a source has looked and settled.
    fn fault(&mut self, from_ms: i64, to_ms: i64) {
        let slack_ms = SETTLE_MS + 2 * NAP_MAX_MS;
        let after_ms = slack_ms + CATCH_UP_MS;
        self.faults_ms.push((from_ms - slack_ms, to_ms + after_ms));
    }

    fn process(&mut self) -> &mut Process {
        self.process.as_mut().expect("it runs")
    }

    /// Something happens.
    pub fn step(&mut self, rng: &mut Rng) {
        match rng.u8(..100) {
            0..16 => self.pass_time(rng.i64(1..NAP_MAX_MS), rng),
            16..44 => self.judge(rng),
            44..80 => self.process().apply(rng),
            80..86 => self.process().tick(rng),
            86..94 => self.process().describe(rng),
            94..98 => self.process().flush(false),
            98 if rng.bool() => self.disturb(rng),
            99 if rng.u8(..4) == 0 => self.kill(rng),
            _ => {}
        }
    }

    /// A connection ends, a network holds everything back, or the process sleeps.
    fn disturb(&mut self, rng: &mut Rng) {
        let now_ms = self.now_ms;
        let stream = Stream::ALL[rng.usize(..2)];
        match rng.u8(..3) {
            0 => {
                let away_ms = rng.i64(0..2_500);
                self.wires[stream].cut(now_ms, away_ms, rng);
                self.fault(now_ms, now_ms + away_ms);
                *self.seen.entry("cuts").or_default() += 1;
            }
            1 => {
                let length_ms = if rng.bool() { 3_000 } else { 15_000 };
                let length_ms = rng.i64(100..length_ms);
                if self.wires[stream].hold_back(now_ms, length_ms, rng) {
                    let again_ms = now_ms + length_ms + length_ms.min(AGAIN_MAX_MS);
                    self.fault(now_ms, again_ms);
                    *self.seen.entry("networks held back").or_default() += 1;
                }
            }
            _ if self.wires.values().any(Wire::is_held_back) => {}
            _ => {
                let length_ms = rng.i64(100..6_000);
                for (_, wire) in self.wires.iter_mut() {
                    wire.sleep(now_ms + length_ms);
                }
                self.fault(now_ms, now_ms + length_ms);
                *self.seen.entry("pauses").or_default() += 1;
            }
        }
    }

    fn kill(&mut self, rng: &mut Rng) {
        let from_ms = self.now_ms;
        self.process = None;
        let stored = unlanded(&Reader::open(self.dir.path()).expect("the store is read"));
        for fate in &mut self.fates {
            fate.is_doubtful |= !stored.contains_key(&fate.sent.key);
        }
        self.unjudged = PerStream::default();
        for (_, wire) in self.wires.iter_mut() {
            wire.detach();
        }
        for _ in 0..rng.usize(..12) {
            self.pass_time(rng.i64(1..NAP_MAX_MS), rng);
        }
        self.begin_process(rng, from_ms);
        *self.seen.entry("kills").or_default() += 1;
    }

    /// Time goes on: rows land that are due, events are sent, and sources look.
    fn pass_time(&mut self, length_ms: i64, rng: &mut Rng) {
        let before_ms = self.now_ms;
        self.now_ms += length_ms;
        let now_ms = self.now_ms;
        if let Some(process) = &mut self.process {
            process.move_to(now_ms);
        }
        for (_, wire) in self.wires.iter_mut() {
            wire.pass(now_ms, rng);
        }
        for (number, fate) in self.fates.iter_mut().enumerate() {
            if let Some((landed_ms, content)) = fate.sent.lands
                && (before_ms + 1..=now_ms).contains(&landed_ms)
            {
                fate.row_ms = Some(now_ms);
                self.wires
                    .written
                    .publish(text(&fate.sent, content), number, now_ms);
            }
        }
        if self.sends {
            (0..rng.usize(..4)).for_each(|_| self.send(rng));
        }
        let Some(process) = &mut self.process else {
            return;
        };
        for (stream, wire) in self.wires.iter_mut() {
            let Some((batch, numbers)) = wire.look(process, now_ms) else {
                continue;
            };
            for (row, number) in numbers.iter().enumerate() {
                let fate = &mut self.fates[*number];
                let (earliest_ms, arrived_ms) = (batch.earliest_ms[row], batch.arrived_ms[row]);
                match stream {
                    Stream::Raw => fate.raw_read_ms = Some(arrived_ms),
                    Stream::Written => fate.row_read_ms = Some((earliest_ms, arrived_ms)),
                }
            }
            if !numbers.is_empty() {
                self.unjudged[stream].push(numbers);
            }
            process.bring(batch);
            wire.reach();
        }
    }

    fn send(&mut self, rng: &mut Rng) {
        let (number, now_ms) = (self.fates.len(), self.now_ms);
        let content = rng.u8(..4);
        let lands = match rng.u8(..10) {
            0 | 1 => None,
            2 => Some((now_ms + DEADLINE_MS + rng.i64(1_000..4_000), content)),
            3 => Some((now_ms + rng.i64(1..500), content + 1)),
            _ => Some((now_ms + rng.i64(1..500), content)),
        };
        let sent = Sent {
            key: number as u64,
            is_valid: rng.u8(..8) > 0,
            content,
            lands,
            arrived_ms: now_ms,
        };
        self.wires.raw.publish(text(&sent, content), number, now_ms);
        self.fates.push(Fate {
            sent,
            raw_read_ms: None,
            is_accepted: false,
            row_ms: None,
            row_read_ms: None,
            is_row_accepted: false,
            is_doubtful: false,
        });
    }

    /// The next batch is judged. What is judged is in the spool, and so it outlives the process.
    fn judge(&mut self, rng: &mut Rng) {
        let process = self.process.as_mut().expect("it runs");
        let Some(batch) = process.judge(rng) else {
            return;
        };
        if batch.is_restored {
            return;
        }
        let numbers = self.unjudged[batch.stream].remove(batch.place);
        for number in numbers {
            let fate = &mut self.fates[number];
            match batch.stream {
                Stream::Raw => fate.is_accepted = true,
                Stream::Written => fate.is_row_accepted = true,
            }
        }
    }

    fn drain(&mut self, rng: &mut Rng) {
        while !self.process().batches.is_empty() {
            self.judge(rng);
        }
        self.process().drain(rng, false);
    }

    /// All is well again, all deadlines pass, and everything is dealt with. Checks what was said, and gives what the
    /// store holds.
    pub fn end(mut self, rng: &mut Rng) -> (String, BTreeMap<&'static str, u64>) {
        self.sends = false;
        for _ in 0..150 {
            self.pass_time(NAP_MAX_MS - 1, rng);
            self.drain(rng);
        }
        self.process().drain(rng, true);
        self.process().drain(rng, true);
        self.process().flush(true);
        let reader = Reader::open(self.dir.path()).expect("the store is read");
        self.check(&reader);
        (dump(&reader), std::mem::take(&mut self.seen))
    }
}
