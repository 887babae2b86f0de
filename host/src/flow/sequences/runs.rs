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

/// A run is established by so many numbers that are one more than the number before, and by no more others, while no
/// established run went on for so long.
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
}

/// What a number says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing is left out.
    Next,
    /// It may be a copy, or the source begins anew: whether something is left out before it, nobody knows.
    Unproven,
    /// The source counts anew.
    Anew,
    /// These numbers were left out since the number before. Both ends belong to them.
    Gap { first: u64, last: u64, since: Seen },
}

/// What is known of a run. Where several may continue with a number, the first of these does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    /// Established: what it leaves out is a gap.
    Live,
    /// Not established: its numbers may be copies.
    Unproven,
    /// It was live, until another one was established.
    Over,
}

/// How a number follows another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Follows {
    /// In a live run.
    Live,
    /// In a run that began with one of the first numbers, and is not established yet.
    FromFirst,
    /// In another unproven run, or in one that is over.
    Perhaps,
}

#[derive(Clone, Copy, Debug)]
struct Run {
    standing: Standing,
    first: u64,
    next: u64,
    seen: Seen,
    /// How many of its last numbers followed each other.
    streak: u32,
    /// Numbers that it took, and how many of these followed the one before.
    taken: u32,
    followed: u32,
    began_with_first: bool,
    /// The places of its first and its last number among all numbers of the source.
    began_at: u64,
    last_at: u64,
}

impl Run {
    fn begin(standing: Standing, number: u64, seen: Seen, at: u64) -> Self {
        Self {
            standing,
            first: number,
            next: number.saturating_add(1),
            seen,
            streak: 1,
            taken: 1,
            followed: 0,
            began_with_first: FIRST_NUMBERS.contains(&number),
            began_at: at,
            last_at: at,
        }
    }

    /// Whether the source passed the number, as far as is known.
    fn covers(&self, number: u64) -> bool {
        self.standing == Standing::Live && (self.first..self.next).contains(&number)
    }
}

/// The runs of one source.
#[derive(Clone, Debug, Default)]
pub(super) struct Runs {
    runs: Vec<Run>,
    /// Numbers that came.
    came: u64,
}

impl Runs {
    /// Whether and how a number follows another one.
    pub fn follows(&self, number: u64) -> Option<Follows> {
        let run = &self.runs[self.before(number)?];
        Some(match (run.standing, run.streak) {
            (Standing::Live, _) => Follows::Live,
            (Standing::Unproven, 2..) if run.began_with_first => Follows::FromFirst,
            (Standing::Unproven | Standing::Over, _) => Follows::Perhaps,
        })
    }

    /// The run that a number continues.
    fn before(&self, number: u64) -> Option<usize> {
        let is_near = |run: &Run| {
            run.standing == Standing::Live
                && run.next < number
                && number - run.next < u64::from(ESTABLISHED_NUMBERS)
        };
        let is_near_live = self.runs.iter().any(is_near);
        let continues = |place: &usize| {
            let run = &self.runs[*place];
            // A copy, or an earlier run that ended here, does not speak for a live run that left out a few numbers.
            run.next == number && (run.standing == Standing::Live || !is_near_live)
        };
        let places = (0..self.runs.len()).filter(continues);
        places.min_by_key(|place| self.runs[*place].standing)
    }

    /// Takes the next number that came.
    pub fn step(&mut self, number: u64, seen: Seen) -> Step {
        self.came += 1;
        if let Some(place) = self.before(number) {
            return self.go_on(place, number, seen);
        }
        let is_before = |run: &Run| run.next < number && number - run.next <= GAP_NUMBERS_MAX;
        let places = (0..self.runs.len()).filter(|place| is_before(&self.runs[*place]));
        let nearest = places.min_by_key(|place| {
            let run = &self.runs[*place];
            (run.standing, number - run.next)
        });
        let Some(place) = nearest else {
            return self.begin(number, seen);
        };
        match self.runs[place].standing {
            Standing::Live => {
                let step = self.left_out(place, number);
                self.take(place, number, seen, 1);
                step
            }
            Standing::Unproven => {
                self.take(place, number, seen, 1);
                Step::Unproven
            }
            Standing::Over => {
                self.runs[place] = Run::begin(Standing::Unproven, number, seen, self.came);
                Step::Unproven
            }
        }
    }

    /// Whether a number lies beyond all that came: nobody knows yet whether it was left out.
    pub fn is_ahead(&self, number: u64) -> bool {
        let live = |run: &&Run| run.standing == Standing::Live;
        self.runs.iter().filter(live).all(|run| run.next <= number)
    }

    /// A run takes the number that follows.
    fn go_on(&mut self, place: usize, number: u64, seen: Seen) -> Step {
        let run = &mut self.runs[place];
        run.followed = run.followed.saturating_add(1);
        if run.standing == Standing::Over {
            // It is live again, and says nothing of what another one took meanwhile.
            run.standing = Standing::Live;
            run.first = number;
        }
        let streak = run.streak.saturating_add(1);
        self.take(place, number, seen, streak);
        if self.runs[place].standing != Standing::Unproven {
            return Step::Next;
        }
        if !self.is_established(place) {
            return Step::Unproven;
        }
        for run in &mut self.runs {
            if run.standing == Standing::Live {
                run.standing = Standing::Over;
            }
        }
        self.runs[place].standing = Standing::Live;
        Step::Anew
    }

