//! What a source did not see, by looks at its connection.

use landfall_ledger::Stream;

use super::*;
use crate::flow::InFlight;

pub(super) const SETTLE_MS: u64 = 1_000;
pub(super) const ROOM_BYTES: u64 = 1_000;

/// What happens at an endpoint, at so many milliseconds. A source begins at 100.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// A look while the first, second, ... connection is alive.
    Alive(u64),
    /// A look without a live connection, after so many were made.
    Dead(u64),
    /// A look at a connection over a network, acknowledged so long ago.
    Acknowledged(u64, u64),
    /// A frame of so many bytes over that connection.
    Frame(u64, usize),
    /// The source has not run for so long.
    Paused(u64),
    /// The machine was suspended for so long.
    Suspended(u64),
    /// A look at the first connection while more waits in the kernel or in the library.
    Behind,
}
use Step::{Acknowledged, Alive, Behind, Dead, Frame, Paused, Suspended};

/// The holes after all steps, and how far the last look lets the progress move.
pub(super) fn after(steps: &[(u64, Step)]) -> (Vec<(i64, i64, HoleCause)>, i64, bool) {
    after_with_room(steps, ROOM_BYTES)
}

/// The same, with so many bytes of room in our kernel.
pub(super) fn after_with_room(
    steps: &[(u64, Step)],
    room_bytes: u64,
) -> (Vec<(i64, i64, HoleCause)>, i64, bool) {
    let in_flight = InFlight::default();
    let progress = in_flight.add_source(Stream::Written, 100);
    let status = Arc::new(SourceStatus::new(Stream::Written, "tcp://127.0.0.1:1"));
    let settle = Duration::from_millis(SETTLE_MS);
    let mut coverage = ConnectionCoverage::new(progress, Arc::clone(&status), settle, 100, 1.0);
    let start = Instant::now();
    let mut limit_ms = 0;
    for &(at, step) in steps {
        let at_ms = i64::try_from(at).unwrap();
        let look = |connections, is_alive, acknowledged| ConnectionLook {
            before_ms: at_ms,
            now: start + Duration::from_millis(at),
            is_empty: true,
            room_bytes,
            connections,
            is_alive,
            acknowledged,
        };
        match step {
            Alive(connections) => limit_ms = coverage.look(look(connections, true, None)),
            Dead(connections) => limit_ms = coverage.look(look(connections, false, None)),
            Acknowledged(connections, ago) => {
                let ago = Duration::from_millis(ago);
                limit_ms = coverage.look(look(connections, true, Some(ago)));
            }
            Frame(connections, bytes) => coverage.frame(bytes, connections, || at_ms),
            Paused(length) => {
                let now = start + Duration::from_millis(at);
                coverage.paused(Duration::from_millis(length), at_ms, now);
            }
            Suspended(length) => {
                let now = start + Duration::from_millis(at);
                coverage.suspended(Duration::from_millis(length), at_ms, now);
            }
            Behind => {
                let behind = ConnectionLook {
                    is_empty: false,
                    ..look(1, true, None)
                };
                limit_ms = coverage.look(behind);
            }
        }
    }
    let coverage = in_flight.coverage().written;
    let holes = coverage.holes().iter();
    let holes = holes.map(|hole| (hole.from_ms, hole.to_ms, hole.cause));
    (holes.skip(1).collect(), limit_ms, status.is_seeing())
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn a_hole_lasts_from_the_last_proof_of_life_to_the_first_frame_or_the_settling_time() {
    use HoleCause::{Disconnected, NeverConnected, Paused as WasPaused, Unanswered};
    let full = usize::try_from(ROOM_BYTES).unwrap();
    let seeing = [(200, Alive(1)), (300, Frame(1, 9)), (400, Alive(1))];
    let first = (101, 300, NeverConnected);
    type Story<'a> = (
        &'a str,
        &'a [(u64, Step)],
        &'a [(i64, i64, HoleCause)],
        i64,
        bool,
    );
    let stories: [Story<'_>; 15] = [
        (
            "nobody answers",
            &[(200, Dead(0)), (900, Dead(0))],
            &[(101, 900, NeverConnected)],
            900,
            false,
        ),
        (
            "a quiet publisher settles",
            &[
                (200, Alive(1)),
                (1_199, Alive(1)),
                (1_200, Alive(1)),
                (1_300, Alive(1)),
            ],
            &[(101, 1_200, NeverConnected)],
            1_300,
            false,
        ),
        (
            "not yet",
            &[(200, Alive(1)), (1_199, Alive(1))],
            &[(101, 1_199, NeverConnected)],
            1_199,
            false,
        ),
        ("the first frame", &seeing, &[first], 400, false),
        (
            "a frame before any look",
            &[(300, Frame(1, 9)), (400, Alive(1))],
            &[first],
            400,
            false,
        ),
        (
            "it is lost",
            &[
                seeing[0],
                seeing[1],
                seeing[2],
                (900, Dead(1)),
                (950, Dead(1)),
            ],
            &[first, (400, 950, Disconnected)],
            950,
            false,
        ),
        (
            "lost and made anew between two looks",
            &[seeing[0], seeing[1], seeing[2], (900, Alive(2))],
            &[first, (400, 900, Disconnected)],
            900,
            false,
        ),
        (
            "and settled",
            &[
                seeing[0],
                seeing[1],
                seeing[2],
                (900, Alive(2)),
                (1_950, Alive(2)),
                (2_000, Alive(2)),
            ],
            &[first, (400, 1_950, Disconnected)],
            2_000,
            false,
        ),
        (
            "a frame over the next one",
            &[
                seeing[0],
                seeing[1],
                seeing[2],
                (900, Alive(2)),
                (920, Frame(2, 9)),
                (950, Alive(2)),
            ],
            &[first, (400, 920, Disconnected)],
            950,
            false,
        ),
        (
            "lost again while it settles",
            &[
                seeing[0],
                seeing[1],
                seeing[2],
                (900, Alive(2)),
                (1_500, Alive(3)),
                (2_000, Alive(3)),
            ],
            &[first, (400, 2_000, Disconnected)],
            2_000,
            false,
        ),
        (
            "time stands still at the last acknowledgement",
            &[
                (200, Alive(1)),
                (300, Frame(1, 9)),
                (2_000, Acknowledged(1, 700)),
            ],
            &[first],
            1_300,
            true,
        ),
        (
            "nothing is acknowledged",
            &[
                (300, Frame(1, 9)),
                (2_000, Acknowledged(1, 0)),
                (12_100, Acknowledged(1, 10_100)),
            ],
            &[first, (2_000, 12_100, Unanswered)],
            12_100,
            false,
        ),
        (
            "and then it is, over the same connection",
            &[
                (300, Frame(1, 9)),
                (1_000, Acknowledged(1, 0)),
                (2_000, Acknowledged(1, 0)),
                (12_100, Acknowledged(1, 10_100)),
                (12_200, Acknowledged(1, 50)),
                (12_300, Acknowledged(1, 10)),
            ],
            &[first, (2_000, 12_150, Unanswered)],
            // It may still let something through.
            2_000,
            false,
        ),
        (
            "a pause with room left",
            &[
                seeing[0],
                seeing[1],
                seeing[2],
                (3_000, Paused(2_500)),
                (3_001, Frame(1, full - 1)),
                (3_100, Alive(1)),
            ],
            &[first],
            3_100,
            true,
        ),
        (
            "a pause with none",
            &[
                seeing[0],
                seeing[1],
                seeing[2],
                (3_000, Paused(2_500)),
                (3_001, Frame(1, full)),
                (3_100, Alive(1)),
            ],
            &[first, (500, 3_100, WasPaused)],
            3_100,
            true,
        ),
    ];
    for (name, steps, holes, limit_ms, is_seeing) in stories {
        let expected = (holes.to_vec(), limit_ms, is_seeing);
        assert_eq!(after(steps), expected, "{name}");
    }
}

