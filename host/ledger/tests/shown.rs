//! What a shard measures, and what it forgets: arrivals, landings, latency, what waits, and how long a key
//! is known. The shard's deadline is 100 ms, its grace 30 ms, its horizon 10 000 ms.

#[path = "support/script.rs"]
mod script;

use landfall_ledger::{
    Deadlines, Effect, Fingerprint, Form, Frontier, Generation, Judgement, PayloadRef,
    RawObservation, ReasonId, SchemaId, Shard, ShardConfig, WrittenObservation,
};
use script::check;

#[test]
fn arrivals_are_those_of_events_that_are_to_land_and_landings_answer_them() {
    check(
        "raw a at 10
         raw b at 5
         raw c at 7 schema 1
         raw d at 1 rejected
         raw e at 1 unjudged
         raw f at 8
         activity
         written a at 8
         written b at 20 schema 3
         activity",
        "schema 0: arrived 3 5..10
         schema 1: arrived 1 7..7
         schema 0: landed 2 20
         0/0: delivered 2 unjudged 1 pending 2
         0/1: pending 1
         held: 3",
    );
    check(
        "written a at 8
         raw a at 10 schema 1
         activity",
        "hold a
         schema 1: arrived 1 10..10 landed 1 10
         0/1: delivered 1",
    );
}

#[test]
fn second_chances_are_arrivals_and_late_rows_are_landings() {
    check(
        "raw a at 0
         raw b at 0 rejected
         frontier 100
         activity
         raw a at 110 schema 2
         activity
         written a at 120
         written b at 125
         activity
         conclude",
        "missing a raw:a arrived 0 due 100
         schema 0: arrived 1 0..0
         schema 2: arrived 1 110..110
         landed late a row:a at 120
         hold b
         schema 0: landed 2 125
         leaked b gone arrived 125 forgotten by whom
         0/0: late 1 leaked 1
         0/2: repeated 1",
    );
}

#[test]
fn a_landing_whose_event_may_have_come_in_before_the_streams_were_watched_is_a_sign_of_life() {
    check(
        "watched 0
         written a at 100
         activity
         written b at 101
         activity",
        "hold a
         schema 0: landed 1 100
         hold b",
    );
}

#[test]
fn each_pair_has_one_latency_and_the_bound_belongs_to_its_bucket() {
    check(
        "raw a at 0
         written a at 10
         raw b at 0
         written b at 11
         raw c at 0
         written c at 101
         raw d at 20
         written d at 5
         raw e at 0 rejected
         written e at 50
         latency
         latency",
        "hold e
         latency 0: [2, 1, 1] sum 122
         0/0: delivered 3 late 1 pending 1
         held: 1",
    );
}

#[test]
fn the_oldest_that_waits_is_that_of_events_that_are_to_land() {
    check(
        "raw a at 3 rejected
         raw b at 40
         deadline 500
         raw c at 30
         written d at 1
         gauges
         written c at 50
         gauges
         written b at 50
         gauges",
        "hold d
         waiting 4 early 1 comparing 0 recalling 0 oldest 30 known 0 for 10000 landed never
         waiting 3 early 1 comparing 0 recalling 0 oldest 40 known 1 for 10000 landed 50
         waiting 2 early 1 comparing 0 recalling 0 oldest none known 2 for 10000 landed 50
         0/0: delivered 2 pending 1
         held: 1",
    );
}

#[test]
fn the_latest_landing_of_all_does_not_go_back() {
    check(
        "raw a at 10
         raw b at 10
         written a at 60
         written b at 40
         gauges",
        "waiting 0 early 0 comparing 0 recalling 0 oldest none known 2 for 10000 landed 60
         0/0: delivered 2",
    );
}

#[test]
fn a_row_that_no_copy_explains_is_decided_a_second_after_raw_time_passed_it_at_most() {
    check(
        "grace 30000
         raw a at 0 form 1
         written a at 10 form 2
         frontier 1009
         gauges
         frontier raw 1010",
        "hold a
         waiting 1 early 1 comparing 0 recalling 0 oldest none known 0 for 10000 landed 10
         altered a raw:a gone
         0/0: altered 1",
    );
}

#[test]
fn an_event_that_is_applied_behind_the_frontier_is_due_though_a_later_frontier_is_before_it() {
    check(
        "raw a at 0
         frontier 100
         raw b at 0
         frontier 50",
        "missing a raw:a arrived 0 due 100
         missing b raw:b arrived 0 due 100
         0/0: missing 2",
    );
}

#[test]
fn a_key_is_known_at_the_horizon_itself_and_new_one_moment_later() {
    for (frontier, repeated) in [(10_000, "repeated 1"), (10_001, "pending 1\nheld: 1")] {
        check(
            &format!(
                "frontier 0
                 raw a at 0
                 written a at 5
                 frontier {frontier}
                 raw a at 10001"
            ),
            &format!("0/0: delivered 1\n10/0: {repeated}"),
        );
    }
}

#[test]
fn a_row_that_comes_again_is_known_for_a_horizon_from_then_on() {
    check(
        "frontier 0
         raw a at 0
         written a at 5
         frontier 10000
         written a at 10000
         frontier 20000
         raw a at 20000",
        "duplicate a row:a at 10000
         0/0: delivered 1
         10/0: duplicate 1
         20/0: repeated 1",
    );
    // Not so late that it would have to take another place.
    check(
        "frontier 0
         raw a at 0
         written a at 5
         frontier 4000
         written a at 4000
         frontier 14000
         raw a at 14000",
        "duplicate a row:a at 4000
         0/0: delivered 1
         4/0: duplicate 1
         14/0: repeated 1",
    );
}

