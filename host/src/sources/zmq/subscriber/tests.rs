//! How frames gather into batches, and when a source sleeps and wakes.

use std::cell::Cell;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd as _;
use std::sync::Arc;

use landfall_ledger::{HoleCause, Stream};

use super::super::super::Publisher as _;
use super::super::connection_monitor::system_resolver;
use super::super::dial::Destination;
use super::super::library::tests::resting;
use super::super::tests::subscription;
use super::super::wake_ups::Connection;
use super::super::{Attach, ZmqPublisher};
use super::*;
use crate::clock::Clock;
use crate::flow::queue::{Bound, Receiver, channel};
use crate::flow::{BatchLimits, FrameBatch, InFlight, SourceStatus};
use crate::sources::SourceContext;

/// Far beyond what any of this takes.
const PATIENCE: Duration = Duration::from_secs(20);

fn publisher() -> (ZmqPublisher, String) {
    let publisher = ZmqPublisher::open("tcp://127.0.0.1:*", Attach::Bind, true).unwrap();
    let endpoint = publisher.socket.get_last_endpoint().unwrap().unwrap();
    (publisher, endpoint)
}

/// A source with a socket to which nobody sends, as if libzmq had read nothing yet. The source's
/// connection is a separate one, between `ours` and `theirs`.
struct Scene {
    source: Subscriber,
    ours: TcpStream,
    theirs: TcpStream,
    in_flight: InFlight,
    batches: Receiver<FrameBatch>,
}

/// A batch that others have come to waits so long, a lone frame as long in most scenes.
const WAIT_MAX: Duration = Duration::from_millis(40);

fn scene() -> Scene {
    scene_with(WAIT_MAX)
}

fn scene_with(wait: Duration) -> Scene {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("tcp://{}", listener.local_addr().unwrap());
    let ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let theirs = listener.accept().unwrap().0;
    let mut connection = Connection::default();
    connection.opened(ours.as_raw_fd(), &endpoint);

    let bound = Bound {
        bytes_max: 10_000,
        items_max: 10,
    };
    let (mut senders, batches) = channel(&[bound]);
    let (in_flight, stop) = (InFlight::default(), ShutdownRequest::default());
    let limits = BatchLimits {
        rows_max: 100,
        bytes_max: 1000,
        wait,
        wait_max: WAIT_MAX,
    };
    let context = SourceContext {
        stream: Stream::Raw,
        clock: Clock::start(1.0, None),
        in_flight: in_flight.clone(),
        queue: senders.remove(0),
        limits,
        frame_bytes_max: 10,
        stop: stop.clone(),
    };
    let stats = Arc::new(SourceStatus::new(Stream::Raw, &endpoint));
    stats.set_link(Link::Connected);
    let subscription = subscription(&endpoint);
    let named = Destination::parse(&endpoint).unwrap();
    let mut connection_monitor = ConnectionMonitor::new(
        &zmq::Context::new(),
        &subscription,
        named,
        system_resolver,
        Arc::clone(&stats),
    )
    .unwrap();
    connection_monitor.dial.connected(Instant::now());
    connection_monitor.connection = connection;
    connection_monitor.library = resting();
    let batch_writer = BatchWriter::new(context, 0, Arc::clone(&stats));
    let source = Subscriber {
        endpoint,
        index: 0,
        connection_monitor,
        watermark: Watermark::new(Arc::clone(batch_writer.progress()), 0),
        suspensions: Suspensions::new(suspended),
        coverage: ConnectionCoverage::new(
            Arc::clone(batch_writer.progress()),
            Arc::clone(&stats),
            Duration::ZERO,
            batch_writer.progress().get_ms(),
            1.0,
        ),
        batch_writer,
        stop,
        tick: NAP,
        parts: MessageParts::default(),
        refusals: Refusals::default(),
        pace: Pace::new(0, Instant::now()),
        wake_ups_deferred: false,
        is_steady: false,
        have_waited: false,
    };
    Scene {
        source,
        ours,
        theirs,
        in_flight,
        batches,
    }
}