#[test]
fn what_was_before_the_start_is_a_hole() {
    let in_flight = InFlight::default();
    let progress = in_flight.add_source(Stream::Raw, 100);
    let status = Arc::new(SourceStatus::new(Stream::Raw, "tcp://127.0.0.1:1"));
    ConnectionCoverage::new(progress, status, Duration::ZERO, 100, 1.0);
    let hole = Hole {
        from_ms: i64::MIN,
        to_ms: 100,
        cause: HoleCause::NotRunning,
    };
    assert_eq!(in_flight.coverage().raw.holes(), [hole]);
}

#[test]
fn it_sees_everything_of_what_comes_from_a_second_after_a_hole() {
    let last = |at: u64| after(&[(300, Frame(1, 9)), (400, Alive(1)), (at, Alive(1))]).2;
    assert!(!last(1_299));
    assert!(last(1_300));
    let lost = [(300, Frame(1, 9)), (1_300, Alive(1)), (1_400, Dead(1))];
    assert!(!after(&lost).2);
}

#[test]
fn until_it_has_caught_up_with_a_pause_time_stands_still_and_all_bytes_count() {
    let half = usize::try_from(ROOM_BYTES / 2).unwrap();
    let begin = [
        (300, Frame(1, 9)),
        (2_000, Alive(1)),
        (5_000, Paused(2_500)),
    ];
    let with = |steps: &[(u64, Step)]| after(&[&begin[..], steps].concat());
    let (holes, limit_ms, _) = with(&[(5_001, Frame(1, half)), (5_010, Behind)]);
    assert_eq!((holes.len(), limit_ms), (1, 2_500));
    let (holes, limit_ms, _) = with(&[
        (5_001, Frame(1, half)),
        (5_010, Behind),
        (5_020, Frame(1, half)),
        (5_030, Alive(1)),
    ]);
    let hole = (2_500, 5_030, HoleCause::Paused);
    assert_eq!((holes.last(), limit_ms), (Some(&hole), 5_030));
    // It may never be seen to be empty.
    let (holes, limit_ms, _) = with(&[(5_001, Frame(1, half)), (5_999, Behind), (6_000, Behind)]);
    assert_eq!((holes.len(), limit_ms), (1, 6_000));
}

