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

/// A number belongs to the run that it would follow if no more than so many are left out.
const NEAR_NUMBERS_MAX: u64 = 63;

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
                && number - run.next <= NEAR_NUMBERS_MAX
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
        // A run that is not established does not leave out many: what seems so is another run.
        let is_before = |run: &Run| {
            let numbers_max = match run.standing {
                Standing::Unproven => NEAR_NUMBERS_MAX,
                Standing::Live | Standing::Over => GAP_NUMBERS_MAX,
            };
            run.next < number && number - run.next <= numbers_max
        };
        let places = (0..self.runs.len()).filter(|place| is_before(&self.runs[*place]));
        let nearest = places.min_by_key(|place| {
            let run = &self.runs[*place];
            let left_out = number - run.next;
            (left_out > NEAR_NUMBERS_MAX, run.standing, left_out)
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
mod tests;
