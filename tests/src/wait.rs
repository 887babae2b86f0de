//! Awaiting a condition instead of sleeping.

use std::time::{Duration, Instant};

/// How long a test waits for something that takes seconds at most on a healthy, loaded two-core machine, and some tens of
/// seconds beside other tests that compute.
pub const PATIENCE: Duration = Duration::from_secs(150);

/// Between two looks at a condition.
const LOOK: Duration = Duration::from_millis(20);

/// Looks until `condition` gives a value, at most for `patience`.
pub fn until<T>(patience: Duration, mut condition: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + patience;
    loop {
        if let Some(value) = condition() {
            return Some(value);
        }
        if Instant::now() >= end {
            return None;
        }
        std::thread::sleep(LOOK);
    }
}

/// Awaits `condition`; panics with `what` if it does not come within [`PATIENCE`].
#[track_caller]
pub fn await_until(what: &str, mut condition: impl FnMut() -> bool) {
    await_some(what, || condition().then_some(()));
}

/// Awaits a value; panics with `what` if it does not come within [`PATIENCE`].
#[track_caller]
pub fn await_some<T>(what: &str, condition: impl FnMut() -> Option<T>) -> T {
    match until(PATIENCE, condition) {
        Some(value) => value,
        None => panic!("waited {} s in vain: {what}", PATIENCE.as_secs()),
    }
}
