//! The budget of a validation: how many steps it may take, and how much time its patterns.
//!
//! A schema can make a validator take exponentially many steps on a short event, for example by a `oneOf` that
//! leads back to its own schema. So each place where a validator reads a document counts steps here. When the
//! budget is exhausted, the validation is ended from within by unwinding, for no answer that a read could give
//! would end every validation.
//!
//! Knows no schemas and no values. Reading documents outside of a validation is not limited.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

/// Steps that any validation may take: some 10 ms.
const STEPS: u64 = 1 << 20;

/// Further steps for each node of the value. Common schemas take a dozen, those with long lists in `enum` or
/// `oneOf` some hundred.
const STEPS_PER_NODE: u64 = 1 << 10;

/// The most steps by the two rules above: those of a value of some 60,000 nodes (1 MB), half a second. A value
/// so large that `STEPS_PER_NODE_MIN` for each node is more gets that.
const STEPS_MAX: u64 = 1 << 26;
const STEPS_PER_NODE_MIN: u64 = 1 << 5;

/// A validation of more steps (some half a millisecond) counts as a long one.
const LONG_STEPS: u64 = 1 << 16;

/// Finding the violations may take the steps of a verdict divided by this: each step may make an error of some
/// 200 bytes.
const EXPLANATION_DIVISOR: u64 = 1 << 3;

/// Processor time that the patterns of a validation may take, for their steps cannot be counted here: as long
/// as a batch may take by default. It is not the time of the wall clock, so that waiting for a processor does
/// not count.
const TIME_MAX: Duration = Duration::from_millis(250);

/// Work of patterns between two looks at the clock: bytes of texts, times the weight of the largest pattern. At
/// the worst a millisecond, mostly some microseconds. If a pattern backtracks, the clock is looked at for each
/// text.
const LINEAR_UNCLOCKED_WORK_MAX: u64 = 1 << 22;

/// Work of a pattern on one text: bytes, times the weight of the largest pattern. More is not begun, for a
/// match cannot be interrupted. `pattern/weight.rs` weighs patterns so that the worst match takes some two
/// seconds, and `^[a-z]{1,65535}$` may still read 65,535 letters.
const TEXT_WORK_MAX: u64 = 1 << 33;

/// Bytes of a text that count as one step.
const BYTES_PER_STEP: usize = 1 << 6;

thread_local! {
    static STEPS_LEFT: Cell<u64> = const { Cell::new(u64::MAX) };
    static PATTERN_WEIGHT: Cell<u64> = const { Cell::new(1) };
    static LOOKS_PER_ENTRY: Cell<u64> = const { Cell::new(1) };
    static UNCLOCKED_WORK: Cell<u64> = const { Cell::new(0) };
    static UNCLOCKED_WORK_MAX: Cell<u64> = const { Cell::new(u64::MAX) };
    static DEADLINE: Cell<Option<Duration>> = const { Cell::new(None) };
    static WAS_LONG: Cell<bool> = const { Cell::new(false) };
}

/// The budget of a validation is exhausted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BudgetExhausted;

/// What one validation may cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    steps: u64,
    /// The weight of the largest pattern (`pattern/weight.rs`).
    weight: u64,
    /// How many patterns may look at the name of one member.
    patterns: u64,
    /// Whether a pattern may backtrack.
    backtracks: bool,
}

impl Budget {
    /// The budget of a verdict on a value of `nodes` nodes.
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

    /// The budget for finding the violations of the same value.
    pub fn for_explanation(self) -> Self {
        Self {
            steps: self.steps / EXPLANATION_DIVISOR,
            ..self
        }
    }

