//! What becomes of a key that comes in more than once, in copies whose judgement or content differ:
//! the table of docs/ARCHITECTURE.md, row by row, whichever stream is applied first. The shard's deadline
//! is 100 ms, and a row that no copy explains is decided 30 ms of raw time after it landed.
//!
//! Long: it is one table, row by row.

#[path = "support/script.rs"]
mod script;

use script::check;

/// The raw events first, as they came; then the rows; or the other way round. Time moves afterwards.
#[track_caller]
fn both_ways(raw: &str, written: &str, expected: &str) {
    let held = written
        .lines()
        .filter(|line| !line.trim().is_empty())
        .count();
    assert!(
        held <= 1,
        "rows after the first are duplicates in either order"
    );
    for steps in [
        format!("{raw}\n{written}\nattach a\nfrontier 1000"),
        format!("{written}\nattach a\n{raw}\nfrontier 1000"),
    ] {
        script::check_sums(&steps, expected);
    }
}

#[test]
fn an_invalid_copy_hides_no_loss_of_a_valid_one() {
    both_ways(
        "raw a at 0 rejected
         raw a at 10",
        "",
        "missing a
         0/0: missing 1 rejected 1",
    );
    check(
        "raw a at 0 rejected
         frontier 500
         raw a at 510
         frontier 700",
        "missing a raw:a arrived 510 due 610
         0/0: missing 1 rejected 1",
    );
}

#[test]
fn a_valid_copy_that_lands_is_no_leak_of_an_invalid_one() {
    both_ways(
        "raw a at 0 rejected
         raw a at 10",
        "written a at 20",
        "0/0: delivered 1 rejected 1",
    );
    both_ways(
        "raw a at 0
         raw a at 10 rejected",
        "written a at 20",
        "0/0: delivered 1 repeated 1",
    );
    // The verdict of the invalid copy was given long ago.
    check(
        "raw a at 0 rejected
         frontier 500
         raw a at 510
         written a at 520
         frontier 2000",
        "0/0: delivered 1 rejected 1",
    );
    check(
        "raw a at 0 rejected
         frontier 500
         written a at 520
         raw a at 510
         frontier 2000",
        "hold a
         0/0: delivered 1 rejected 1",
    );
}

#[test]
fn an_unjudged_copy_hides_no_loss_and_no_landing_of_a_valid_one() {
    both_ways(
        "raw a at 0 unjudged
         raw a at 10",
        "",
        "missing a
         0/0: missing 1 unjudged 1",
    );
    both_ways(
        "raw a at 0 unjudged
         raw a at 10",
        "written a at 20",
        "0/0: delivered 1 unjudged 1",
    );
    both_ways(
        "raw a at 0
         raw a at 10 unjudged",
        "written a at 20",
        "0/0: delivered 1 repeated 1",
    );
}

#[test]
fn of_two_contents_that_are_both_valid_either_may_land() {
    for landed in [1, 2] {
        both_ways(
            "raw a at 0 form 1
             raw a at 10 form 2",
            &format!("written a at 20 form {landed}"),
            "0/0: delivered 1 repeated 1",
        );
    }
    both_ways(
        "raw a at 0 form 1
         raw a at 10 form 2",
        "written a at 20 form 3",
        "altered a
         0/0: altered 1 repeated 1",
    );
    both_ways(
        "raw a at 0 form 1
         raw a at 10 form 2",
        "",
        "missing a
         0/0: missing 1 repeated 1",
    );
}

#[test]
fn a_row_with_the_content_of_the_invalid_copy_has_leaked_and_the_valid_one_is_altered() {
    both_ways(
        "raw a at 0 rejected form 1
         raw a at 10 form 2",
        "written a at 20 form 1",
        "leaked a
         altered a
         0/0: altered 1 leaked 1",
    );
    both_ways(
        "raw a at 0 form 2
         raw a at 10 rejected form 1",
        "written a at 20 form 1",
        "leaked a
         altered a
         0/0: altered 1 leaked 1",
    );
}

