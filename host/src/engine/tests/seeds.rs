//! Which seeds a simulation runs.

use std::ops::Range;

/// Asks for other seeds: `N` for the first so many, `A..B` for some.
const VARIABLE: &str = "LANDFALL_SIMULATION_SEEDS";

/// The seeds that the environment asks for, or the first so many.
pub(super) fn seeds_or(count: u64) -> Range<u64> {
    let Ok(asked) = std::env::var(VARIABLE) else {
        return 0..count;
    };
    let number = |text: &str| text.trim().parse().expect("a number of seeds");
    match asked.split_once("..") {
        Some((from, to)) => number(from)..number(to),
        None => 0..number(&asked),
    }
}
