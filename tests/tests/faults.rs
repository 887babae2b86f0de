//! A short form of `cargo xtask faults`: killed, paused, cut off and without power at random moments under load, no word is wrong.

use std::time::Duration;

use landfall_tests::faults::{Fault, Trial, run};
use landfall_tests::paths;

fn no_word_is_wrong(fault: Fault, times: u32) {
    let dir = tempfile::tempdir().expect("a directory");
    let trial = Trial {
        landfall: paths::landfall(),
        guests: paths::guests(),
        schemas: paths::schemas(),
        dir: dir.path().to_owned(),
        fault,
        times,
        seed: 11,
        pause_max: Some(Duration::from_secs(6)),
    };
    if let Err(error) = run(&trial, &|line| println!("{line}")) {
        panic!("{error:#}");
    }
}

#[test]
fn killed_at_random_moments_under_load() {
    no_word_is_wrong(Fault::Kill, 5);
}

#[test]
fn without_power_at_random_moments_under_load() {
    no_word_is_wrong(Fault::PowerCut, 5);
}

#[test]
fn paused_at_random_moments_under_load() {
    no_word_is_wrong(Fault::Pause, 8);
}

#[test]
fn cut_off_at_random_moments_under_load() {
    no_word_is_wrong(Fault::Cut, 8);
}
