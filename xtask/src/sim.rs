//! `cargo xtask sim`: runs the simulations over many seeds, on all cores, until one fails.

use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use crate::command::shown;
use crate::steps::Steps;
use crate::test_programs::{self, TestProgram};
use crate::workspace::Workspace;

/// Asks a simulation for its seeds.
const VARIABLE: &str = "LANDFALL_SIMULATION_SEEDS";

/// Seeds that one process runs: some seconds.
const CHUNK: u64 = 200;

/// Between two lines about the progress.
const PROGRESS: Duration = Duration::from_secs(30);

/// The simulations: what each is, and the program and the test that run it.
const SIMULATIONS: [(&str, &str, &str); 4] = [
    (
        "the ledger, against its oracle",
        "landfall-ledger simulation",
        "every_history_ends_in_the_verdicts_that_the_oracle_gives_each_key_alone",
    ),
    (
        "shards, describer, results and store, over restarts",
        "landfall lib",
        "engine::tests::simulation::windows_and_table_agree_after_every_flush_and_no_stall_is_reported_while_rows_land",
    ),
    (
        "all stages, from frames to the store, each twice",
        "landfall lib",
        "engine::tests::whole::each_event_gets_its_verdict_on_the_whole_way_and_a_seed_leaves_the_same_store_twice",
    ),
    (
        "all stages, blind, asleep or killed, each twice",
        "landfall lib",
        "engine::tests::whole::blind_asleep_or_killed_it_says_no_wrong_word_and_a_seed_leaves_the_same_store_twice",
    ),
];

/// `N` for the first so many seeds, `A..B` for some.
///
/// # Errors
/// It is neither.
pub fn seeds(text: &str) -> Result<Range<u64>, String> {
    let number = |text: &str| text.trim().parse::<u64>().ok();
    let range = match text.split_once("..") {
        Some((from, to)) => number(from).zip(number(to)),
        None => number(text).map(|count| (0, count)),
    };
    match range {
        Some((from, to)) if from < to => Ok(from..to),
        _ => Err("expected a number of seeds, as 1000, or some, as 317..318".into()),
    }
}

/// Runs all simulations over the seeds.
///
/// # Errors
/// They cannot be built, or one failed: the error has what it said, with the seed and a shorter history.
pub fn run(workspace: &Workspace, steps: &mut Steps, seeds: &Range<u64>) -> anyhow::Result<()> {
    let programs = test_programs::list(workspace)?;
    for (title, name, test) in SIMULATIONS {
        let program = programs.iter().find(|program| program.name == name);
        let program = program.with_context(|| format!("cargo names no program {name}"))?;
        let title = format!("{title}, seeds {}..{}", seeds.start, seeds.end);
        steps.within(&title, || simulate(program, test, seeds))?;
    }
    Ok(())
}

fn simulate(program: &TestProgram, test: &str, seeds: &Range<u64>) -> anyhow::Result<()> {
    let all: Vec<u64> = (seeds.start..seeds.end).step_by(CHUNK as usize).collect();
    let (taken, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let has_failed = AtomicBool::new(false);
    let failure: Mutex<Option<anyhow::Error>> = Mutex::default();
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let began = Instant::now();
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while !has_failed.load(Ordering::Acquire) {
                    let Some(from) = all.get(taken.fetch_add(1, Ordering::AcqRel)) else {
                        return;
                    };
                    let to = seeds.end.min(from + CHUNK);
                    match chunk(program, test, *from..to) {
                        Ok(()) => {
                            done.fetch_add(1, Ordering::AcqRel);
                        }
                        Err(error) => {
                            has_failed.store(true, Ordering::Release);
                            let mut failure =
                                failure.lock().unwrap_or_else(|held| held.into_inner());
                            failure.get_or_insert(error);
                        }
                    }
                }
            });
        }
        let mut told = began;
        while done.load(Ordering::Acquire) < all.len() && !has_failed.load(Ordering::Acquire) {
            thread::sleep(Duration::from_millis(100));
            if told.elapsed() >= PROGRESS {
                told = Instant::now();
                let done = done.load(Ordering::Acquire);
                let left = began.elapsed().as_secs_f64() / done.max(1) as f64;
                let left = left * (all.len() - done) as f64;
                eprintln!(
                    "{:>8}s {} of {} seeds, about {left:.0} s left",
                    began.elapsed().as_secs(),
                    (done as u64 * CHUNK).min(seeds.end - seeds.start),
                    seeds.end - seeds.start
                );
            }
        }
    });
    let failure = failure
        .into_inner()
        .unwrap_or_else(|held| held.into_inner());
    failure.map_or(Ok(()), Err)
}

/// Runs some seeds in one process.
fn chunk(program: &TestProgram, test: &str, seeds: Range<u64>) -> anyhow::Result<()> {
    let mut command = program.again();
    command.args(["--exact", test]);
    command.env(VARIABLE, format!("{}..{}", seeds.start, seeds.end));
    let output = command
        .output()
        .with_context(|| format!("failed to start `{}`", shown(&command)))?;
    let said = String::from_utf8_lossy(&output.stdout);
    // A test of another name would pass too.
    let has_run = said.contains("test result: ok. 1 passed");
    if !output.status.success() || !has_run {
        let errors = String::from_utf8_lossy(&output.stderr);
        bail!(
            "a seed of {}..{} fails:\n{said}{errors}",
            seeds.start,
            seeds.end
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_a_number_or_a_range() {
        for (text, expected) in [
            ("1000", Some(0..1000)),
            ("317..318", Some(317..318)),
            ("0", None),
            ("5..5", None),
            ("7..3", None),
            ("a..b", None),
            ("", None),
        ] {
            assert_eq!(seeds(text).ok(), expected, "{text:?}");
        }
    }
}
