//! The numbers of one source, in the order in which they came: which one is the next, which ones were left out, and
//! when the source began anew. Pure.
//!
//! A source that begins anew does not say so. So several *runs* of numbers are followed beside each other: a number
//! belongs to the run that it continues. A number that was passed already begins a run of its own. What that run leaves
//! out counts as left out only once the earlier run is over, because a copy of an old event is followed by anything.

/// Runs of one source that are followed at once: the one that goes on, an earlier one whose last frames still come, and
/// copies of old events.
const RUNS_MAX: usize = 4;

/// A run is over once the others took so many numbers since it went on.
const OVER_AFTER: u32 = 64;

/// A step over more numbers than this is no gap: the source counts anew, from another place.
const GAP_NUMBERS_MAX: u64 = 1_000_000;

/// A source that counts from the start begins with one of these, and no copy of it is likely to come later.
const FIRST_NUMBERS: std::ops::RangeInclusive<u64> = 0..=1;

/// The state of the stream at a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    /// When it came at the earliest, in milliseconds.
    pub earliest_ms: i64,
    /// How many frames of the stream could not be read until then.
    pub unread: u64,
}

/// What a number says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// It is the next one, or the first of all.
    Next,
    /// It was passed already.
    Behind,
    /// The source counts from the start again.
    Anew,
    /// These numbers were left out since the number before.
    Gap { first: u64, last: u64, since: Seen },
}

#[derive(Clone, Copy, Debug)]
struct Run {
    first: u64,
    next: u64,
    seen: Seen,
    /// Numbers that other runs took since it went on.
    idle: u32,
}

impl Run {
    fn covers(&self, number: u64) -> bool {
        (self.first..self.next).contains(&number)
    }
}

/// The runs of one source.
#[derive(Clone, Debug, Default)]
pub(super) struct Runs {
    runs: Vec<Run>,
}

impl Runs {
    /// Takes the next number that came.
    pub fn step(&mut self, number: u64, seen: Seen) -> Step {
        let next = self.runs.iter().position(|run| run.next == number);
        if let Some(place) = next {
            self.advance(place, number, seen);
            return Step::Next;
        }
        let before = |run: &Run| run.next < number && number - run.next <= GAP_NUMBERS_MAX;
        let nearest = (0..self.runs.len())
            .filter(|place| before(&self.runs[*place]))
            .max_by_key(|place| self.runs[*place].next);
        if let Some(place) = nearest {
            let step = self.left_out(place, number);
            self.advance(place, number, seen);
            return step;
        }
        let is_behind = self.runs.iter().any(|run| run.covers(number));
        let is_anew = FIRST_NUMBERS.contains(&number) && !self.runs.is_empty();
        if is_anew {
            self.runs.clear();
        }
        self.begin(number, seen);
        match (is_anew, is_behind) {
            (true, _) => Step::Anew,
            (false, true) => Step::Behind,
            (false, false) => Step::Next,
        }
    }

    /// Whether a number lies beyond all that came: nobody knows yet whether it was left out.
    pub fn is_ahead(&self, number: u64) -> bool {
        self.runs.iter().all(|run| run.next <= number)
    }

    /// What one of the runs leaves out before `number`, as far as no other run covers it.
    fn left_out(&self, place: usize, number: u64) -> Step {
        let Run { next, seen, .. } = self.runs[place];
        // Half open.
        let (mut first, mut end) = (next, number);
        for _ in 0..self.runs.len() {
            let others = self.runs.iter().enumerate().filter(|(at, _)| *at != place);
            for (_, other) in others {
                if other.covers(first) {
                    first = other.next.min(number);
                }
                if end > first && other.covers(end - 1) {
                    end = other.first.max(first);
                }
            }
        }
        match first < end {
            true => Step::Gap {
                first,
                last: end - 1,
                since: seen,
            },
            false => Step::Behind,
        }
    }

