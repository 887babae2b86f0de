//! The numbers of one source, in the order in which they came: which one is the next, which ones were left out, and
//! when the source began anew. Pure.
//!
//! A source that begins anew does not say so, and neither does a copy of an old event: a backfill sends many of them.
//! So several *runs* of numbers are followed beside each other, and a number belongs to the run that it continues. A
//! run that begins where numbers were passed already leaves nothing out until it is *established*: its numbers follow
//! each other, and the run before it has stopped.

/// Runs of one source that are followed at once.
const RUNS_MAX: usize = 4;

/// A step over more numbers than this is no gap: the source counts from another place.
const GAP_NUMBERS_MAX: u64 = 1_000_000;

/// A run is established by so many numbers, each one more than the one before, while no other one went on for so long.
const ESTABLISHED_NUMBERS: u32 = 64;
const ESTABLISHED_MS: i64 = 10_000;

/// A source that counts from the start begins with one of these. Copies of the first events of all are rare.
const FIRST_NUMBERS: std::ops::RangeInclusive<u64> = 0..=1;
const ESTABLISHED_FROM_FIRST: u32 = 4;

/// The state of the stream at a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    /// When it came at the earliest, in milliseconds.
    pub earliest_ms: i64,
    /// How many frames of the stream could not be read until then.
    pub unread: u64,
    /// How many are kept until then, and tried again.
    pub kept: u64,
}

/// What a number says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing is left out.
    Next,
    /// It was passed already.
    Behind,
    /// The source counts anew, and nothing of its earlier numbers comes any more.
    Anew,
    /// These numbers were left out since the number before. Both ends belong to them.
    Gap { first: u64, last: u64, since: Seen },
}

#[derive(Clone, Copy, Debug)]
struct Run {
    first: u64,
    next: u64,
    seen: Seen,
    /// What it leaves out is a gap.
    is_established: bool,
    /// Another one was established since it went on: it explains nothing of that.
    is_over: bool,
    /// Its last numbers that follow each other.
    streak: u32,
    began_with_first: bool,
    /// When its first number came.
    began_ms: i64,
}

/// How far a run says what comes next: the least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    /// The source goes on with it.
    Live,
    MayBeCopy,
    Over,
}

/// How a number follows another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Follows {
    /// The source goes on.
    Surely,
    /// Several numbers that may be copies follow each other.
    AsCopies,
    /// One that may be a copy comes before it.
    OneCopy,
}

impl Run {
    fn standing(&self) -> Standing {
        match (self.is_established, self.is_over) {
            (true, false) => Standing::Live,
            (false, _) => Standing::MayBeCopy,
            (true, true) => Standing::Over,
        }
    }

    /// Whether the number was passed, and nothing shows that it is given once more.
    fn covers(&self, number: u64) -> bool {
        self.standing() == Standing::Live && (self.first..self.next).contains(&number)
    }
}

/// The runs of one source.
#[derive(Clone, Debug, Default)]
pub(super) struct Runs {
    runs: Vec<Run>,
}

impl Runs {
    /// Whether and how a number follows another one.
    pub fn follows(&self, number: u64) -> Option<Follows> {
        let run = &self.runs[self.before(number)?];
        Some(match (run.is_established, run.streak) {
            (true, _) => Follows::Surely,
            (false, 0..=1) => Follows::OneCopy,
            (false, _) => Follows::AsCopies,
        })
    }

    /// The run that a number continues.
    fn before(&self, number: u64) -> Option<usize> {
        let places = (0..self.runs.len()).filter(|place| self.runs[*place].next == number);
        places.min_by_key(|place| self.runs[*place].standing())
    }

    /// Takes the next number that came.
    pub fn step(&mut self, number: u64, seen: Seen) -> Step {
        if let Some(place) = self.before(number) {
            self.runs[place].streak = self.runs[place].streak.saturating_add(1);
            self.advance(place, number, seen);
            return match self.establish(place) {
                true => Step::Anew,
                false => Step::Next,
            };
        }
        let is_before = |run: &Run| run.next < number && number - run.next <= GAP_NUMBERS_MAX;
        // One that may be a copy, or is over, says what comes next only if no other one does.
        let nearest = (0..self.runs.len())
            .filter(|place| is_before(&self.runs[*place]))
            .min_by_key(|place| {
                let run = &self.runs[*place];
                (run.standing(), number - run.next)
            });
        let is_covered = self.runs.iter().any(|run| run.covers(number));
        if let Some(place) = nearest {
            let step = match self.runs[place].is_established {
                true => self.left_out(place, number),
                false => Step::Behind,
            };
            self.runs[place].streak = 1;
            self.advance(place, number, seen);
            return step;
        }
        self.begin(number, seen);
        match is_covered {
            true => Step::Behind,
            false => Step::Next,
        }
    }

