//! How far a frontier moves, by looks at sockets, pauses and what the kernel holds.

use super::*;
use crate::flow::InFlight;
use Ahead::{Nothing, Something, Unknown};
use landfall_ledger::Stream;

fn watermark(hwm_frames: u32) -> (InFlight, Watermark) {
    let in_flight = InFlight::default();
    let progress = in_flight.add_source(Stream::Raw, 0);
    (in_flight, Watermark::new(progress, hwm_frames))
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// What a source does, at so many milliseconds.
#[derive(Clone, Copy)]
enum Did {
    /// Rests until then, and for no longer than it asked for.
    Rests(u64),
    /// Does not run until then, and had asked to rest for this part of the time.
    Pauses(u64, u64),
    /// Reads so many frames.
    Reads(u64),
    /// Finds the queue empty; the frontier is there then.
    Looks(Ahead, i64),
}
use Did::{Looks, Pauses, Reads, Rests};

/// Goes through what a source does, at a high-water mark of 100 frames.
fn assert_frontiers(name: &str, story: &[Did]) {
    let (in_flight, mut mark) = watermark(100);
    let start = Instant::now();
    let mut at = 1;
    for (step, did) in story.iter().enumerate() {
        match *did {
            Rests(until) => {
                mark.rests(ms(until - at));
                at = until;
            }
            Pauses(until, wanted) => {
                mark.rests(ms(wanted));
                at = until;
            }
            Reads(frames) => (0..frames).for_each(|_| mark.read()),
            Looks(ahead, frontier_ms) => {
                mark.seen_empty(Look {
                    before_ms: at as i64,
                    ahead,
                    now: start + ms(at),
                });
                let reported_ms = in_flight.frontier(Stream::Raw);
                assert_eq!(reported_ms, frontier_ms, "{name}: step {step}, at {at} ms");
            }
        }
        if !matches!(did, Rests(_)) && !matches!(did, Pauses(..)) {
            mark.awake(start + ms(at));
        }
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn the_frontier_moves_only_to_looks_before_which_nothing_can_be_unread() {
    let stories: [(&str, &[Did]); 13] = [
        (
            "a quiet source",
            &[
                Looks(Nothing, 1),
                Rests(50),
                Looks(Nothing, 50),
                Rests(550),
                Looks(Nothing, 550),
            ],
        ),
        (
            "bytes in the kernel, for as long as it takes",
            &[
                Looks(Nothing, 1),
                Rests(50),
                Looks(Something, 1),
                Rests(500),
                Looks(Something, 1),
                Rests(5000),
                Looks(Something, 1),
                Rests(5050),
                Looks(Nothing, 5050),
            ],
        ),
        (
            "nobody can be asked: the look before the last chance",
            &[
                Looks(Unknown, 0),
                Rests(50),
                Looks(Unknown, 0),
                Rests(100),
                Looks(Unknown, 0),
                Rests(101),
                Looks(Unknown, 1),
                Rests(350),
                Looks(Unknown, 101),
            ],
        ),
        (
            "the library's thread is at work at one look",
            &[
                Looks(Nothing, 1),
                Rests(50),
                Looks(Unknown, 1),
                Rests(100),
                Looks(Nothing, 100),
            ],
        ),
        (
            "what the kernel holds came after a look that could not ask the thread",
            &[
                Looks(Unknown, 0),
                Rests(60),
                Looks(Something, 0),
                Rests(120),
                Looks(Something, 1),
                Rests(500),
                Looks(Something, 1),
            ],
        ),
        (
            "a pause is no chance",
            &[
                Looks(Unknown, 0),
                Rests(50),
                Looks(Unknown, 0),
                Pauses(200, 49),
                Looks(Unknown, 0),
                Rests(250),
                Looks(Unknown, 0),
                Rests(302),
                Looks(Unknown, 1),
            ],
        ),
        (
            "a pause while it rests: twice as long until all is believed again",
            &[
                Looks(Nothing, 1),
                Pauses(900, 49),
                Looks(Nothing, 1),
                Rests(1700),
                Looks(Nothing, 1),
                Rests(1750),
                Looks(Nothing, 1750),
            ],
        ),
        (
            "a pause that begins while it does not rest",
            &[
                Looks(Nothing, 1),
                Pauses(102, 0),
                Looks(Nothing, 1),
                Rests(202),
                Looks(Nothing, 1),
                Rests(203),
                Looks(Nothing, 203),
            ],
        ),
        (
            "a busy machine is no pause",
            &[
                Looks(Nothing, 1),
                Pauses(101, 0),
                Looks(Nothing, 101),
                Pauses(301, 100),
                Looks(Nothing, 301),
            ],
        ),
        (
            "a long pause is settled as soon as a flood",
            &[
                Looks(Nothing, 1),
                Pauses(60_000, 50),
                Looks(Nothing, 1),
                Rests(60_999),
                Looks(Nothing, 1),
                Rests(61_000),
                Looks(Nothing, 61_000),
            ],
        ),
        (
            "a pause with what the kernel got meanwhile",
            &[
                Looks(Nothing, 1),
                Pauses(500, 49),
                Looks(Something, 1),
                Reads(40),
                Looks(Nothing, 1),
                Rests(949),
                Looks(Something, 1),
                Reads(1),
                Rests(960),
                Looks(Nothing, 960),
            ],
        ),
        (
            "a pause after a pause, before it has settled",
            &[
                Looks(Nothing, 1),
                Pauses(501, 0),
                Looks(Nothing, 1),
                Pauses(801, 0),
                Looks(Nothing, 1),
                Rests(1100),
                Looks(Nothing, 1),
                Rests(1101),
                Looks(Nothing, 1101),
            ],
        ),
        (
            "a flood",
            &[
                Reads(50),
                Looks(Nothing, 0),
                Reads(10),
                Rests(500),
                Looks(Nothing, 0),
                Rests(1001),
                Looks(Nothing, 1001),
            ],
        ),
    ];
    for (name, story) in stories {
        assert_frontiers(name, story);
    }
}

#[test]
fn floods_without_end_let_the_frontier_follow_behind() {
    for ahead in [Nothing, Unknown] {
        let (in_flight, mut mark) = watermark(2);
        let start = Instant::now();
        for turn in 0..50u32 {
            mark.read();
            let at_ms = i64::from(turn) * 100;
            mark.seen_empty(Look {
                before_ms: at_ms,
                ahead,
                now: start + SETTLE / 10 * turn,
            });
            let behind = at_ms - in_flight.frontier(Stream::Raw);
            assert!(
                (0..=2_000).contains(&behind),
                "{behind} ms behind at {at_ms}"
            );
        }
    }
}

#[test]
fn without_a_high_water_mark_the_library_never_stops_reading() {
    let (in_flight, mut mark) = watermark(0);
    (0..1_000_000).for_each(|_| mark.read());
    mark.seen_empty(Look {
        before_ms: 7,
        ahead: Nothing,
        now: Instant::now(),
    });
    assert_eq!(in_flight.frontier(Stream::Raw), 7);
}