    fn advance(&mut self, place: usize, number: u64, seen: Seen) {
        for (other, run) in self.runs.iter_mut().enumerate() {
            run.idle = match other == place {
                true => 0,
                false => run.idle.saturating_add(1),
            };
        }
        let run = &mut self.runs[place];
        run.next = number.saturating_add(1);
        run.seen = seen;
        self.runs.retain(|run| run.idle < OVER_AFTER);
    }

    fn begin(&mut self, number: u64, seen: Seen) {
        if self.runs.len() >= RUNS_MAX
            && let Some(longest_idle) = (0..self.runs.len()).max_by_key(|at| self.runs[*at].idle)
        {
            self.runs.remove(longest_idle);
        }
        for run in &mut self.runs {
            run.idle = run.idle.saturating_add(1);
        }
        self.runs.push(Run {
            first: number,
            next: number.saturating_add(1),
            seen,
            idle: 0,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the numbers say, in short: `.` next, `b` behind, `a` anew, `first-last` a gap.
    fn said(numbers: impl IntoIterator<Item = u64>) -> String {
        let mut runs = Runs::default();
        let mut said = Vec::new();
        for (at, number) in numbers.into_iter().enumerate() {
            let seen = Seen {
                earliest_ms: at as i64,
                unread: 0,
            };
            said.push(match runs.step(number, seen) {
                Step::Next => ".".to_owned(),
                Step::Behind => "b".to_owned(),
                Step::Anew => "a".to_owned(),
                Step::Gap { first, last, .. } => format!("{first}-{last}"),
            });
        }
        said.join(" ")
    }

    #[test]
    fn numbers_that_were_left_out_are_a_gap_and_copies_and_new_starts_are_none() {
        for (numbers, expected) in [
            (vec![7, 8, 9], ". . ."),
            (vec![7, 8, 11, 12], ". . 9-10 ."),
            (vec![7, 9, 11], ". 8-8 10-10"),
            // Copies of old events, whatever follows them.
            (vec![1, 2, 3, 2, 4, 5], ". . . b . ."),
            (
                vec![11, 12, 13, 14, 15, 16, 11, 14, 17, 19],
                ". . . . . . b b . 18-18",
            ),
            // The source counts from the start again.
            (vec![500, 501, 0, 1, 3], ". . a . 2-2"),
            (vec![500, 501, 1, 2, 4], ". . a . 3-3"),
            // Two sources under one name.
            (vec![100, 2_000_100, 101, 2_000_101, 103], ". . . . 102-102"),
            // It counts anew from far away, and that is no gap.
            (
                vec![5, 5_000_000, 5_000_001, 5_000_003],
                ". . . 5000002-5000002",
            ),
            (vec![u64::MAX - 1, u64::MAX, 0], ". . a"),
        ] {
            assert_eq!(said(numbers.clone()), expected, "{numbers:?}");
        }
    }

    #[test]
    fn what_a_source_that_began_anew_leaves_out_counts_once_its_earlier_run_is_over() {
        // From a number that it had passed, so that nobody knows at first whether these are copies.
        let numbers = (1..=1_000).chain(300..=310).chain(312..=400).chain([402]);
        let said = said(numbers);
        assert!(!said.contains("311-311"), "{said}");
        assert!(said.ends_with(" 401-401"), "{said}");
    }

    #[test]
    fn a_gap_knows_when_the_number_before_it_came() {
        let mut runs = Runs::default();
        let seen = |earliest_ms, unread| Seen {
            earliest_ms,
            unread,
        };
        runs.step(5, seen(100, 1));
        runs.step(6, seen(110, 1));
        let Step::Gap { first, last, since } = runs.step(9, seen(150, 3)) else {
            panic!("no gap");
        };
        assert_eq!((first, last, since), (7, 8, seen(110, 1)));
        assert!(runs.is_ahead(10) && !runs.is_ahead(9) && !runs.is_ahead(7));
    }

    #[test]
    fn runs_are_bounded() {
        let mut runs = Runs::default();
        for number in 0..1_000 {
            let seen = Seen {
                earliest_ms: 0,
                unread: 0,
            };
            runs.step(u64::MAX - number * 7_000_000, seen);
            assert!(runs.runs.len() <= RUNS_MAX);
        }
    }
}
