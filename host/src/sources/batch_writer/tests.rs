//! When a batch is handed on, and what becomes of it at the end.

use super::*;
use crate::flow::queue::{Bound, channel};

#[test]
fn asked_to_end_a_source_waits_for_room_only_so_long_and_no_frontier_passes_what_is_left() {
    let (mut senders, batches) = channel(&[Bound {
        bytes_max: 1,
        items_max: 1,
    }]);
    let (in_flight, stop) = (InFlight::default(), ShutdownRequest::default());
    let context = SourceContext {
        stream: Stream::Written,
        clock: Clock::start(1.0, None),
        in_flight: in_flight.clone(),
        queue: senders.remove(0),
        limits: BatchLimits {
            rows_max: 10,
            bytes_max: 1000,
            wait: Duration::ZERO,
            wait_max: Duration::ZERO,
        },
        frame_bytes_max: 100,
        stop: stop.clone(),
    };
    let stats = Arc::new(SourceStatus::new(Stream::Written, "here"));
    let mut batch_writer = BatchWriter::new(context, 0, stats);
    batch_writer.hand_on_max = Duration::from_millis(1);
    let began_ms = batch_writer.progress().get_ms();
    batch_writer.push(b"first", || {}).unwrap();
    batch_writer.hand_on(|| {}).unwrap();
    batch_writer.push(b"second", || {}).unwrap();
    batch_writer.push(b"third", || {}).unwrap();
    stop.set();
    let left = batch_writer.hand_on(|| {}).unwrap_err();
    assert!(
        matches!(&left, SourceError::GivenUp { endpoint, frames: 2 } if endpoint == "here"),
        "{left}"
    );
    drop(batches.recv());
    batch_writer.progress().finish();
    assert_eq!(in_flight.frontier(Stream::Written), began_ms);
}

#[test]
fn no_frontier_passes_the_frames_of_a_source_that_fails() {
    let (mut senders, _batches) = channel(&[Bound {
        bytes_max: 1000,
        items_max: 1,
    }]);
    let in_flight = InFlight::default();
    let context = SourceContext {
        stream: Stream::Written,
        clock: Clock::start(1.0, None),
        in_flight: in_flight.clone(),
        queue: senders.remove(0),
        limits: BatchLimits {
            rows_max: 10,
            bytes_max: 1000,
            wait: Duration::ZERO,
            wait_max: Duration::ZERO,
        },
        frame_bytes_max: 100,
        stop: ShutdownRequest::default(),
    };
    let stats = Arc::new(SourceStatus::new(Stream::Written, "here"));
    let mut batch_writer = BatchWriter::new(context, 0, stats);
    let began_ms = batch_writer.progress().get_ms();
    batch_writer.push(b"frame", || {}).unwrap();
    batch_writer.progress().finish();
    drop(batch_writer);
    assert_eq!(in_flight.frontier(Stream::Written), began_ms);
    let unapplied = in_flight.unapplied(Stream::Written).into_iter();
    assert!(unapplied.eq([(Unapplied::SourceFailed, 1)]));
}

#[test]
fn a_lone_frame_waits_less_than_one_of_many() {
    let ms = Duration::from_millis;
    let (wait, hour) = (ms(100), Duration::from_secs(3600));
    // By Landfall's clock, but no longer than a source may sleep.
    for (speed, wait_max, long) in [
        (1.0, ms(250), ms(250)),
        (1.0, hour, BATCH_WAIT_MAX),
        (2.0, ms(500), ms(250)),
        (5000.0, ms(250), wait),
        (0.001, ms(250), BATCH_WAIT_MAX),
    ] {
        let (mut senders, _batches) = channel(&[Bound {
            bytes_max: 1000,
            items_max: 1,
        }]);
        let context = SourceContext {
            stream: Stream::Raw,
            clock: Clock::start(speed, None),
            in_flight: InFlight::default(),
            queue: senders.remove(0),
            limits: BatchLimits {
                rows_max: 100,
                bytes_max: 1000,
                wait,
                wait_max,
            },
            frame_bytes_max: 100,
            stop: ShutdownRequest::default(),
        };
        let stats = Arc::new(SourceStatus::new(Stream::Raw, "here"));
        let mut batch_writer = BatchWriter::new(context, 0, stats);
        assert_eq!(
            (batch_writer.wait_max(), batch_writer.patience()),
            (long, None)
        );
        let began = Instant::now();
        for frames in 1..=2 * CROWD_ROWS {
            assert!(!batch_writer.push(b"frame", || {}).unwrap());
            let limit = if frames == 1 { wait } else { long };
            let left = batch_writer.patience().unwrap();
            assert!(left <= limit && left >= limit.saturating_sub(began.elapsed()));
            assert_eq!(batch_writer.is_steady(), frames >= CROWD_ROWS);
        }
        batch_writer.hand_on(|| {}).unwrap();
        assert!(batch_writer.patience().is_none() && !batch_writer.is_steady());
    }
}