#[test]
fn a_pause_that_follows_another_is_caught_up_with_too() {
    let all = usize::try_from(ROOM_BYTES).unwrap();
    let (holes, limit_ms, _) = after(&[
        (300, Frame(1, 9)),
        (2_000, Alive(1)),
        (5_000, Paused(2_500)),
        (5_010, Behind),
        (8_000, Paused(2_900)),
        (8_010, Behind),
        (8_020, Frame(1, all)),
        (8_030, Alive(1)),
    ]);
    let hole = (2_500, 8_030, HoleCause::Paused);
    assert_eq!((holes.last(), limit_ms), (Some(&hole), 8_030));
}

#[test]
fn a_flood_without_a_pause_is_no_hole() {
    let full = usize::try_from(ROOM_BYTES).unwrap();
    let (holes, ..) = after(&[
        (300, Frame(1, 9)),
        (400, Alive(1)),
        (500, Frame(1, 2 * full)),
        (600, Alive(1)),
    ]);
    assert_eq!(holes.len(), 1, "{holes:?}");
}

#[test]
fn while_the_machine_was_suspended_nothing_was_seen_however_little_waited() {
    let first = (101, 300, HoleCause::NeverConnected);
    let seeing = [(300, Frame(1, 9)), (400, Alive(1))];
    let (holes, limit_ms, _) = after(&[seeing[0], seeing[1], (9_000, Suspended(8_000))]);
    assert_eq!(holes, [first, (400, 9_000, HoleCause::Paused)]);
    assert_eq!(limit_ms, 400);
    // The last look may have been long before.
    let (holes, ..) = after(&[seeing[0], seeing[1], (9_000, Suspended(8_650))]);
    assert_eq!(holes, [first, (350, 9_000, HoleCause::Paused)]);
    // Nothing was seen before either: the hole goes on with its cause.
    let (holes, ..) = after(&[(200, Dead(0)), (9_000, Suspended(8_000)), (9_100, Dead(0))]);
    assert_eq!(holes, [(101, 9_100, HoleCause::NeverConnected)]);
}

#[test]
fn what_is_read_after_a_pause_may_have_come_since_it_began() {
    let in_flight = InFlight::default();
    let progress = in_flight.add_source(Stream::Raw, 0);
    let status = Arc::new(SourceStatus::new(Stream::Raw, "tcp://127.0.0.1:1"));
    let mut coverage = ConnectionCoverage::new(progress, status, Duration::ZERO, 0, 1.0);
    coverage.reads_on(4_000);
    assert!(!coverage.is_catching_up());
    coverage.paused(Duration::from_millis(2_500), 5_000, Instant::now());
    coverage.reads_on(5_500);
    assert!(coverage.is_catching_up());
    let delays = in_flight.readings().raw_delays;
    let spans: Vec<_> = delays
        .holes()
        .iter()
        .map(|delay| (delay.from_ms, delay.to_ms))
        .collect();
    assert_eq!(spans, [(2_500, 6_500)]);
}