    /// Whether a number lies beyond all that came: nobody knows yet whether it was left out.
    pub fn is_ahead(&self, number: u64) -> bool {
        let mut live = self
            .runs
            .iter()
            .filter(|run| run.standing() == Standing::Live);
        live.all(|run| run.next <= number)
    }

    /// What one of the runs leaves out before `number`, as far as no other one covers it.
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

    /// A run that was over goes on: it is none of the source's past.
    fn advance(&mut self, place: usize, number: u64, seen: Seen) {
        let run = &mut self.runs[place];
        run.next = number.saturating_add(1);
        run.seen = seen;
        run.is_over = false;
    }

    /// Whether the run is established by the number that it took just now.
    fn establish(&mut self, place: usize) -> bool {
        let run = self.runs[place];
        if run.is_established {
            return false;
        }
        let mut others = self.runs.iter().filter(|other| other.is_established);
        let last_ms = others.clone().map(|other| other.seen.earliest_ms).max();
        let stopped_for_ms = run
            .seen
            .earliest_ms
            .saturating_sub(last_ms.unwrap_or(i64::MIN));
        // Nothing else came since it began.
        let is_from_first = run.began_with_first
            && run.streak >= ESTABLISHED_FROM_FIRST
            && others.all(|other| other.seen.earliest_ms <= run.began_ms);
        let is_long = run.streak >= ESTABLISHED_NUMBERS && stopped_for_ms >= ESTABLISHED_MS;
        let is_established = is_from_first || is_long;
        if is_established {
            for other in &mut self.runs {
                other.is_over |= other.is_established;
            }
            self.runs[place].is_established = true;
        }
        is_established
    }

