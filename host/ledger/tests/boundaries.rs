//! What the ledger reports at each boundary: a script of steps, and the text that must come out.
//! The shard's deadline is 100 ms, its grace for early landings 30 ms, its window 1000 ms.
//!
//! Long: it is one table of boundaries.

#[path = "support/script.rs"]
mod script;

use script::check;

#[test]
fn a_landing_at_the_deadline_itself_is_in_time_and_one_after_is_late() {
    check(
        "raw a at 0
         written a at 100
         raw b at 0
         written b at 101",
        "0/0: delivered 1 late 1",
    );
}

#[test]
fn a_landing_is_late_only_if_it_cannot_have_landed_before_the_deadline() {
    check(
        "raw a at 0
         written a at 100 from 0
         raw b at 0
         written b at 101 from 100
         raw c at 0
         written c at 9000 from -9000
         raw d at 0
         written d at 102 from 101
         raw e at 0 form 1
         written e at 101 from 0 form 2
         raw f at 0 rejected
         written f at 101 from 0
         conclude",
        "hold e
         hold f
         altered e raw:e gone
         leaked f gone arrived 0 reason 9
         0/0: delivered 3 late 1 altered 1 leaked 1 doubtful 2",
    );
}

#[test]
fn a_landing_that_comes_first_keeps_how_well_its_time_is_known() {
    check(
        "written a at 500 from 101
         written b at 500 from 100
         written c at 500000 from -500000
         raw a at 0
         raw b at 0
         raw c at 0",
        "hold a
         hold b
         hold c
         0/0: delivered 2 late 1 doubtful 2",
    );
}

#[test]
fn a_doubtful_pair_that_is_looked_at_again_is_delivered_and_doubtful_only_if_it_is_equal() {
    check(
        "raw a at 0 form 1 gen 1
         written a at 101 from 100 form 2 gen 2
         raw b at 0 form 1 gen 1
         written b at 101 from 100 form 2 gen 2
         raw c at 0 form 1 gen 1
         written c at 101 from 101 form 2 gen 2
         written a at 102
         compared a yes
         compared b no
         compared c yes
         conclude",
        "compare a raw:a row:a
         hold a
         compare b raw:b row:b
         hold b
         compare c raw:c row:c
         hold c
         duplicate a row:a at 102
         altered b raw:b gone gen 2 compared
         0/0: delivered 1 late 1 altered 1 duplicate 1 doubtful 1",
    );
}

#[test]
fn nothing_is_missing_until_the_written_frontier_has_reached_the_deadline() {
    check(
        "raw a at 0
         frontier raw 5000
         frontier written 99",
        "0/0: pending 1
         held: 1",
    );
    check(
        "raw a at 0
         frontier written 100",
        "missing a raw:a arrived 0 due 100
         0/0: missing 1",
    );
}

#[test]
fn a_landing_applied_before_its_frontier_counts_though_it_comes_with_it() {
    check(
        "raw a at 0
         frontier written 99
         written a at 100
         frontier written 100",
        "0/0: delivered 1",
    );
}

#[test]
fn the_written_side_may_come_first() {
    check(
        "written a at 5
         raw a at 7",
        "hold a
         0/0: delivered 1",
    );
}

#[test]
fn a_written_side_that_came_first_is_late_if_it_landed_after_the_deadline() {
    // The raw frame waited in a queue of ours, longer than the deadline; the grace is by its stream.
    check(
        "written a at 500
         frontier written 5000
         raw a at 0",
        "hold a
         0/0: late 1",
    );
}

#[test]
fn an_early_landing_is_held_until_its_pair_is_judged() {
    check(
        "written a at 5 form 1
         attach a
         raw a at 7 form 2
         frontier raw 35",
        "hold a
         attached a: true
         altered a raw:a written:a
         0/0: altered 1",
    );
}

#[test]
fn a_frame_is_not_taken_for_a_landing_that_no_longer_waits_or_has_one() {
    check(
        "written a at 5
         raw a at 7
         attach a
         raw b at 7
         attach b
         written c at 5
         attach c
         attach c
         raw c at 7",
        "hold a
         attached a: false
         attached b: false
         hold c
         attached c: true
         attached c: false
         0/0: delivered 2 pending 1
         held: 1",
    );
}