#[test]
fn an_invalid_copy_leaks_only_if_the_row_is_surely_not_the_unjudged_one() {
    for raw in [
        "raw a at 0 unjudged form 2
         raw a at 10 rejected form 1",
        "raw a at 0 rejected form 1
         raw a at 10 unjudged form 2",
    ] {
        let second = if raw.starts_with("raw a at 0 un") {
            ["leaked 1 unjudged 1", "unjudged 2"]
        } else {
            ["leaked 1 repeated 1", "repeated 1 unjudged 1"]
        };
        both_ways(
            raw,
            "written a at 20 form 1",
            &format!("leaked a\n0/0: {}", second[0]),
        );
        both_ways(
            raw,
            "written a at 20 form 2",
            &format!("0/0: {}", second[1]),
        );
    }
}

#[test]
fn a_row_that_may_be_the_unjudged_copy_is_not_called_altered() {
    both_ways(
        "raw a at 0 form 1
         raw a at 10 unjudged form 2",
        "written a at 20 form 2",
        "0/0: repeated 1 unjudged 1",
    );
    both_ways(
        "raw a at 0 form 1
         raw a at 10 unjudged form 2",
        "written a at 20 form 3",
        "altered a
         0/0: altered 1 repeated 1",
    );
    // Of an unjudged copy that came first the content is not kept.
    both_ways(
        "raw a at 0 unjudged form 2
         raw a at 10 form 1",
        "written a at 20 form 3",
        "0/0: unjudged 2",
    );
}

#[test]
fn beyond_the_copies_that_are_kept_a_row_that_none_explains_is_unjudged() {
    let raw: String = (1..=10)
        .map(|form| format!("raw a at {form} form {form}\n"))
        .collect();
    both_ways(
        &raw,
        "written a at 20 form 9",
        "0/0: delivered 1 repeated 9",
    );
    both_ways(
        &raw,
        "written a at 20 form 99",
        "0/0: repeated 9 unjudged 1",
    );
}

#[test]
fn copies_that_came_after_the_verdict_change_nothing_but_what_is_owed() {
    check(
        "raw a at 0
         written a at 10
         raw a at 20 rejected
         raw a at 30 unjudged
         raw a at 40
         frontier 1000",
        "0/0: delivered 1 repeated 3",
    );
    check(
        "raw a at 0 rejected
         frontier 500
         raw a at 510 rejected
         raw a at 520 unjudged
         frontier 900",
        "0/0: rejected 1 repeated 2",
    );
    check(
        "raw a at 0
         frontier 500
         raw a at 510 rejected
         raw a at 520 unjudged
         frontier 900",
        "missing a raw:a arrived 0 due 100
         0/0: missing 1 repeated 2",
    );
}

#[test]
fn a_missing_event_that_comes_in_again_has_a_second_chance_and_its_second_loss_is_told() {
    check(
        "raw a at 0
         frontier 500
         raw a at 510
         written a at 520
         written a at 530
         frontier 1000",
        "missing a raw:a arrived 0 due 100
         landed late a row:a at 520
         duplicate a row:a at 530
         0/0: late 1 repeated 1 duplicate 1",
    );
    check(
        "raw a at 0
         frontier 500
         raw a at 510
         raw a at 520
         frontier 610
         frontier 700
         raw a at 710
         frontier 900
         written a at 910",
        "missing a raw:a arrived 0 due 100
         missing again a arrived 510 due 610
         missing again a arrived 710 due 810
         landed late a row:a at 910
         0/0: late 1 repeated 3",
    );
}

#[test]
fn a_key_that_the_store_knows_as_missing_is_asked_for_and_owes_one_row() {
    // Its first copy is in a window of the store's, which is revised there.
    check(
        "unlanded a
         raw a at 10
         written a at 20
         attach a
         recalled a 3
         written a at 30",
        "recall a
         hold a
         attached a: true
         landed late a written:a at 20 of the store
         duplicate a row:a at 30
         0/0: repeated 1 duplicate 1",
    );
    check(
        "unlanded a
         written a at 20
         recalled a 3",
        "recall a
         hold a
         landed late a gone at 20 of the store
         ",
    );
    check(
        "unlanded a
         raw a at 10
         recalled a 3
         frontier 200",
        "recall a
         missing again a arrived 10 due 110 of the store
         0/0: repeated 1",
    );
}