    fn begin(&mut self, number: u64, seen: Seen) {
        if self.runs.len() >= RUNS_MAX {
            // Of those that may be copies the one that stopped first; else what is over.
            let places = 0..self.runs.len();
            let rank = |place: &usize| {
                let run = &self.runs[*place];
                (run.is_established, !run.is_over, run.seen.earliest_ms)
            };
            if let Some(place) = places.min_by_key(rank) {
                self.runs.remove(place);
            }
        }
        self.runs.push(Run {
            first: number,
            next: number.saturating_add(1),
            seen,
            is_established: self.runs.is_empty(),
            is_over: false,
            streak: 1,
            began_with_first: FIRST_NUMBERS.contains(&number),
            began_ms: seen.earliest_ms,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes numbers that come one in a millisecond.
    struct Source {
        runs: Runs,
        now_ms: i64,
    }

    impl Source {
        fn new() -> Self {
            Self {
                runs: Runs::default(),
                now_ms: 0,
            }
        }

        /// What the numbers say, in short: `.` next, `b` behind, `a` anew, `first-last` a gap.
        fn take(&mut self, numbers: impl IntoIterator<Item = u64>) -> String {
            let mut said = Vec::new();
            for number in numbers {
                self.now_ms += 1;
                let seen = Seen {
                    earliest_ms: self.now_ms,
                    unread: 0,
                    kept: 0,
                };
                said.push(match self.runs.step(number, seen) {
                    Step::Next => ".".to_owned(),
                    Step::Behind => "b".to_owned(),
                    Step::Anew => "a".to_owned(),
                    Step::Gap { first, last, .. } => format!("{first}-{last}"),
                });
            }
            said.join(" ")
        }
    }

    fn gaps(said: &str) -> Vec<&str> {
        said.split(' ').filter(|word| word.contains('-')).collect()
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
            (vec![500, 501, 1, 502, 504], ". . . . 503-503"),
            // A copy of the newest one hides nothing behind it.
            (vec![1, 2, 3, 3, 5, 7], ". . . b 4-4 6-6"),
            (vec![1, 2, 3, 1, 2, 3, 5], ". . . b . . 4-4"),
            // Copies of the first events while others come.
            (vec![5_000, 1, 2, 5_001, 3, 4, 9, 5_002], ". . . . . . b ."),
            (vec![500, 501, 40, 30, 20, 10, 5, 502], ". . . . . . . ."),
            // The source counts from the start again.
            (vec![500, 501, 0, 1, 2, 3, 5], ". . . . . a 4-4"),
            (vec![500, 501, 1, 2, 3, 4, 6], ". . . . . a 5-5"),
            // Two sources under one name: only the first is followed.
            (vec![100, 2_000_100, 101, 2_000_101, 103], ". . . . 102-102"),
            (vec![u64::MAX - 1, u64::MAX, 0], ". . ."),
        ] {
            assert_eq!(Source::new().take(numbers.clone()), expected, "{numbers:?}");
        }
    }

    #[test]
    fn a_backfill_of_any_length_is_no_new_start_while_the_source_goes_on() {
        let mut source = Source::new();
        source.take(1..=10_000);
        // Sparse, and one after the other; a live event now and then.
        let sparse = (2_000..2_900).step_by(3);
        let dense = (3_000..5_000).chain(5_100..6_000);
        assert_eq!(gaps(&source.take(sparse)), Vec::<&str>::new());
        assert_eq!(gaps(&source.take([10_001])), Vec::<&str>::new());
        assert_eq!(gaps(&source.take(dense)), Vec::<&str>::new());
        assert_eq!(gaps(&source.take([10_002, 10_004])), ["10003-10003"]);
        // Of a time before anything was read.
        let mut source = Source::new();
        source.take(5_000..5_100);
        let copies = source.take((2_000..2_900).step_by(3));
        assert_eq!(gaps(&copies), Vec::<&str>::new());
        assert_eq!(source.take([5_100, 5_102]), ". 5101-5101");
    }

    #[test]
    fn a_source_that_began_anew_somewhere_is_known_once_its_earlier_numbers_have_stopped() {
        let mut source = Source::new();
        source.take(1..=1_000);
        let said = source.take((300..=310).chain(312..=400));
        assert_eq!(gaps(&said), Vec::<&str>::new());
        source.now_ms += ESTABLISHED_MS;
        assert_eq!(source.take([401, 402, 404]), "a . 403-403");
        // What it passed before does not hide what it leaves out now.
        assert_eq!(source.take([500]), "405-499");
        // The earlier one goes on after all: nothing of it was left out.
        assert_eq!(source.take([1_001, 501]), ". .");
    }

    #[test]
    fn what_is_over_or_may_be_a_copy_never_speaks_for_the_run_that_goes_on() {
        // A copy of 700, then a new start that comes past it.
        let mut source = Source::new();
        source.take(1..=1_000);
        source.take([700]);
        source.take(1..=699);
        assert_eq!(source.take([705]), "700-704");
        assert_eq!(source.take([706, 708]), ". 707-707");
        // A run that ended at 50, and the new one loses what comes up to 61.
        let mut source = Source::new();
        source.take((1..=50).chain(1..=4));
        assert_eq!(source.take([61]), "5-60");
        assert!(source.runs.is_ahead(62));
    }

    #[test]
    fn a_gap_knows_when_the_number_before_it_came() {
        let mut runs = Runs::default();
        let seen = |earliest_ms, unread| Seen {
            earliest_ms,
            unread,
            kept: 0,
        };
        runs.step(5, seen(100, 1));
        assert_eq!(runs.follows(6), Some(Follows::Surely));
        assert_eq!(runs.step(6, seen(110, 1)), Step::Next);
        assert_eq!(runs.follows(9), None);
        let Step::Gap { first, last, since } = runs.step(9, seen(150, 3)) else {
            panic!("no gap");
        };
        assert_eq!((first, last, since), (7, 8, seen(110, 1)));
        assert!(runs.is_ahead(10) && !runs.is_ahead(9) && !runs.is_ahead(7));
    }

    #[test]
    fn runs_are_bounded_and_the_one_that_goes_on_stays() {
        let mut source = Source::new();
        source.take([u64::MAX / 2]);
        for number in 0..1_000 {
            source.take([u64::MAX - number * 7_000_000]);
            assert!(source.runs.runs.len() <= RUNS_MAX);
        }
        assert_eq!(source.take([u64::MAX / 2 + 1]), ".");
    }
}
