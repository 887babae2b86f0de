//! Numbers as they come, and what they say.

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
        // Copies come while a source begins anew.
        (
            vec![1_000, 0, 1, 2, 700, 3, 701, 4, 702, 5, 703, 704, 6, 720, 8],
            ". u u u u a u . u . u u . u 7-7",
        ),
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