    /// Does `work` with this budget.
    pub fn run<T>(self, work: impl FnOnce() -> T) -> Result<T, BudgetExhausted> {
        STEPS_LEFT.set(self.steps);
        PATTERN_WEIGHT.set(self.weight);
        LOOKS_PER_ENTRY.set(1 + self.patterns);
        UNCLOCKED_WORK.set(0);
        UNCLOCKED_WORK_MAX.set(if self.backtracks {
            0
        } else {
            LINEAR_UNCLOCKED_WORK_MAX
        });
        DEADLINE.set(None);
        // What `work` shares is read-only, so nothing half-done is seen afterwards.
        let done = catch_unwind(AssertUnwindSafe(work));
        let is_exhausted = done
            .as_ref()
            .is_err_and(|reason| reason.is::<BudgetExhausted>());
        if is_exhausted
            || DEADLINE.get().is_some()
            || self.steps - STEPS_LEFT.get().min(self.steps) > LONG_STEPS
        {
            note_long();
        }
        lift_limits();
        match done {
            Ok(done) => Ok(done),
            Err(reason) if reason.is::<BudgetExhausted>() => Err(BudgetExhausted),
            Err(reason) => resume_unwind(reason),
        }
    }
}

/// Whether a validation on this thread may have taken long (half a millisecond or more) since this was last
/// asked. The caller then looks at the clock, which costs more than to ask here.
pub fn validation_was_long() -> bool {
    WAS_LONG.take()
}

/// Notes that a validation for which this thread waits may take long.
pub(crate) fn note_long() {
    WAS_LONG.set(true);
}

fn lift_limits() {
    STEPS_LEFT.set(u64::MAX);
    PATTERN_WEIGHT.set(1);
    LOOKS_PER_ENTRY.set(1);
    UNCLOCKED_WORK_MAX.set(u64::MAX);
}

/// Counts one step.
#[inline]
pub(crate) fn count_step() {
    count_steps(1);
}

/// Counts an element, or a member whose name has `name_bytes`: each pattern of an object may look at the name.
#[inline]
pub(crate) fn count_entry(name_bytes: usize) {
    count_looks(name_bytes, LOOKS_PER_ENTRY.get());
}

/// Counts steps; unwinds if there are not so many left.
#[inline]
pub(crate) fn count_steps(steps: u64) {
    match STEPS_LEFT.get().checked_sub(steps) {
        Some(left) => STEPS_LEFT.set(left),
        None => unwind_exhausted(),
    }
}

/// Counts a read of a text, perhaps by a pattern.
#[inline]
pub(crate) fn count_text(bytes: usize) {
    count_looks(bytes, 1);
}

#[inline]
fn count_looks(bytes: usize, times: u64) {
    count_steps(times.saturating_mul((1 + bytes / BYTES_PER_STEP) as u64));
    let one = (bytes as u64).saturating_mul(PATTERN_WEIGHT.get());
    if one > TEXT_WORK_MAX {
        unwind_exhausted();
    }
    let work = UNCLOCKED_WORK
        .get()
        .saturating_add(one.saturating_mul(times));
    UNCLOCKED_WORK.set(work);
    if work >= UNCLOCKED_WORK_MAX.get() {
        look_at_the_clock();
    }
}

#[cold]
fn look_at_the_clock() {
    UNCLOCKED_WORK.set(0);
    let now = processor_time();
    match DEADLINE.get() {
        None => DEADLINE.set(Some(now + TIME_MAX)),
        Some(until) if now >= until => unwind_exhausted(),
        Some(_) => {}
    }
}

/// Processor time that the calling thread has used. Costs a system call.
pub fn processor_time() -> Duration {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: it writes to `time` alone, and keeps no pointer to it. It cannot fail for this clock.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    let nanoseconds = u64::try_from(time.tv_nsec).unwrap_or_default();
    Duration::from_secs(seconds) + Duration::from_nanos(nanoseconds)
}

