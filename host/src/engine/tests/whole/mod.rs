//! All stages in one thread under a seed, from frames to the store, with native checks and a clock that is set by
//! hand: judging, two shards, describing and the results. The seed decides which of them does its next piece of work.
//!
//! Every event has a key of its own here, so what must become of it is plain. A seed is run twice: both runs leave
//! the same store. (Copies of a key, restarts and lost commits are in `simulation`.)

mod blind;
mod guests;
mod process;
mod run;
mod wire;

use std::collections::BTreeMap;

use fastrand::Rng;

use self::blind::BlindWorld;
use self::run::Run;
use super::seeds::seeds_or;

/// Histories, each of another seed.
const SEEDS: u64 = 60;

/// Things that happen in one history.
const STEPS: usize = 300;

/// An event as it is sent, and what becomes of it.
#[derive(Clone, Debug)]
struct Sent {
    key: u64,
    is_valid: bool,
    content: u8,
    /// When its row lands, and with which content; None: never.
    lands: Option<(i64, u8)>,
    arrived_ms: i64,
}

impl Sent {
    /// The verdict that it must get.
    fn verdict(&self, deadline_ms: i64) -> &'static str {
        match (self.is_valid, self.lands) {
            (true, None) => "missing",
            (true, Some((_, content))) if content != self.content => "altered",
            (true, Some((landed_ms, _))) if landed_ms > self.arrived_ms + deadline_ms => "late",
            (true, Some(_)) => "delivered",
            (false, None) => "rejected",
            (false, Some(_)) => "leaked",
        }
    }
}

/// Plays a history, and gives what the store holds at its end.
fn play(seed: u64) -> (Vec<Sent>, BTreeMap<&'static str, i64>, String) {
    let mut rng = Rng::with_seed(seed);
    let mut run = Run::start();
    for _ in 0..STEPS {
        match rng.u8(..100) {
            0..30 => run.pass_time(&mut rng),
            30..50 => drop(run.process.judge(&mut rng)),
            50..70 => run.process.apply(&mut rng),
            70..80 => run.process.tick(&mut rng),
            80..94 => run.process.describe(&mut rng),
            _ => run.process.flush(false),
        }
    }
    run.end(&mut rng)
}

#[test]
fn each_event_gets_its_verdict_on_the_whole_way_and_a_seed_leaves_the_same_store_twice() {
    let mut all: BTreeMap<&str, i64> = BTreeMap::new();
    for seed in seeds_or(SEEDS) {
        let (sent, verdicts, store) = play(seed);
        let mut expected: BTreeMap<&str, i64> = BTreeMap::new();
        for event in &sent {
            *expected
                .entry(event.verdict(process::DEADLINE_MS))
                .or_default() += 1;
        }
        assert_eq!(verdicts, expected, "seed {seed}");
        let (_, _, again) = play(seed);
        assert_eq!(store, again, "seed {seed}: two runs differ");
        for (verdict, events) in verdicts {
            *all.entry(verdict).or_default() += events;
        }
    }
    if seeds_or(SEEDS) != (0..SEEDS) {
        return;
    }
    for verdict in [
        "missing",
        "altered",
        "late",
        "delivered",
        "rejected",
        "leaked",
    ] {
        assert!(
            all.get(verdict).is_some_and(|events| *events > 50),
            "{all:?}"
        );
    }
}

/// Histories with faults.
const BLIND_SEEDS: u64 = 60;

/// Things that happen in one of them.
const BLIND_STEPS: usize = 1_500;

/// Plays a history with faults, and holds what was said against what happened. Gives what the store holds, and how often
/// what happened.
fn play_blind(seed: u64) -> (String, BTreeMap<&'static str, u64>) {
    let mut rng = Rng::with_seed(seed);
    let mut world = BlindWorld::start(seed, &mut rng);
    for _ in 0..BLIND_STEPS {
        world.step(&mut rng);
    }
    world.end(&mut rng)
}

#[test]
fn blind_asleep_or_killed_it_says_no_wrong_word_and_a_seed_leaves_the_same_store_twice() {
    let mut all: BTreeMap<&str, u64> = BTreeMap::new();
    for seed in seeds_or(BLIND_SEEDS) {
        let (store, seen) = play_blind(seed);
        let (again, _) = play_blind(seed);
        assert_eq!(store, again, "seed {seed}: two runs differ");
        for (what, times) in seen {
            *all.entry(what).or_default() += times;
        }
    }
    if seeds_or(BLIND_SEEDS) != (0..BLIND_SEEDS) {
        return;
    }
    for (what, least) in [
        ("kills", 100),
        ("cuts", 100),
        ("pauses", 100),
        ("networks held back", 40),
        ("restored events", 5_000),
        ("restored rows", 3_000),
        ("delivered", 5_000),
        ("missing", 500),
        ("unconfirmed", 2_000),
        ("late", 500),
        ("altered", 500),
    ] {
        assert!(
            all.get(what).is_some_and(|times| *times > least),
            "{what}: {all:?}"
        );
    }
}