    fn take(&mut self, place: usize, number: u64, seen: Seen, streak: u32) {
        let run = &mut self.runs[place];
        run.next = number.saturating_add(1);
        run.seen = seen;
        run.streak = streak;
        run.taken = run.taken.saturating_add(1);
        run.last_at = self.came;
    }

    /// What a live run leaves out before `number`, as far as no other one covers it.
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
            false => Step::Next,
        }
    }

    /// Whether the numbers of a run show that they are no copies.
    fn is_established(&self, place: usize) -> bool {
        let run = self.runs[place];
        let others = || {
            let others = self.runs.iter();
            others.filter(|other| other.standing != Standing::Unproven)
        };
        let is_from_first = run.began_with_first
            && run.streak >= ESTABLISHED_FROM_FIRST
            && others().all(|other| other.last_at < run.began_at);
        let stopped_for_ms =
            |other: &Run| (run.seen.earliest_ms).saturating_sub(other.seen.earliest_ms);
        let is_long = run.followed >= ESTABLISHED_NUMBERS
            && run.taken - run.followed <= run.followed
            && others().all(|other| stopped_for_ms(other) >= ESTABLISHED_MS);
        is_from_first || is_long
    }

    fn begin(&mut self, number: u64, seen: Seen) -> Step {
        if self.runs.len() >= RUNS_MAX {
            let rank = |place: &usize| {
                let run = &self.runs[*place];
                let worth = match run.standing {
                    Standing::Unproven => 0,
                    Standing::Over => 1,
                    Standing::Live => 2,
                };
                (worth, run.last_at)
            };
            if let Some(place) = (0..self.runs.len()).min_by_key(rank) {
                self.runs.remove(place);
            }
        }
        let (standing, step) = match self.runs.is_empty() {
            true => (Standing::Live, Step::Next),
            false => (Standing::Unproven, Step::Unproven),
        };
        self.runs
            .push(Run::begin(standing, number, seen, self.came));
        step
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes numbers that all came in one gulp: their stamps are the same.
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

        /// What the numbers say, in short: `.` next, `u` unproven, `a` anew, `first-last` a gap.
        fn take(&mut self, numbers: impl IntoIterator<Item = u64>) -> String {
            let mut said = Vec::new();
            for number in numbers {
                let seen = Seen {
                    earliest_ms: self.now_ms,
                    unread: 0,
                };
                said.push(match self.runs.step(number, seen) {
                    Step::Next => ".".to_owned(),
                    Step::Unproven => "u".to_owned(),
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
            (vec![1, 2, 3, 2, 4, 5], ". . . u . ."),
            (
                vec![11, 12, 13, 14, 15, 16, 11, 14, 17, 19],
                ". . . . . . u u . 18-18",
            ),
            (vec![500, 501, 1, 502, 504], ". . u . 503-503"),
            // A copy of the newest one hides nothing behind it.
            (vec![1, 2, 3, 3, 5, 7], ". . . u 4-4 6-6"),
            (vec![1, 2, 3, 1, 2, 3, 5], ". . . u u u 4-4"),
            // Copies of the first events while others come.
            (vec![5_000, 1, 2, 5_001, 3, 4, 9, 5_002], ". u u . u u u ."),
            (
                vec![5_000, 1, 5_001, 2, 5_002, 3, 5_003, 4, 5_005],
                ". u . u . u . u 5004-5004",
            ),
            (vec![500, 501, 40, 30, 20, 10, 5, 502], ". . u u u u u ."),
            // The source counts from the start again.
            (vec![500, 501, 0, 1, 2, 3, 5], ". . u u u a 4-4"),
            (vec![500, 501, 1, 2, 3, 4, 6], ". . u u u a 5-5"),
            // Two sources under one name: only the first is followed.
            (vec![100, 2_000_100, 101, 2_000_101, 103], ". u . u 102-102"),
            // The last frames of a process, among the first ones of the next.
            (vec![998, 0, 999, 1, 1_000, 2, 3, 4, 6], ". u . u . u u u u"),
            (vec![u64::MAX - 1, u64::MAX, 0], ". . u"),
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
        // It loses some, and is known all the same.
        let said = source.take((300..=310).chain(312..=350).chain(352..=400));
        assert_eq!(gaps(&said), Vec::<&str>::new());
        source.now_ms += ESTABLISHED_MS;
        assert_eq!(source.take([401, 402, 404]), "a . 403-403");
        // What it passed before does not hide what it leaves out now.
        assert_eq!(source.take([500]), "405-499");
        // The earlier one goes on after all: nothing of it was left out, and it hides nothing of the new one.
        assert_eq!(source.take([1_001, 501, 505]), ". . 502-504");
        assert_eq!(source.take([1_002, 1_004, 506]), ". 1003-1003 .");
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
        assert_eq!(source.runs.follows(51), Some(Follows::Perhaps));
        let mut source = Source::new();
        source.take((1..=50).chain([39]).chain(1..=38));
        assert_eq!(source.take([40, 41]), "39-39 .");
        let mut source = Source::new();
        source.take((1..=50).chain(1..=48));
        assert_eq!(source.take([51, 52]), "49-50 .");
    }

    #[test]
    fn a_gap_knows_when_the_number_before_it_came() {
        let mut runs = Runs::default();
        let seen = |earliest_ms, unread| Seen {
            earliest_ms,
            unread,
        };
        runs.step(5, seen(100, 1));
        assert_eq!(runs.follows(6), Some(Follows::Live));
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