#[test]
fn as_many_keys_are_known_as_the_bound_says_and_the_horizon_tells_what_it_costs() {
    check(
        "keys 3
         frontier 0
         raw a at 0 unjudged
         frontier 1
         raw b at 1 unjudged
         frontier 2
         raw c at 2 unjudged
         frontier 10
         gauges
         raw d at 10 unjudged
         gauges
         raw a at 11",
        "waiting 0 early 0 comparing 0 recalling 0 oldest none known 3 for 10000 landed never
         waiting 0 early 0 comparing 0 recalling 0 oldest none known 3 for 10 landed never
         0/0: unjudged 4 pending 1
         held: 1",
    );
}

#[test]
fn copies_beyond_those_that_are_put_aside_for_an_answer_are_repeated_at_once() {
    let steps = "raw a at 10\n".repeat(70);
    check(
        &format!("unlanded a\n{steps}gauges"),
        "recall a
         waiting 1 early 0 comparing 0 recalling 1 oldest none known 0 for 10000 landed never
         0/0: repeated 6 pending 64
         held: 64",
    );
    check(
        &format!("unlanded a\n{steps}recalled a no\nwritten a at 20"),
        "recall a
         0/0: delivered 1 repeated 69",
    );
}

fn shard() -> Shard {
    Shard::new(ShardConfig {
        deadlines: Deadlines {
            default_ms: 100,
            by_schema: Vec::new(),
        },
        window_ms: 1_000,
        unexpected_grace_ms: 30,
        horizon_ms: 1_000,
        settled_max: 1_000,
        latency_bounds_ms: Vec::new(),
        disputes_max: 1 << 16,
        writer_replaces: false,
        watched_since_ms: 0,
    })
}

fn raw(key: u128, arrived_ms: i64) -> RawObservation {
    RawObservation {
        key: Fingerprint(key),
        form: Form::NONE,
        arrived_ms,
        payload: PayloadRef(0),
        schema: SchemaId(0),
        judgement: Judgement::Expected,
        reason: ReasonId(0),
        generation: Generation(0),
    }
}

fn row(key: u128, landed_ms: i64) -> WrittenObservation {
    WrittenObservation {
        key: Fingerprint(key),
        form: Form::NONE,
        earliest_ms: landed_ms,
        arrived_ms: landed_ms,
        schema: SchemaId(0),
        row: 0,
        payload: PayloadRef::NONE,
        generation: Generation(0),
    }
}

fn missing(effects: &[Effect]) -> Vec<i64> {
    let arrived = effects.iter().filter_map(|effect| match effect {
        Effect::Missing { arrived_ms, .. } => Some(*arrived_ms),
        _ => None,
    });
    arrived.collect()
}

#[test]
fn an_event_far_out_of_order_holds_up_none_that_is_older() {
    let mut shard = shard();
    let mut effects = Vec::new();
    for number in 0..200_u32 {
        shard.raw(
            &raw(u128::from(number) << 40, i64::from(number)),
            &mut effects,
        );
    }
    shard.raw(&raw(1_000 << 40, 50), &mut effects);
    let mut at = |written_ms| {
        effects.clear();
        let frontier = Frontier {
            raw_ms: i64::MIN,
            written_ms,
        };
        shard.advance(frontier, &mut effects);
        missing(&effects)
    };
    assert_eq!(at(130), (0..=30).collect::<Vec<_>>());
    // It is found late, and none is ever found early.
    let found: Vec<i64> = [180, 299].into_iter().flat_map(&mut at).collect();
    assert_eq!(found.len(), 170);
    assert_eq!(found.iter().filter(|arrived| **arrived == 50).count(), 2);
}

/// What a remembered key is known by are 64 of its 128 bits.
#[test]
fn keys_that_wait_are_told_apart_by_all_of_their_bits() {
    let mut shard = shard();
    let mut effects = Vec::new();
    for bit in [0, 31, 32, 63, 64, 95, 96, 127] {
        shard.raw(&raw(1 << bit, 0), &mut effects);
    }
    assert_eq!(shard.gauges().pending, 8);
    shard.written(&row(1 << 96, 10), &mut effects);
    let frontier = Frontier {
        raw_ms: 500,
        written_ms: 500,
    };
    shard.advance(frontier, &mut effects);
    let is_missing = |key: u128| {
        let of_key =
            |effect: &Effect| matches!(effect, Effect::Missing { key: it, .. } if it.0 == key);
        effects.iter().any(of_key)
    };
    for bit in [0, 31, 32, 63, 64, 95, 127] {
        assert!(is_missing(1 << bit), "bit {bit}");
    }
    assert!(!is_missing(1 << 96));
}

#[test]
fn steady_traffic_beside_one_that_waits_takes_no_more_memory() {
    let mut shard = shard();
    let mut effects = Vec::new();
    shard.raw(&raw(7 << 100, 0), &mut effects);
    let mut after_some = 0;
    for number in 1..40_000_u64 {
        let key = u128::from(number) << 40;
        shard.raw(&raw(key, 0), &mut effects);
        shard.written(&row(key, 1), &mut effects);
        effects.clear();
        if number == 4_000 {
            after_some = shard.gauges().memory_bytes;
        }
    }
    assert_eq!(shard.gauges().pending, 1);
    assert!(shard.gauges().memory_bytes <= after_some);
}