#[test]
fn at_the_end_of_a_flood_a_batch_waits_no_longer_than_the_one_before_it_would_take_to_fill() {
    let ms = Duration::from_millis;
    let second = Duration::from_secs(1);
    let (wait, wait_max) = (ms(100), ms(400));
    let (mut senders, batches) = channel(&[Bound {
        bytes_max: 10_000,
        items_max: 100,
    }]);
    let limits = BatchLimits {
        rows_max: 5,
        bytes_max: 100,
        wait,
        wait_max,
    };
    let context = SourceContext {
        stream: Stream::Raw,
        clock: Clock::start(1.0, None),
        in_flight: InFlight::default(),
        queue: senders.remove(0),
        limits,
        frame_bytes_max: 100,
        stop: ShutdownRequest::default(),
    };
    let stats = Arc::new(SourceStatus::new(Stream::Raw, "here"));
    let mut batch_writer = BatchWriter::new(context, 0, stats);
    let fill = |batch_writer: &mut BatchWriter, frames: usize, bytes: usize| {
        for _ in 0..frames {
            batch_writer.push(&vec![b'x'; bytes], || {}).unwrap();
        }
    };

    // The fill time after a batch of so many frames and bytes that came in a second.
    for (frames, bytes, fills_in) in [
        (1, 5, 5 * second),
        (4, 5, 5 * second / 4),
        (5, 5, second),
        (1, 50, 2 * second),
        (2, 50, second),
        (1, 100, second),
    ] {
        fill(&mut batch_writer, frames, bytes);
        batch_writer.hand_on(|| {}).unwrap();
        let batch = batches.recv().unwrap();
        let computed = limits.fills_in(&batch, second);
        assert!(
            computed.abs_diff(fills_in) < ms(1),
            "{frames} {bytes}: {computed:?}"
        );
    }

    // A batch counts from when its frames may have come. So does the next one, if its frames
    // were read together with them; a batch without room for the next frame is handed on as
    // well.
    let since = Instant::now() - second;
    batch_writer.came_since(Some(since));
    fill(&mut batch_writer, 2, 60);
    assert!(batch_writer.fills_in.unwrap() >= second * 8 / 5);
    batch_writer.hand_on(|| {}).unwrap();
    assert!(batch_writer.fills_in.unwrap() >= second);
    batch_writer.came_since(None);
    fill(&mut batch_writer, 5, 1);
    batch_writer.hand_on(|| {}).unwrap();
    assert!(batch_writer.fills_in.unwrap() < since.elapsed());

    for (fills_in, waits) in [
        (None, wait_max),
        (Some(ms(0)), wait),
        (Some(ms(50)), wait),
        (Some(ms(51)), ms(102)),
        (Some(ms(199)), ms(398)),
        (Some(ms(200)), wait_max),
        (Some(Duration::MAX), wait_max),
    ] {
        batch_writer.fills_in = fills_in;
        fill(&mut batch_writer, 1, 5);
        assert_eq!(batch_writer.wait(), wait, "{fills_in:?}");
        fill(&mut batch_writer, 1, 5);
        assert_eq!(batch_writer.wait(), waits, "{fills_in:?}");
        // No batch of a flood belongs to a steady stream.
        fill(&mut batch_writer, CROWD_ROWS, 1);
        assert_eq!(batch_writer.is_steady(), waits == wait_max, "{fills_in:?}");
        batch_writer.filling = None;
    }
}