thread_local! {
    /// For how long the machine was suspended, by the test's own word.
    static SUSPENDED: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

fn suspended() -> Duration {
    SUSPENDED.get()
}

#[test]
fn a_suspension_of_the_machine_is_a_hole_before_any_progress_passes_it() {
    const LENGTH: Duration = Duration::from_millis(50);
    let Scene {
        mut source,
        ours: _ours,
        theirs: _theirs,
        in_flight,
        ..
    } = scene();
    let mut message = zmq::Message::new();
    let holes = || in_flight.coverage().raw.holes().to_vec();
    // It has seen for longer than the suspension, so that the hole is one of its own.
    let began = Instant::now();
    while !source.coverage.is_seeing() || began.elapsed() < 4 * LENGTH {
        source.turn(&mut message).unwrap();
    }
    let (before, reached_ms) = (holes(), in_flight.frontier(Stream::Raw));
    SUSPENDED.set(LENGTH);
    source.turn(&mut message).unwrap();
    let all = holes();
    let hole = all.last().unwrap();
    assert_eq!(all.len(), before.len() + 1, "{all:?}");
    assert_eq!(hole.cause, HoleCause::Paused);
    let length_ms = hole.to_ms - hole.from_ms;
    assert!(length_ms >= LENGTH.as_millis() as i64, "{hole:?}");
    assert!(hole.to_ms >= in_flight.frontier(Stream::Raw), "{hole:?}");
    assert!(in_flight.frontier(Stream::Raw) >= reached_ms);
    source.turn(&mut message).unwrap();
    assert_eq!(holes(), all, "it is told once");
}

#[test]
fn of_a_steady_stream_all_that_comes_in_one_sleep_is_a_batch() {
    let Scene {
        mut source,
        mut ours,
        mut theirs,
        batches,
        ..
    } = scene();
    let push = |source: &mut Subscriber, frames: usize| {
        (0..frames).for_each(|_| assert!(!source.batch_writer.push(b"frame", || {}).unwrap()));
    };
    let taken = || {
        batches
            .recv_timeout(Duration::ZERO)
            .ok()
            .map(|batch| batch.rows())
    };

    // Nothing is known of the stream: it waits for a frame.
    source.rest().unwrap();
    assert!(!source.wake_ups_deferred && !source.have_waited);
    // Few frames that have waited are handed on, and show nothing about what comes next.
    push(&mut source, 2);
    source.have_waited = true;
    source.rest().unwrap();
    assert_eq!((taken(), source.is_steady), (Some(2), false));
    push(&mut source, 50);
    source.have_waited = true;
    source.rest().unwrap();
    assert_eq!((taken(), source.is_steady), (Some(50), true));

    // It was steady: what comes while it sleeps comes together, and has waited long enough.
    theirs.write_all(b"frames").unwrap();
    source.rest().unwrap();
    assert!(source.wake_ups_deferred && source.have_waited && !source.is_steady);
    ours.read_exact(&mut [0; 6]).unwrap();
    push(&mut source, 50);
    source.rest().unwrap();
    assert_eq!((taken(), source.is_steady), (Some(50), true));

    // A lone frame is the end of it, and so is none.
    source.rest().unwrap();
    push(&mut source, 1);
    source.rest().unwrap();
    assert_eq!((taken(), source.is_steady), (Some(1), false));
    source.is_steady = true;
    source.rest().unwrap();
    assert!(source.have_waited);
    source.rest().unwrap();
    assert!(!source.have_waited && !source.is_steady && taken().is_none());

    // Without a connection nothing gathers.
    source.connection_monitor.stats.set_link(Link::Retrying);
    source.is_steady = true;
    source.rest().unwrap();
    assert!(!source.have_waited && !source.is_steady);
}

#[test]
fn a_batch_of_what_gathered_is_no_flood_and_one_that_came_as_fast_is() {
    let Scene {
        mut source,
        batches,
        ..
    } = scene_with(NAP);
    let fill = |source: &mut Subscriber| {
        (0..100).for_each(|_| assert!(source.batch_writer.push(b"frame", || {}).is_ok()));
        source.hand_on().unwrap();
        assert_eq!(batches.recv().unwrap().rows(), 100);
        (0..50).for_each(|_| assert!(source.batch_writer.push(b"frame", || {}).is_ok()));
        source.batch_writer.is_steady()
    };
    source.is_steady = true;
    source.rest().unwrap();
    assert!(source.have_waited);
    // However soon it is read, it took a whole sleep to come.
    assert!(fill(&mut source));
    source.rest().unwrap();
    assert_eq!(batches.recv().unwrap().rows(), 50);

    let began = Instant::now();
    while fill(&mut source) {
        assert!(began.elapsed() < PATIENCE, "read as if it had gathered");
        source.hand_on().unwrap();
        drop(batches.recv().unwrap());
    }
}

#[test]
fn it_sleeps_no_longer_than_its_socket_has_room_for() {
    let Scene { mut source, .. } = scene();
    let mut message = zmq::Message::new();
    // 10,000 frames a second, of which no more than 100 may come in one sleep.
    source.pace = Pace::new(1_600, Instant::now());
    (0..250).for_each(|_| source.pace.read());
    source
        .pace
        .seen_empty(Instant::now() + Duration::from_millis(25));
    for _ in 0..3 {
        // It looks at its socket between two batches, and finds nothing so soon.
        assert!(source.turn(&mut message).unwrap());
        source.is_steady = true;
        let nap = source.pace.nap();
        assert!(nap < source.batch_writer.wait_max() / 2, "{nap:?}");
        source.rest().unwrap();
        // What came did not wait as long as a batch may.
        assert!(source.wake_ups_deferred && !source.have_waited);
        source.pace = Pace::new(1_600, Instant::now());
        (0..250).for_each(|_| source.pace.read());
        source
            .pace
            .seen_empty(Instant::now() + Duration::from_millis(25));
    }
}

#[test]
fn what_the_kernel_lets_through_ends_a_sleep() {
    let (mut publisher, endpoint) = publisher();
    let Scene { mut source, .. } = scene();
    source.connection_monitor.socket.connect(&endpoint).unwrap();
    assert!(publisher.wait_for_listener(PATIENCE).unwrap());
    // It sleeps far longer than this test may take; a frame that comes another way stands for those
    // that the kernel lets through.
    std::thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(DEFER_MIN);
            publisher.publish(b"frame").unwrap();
        });
        assert!(!source.defer_wake_ups(10 * PATIENCE).unwrap());
    });
}

#[test]
fn a_socket_is_not_empty_while_its_connection_holds_what_gathered() {
    let Scene {
        mut source,
        mut ours,
        mut theirs,
        in_flight,
        ..
    } = scene();
    let mut message = zmq::Message::new();

    source.sleep(DEFER_MIN / 2).unwrap();
    assert!(!source.wake_ups_deferred, "too short to gather");
    theirs.write_all(b"frame").unwrap();
    assert!(source.turn(&mut message).unwrap(), "nothing gathered");
    source.sleep(DEFER_MIN).unwrap();
    assert!(source.wake_ups_deferred);
    let before_ms = in_flight.frontier(Stream::Raw);
    thread::sleep(Duration::from_millis(5));
    assert!(!source.turn(&mut message).unwrap(), "it is not read yet");
    assert_eq!(in_flight.frontier(Stream::Raw), before_ms);

    ours.read_exact(&mut [0; 5]).unwrap();
    assert!(source.turn(&mut message).unwrap());
    assert!(in_flight.frontier(Stream::Raw) > before_ms);
}
