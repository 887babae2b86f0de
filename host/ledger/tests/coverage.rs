//! What nobody saw: which verdicts a hole changes, at each boundary.

#[path = "support/script.rs"]
mod script;

use script::check;

/// An event at 5,000 with a deadline of 100, and a hole of the written stream.
#[track_caller]
fn with_hole(from_ms: i64, to_ms: i64, hole: &str, verdict: &str) {
    check(
        &format!(
            "hole written {from_ms} {to_ms} disconnected
             raw a at 5000
             frontier 5100"
        ),
        &format!(
            "missing a raw:a arrived 5000 due 5100{hole}
             5/0: {verdict} 1"
        ),
    );
}

#[test]
fn an_event_is_missing_only_if_all_was_seen_from_a_second_before_it_to_its_deadline() {
    let hole = " hole disconnected";
    for (from_ms, to_ms, is_seen) in [
        (0, 3999, true),
        (0, 4000, false),
        (4000, 4000, false),
        (5050, 5051, false),
        (5100, 9000, false),
        (5101, 9000, true),
        (i64::MIN, i64::MAX, false),
    ] {
        match is_seen {
            true => with_hole(from_ms, to_ms, "", "missing"),
            false => with_hole(from_ms, to_ms, hole, "unconfirmed"),
        }
    }
}

#[test]
fn a_hole_of_the_raw_stream_makes_no_loss_doubtful() {
    check(
        "hole raw min max never_connected
         raw a at 5000
         frontier 5100",
        "missing a raw:a arrived 5000 due 5100
         5/0: missing 1",
    );
}

#[test]
fn a_rejected_event_may_have_landed_unseen_and_is_counted_so() {
    for (from_ms, to_ms, unseen) in [
        (0, 3999, ""),
        (0, 4000, " rejected_unseen 1"),
        (5100, 9000, " rejected_unseen 1"),
        (5101, 9000, ""),
    ] {
        check(
            &format!(
                "hole written {from_ms} {to_ms} paused
                 raw a at 5000 rejected
                 frontier 5100"
            ),
            &format!("5/0: rejected 1{unseen}"),
        );
    }
}

#[test]
fn what_lands_in_time_is_delivered_whatever_was_not_seen() {
    check(
        "hole written min max paused
         hole raw min max paused
         raw a at 5000
         written a at 5100
         frontier max",
        "5/0: delivered 1",
    );
}

#[test]
fn the_first_of_several_holes_is_the_cause() {
    check(
        "hole written 5050 5060 paused
         hole written 5010 5020 unanswered
         raw a at 5000
         frontier 5100",
        "missing a raw:a arrived 5000 due 5100 hole unanswered
         5/0: unconfirmed 1",
    );
}

#[test]
fn an_unconfirmed_event_that_lands_is_late_and_a_second_row_is_a_duplicate() {
    check(
        "hole written 5050 5060 disconnected
         raw a at 5000
         frontier 5100
         written a at 5200
         written a at 5300",
        "missing a raw:a arrived 5000 due 5100 hole disconnected
         landed late a row:a at 5200
         duplicate a row:a at 5300
         5/0: late 1 duplicate 1",
    );
}

#[test]
fn a_second_chance_under_a_hole_makes_a_missing_event_unconfirmed() {
    check(
        "raw a at 5000
         frontier 5100
         hole written 7000 7001 disconnected
         raw a at 6950
         frontier 7050
         written a at 7060",
        "missing a raw:a arrived 5000 due 5100
         missing again a arrived 6950 due 7050 hole disconnected
         landed late a row:a at 7060
         5/0: late 1
         6/0: repeated 1",
    );
    check(
        "raw a at 5000
         frontier 5100
         hole written 7000 7001 disconnected
         raw a at 6950
         frontier 7050",
        "missing a raw:a arrived 5000 due 5100
         missing again a arrived 6950 due 7050 hole disconnected
         5/0: unconfirmed 1
         6/0: repeated 1",
    );
}