#[test]
fn a_key_that_the_store_turns_out_not_to_know_is_as_any_other() {
    check(
        "unlanded a
         raw a at 10
         frontier 500
         written a at 20
         recalled a no
         frontier 600
         raw a at 30
         recalled a no",
        "recall a
         hold a
         0/0: delivered 1 repeated 1",
    );
    check(
        "unlanded a
         raw a at 10 unjudged
         raw a at 20 rejected
         recalled a no
         frontier 600",
        "recall a
         0/0: rejected 1 unjudged 1",
    );
}

#[test]
fn a_missing_event_that_was_forgotten_is_asked_for_and_others_are_not() {
    check(
        "frontier 0
         raw a at 0
         raw b at 0 rejected
         frontier 1000
         raw c at 20000
         frontier 20001
         raw a at 20001
         raw b at 20001",
        "missing a raw:a arrived 0 due 100
         recall a
         0/0: missing 1 rejected 1
         20/0: pending 3
         held: 3",
    );
}

#[test]
fn a_row_more_than_the_one_that_is_owed_is_a_duplicate_however_often_the_event_came_in() {
    check(
        "raw a at 0
         raw a at 1
         written a at 10
         written a at 11",
        "duplicate a row:a at 11
         0/0: delivered 1 repeated 1 duplicate 1",
    );
}

#[test]
fn a_writer_that_replaces_makes_no_duplicates() {
    check(
        "replaces
         raw a at 0
         raw a at 1
         written a at 10
         written a at 11
         frontier 500
         written a at 510
         written b at 510
         written b at 511
         frontier 600",
        "hold b
         unexpected b gone at 510
         0/0: delivered 1 repeated 1 unexpected 1",
    );
}

#[test]
fn a_second_chance_whose_own_content_lands_need_not_be_compared_with_the_first() {
    check(
        "raw a at 0 form 1
         frontier 500
         raw a at 510 form 2
         written a at 520 form 2
         raw b at 0 form 1
         frontier 520
         raw b at 530 form 2
         written b at 540 form 1",
        "missing a raw:a arrived 0 due 100
         landed late a row:a at 520 of a copy
         missing b raw:b arrived 0 due 100
         landed late b row:b at 540
         0/0: late 2 repeated 2",
    );
}

#[test]
fn no_leak_is_told_of_a_row_that_may_be_of_a_copy_nobody_could_judge_however_late() {
    for raw in [
        "raw a at 0 unjudged form 2
         raw a at 10 rejected form 1",
        "raw a at 0 rejected form 1
         raw a at 10 unjudged form 2",
    ] {
        let verdicts = if raw.starts_with("raw a at 0 un") {
            "rejected 1 unjudged 1"
        } else {
            "rejected 1 repeated 1"
        };
        check(
            &format!(
                "{raw}
                 frontier 500
                 written a at 510 form 2
                 frontier 2000"
            ),
            &format!("hold a\n0/0: {verdicts}"),
        );
    }
}

#[test]
fn however_many_copies_wait_for_the_stores_answer_the_first_row_and_the_first_valid_one_have_a_place()
 {
    let copies = "raw a at 10 rejected\n".repeat(100);
    check(
        &format!(
            "unlanded a
             {copies}
             raw a at 20
             written a at 30
             written a at 40
             recalled a no
             frontier 2000"
        ),
        "recall a
         hold a
         duplicate a row:a at 40
         0/0: delivered 1 rejected 1 repeated 99 duplicate 1",
    );
}

#[test]
fn a_valid_copy_later_than_the_grace_of_its_row_is_no_leak_of_an_invalid_one_before_it() {
    check(
        "written a at 5
         frontier raw 35
         raw a at 40 rejected
         raw a at 50
         frontier 1000",
        "hold a
         unexpected a gone at 5
         0/0: delivered 1 rejected 1",
    );
    check(
        "written a at 5
         frontier raw 35
         raw a at 40 unjudged form 1
         raw a at 41 unjudged form 1
         raw a at 50 rejected form 1
         frontier 1000",
        "hold a
         unexpected a gone at 5
         0/0: repeated 1 unjudged 2",
    );
    // Without one it is.
    check(
        "written a at 5
         frontier raw 35
         raw a at 40 rejected
         frontier raw 69
         written a at 60
         frontier raw 70
         raw a at 71",
        "hold a
         unexpected a gone at 5
         duplicate a row:a at 60
         leaked a gone arrived 40 reason 9
         0/0: leaked 1 repeated 1 duplicate 1",
    );
}
