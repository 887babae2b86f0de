//! Incidents of what nobody saw, and what is no stall or silence because of it: scripts as in incidents.rs.

#[path = "support/watch.rs"]
mod watch;

use watch::check;

#[test]
fn a_long_hole_is_an_incident_at_once_and_grows_with_it() {
    check(
        "now 1000
         hole written 1000 5999 disconnected
         now 6000
         hole written 1000 6000 disconnected
         now 6001
         hole written 1000 9000 disconnected
         now 9001
         now 9040
         now 9200",
        "opened at 6001 #1 unwatched written 1000..6000
         #1 unwatched written 1000..9000 told 6000 closed 9200 events 0",
    );
}

#[test]
fn a_short_hole_is_an_incident_only_with_the_first_unconfirmed_event() {
    check(
        "hole written 1000 1500 disconnected
         now 1600
         unconfirmed a at 1200
         now 1640",
        "opened at 1640 #1 unwatched written 1200..1200
         #1 unwatched written 1200..1200 told 1600 open events 1 (a 1)",
    );
}

#[test]
fn the_time_before_the_start_is_no_incident() {
    check(
        "hole written 0 100000 not_running
         now 100001",
        "",
    );
}

#[test]
fn under_a_hole_nothing_is_called_a_stall_and_after_it_the_time_begins_anew() {
    check(
        "arrived a 10..20
         hole written 15 500 disconnected
         now 500
         now 600
         arrived a 600
         now 601
         missing a at 590 due 610
         now 620",
        "opened at 601 #1 stalled pipeline 500..500
         #1 stalled pipeline 500..590 told 601 open events 1 (a 1)",
    );
}

#[test]
fn a_stall_that_is_known_goes_on_through_a_hole() {
    check(
        "arrived a 10..20
         now 200
         hole written 200 500 disconnected
         now 500
         now 550",
        "opened at 200 #1 stalled pipeline 10..10
         #1 stalled pipeline 10..10 told 200 open events 0",
    );
}

#[test]
fn a_schema_does_not_stall_for_as_long_as_nobody_could_see_it() {
    check(
        "arrived a 10
         arrived b 11
         landed b at 20
         hole written 100 1000 disconnected
         landed b at 1001
         arrived a 1050
         arrived b 1100
         landed b at 1110
         now 1300
         landed b at 1301
         now 1302",
        "opened at 1302 #1 stalled a 1000..1000
         #1 stalled a 1000..1000 told 1302 open events 0",
    );
}

#[test]
fn a_stream_is_not_silent_while_nobody_sees_it() {
    check(
        "silence raw 100
         seen raw 10
         hole raw 20 500 paused
         told raw 500
         now 500
         told raw 600
         now 600
         told raw 601
         now 601",
        "opened at 601 #1 silent raw 10..10
         #1 silent raw 10..10 told 601 open events 0",
    );
}

#[test]
fn an_event_before_a_hole_is_no_stall_after_it_for_its_row_may_have_come_unseen() {
    check(
        "arrived a 10
         hole written 5 30 disconnected
         now 30
         now 1000",
        "",
    );
}

#[test]
fn the_incident_of_a_hole_keeps_its_span_when_an_event_of_it_turns_out_unconfirmed() {
    check(
        "hole written 1000 9000 disconnected
         now 9001
         unconfirmed a at 3000
         now 9010",
        "opened at 9001 #1 unwatched written 1000..9000
         #1 unwatched written 1000..9000 told 9000 open events 1 (a 1)",
    );
}
