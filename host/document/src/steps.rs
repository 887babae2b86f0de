//! How many steps a validation may take. A schema can be made to take exponentially many on a short
//! event: by a `oneOf` that leads back to its own schema, say. So the places at which a validator reads a
//! document count, and when all is spent the validation ends from within, by unwinding: no answer that it
//! could be given instead ends all of them.
//!
//! Knows no schemas and no values. What reads documents elsewhere is not limited.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

/// Steps of any validation, some 10 ms.
const STEPS: u64 = 1 << 20;

/// And more of them for each node of the value: an honest schema takes a dozen, one with long lists in
/// `enum` or `oneOf` some hundred.
const STEPS_PER_NODE: u64 = 1 << 10;

/// So many are enough for any value of some 60,000 nodes (1 MB), half a second; a larger one gets
/// `STEPS_PER_NODE_MIN` for each of its nodes.
const STEPS_MAX: u64 = 1 << 26;
const STEPS_PER_NODE_MIN: u64 = 1 << 5;

/// With more steps, some half a millisecond, a validation was a long one.
const LONG_STEPS: u64 = 1 << 16;

/// Of the steps of a verdict, those that telling the violations may take: each may hold an error of some
/// 200 bytes.
const TELLING_PART: u64 = 1 << 3;

/// For patterns, whose steps are not ours to count: the time of a batch, if nothing else is configured. It
/// is the processor's, so that a thread that has to wait for one is not held to it.
const TIME_MAX: Duration = Duration::from_millis(250);

/// Bytes of texts, times the weight of the largest pattern, between two looks at the clock: a millisecond at
/// the worst, and mostly some microseconds. A pattern that backtracks has one before each text.
const UNWATCHED_MAX: u64 = 1 << 22;

/// Bytes of a text, times the weight of the largest pattern: more is not begun, for a match cannot be ended.
/// `pattern/weight.rs` counts places that may be held at once many times over, so that the worst look takes
/// some two seconds; `^[a-z]{1,65535}$` may look at as many letters.
const LOOKED_MAX: u64 = 1 << 33;

/// Bytes of a text that count as one step.
const BYTES_PER_STEP: usize = 1 << 6;

thread_local! {
    static LEFT: Cell<u64> = const { Cell::new(u64::MAX) };
    static WEIGHT: Cell<u64> = const { Cell::new(1) };
    static PER_ENTRY: Cell<u64> = const { Cell::new(1) };
    static LOOKED: Cell<u64> = const { Cell::new(0) };
    static UNWATCHED: Cell<u64> = const { Cell::new(u64::MAX) };
    static UNTIL: Cell<Option<Duration>> = const { Cell::new(None) };
    static WAS_LONG: Cell<bool> = const { Cell::new(false) };
}

/// All steps were taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spent;

/// What one validation may cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    steps: u64,
    /// Places of the largest pattern that may look at a text.
    weight: u64,
    /// Patterns that may look at one name of a member.
    patterns: u64,
    /// Patterns may backtrack.
    backtracks: bool,
}

impl Budget {
    /// For a verdict on a value of so many nodes.
    pub fn for_verdict(nodes: u32, weight: u64, patterns: u64, backtracks: bool) -> Self {
        let nodes = u64::from(nodes);
        let steps = (STEPS + STEPS_PER_NODE * nodes)
            .min(STEPS_MAX)
            .max(STEPS_PER_NODE_MIN * nodes);
        Self {
            steps,
            weight: weight.max(1),
            patterns,
            backtracks,
        }
    }

    /// For telling what is wrong with the same value.
    pub fn for_telling(self) -> Self {
        Self {
            steps: self.steps / TELLING_PART,
            ..self
        }
    }

