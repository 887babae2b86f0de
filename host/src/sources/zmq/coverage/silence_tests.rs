//! What a network that lets nothing through for a while does to coverage.

use landfall_ledger::Stream;

use super::tests::Step::{Acknowledged, Alive, Dead, Frame, Paused};
use super::tests::{ROOM_BYTES, SETTLE_MS, Step, after, after_with_room};
use super::*;
use crate::flow::InFlight;

/// A network is silent for so long, and lets this many bytes through over two looks. The holes after the first one, and up
/// to when the progress may move by the last look that waits, and by the next one.
fn after_silence(silent_ms: u64, bytes: usize) -> (Vec<(i64, i64, HoleCause)>, [i64; 2]) {
    let over = 2_000 + silent_ms + 20;
    let end = over + (silent_ms + 20).min(10_000);
    let steps = [
        (200, Alive(1)),
        (300, Frame(1, 9)),
        (1_000, Acknowledged(1, 0)),
        (2_000, Acknowledged(1, 0)),
        (2_000 + silent_ms, Acknowledged(1, silent_ms)),
        (over - 10, Frame(1, bytes / 2)),
        (over, Acknowledged(1, 0)),
        (over + 500, Frame(1, bytes - bytes / 2)),
        (end - 1, Acknowledged(1, 0)),
        (end, Acknowledged(1, 0)),
    ];
    let [first, second] = [&steps[..9], &steps].map(after);
    assert_eq!(first.0.len(), 1, "{first:?}");
    (second.0[1..].to_vec(), [first.1, second.1])
}

#[test]
fn a_network_that_lets_nothing_through_may_make_the_publisher_drop_what_its_kernel_has_no_room_for()
{
    let room = usize::try_from(PUBLISHER_ROOM_BYTES).unwrap();
    let hole = |to_ms: i64| vec![(2_000, to_ms, HoleCause::Unanswered)];
    // Too short to be noticed: it is as if nothing had happened.
    assert_eq!(after_silence(1_480, room), (Vec::new(), [4_999, 5_000]));
    // It may take as long again until the other end tries once more.
    assert_eq!(after_silence(1_501, room - 1), (Vec::new(), [2_000, 5_042]));
    assert_eq!(after_silence(1_501, room), (hole(5_042), [2_000, 5_042]));
    assert_eq!(after_silence(9_000, room), (hole(20_040), [2_000, 20_040]));
}

#[test]
fn a_pause_of_our_own_is_no_silence_of_the_network() {
    let room = usize::try_from(PUBLISHER_ROOM_BYTES).unwrap();
    let steps = |pause: (u64, Step)| {
        let steps = [
            (200, Alive(1)),
            (300, Frame(1, 9)),
            (1_000, Acknowledged(1, 0)),
            pause,
            (4_010, Frame(1, room / 2)),
            (4_020, Acknowledged(1, 0)),
            (4_500, Frame(1, room)),
            (4_510, Acknowledged(1, 0)),
        ];
        let (holes, limit_ms, _) = after_with_room(&steps, 1 << 20);
        (holes.len(), limit_ms)
    };
    // The thread slept, or had to wait for room: nobody asked the network meanwhile.
    assert_eq!(steps((4_000, Paused(3_000))), (1, 4_510));
    assert_eq!(steps((4_000, Frame(1, 1))), (1, 4_510));
}

#[test]
fn what_is_still_held_back_when_a_connection_ends_is_lost() {
    let steps = [
        (200, Alive(1)),
        (300, Frame(1, 9)),
        (1_000, Acknowledged(1, 0)),
        (4_000, Acknowledged(1, 3_000)),
        (4_020, Acknowledged(1, 0)),
        (4_500, Dead(1)),
    ];
    let (holes, limit_ms, _) = after(&steps);
    assert_eq!(holes[1..], [(1_000, 4_500, HoleCause::Unanswered)]);
    assert_eq!(limit_ms, 4_500);
}

#[test]
fn a_network_that_is_silent_again_before_it_let_all_through_leaves_no_time_unseen() {
    let steps = [
        (200, Alive(1)),
        (300, Frame(1, 9)),
        (1_000, Acknowledged(1, 0)),
        (4_000, Acknowledged(1, 3_000)),
        (5_000, Acknowledged(1, 0)),
        (7_000, Acknowledged(1, 2_000)),
        (15_100, Acknowledged(1, 10_100)),
    ];
    let (holes, limit_ms, _) = after(&steps[..6]);
    assert_eq!((holes.len(), limit_ms), (1, 1_000));
    let (holes, limit_ms, _) = after(&steps);
    assert_eq!(holes[1..], [(1_000, 15_100, HoleCause::Unanswered)]);
    assert_eq!(limit_ms, 15_100);
}

#[test]
fn what_a_network_held_back_may_have_come_since_it_did() {
    let in_flight = InFlight::default();
    let progress = in_flight.add_source(Stream::Raw, 100);
    let status = Arc::new(SourceStatus::new(Stream::Raw, "tcp://10.0.0.1:1"));
    let settle = Duration::from_millis(SETTLE_MS);
    let mut coverage = ConnectionCoverage::new(Arc::clone(&progress), status, settle, 100, 1.0);
    let start = Instant::now();
    let mut look = |at: u64, ago: u64| {
        let before_ms = i64::try_from(at).unwrap();
        let limit_ms = coverage.look(ConnectionLook {
            before_ms,
            now: start + Duration::from_millis(at),
            is_empty: true,
            room_bytes: ROOM_BYTES,
            connections: 1,
            is_alive: true,
            acknowledged: Some(Duration::from_millis(ago)),
        });
        progress.reach(limit_ms.min(before_ms));
        progress.earliest_ms()
    };
    assert_eq!(look(200, 0), 200);
    assert_eq!(look(1_000, 0), 1_000);
    assert_eq!(look(2_000, 0), 2_000);
    assert_eq!(look(11_000, 9_000), 2_000);
    // Time moves on, and what comes all the same may have come before.
    assert_eq!(look(13_000, 11_000), 2_000);
    assert_eq!(progress.get_ms(), 13_000);
    assert_eq!(look(13_100, 0), 2_000);
    assert_eq!(look(23_099, 0), 2_000);
    assert_eq!(look(23_100, 0), 23_100);
    let delays = in_flight.readings().raw_delays;
    assert!(delays.hole_within(24_099, 24_099).is_some());
    assert!(delays.hole_within(24_100, i64::MAX).is_none());
}