#[cold]
fn unwind_exhausted() -> ! {
    // Destructors that run during the unwinding may read documents too.
    lift_limits();
    // Not a panic, so that no panic hook is run.
    resume_unwind(Box::new(BudgetExhausted))
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
        let steps = |count: u64| move || (0..count).for_each(|_| count_step());
        assert_eq!(budget(10).run(steps(10)), Ok(()));
        assert_eq!(budget(10).run(steps(11)), Err(BudgetExhausted));
        assert_eq!(
            budget(10).run(|| count_steps(u64::MAX)),
            Err(BudgetExhausted)
        );
        steps(1000)();
        let panics = catch_unwind(|| budget(10).run(|| panic!("on purpose")));
        assert!(panics.is_err(), "another failure stays one");
        steps(1000)();
    }

    #[test]
    fn a_text_counts_by_its_length_and_is_not_begun_if_a_pattern_is_too_large_for_it() {
        assert_eq!(budget(1000).run(|| count_text(63_000)), Ok(()));
        assert_eq!(
            budget(1000).run(|| count_text(64_000)),
            Err(BudgetExhausted)
        );
        let heavy = Budget {
            weight: 200_000,
            ..budget(1000)
        };
        assert_eq!(heavy.run(|| count_text(42_000)), Ok(()));
        assert_eq!(heavy.run(|| count_text(43_000)), Err(BudgetExhausted));
    }

    #[test]
    fn a_validation_that_may_have_taken_long_is_told_once_whatever_follows_it() {
        let steps = |count: u64| move || count_steps(count);
        let wide = |weight: u64| Budget {
            weight,
            ..budget(1 << 20)
        };
        assert_eq!(budget(1 << 20).run(steps(LONG_STEPS)), Ok(()));
        assert!(!validation_was_long());
        assert_eq!(budget(1 << 20).run(steps(LONG_STEPS + 1)), Ok(()));
        assert!(validation_was_long() && !validation_was_long());
        assert_eq!(budget(1 << 20).run(steps(1 << 21)), Err(BudgetExhausted));
        assert_eq!(budget(1 << 20).run(steps(1)), Ok(()));
        assert!(
            validation_was_long(),
            "a short one after it takes nothing back"
        );
        // Two texts for a pattern: one is too short to count as long work.
        assert_eq!(wide(10_000).run(|| count_text(400)), Ok(()));
        assert!(!validation_was_long());
        assert_eq!(wide(10_000).run(|| count_text(500)), Ok(()));
        assert!(validation_was_long());
    }

    #[test]
    fn patterns_end_with_the_time_however_small_they_are_and_nothing_else_does() {
        let looks_at = |bytes: usize| {
            move || {
                for _ in 0..100 {
                    DEADLINE.set(DEADLINE.get().map(|until| until.saturating_sub(TIME_MAX)));
                    count_text(bytes);
                }
            }
        };
        let of = |weight, backtracks| Budget {
            weight,
            backtracks,
            ..budget(u64::MAX)
        };
        assert_eq!(of(1, true).run(looks_at(0)), Err(BudgetExhausted));
        assert_eq!(of(400_000, false).run(looks_at(20)), Err(BudgetExhausted));
        assert_eq!(of(4_000, false).run(looks_at(2_000)), Err(BudgetExhausted));
        assert_eq!(of(4_000, false).run(looks_at(9)), Ok(()));
        assert_eq!(of(1, false).run(looks_at(10_000)), Ok(()));
    }

    #[test]
    fn the_names_of_an_object_are_looked_at_by_each_of_its_patterns() {
        let by_patterns = |weight, patterns| Budget {
            weight,
            patterns,
            ..budget(1_000)
        };
        assert_eq!(by_patterns(1, 9).run(|| count_entry(6_300)), Ok(()));
        assert_eq!(
            by_patterns(1, 9).run(|| count_entry(6_400)),
            Err(BudgetExhausted)
        );
        assert_eq!(by_patterns(1 << 30, 1).run(|| count_entry(8)), Ok(()));
        assert_eq!(
            by_patterns(1 << 30, 1).run(|| count_entry(9)),
            Err(BudgetExhausted)
        );
        assert!(validation_was_long());
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