    /// Does `work`, unless it takes more steps than there are.
    pub fn spend<T>(self, work: impl FnOnce() -> T) -> Result<T, Spent> {
        LEFT.set(self.steps);
        WEIGHT.set(self.weight);
        PER_ENTRY.set(1 + self.patterns);
        LOOKED.set(0);
        UNWATCHED.set(if self.backtracks { 0 } else { UNWATCHED_MAX });
        UNTIL.set(None);
        // What `work` shares is read-only, so nothing half-done is seen afterwards.
        let done = catch_unwind(AssertUnwindSafe(work));
        let is_spent = done.as_ref().is_err_and(|reason| reason.is::<Spent>());
        if is_spent || UNTIL.get().is_some() || self.steps - LEFT.get().min(self.steps) > LONG_STEPS
        {
            take_long();
        }
        unlimited();
        match done {
            Ok(done) => Ok(done),
            Err(reason) if reason.is::<Spent>() => Err(Spent),
            Err(reason) => resume_unwind(reason),
        }
    }
}

/// Whether a validation of this thread since this was last asked may have taken long: it is worth a look at the
/// clock.
pub fn was_long() -> bool {
    WAS_LONG.take()
}

/// Notes that what this thread waits for is worth a look at the clock.
pub(crate) fn take_long() {
    WAS_LONG.set(true);
}

fn unlimited() {
    LEFT.set(u64::MAX);
    WEIGHT.set(1);
    PER_ENTRY.set(1);
    UNWATCHED.set(u64::MAX);
}

/// Counts one step.
#[inline]
pub(crate) fn take_one() {
    take(1);
}

/// Counts an element, or a member with a name of so many bytes, at which each pattern of an object may look.
#[inline]
pub(crate) fn take_entry(name_bytes: usize) {
    take_looks(name_bytes, PER_ENTRY.get());
}

/// Counts steps; does not come back if there are no more.
#[inline]
pub(crate) fn take(steps: u64) {
    match LEFT.get().checked_sub(steps) {
        Some(left) => LEFT.set(left),
        None => end(),
    }
}

/// Counts a look at a text of so many bytes, by a pattern perhaps.
#[inline]
pub(crate) fn take_text(bytes: usize) {
    take_looks(bytes, 1);
}

#[inline]
fn take_looks(bytes: usize, times: u64) {
    take(times.saturating_mul((1 + bytes / BYTES_PER_STEP) as u64));
    let one = (bytes as u64).saturating_mul(WEIGHT.get());
    if one > LOOKED_MAX {
        end();
    }
    let looked = LOOKED.get().saturating_add(one.saturating_mul(times));
    LOOKED.set(looked);
    if looked >= UNWATCHED.get() {
        look_at_the_clock();
    }
}

#[cold]
fn look_at_the_clock() {
    LOOKED.set(0);
    let now = processor_time();
    match UNTIL.get() {
        None => UNTIL.set(Some(now + TIME_MAX)),
        Some(until) if now >= until => end(),
        Some(_) => {}
    }
}

/// Time that processors have spent on the thread that asks. Less than the time that passed, if it had to wait
/// for one. Costs a system call.
pub fn processor_time() -> Duration {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: it writes to what it is given, and keeps nothing of it. It cannot fail for this clock.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    let nanoseconds = u64::try_from(time.tv_nsec).unwrap_or_default();
    Duration::from_secs(seconds) + Duration::from_nanos(nanoseconds)
}