#[test]
fn a_raw_event_repeated_while_the_first_waits_owes_no_second_row() {
    check(
        "raw a at 0
         raw a at 10
         written a at 20
         raw a at 1030
         frontier 5000",
        "0/0: delivered 1 repeated 1
         1/0: repeated 1",
    );
}

#[test]
fn a_rejected_event_that_repeats_and_then_lands_has_leaked_once() {
    check(
        "raw a at 0 rejected
         raw a at 10 rejected
         written a at 20
         attach a
         frontier raw 50",
        "hold a
         attached a: true
         leaked a written:a arrived 0 reason 9
         0/0: leaked 1 repeated 1",
    );
}

#[test]
fn a_rejected_event_that_does_not_land_was_treated_right_and_if_it_does_later_that_is_revised() {
    check(
        "raw a at 0 rejected
         frontier 100",
        "0/0: rejected 1",
    );
    check(
        "raw a at 900 rejected
         frontier 1100
         written a at 1200
         written a at 1201
         frontier raw 1230",
        "hold a
         duplicate a row:a at 1201
         leaked a gone arrived 1200 forgotten by whom
         0/0: leaked 1
         1/0: duplicate 1",
    );
}

#[test]
fn an_early_landing_of_a_rejected_event_has_leaked() {
    check(
        "written a at 5
         attach a
         raw a at 7 rejected
         conclude",
        "hold a
         attached a: true
         leaked a written:a arrived 7 reason 9
         0/0: leaked 1",
    );
}

#[test]
fn a_missing_event_that_repeats_and_then_lands_is_late_where_it_came_in() {
    check(
        "raw a at 900 schema 3
         frontier 1000
         raw a at 1010 schema 3
         written a at 2500 schema 3
         written a at 2600",
        "missing a raw:a arrived 900 due 1000
         landed late a row:a at 2500
         duplicate a row:a at 2600
         0/3: late 1
         1/3: repeated 1
         2/0: duplicate 1",
    );
}

#[test]
fn a_second_landing_is_a_duplicate_whether_the_raw_event_came_or_not() {
    check(
        "written a at 5
         written a at 6
         raw a at 7
         written a at 8",
        "hold a
         duplicate a row:a at 6
         duplicate a row:a at 8
         0/0: delivered 1 duplicate 2",
    );
    check(
        "written a at 5
         frontier raw 35
         written a at 40",
        "hold a
         unexpected a gone at 5
         duplicate a row:a at 40
         0/0: duplicate 1 unexpected 1",
    );
}

#[test]
fn a_landing_is_unexpected_once_the_raw_frontier_has_passed_its_grace() {
    check(
        "written a at 5
         attach a
         frontier written 5000
         frontier raw 34
         raw a at 34",
        "hold a
         attached a: true
         0/0: delivered 1",
    );
    check(
        "written a at 5
         attach a
         frontier raw 35",
        "hold a
         attached a: true
         unexpected a written:a at 5
         0/0: unexpected 1",
    );
}

#[test]
fn a_raw_event_after_all_takes_unexpected_back() {
    check(
        "written a at 5 schema 2
         frontier raw 35
         raw a at 1040
         raw a at 1050",
        "hold a
         unexpected a gone at 5
         1/0: delivered 1 repeated 1",
    );
    // Its form is gone: whether it is unchanged cannot be known.
    check(
        "written a at 5 form 1
         frontier raw 35
         raw a at 40 form 1
         written b at 5
         frontier raw 50
         raw b at 60 rejected
         written c at 50
         frontier raw 90
         raw c at 95 unjudged
         written c at 96
         frontier raw 124",
        "hold a
         unexpected a gone at 5
         hold b
         unexpected b gone at 5
         hold c
         leaked b gone arrived 60 reason 9
         unexpected c gone at 50
         duplicate c row:c at 96
         0/0: leaked 1 unjudged 2 duplicate 1",
    );
}

#[test]
fn an_unjudged_event_may_land_once() {
    check(
        "raw a at 0 unjudged
         frontier 500
         written a at 510
         written a at 520
         raw a at 530 unjudged
         frontier raw 540
         written a at 550",
        "hold a
         duplicate a row:a at 520
         duplicate a row:a at 550
         0/0: repeated 1 unjudged 1 duplicate 2",
    );
    check(
        "written a at 0
         raw a at 5 unjudged
         written a at 20",
        "hold a
         duplicate a row:a at 20
         0/0: unjudged 1 duplicate 1",
    );
}

