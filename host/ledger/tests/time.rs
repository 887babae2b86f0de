//! What time does: frontiers, clocks that go back, the ends of time, deadlines that change, and the horizon.
//! The shard's deadline is 100 ms, its grace for early landings 30 ms, its window 1000 ms.

#[path = "support/script.rs"]
mod script;

use script::check;

#[test]
fn frontiers_do_not_go_back() {
    check(
        "raw a at 0
         frontier 99
         frontier 10
         raw b at 0
         frontier 100
         frontier 0
         written c at 50
         frontier 1",
        "missing a raw:a arrived 0 due 100
         missing b raw:b arrived 0 due 100
         hold c
         unexpected c gone at 50
         0/0: missing 2 unexpected 1",
    );
}

#[test]
fn a_clock_that_goes_back_breaks_no_count() {
    check(
        "raw a at 5000
         written a at 4000
         raw b at 3000
         frontier 3100
         raw c at 2000
         frontier 3100
         written c at 1000",
        "missing b raw:b arrived 3000 due 3100
         missing c raw:c arrived 2000 due 2100
         landed late c row:c at 1000
         2/0: late 1
         3/0: missing 1
         5/0: delivered 1",
    );
}

#[test]
fn times_before_the_epoch_have_windows_and_deadlines_too() {
    check(
        "raw a at -1
         raw b at -1000
         raw c at -1001
         written a at 99
         frontier -900",
        "missing c raw:c arrived -1001 due -901
         missing b raw:b arrived -1000 due -900
         -2/0: missing 1
         -1/0: delivered 1 missing 1",
    );
}

#[test]
fn the_end_of_a_stream_settles_all_but_what_is_compared() {
    check(
        "raw a at 0
         raw b at 1000000 rejected
         written c at 2000000
         frontier max",
        "hold c
         missing a raw:a arrived 0 due 100
         unexpected c gone at 2000000
         0/0: missing 1
         1000/0: rejected 1
         2000/0: unexpected 1",
    );
}

#[test]
fn the_end_of_one_stream_is_not_the_end_of_the_other() {
    check(
        "raw a at 0
         written b at 0
         frontier raw max",
        "hold b
         unexpected b gone at 0
         0/0: pending 1 unexpected 1
         held: 1",
    );
}

#[test]
fn the_ends_of_time_do_not_overflow() {
    // Windows are kept in 44 bits, and end there.
    check(
        "raw a at max
         raw b at min
         frontier written 0
         written b at max
         written a at min
         frontier max",
        "missing b raw:b arrived -9223372036854775808 due -9223372036854775708
         landed late b row:b at 9223372036854775807
         -8796093022208/0: late 1
         8796093022207/0: delivered 1",
    );
}

#[test]
fn new_deadlines_hold_for_events_that_arrive_from_then_on() {
    check(
        "raw a at 0
         deadline 10
         raw b at 0
         deadline 1000
         raw c at 0
         frontier 10
         frontier 100
         written c at 1000",
        "missing b raw:b arrived 0 due 10
         missing a raw:a arrived 0 due 100
         0/0: delivered 1 missing 2",
    );
}

#[test]
fn a_deadline_of_nothing_asks_for_the_same_instant() {
    check(
        "deadline 0
         raw a at 5
         written a at 5
         raw b at 5
         frontier written 5
         raw c at 5
         written c at 6",
        "missing b raw:b arrived 5 due 5
         0/0: delivered 1 late 1 missing 1",
    );
}

#[test]
fn a_key_that_was_settled_is_known_for_the_horizon_from_when_it_came_last_and_then_is_new() {
    check(
        "frontier 0
         raw a at 0
         written a at 5
         frontier 10000
         raw a at 10000
         frontier 20000
         written a at 20000
         frontier 30001
         raw a at 30001",
        "duplicate a row:a at 20000
         0/0: delivered 1
         10/0: repeated 1
         20/0: duplicate 1
         30/0: pending 1
         held: 1",
    );
}

#[test]
fn a_landing_that_is_held_back_for_longer_than_the_horizon_still_finds_its_event() {
    // The written stream waits; what it will bring is of events that must not be forgotten.
    for ahead in ["raw", "written"] {
        check(
            &format!(
                "frontier 0
                 raw a at 0 unjudged
                 frontier {ahead} 50000
                 raw b at 50000 unjudged
                 written a at 10
                 frontier 50031"
            ),
            "hold a
             0/0: unjudged 1
             50/0: unjudged 1",
        );
    }
}