#[cold]
fn end() -> ! {
    // What is dropped on the way out may read on.
    unlimited();
    // No panic: no hook hears of it.
    resume_unwind(Box::new(Spent))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(steps: u64) -> Budget {
        Budget {
            steps,
            weight: 1,
            patterns: 0,
            backtracks: false,
        }
    }

    #[test]
    fn work_ends_with_its_last_step_and_limits_nothing_after_it() {
        let steps = |count: u64| move || (0..count).for_each(|_| take_one());
        assert_eq!(budget(10).spend(steps(10)), Ok(()));
        assert_eq!(budget(10).spend(steps(11)), Err(Spent));
        assert_eq!(budget(10).spend(|| take(u64::MAX)), Err(Spent));
        steps(1000)();
        let panics = catch_unwind(|| budget(10).spend(|| panic!("on purpose")));
        assert!(panics.is_err(), "another failure stays one");
        steps(1000)();
    }

    #[test]
    fn a_text_counts_by_its_length_and_is_not_begun_if_a_pattern_is_too_large_for_it() {
        assert_eq!(budget(1000).spend(|| take_text(63_000)), Ok(()));
        assert_eq!(budget(1000).spend(|| take_text(64_000)), Err(Spent));
        let heavy = Budget {
            weight: 200_000,
            ..budget(1000)
        };
        assert_eq!(heavy.spend(|| take_text(42_000)), Ok(()));
        assert_eq!(heavy.spend(|| take_text(43_000)), Err(Spent));
    }

    #[test]
    fn a_validation_that_may_have_taken_long_is_told_once_whatever_follows_it() {
        let steps = |count: u64| move || take(count);
        let wide = |weight: u64| Budget {
            weight,
            ..budget(1 << 20)
        };
        assert_eq!(budget(1 << 20).spend(steps(LONG_STEPS)), Ok(()));
        assert!(!was_long());
        assert_eq!(budget(1 << 20).spend(steps(LONG_STEPS + 1)), Ok(()));
        assert!(was_long() && !was_long());
        assert_eq!(budget(1 << 20).spend(steps(1 << 21)), Err(Spent));
        assert_eq!(budget(1 << 20).spend(steps(1)), Ok(()));
        assert!(was_long(), "a short one after it takes nothing back");
        // A text of a small pattern, and one that is too long to be nothing.
        assert_eq!(wide(10_000).spend(|| take_text(400)), Ok(()));
        assert!(!was_long());
        assert_eq!(wide(10_000).spend(|| take_text(500)), Ok(()));
        assert!(was_long());
    }

    #[test]
    fn patterns_end_with_the_time_however_small_they_are_and_nothing_else_does() {
        let looks_at = |bytes: usize| {
            move || {
                for _ in 0..100 {
                    UNTIL.set(UNTIL.get().map(|until| until.saturating_sub(TIME_MAX)));
                    take_text(bytes);
                }
            }
        };
        let of = |weight, backtracks| Budget {
            weight,
            backtracks,
            ..budget(u64::MAX)
        };
        assert_eq!(of(1, true).spend(looks_at(0)), Err(Spent));
        assert_eq!(of(400_000, false).spend(looks_at(20)), Err(Spent));
        assert_eq!(of(4_000, false).spend(looks_at(2_000)), Err(Spent));
        assert_eq!(of(4_000, false).spend(looks_at(9)), Ok(()));
        assert_eq!(of(1, false).spend(looks_at(10_000)), Ok(()));
    }

    #[test]
    fn the_names_of_an_object_are_looked_at_by_each_of_its_patterns() {
        let by_patterns = |weight, patterns| Budget {
            weight,
            patterns,
            ..budget(1_000)
        };
        assert_eq!(by_patterns(1, 9).spend(|| take_entry(6_300)), Ok(()));
        assert_eq!(by_patterns(1, 9).spend(|| take_entry(6_400)), Err(Spent));
        assert_eq!(by_patterns(1 << 30, 1).spend(|| take_entry(8)), Ok(()));
        assert_eq!(by_patterns(1 << 30, 1).spend(|| take_entry(9)), Err(Spent));
        assert!(was_long());
    }

    #[test]
    fn large_values_get_more_steps_up_to_a_bound_and_never_too_few_to_be_read() {
        for (nodes, steps) in [
            (0, STEPS),
            (1000, STEPS + 1000 * STEPS_PER_NODE),
            (100_000, STEPS_MAX),
            (u32::MAX, u64::from(u32::MAX) * STEPS_PER_NODE_MIN),
        ] {
            assert_eq!(
                Budget::for_verdict(nodes, 0, 0, false).steps,
                steps,
                "{nodes}"
            );
        }
    }
}
