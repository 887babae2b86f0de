//! Seeded histories through the real shards, describer, results and store, in one thread and by a clock
//! that is set by hand: late landings, landings long after the horizon, events lost twice, copies that
//! differ, shards that report out of step, and starts anew at any moment, after which windows may have another
//! length and schemas no name any more. After every flush the store is held against itself (`laws.rs`),
//! and at the end against what was sent.
//!
//! Simulated are the sources and judges alone: a batch is registered when it comes, judged later, and its
//! shares are applied later still.

mod history;
mod laws;
mod world;

use self::history::History;
use self::world::{Plans, STALL_MS, World, key_of};
use super::seeds::seeds_or;

/// Histories that are run, each of another seed.
const SEEDS: u64 = 400;

/// The histories to run.
fn seeds() -> std::ops::Range<u64> {
    seeds_or(SEEDS)
}

/// What the histories came to, so that none of it can go untested.
#[derive(Debug, Default)]
struct Seen {
    flushes: u64,
    missing: u64,
    landed_late: u64,
    landed_late_of_old: u64,
    lost_again: u64,
    restarts: u64,
    stalls: u64,
    out_of_step: u64,
    pruned: u64,
}

/// The command that runs one seed alone.
fn command(seed: u64) -> String {
    format!("cargo xtask sim --seeds {seed}..{}", seed + 1)
}

#[test]
fn windows_and_table_agree_after_every_flush_and_no_stall_is_reported_while_rows_land() {
    let plans = Plans::new();
    let mut seen = Seen::default();
    let range = seeds();
    let all = range.end.saturating_sub(range.start);
    for seed in range {
        let history = History::of(seed);
        let play = std::panic::AssertUnwindSafe(|| history.play(&plans, &mut seen, None));
        if std::panic::catch_unwind(play).is_err() {
            let hook = std::panic::take_hook();
            // The trials that fail are wanted.
            std::panic::set_hook(Box::new(|_| ()));
            let shrunk = history.shrunk(&plans);
            let story = shrunk.story(&plans);
            std::panic::set_hook(hook);
            panic!(
                "the history of seed {seed} fails, also with these {} of its {} steps:\n{story}\nagain: {}",
                shrunk.steps(),
                history.steps(),
                command(seed)
            );
        }
    }
    eprintln!("{all} histories: {seen:?}");
    // They are worth something only if they come to everything, many times.
    if all >= SEEDS {
        let Seen {
            flushes,
            missing,
            landed_late,
            landed_late_of_old,
            lost_again,
            restarts,
            stalls,
            out_of_step,
            pruned,
        } = seen;
        for (what, seen, least) in [
            ("flushes", flushes, all * 10),
            ("missing", missing, all * 5),
            ("landed late", landed_late, all),
            ("landed late of old", landed_late_of_old, all / 2),
            ("lost again", lost_again, all / 2),
            ("restarts", restarts, all / 2),
            ("stalls", stalls, all / 4),
            ("out of step", out_of_step, all),
            ("pruned", pruned, 1),
        ] {
            assert!(seen >= least, "{what}: {seen} of {least}");
        }
    }
}

#[test]
fn what_another_shard_has_applied_and_not_reported_is_life_and_without_it_the_writer_is_dead() {
    let plans = Plans::new();
    for (row, causes) in [(true, ["loss"]), (false, ["stalled"])] {
        let mut world = World::by_hand(&plans);
        let (lost, lands) = (key_of(0, 0), key_of(1, 0));
        world.comes(0, &[lost, lands], &[]);
        let rows: &[u64] = if row { &[lands] } else { &[] };
        world.comes(STALL_MS - 100, &[], rows);
        // The deadline of the first one passes; the other shard is not heard.
        world.comes(400, &[], &[]);
        world.hear(0);
        assert_eq!(world.causes(), causes, "{row}");
    }
}

#[test]
fn a_row_of_an_event_that_came_in_before_the_start_is_life() {
    let plans = Plans::new();
    for shard in [0, 1] {
        let mut world = World::by_hand(&plans);
        world.comes(0, &[key_of(0, 0)], &[]);
        world.comes(STALL_MS - 100, &[], &[key_of(shard, 1)]);
        world.comes(400, &[], &[]);
        world.hear(0);
        let causes = world.causes();
        assert!(causes.contains(&"loss".to_owned()), "{causes:?}");
        assert!(!causes.contains(&"stalled".to_owned()), "{causes:?}");
    }
}

#[test]
fn a_seed_gives_the_same_history_twice() {
    let plans = Plans::new();
    for seed in 0..20 {
        let story = || History::of(seed).story(&plans);
        let first = story();
        assert!(first.lines().count() > 100, "{first}");
        assert_eq!(first, story(), "seed {seed}");
    }
}

#[test]
fn a_failing_history_is_made_shorter_and_told() {
    let plans = Plans::new();
    let broken = Plans::that_fail_at_a_start();
    let history = (0..1000)
        .map(History::of)
        .find(|history| history.failure(&broken).is_some());
    let history = history.expect("one in which the process starts again");
    assert_eq!(history.failure(&plans), None);
    let shrunk = history.shrunk(&broken);
    assert_eq!(shrunk.steps(), 1, "to start again is all that it takes");
    let story = shrunk.story(&broken);
    assert!(story.contains("starts again"), "{story}");
    assert!(story.ends_with("it fails on purpose"), "{story}");
}