#[test]
fn an_unconfirmed_event_stays_so_when_its_second_chance_is_lost_in_sight() {
    check(
        "hole written 5050 5060 disconnected
         raw a at 5000
         frontier 5100
         raw a at 7000
         frontier 7100",
        "missing a raw:a arrived 5000 due 5100 hole disconnected
         missing again a arrived 7000 due 7100
         5/0: unconfirmed 1
         7/0: repeated 1",
    );
}

#[test]
fn the_second_loss_of_an_event_that_the_store_counts_is_told_without_a_window() {
    check(
        "unlanded a
         hole written 5050 5060 disconnected
         raw a at 5000
         recalled a 0
         frontier 5100",
        "recall a
         missing again a arrived 5000 due 5100 hole disconnected of the store
         5/0: repeated 1",
    );
}

/// A row at 5,000 without a raw event, and a hole of the raw stream.
#[track_caller]
fn with_raw_hole(from_ms: i64, to_ms: i64, is_seen: bool) {
    let (effect, count) = match is_seen {
        true => ("unexpected a gone at 5000", "unexpected"),
        false => ("", "unwatched"),
    };
    check(
        &format!(
            "hole raw {from_ms} {to_ms} disconnected
             written a at 5000
             frontier 5030"
        ),
        &format!(
            "hold a
             {effect}
             5/0: {count} 1"
        ),
    );
}

#[test]
fn a_row_is_unexpected_only_if_its_event_cannot_have_come_unseen() {
    for (from_ms, to_ms, is_seen) in [
        (0, 3999, true),
        (0, 4000, false),
        (4900, 4901, false),
        (5030, 6000, false),
        (5031, 6000, true),
    ] {
        with_raw_hole(from_ms, to_ms, is_seen);
    }
    // With a long deadline, its event may have come long before.
    check(
        "deadline 4000
         hole raw 500 1000 disconnected
         written a at 5000
         frontier 5030",
        "hold a
         5/0: unwatched 1",
    );
}

#[test]
fn a_row_that_nobody_could_expect_shows_that_the_writer_lives() {
    check(
        "hole raw 4000 4500 disconnected
         written a at 5000
         frontier 5030
         activity",
        "hold a
         schema 0: landed 1 5000
         5/0: unwatched 1",
    );
}

#[test]
fn the_event_of_an_unwatched_row_may_come_later_and_is_counted_once() {
    check(
        "hole raw 4000 4500 disconnected
         written a at 5000
         frontier 5030
         raw a at 5500
         raw a at 5600
         written a at 5700",
        "hold a
         duplicate a row:a at 5700
         5/0: delivered 1 repeated 1 duplicate 1",
    );
}

#[test]
fn both_streams_have_holes_of_their_own() {
    check(
        "hole written 5000 5100 disconnected
         written b at 5000
         frontier 5100",
        "hold b
         unexpected b gone at 5000
         5/0: unexpected 1",
    );
}

#[test]
fn a_row_that_was_read_long_after_it_can_have_landed_may_be_of_an_event_before_a_hole() {
    check(
        "hole raw 1000 1500 disconnected
         written a at 5000 from 2200
         frontier 5030",
        "hold a
         5/0: unwatched 1",
    );
}

/// An event that was read late is stamped at 5,000, a hole of the written stream is long before, and raw frames were
/// read late in between.
#[track_caller]
fn with_delay(from_ms: i64, to_ms: i64, is_seen: bool) {
    let (hole, verdict) = match is_seen {
        true => ("", "missing"),
        false => (" hole disconnected", "unconfirmed"),
    };
    check(
        &format!(
            "hole written 1000 1999 disconnected
             delay {from_ms} {to_ms}
             raw a at 5000
             frontier 5100"
        ),
        &format!(
            "missing a raw:a arrived 5000 due 5100{hole}
             5/0: {verdict} 1"
        ),
    );
}

#[test]
fn an_event_that_was_read_late_may_have_come_when_the_delay_began() {
    for (from_ms, to_ms, is_seen) in [
        (2_999, 5_000, false),
        (3_000, 5_000, true),
        (2_000, 4_000, false),
        (2_000, 3_999, true),
        (5_000, 9_000, true),
        (i64::MIN, i64::MAX, false),
    ] {
        with_delay(from_ms, to_ms, is_seen);
    }
}