#[test]
fn forms_are_compared_only_if_the_same_checks_made_them() {
    check(
        "raw a at 0 form 1
         written a at 1 form 1
         raw b at 0 form 1
         written b at 1 form 2
         raw c at 0 form 0
         written c at 1 form 1
         raw d at 0 form 1
         written d at 1
         raw e at 0 form 1 gen 1
         written e at 1 form 1 gen 2
         attach b
         conclude",
        "hold b
         attached b: true
         altered b raw:b written:b
         0/0: delivered 3 altered 1 unjudged 1",
    );
    check(
        "raw a at 0 form 1 gen 1
         written a at 1 form 2 gen 2
         compared a yes
         raw b at 0 form 1 gen 1
         written b at 101 gen 2
         compared b yes
         raw c at 0 form 1 gen 1
         written c at 1 form 2 gen 2
         compared c no
         raw d at 0 form 1 gen 1
         written d at 1 form 2 gen 2
         compared d unknown
         compared d yes
         conclude",
        "compare a raw:a row:a
         hold a
         compare b raw:b row:b
         hold b
         compare c raw:c row:c
         hold c
         compare d raw:d row:d
         hold d
         altered c raw:c gone gen 2 compared
         0/0: delivered 1 late 1 altered 1 unjudged 1",
    );
}

#[test]
fn what_is_told_names_the_checks_that_said_so() {
    check(
        "raw a at 0 form 1 gen 3
         written a at 1 form 2 gen 3
         raw b at 0 rejected gen 3
         written b at 1 gen 4
         raw c at 0 gen 3
         written c at 1 gen 4
         written c at 2 gen 5
         written d at 0 gen 4
         raw e at 0 gen 3
         raw f at 0 rejected gen 3
         frontier 100
         written f at 101 gen 5
         written g at 101 gen 4
         frontier 131
         raw g at 131 rejected gen 5
         frontier raw 161",
        "hold a
         hold b
         duplicate c row:c at 2 gen 5
         hold d
         altered a raw:a gone gen 3
         leaked b gone arrived 0 reason 9 gen 3
         missing e raw:e arrived 0 due 100 gen 3
         unexpected d gone at 0 gen 4
         hold f
         hold g
         leaked f gone arrived 101 forgotten by whom
         unexpected g gone at 101 gen 4
         leaked g gone arrived 131 reason 9 gen 5
         0/0: delivered 1 altered 1 missing 1 leaked 3 duplicate 1 unexpected 1",
    );
}

#[test]
fn an_early_landing_of_other_checks_is_looked_at_again_only_if_its_frame_was_kept() {
    check(
        "written a at 1 form 2 gen 1
         attach a
         raw a at 2 form 1 gen 2
         compared a yes
         written b at 1 form 2 gen 1
         raw b at 2 form 1 gen 2
         conclude",
        "hold a
         attached a: true
         compare a raw:a written:a
         hold b
         0/0: delivered 1 unjudged 1",
    );
}

#[test]
fn a_pair_that_is_compared_is_never_missing_and_its_answer_counts_once() {
    check(
        "raw a at 0 form 1 gen 1
         written a at 1 form 2 gen 2
         frontier max
         written a at 300
         raw a at 300",
        "compare a raw:a row:a
         hold a
         duplicate a row:a at 300
         0/0: repeated 1 pending 1 duplicate 1
         held: 1",
    );
    check(
        "compared a yes
         raw b at 0
         compared b no
         written c at 0
         compared c no",
        "hold c
         0/0: pending 1
         held: 1",
    );
}

#[test]
fn a_pair_that_is_compared_holds_nobody_up() {
    check(
        "raw a at 0 form 1 gen 1
         raw b at 0
         raw c at 0 rejected
         raw d at 1
         written a at 1 form 2 gen 2
         frontier 100",
        "compare a raw:a row:a
         hold a
         missing b raw:b arrived 0 due 100
         0/0: missing 1 rejected 1 pending 2
         held: 2",
    );
}
