//! Real sockets: what comes, what is refused, and what a lost peer looks like.
//!
//! Long: each test needs the same publishers and sockets.

use std::time::Instant;

use crate::flow::{BatchLimits, FrameBatch, InFlight};
use std::thread;

use super::watermark::Ahead;
use super::*;
use crate::clock::Clock;
use crate::flow::queue::{Bound, Receiver, RecvError, channel};
use crate::flow::{Link, ShutdownRequest};
use crate::sources::{Publisher, RunningSource};
use landfall_ledger::Stream;

/// Long enough for anything on one machine, however busy it is.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

const RAW: Stream = Stream::Raw;

pub(super) struct Bench {
    pub running: RunningSource,
    batches: Receiver<FrameBatch>,
    pub in_flight: InFlight,
    pub clock: Clock,
    stop: ShutdownRequest,
}

pub(super) fn subscription(endpoint: &str) -> Subscription {
    Subscription {
        endpoint: endpoint.to_owned(),
        index: 3,
        settings: ZmqSettings {
            reconnect_min: Duration::from_millis(10),
            reconnect_max: Duration::from_millis(100),
            ..ZmqSettings::default()
        },
    }
}

pub(super) fn start(subscription: &Subscription, queue_bytes_max: usize) -> Bench {
    start_patient(subscription, queue_bytes_max, Duration::from_millis(5))
}

/// A source whose batches wait for others as long as `wait_max`.
fn start_patient(subscription: &Subscription, queue_bytes_max: usize, wait_max: Duration) -> Bench {
    start_with(system_resolver, subscription, queue_bytes_max, wait_max)
}

/// A source whose names are resolved so.
pub(super) fn start_by(
    resolver: Resolver,
    subscription: &Subscription,
    queue_bytes_max: usize,
) -> Bench {
    let wait_max = Duration::from_millis(5);
    start_with(resolver, subscription, queue_bytes_max, wait_max)
}

fn start_with(
    resolver: Resolver,
    subscription: &Subscription,
    queue_bytes_max: usize,
    wait_max: Duration,
) -> Bench {
    let (mut senders, batches) = channel(&[Bound {
        bytes_max: queue_bytes_max,
        items_max: 1000,
    }]);
    let (in_flight, clock, stop) = (
        InFlight::default(),
        Clock::start(1.0, None),
        ShutdownRequest::default(),
    );
    let context = SourceContext {
        stream: RAW,
        clock: clock.clone(),
        in_flight: in_flight.clone(),
        queue: senders.remove(0),
        limits: BatchLimits {
            rows_max: 64,
            bytes_max: 64 << 10,
            wait: Duration::from_millis(5),
            wait_max,
        },
        frame_bytes_max: 1 << 20,
        stop: stop.clone(),
    };
    let sockets = Sockets::default();
    let source = open_by(resolver, &sockets, subscription, context).unwrap();
    let running = RunningSource::start(Box::new(source), &Arc::default()).unwrap();
    Bench {
        running,
        batches,
        in_flight,
        clock,
        stop,
    }
}

impl Bench {
    pub fn frames(&self, count: usize) -> Vec<Vec<u8>> {
        let mut frames = Vec::new();
        while frames.len() < count {
            let batch = self.batches.recv_timeout(PATIENCE).expect("frames come");
            assert_eq!((batch.stream, batch.source), (RAW, 3));
            assert!(batch.rows() <= 64 && batch.arrived_ms.is_sorted());
            frames.extend((0..batch.rows()).map(|row| batch.frame(row).to_vec()));
        }
        frames
    }

    pub fn end(self) -> Result<(), SourceError> {
        self.stop.set();
        self.running.join().unwrap()
    }
}

pub(super) fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < PATIENCE, "{what} did not come");
        thread::sleep(Duration::from_millis(2));
    }
}

fn line(endpoint: &str) -> ConnectionMonitor {
    let stats = Arc::new(SourceStatus::new(RAW, endpoint));
    let destination = Destination::parse(endpoint).unwrap();
    let subscription = subscription(endpoint);
    ConnectionMonitor::new(
        &zmq::Context::new(),
        &subscription,
        destination,
        system_resolver,
        stats,
    )
    .unwrap()
}

/// A publisher on a free port of `host`.
pub(super) fn publisher(host: &str) -> (ZmqPublisher, String) {
    let publisher = ZmqPublisher::open(&format!("tcp://{host}:*"), Attach::Bind, true).unwrap();
    let endpoint = publisher.socket.get_last_endpoint().unwrap().unwrap();
    (publisher, endpoint)
}

#[test]
fn frames_arrive_whole_and_in_order_over_tcp_ipv6_and_ipc() {
    let directory = tempfile::tempdir().unwrap();
    let ipc = format!("ipc://{}/raw", directory.path().display());
    let ipc_publisher = ZmqPublisher::open(&ipc, Attach::Bind, true).unwrap();
    let mut publishers = vec![publisher("127.0.0.1"), (ipc_publisher, ipc)];
    // A machine without IPv6 has no such address to bind to.
    if std::net::TcpListener::bind("[::1]:0").is_ok() {
        publishers.push(publisher("[::1]"));
    }
    for (mut publisher, endpoint) in publishers {
        let bench = start(&subscription(&endpoint), 1 << 20);
        assert!(publisher.wait_for_listener(PATIENCE).unwrap(), "{endpoint}");
        let sent: Vec<Vec<u8>> = (0..500)
            .map(|n| format!("frame {n}\n").into_bytes())
            .collect();
        for frame in &sent {
            publisher.publish(frame).unwrap();
        }
        assert_eq!(bench.frames(sent.len()), sent);
        until("the connection", || {
            bench.running.status.link() == Link::Connected
        });
        assert_eq!(bench.running.status.frames(), 500);
        let stats = Arc::clone(&bench.running.status);
        bench.end().unwrap();
        assert_eq!(stats.link(), Link::Ended);
    }
}

#[test]
fn frames_of_a_tcp_connection_gather_in_the_kernel_and_come_when_they_are_let() {
    let (mut publisher, endpoint) = publisher("127.0.0.1");
    let mut line = line(&endpoint);
    assert!(
        line.connection.defer_wake_ups().is_none(),
        "there is none yet"
    );
    until("the connection", || {
        line.follow();
        line.stats.link() == Link::Connected
    });
    assert!(publisher.wait_for_listener(PATIENCE).unwrap());
    let deferred = line.connection.defer_wake_ups().expect("it is over TCP");
    for _ in 0..100 {
        publisher.publish(b"frame").unwrap();
    }
    until("the frames", || line.connection.holds_bytes() == Some(true));
    assert_eq!(line.socket.poll(zmq::POLLIN, 50), Ok(0), "they gather");
    drop(deferred);
    line.socket
        .set_rcvtimeo(i32::try_from(PATIENCE.as_millis()).unwrap())
        .unwrap();
    for _ in 0..100 {
        assert_eq!(line.socket.recv_bytes(0).unwrap(), b"frame");
    }
    until("libzmq's rest", || line.ahead() == Ahead::Nothing);
    drop(publisher);
    until("the end of the connection", || {
        line.follow();
        line.stats.link() != Link::Connected
    });
    assert!(line.connection.defer_wake_ups().is_none(), "it is gone");
    assert_eq!(line.ahead(), Ahead::Unknown);
}

#[test]
fn what_is_ahead_is_known_of_connections_over_tcp_and_of_local_ones() {
    let dir = tempfile::tempdir().unwrap();
    let local = format!("ipc://{}", dir.path().join("socket").display());
    for bound in ["tcp://127.0.0.1:*", &local, "ipc://@landfall-ahead-test"] {
        let publisher = ZmqPublisher::open(bound, Attach::Bind, true).unwrap();
        let endpoint = publisher.socket.get_last_endpoint().unwrap().unwrap();
        let mut line = line(&endpoint);
        assert_eq!(line.ahead(), Ahead::Unknown, "{endpoint}");
        until("the connection", || {
            line.follow();
            line.ahead() == Ahead::Nothing
        });
    }
}

#[test]
fn a_lone_frame_is_handed_on_without_waiting_for_company() {
    let (mut publisher, endpoint) = publisher("127.0.0.1");
    let bench = start(&subscription(&endpoint), 1 << 20);
    // The best of several: the machine may be busy with something else.
    let best = (0..20).map(|_| {
        let began = Instant::now();
        publisher.publish(b"alone").unwrap();
        assert_eq!(bench.frames(1), [b"alone"]);
        began.elapsed()
    });
    let best = best.min().unwrap();
    assert!(best < Duration::from_millis(8), "{best:?}");
    bench.end().unwrap();
}

#[test]
fn oversize_and_multipart_messages_are_counted_and_the_rest_goes_on() {
    let (mut publisher, endpoint) = publisher("127.0.0.1");
    let bench = start(&subscription(&endpoint), 64 << 20);
    publisher.publish(b"first").unwrap();
    publisher.publish(&vec![b'x'; (1 << 20) + 1]).unwrap();
    publisher
        .socket
        .send_multipart([&b"topic"[..], b"body", b"more"], 0)
        .unwrap();
    publisher.publish(&vec![b'y'; 1 << 20]).unwrap();
    publisher.publish(b"").unwrap();
    publisher.publish(b"last").unwrap();
    let frames = bench.frames(4);
    assert_eq!(
        frames.iter().map(Vec::len).collect::<Vec<_>>(),
        [5, 1 << 20, 0, 4]
    );
    let stats = &bench.running.status;
    assert_eq!(
        (stats.all_refused(), stats.disconnects()),
        ([1, 1, 0, 0], 0)
    );
    bench.end().unwrap();
}

#[test]
fn of_topic_and_payload_the_payload_is_the_frame_and_topics_choose_by_the_topic() {
    let (mut publisher, endpoint) = publisher("127.0.0.1");
    let mut subscription = subscription(&endpoint);
    subscription.settings.topics = vec!["orders".to_owned()];
    subscription.settings.envelope = Envelope::Topic;
    let bench = start(&subscription, 64 << 20);
    assert!(publisher.wait_for_listener(PATIENCE).unwrap());
    let large = vec![b'x'; (1 << 20) + 1];
    let messages: [&[&[u8]]; 9] = [
        &[b"orders", b"first"],
        &[b"others", b"orders"],
        &[b"orders without payload"],
        &[b"orders.eu", b""],
        &[b"orders", b"a", b"b"],
        &[b"orders", &large],
        &[b"orders", b"orders"],
        &[b"orders", b"a", b"b", b"c"],
        &[b"orders", b"last"],
    ];
    for message in messages {
        publisher.socket.send_multipart(message, 0).unwrap();
    }
    let frames = bench.frames(4);
    assert_eq!(frames, [&b"first"[..], b"", b"orders", b"last"]);
    assert_eq!(bench.running.status.all_refused(), [1, 0, 2, 1]);
    bench.end().unwrap();
}

#[test]
fn only_subscribed_topics_come() {
    let (mut publisher, endpoint) = publisher("127.0.0.1");
    let mut subscription = subscription(&endpoint);
    subscription.settings.topics = vec!["a".to_owned(), "b".to_owned()];
    let bench = start(&subscription, 1 << 20);
    until("both topics", || {
        publisher.follow_listeners().unwrap();
        publisher.topics.len() == 2
    });
    for frame in ["a1", "c1", "b1"] {
        publisher.publish(frame.as_bytes()).unwrap();
    }
    assert_eq!(bench.frames(2), [b"a1", b"b1"]);
    bench.end().unwrap();
}

#[test]
fn a_lost_peer_shows_and_is_found_again() {
    let (mut first, endpoint) = publisher("127.0.0.1");
    let bench = start(&subscription(&endpoint), 1 << 20);
    first.publish(b"before").unwrap();
    assert_eq!(bench.frames(1), [b"before"]);
    until("the connection", || {
        bench.running.status.link() == Link::Connected
    });
    Box::new(first).finish().unwrap();
    until("its loss", || bench.running.status.link() == Link::Retrying);
    assert_eq!(bench.running.status.disconnects(), 1);
    let mut second = ZmqPublisher::open(&endpoint, Attach::Bind, true).unwrap();
    second.publish(b"after").unwrap();
    assert_eq!(bench.frames(1), [b"after"]);
    until("the connection", || {
        bench.running.status.link() == Link::Connected
    });
    bench.end().unwrap();
}

#[test]
fn the_frontier_follows_a_quiet_socket_and_waits_for_batches_and_for_room() {
    let (mut publisher, endpoint) = publisher("127.0.0.1");
    let bench = start(&subscription(&endpoint), 1);
    let before = bench.clock.now_ms();
    until("the frontier", || bench.in_flight.frontier(RAW) > before);

    // One batch lies in the queue, a second one waits for room: nothing is read, nothing moves.
    for n in 0..200 {
        publisher.publish(format!("{n}").as_bytes()).unwrap();
    }
    until("the wait", || bench.batches.stats()[0].waits() > 0);
    let oldest = bench.batches.recv_timeout(PATIENCE).unwrap();
    let arrived = oldest.arrived_ms[0];
    let stuck = bench.in_flight.frontier(RAW);
    assert!(stuck <= arrived);
    until("time", || bench.clock.now_ms() > arrived + 100);
    assert_eq!(bench.in_flight.frontier(RAW), stuck);

    let mut rows = oldest.rows();
    drop(oldest);
    while rows < 200 {
        rows += bench.batches.recv_timeout(PATIENCE).unwrap().rows();
    }
    let now = bench.clock.now_ms();
    until("the frontier", || bench.in_flight.frontier(RAW) >= now);
    bench.end().unwrap();
}

#[test]
fn asked_to_end_it_hands_on_what_is_already_there() {
    let (mut publisher, endpoint) = publisher("127.0.0.1");
    let bench = start(&subscription(&endpoint), 1);
    for n in 0..1000 {
        publisher.publish(format!("{n}").as_bytes()).unwrap();
    }
    until("the wait", || bench.batches.stats()[0].waits() > 0);
    // The publisher's own thread has a fifth of a second for its thousand frames.
    let published_ms = bench.clock.now_ms();
    until("time", || bench.clock.now_ms() > published_ms + 200);
    bench.stop.set();
    let mut rows = 0;
    let ended = loop {
        match bench.batches.recv_timeout(PATIENCE) {
            Ok(batch) => rows += batch.rows(),
            Err(error) => break error,
        }
    };
    assert_eq!((rows, ended), (1000, RecvError::Closed));
    bench.running.thread.join().unwrap().unwrap();
}

#[test]
fn asked_to_end_while_frames_gather_it_hands_them_on() {
    let (mut publisher, endpoint) = publisher("127.0.0.1");
    let bench = start_patient(
        &subscription(&endpoint),
        1 << 20,
        Duration::from_millis(200),
    );
    assert!(publisher.wait_for_listener(PATIENCE).unwrap());
    until("the connection", || {
        bench.running.status.link() == Link::Connected
    });
    // Few enough that they neither fill a batch nor wake libzmq by their bytes.
    for n in 0..50 {
        publisher.publish(format!("{n}").as_bytes()).unwrap();
        thread::sleep(Duration::from_millis(1));
    }
    // The publisher's own thread has a fifth of a second for the last ones.
    let published_ms = bench.clock.now_ms();
    until("time", || bench.clock.now_ms() > published_ms + 200);
    publisher.publish(b"50").unwrap();
    publisher.publish(b"51").unwrap();
    thread::sleep(Duration::from_millis(20));
    bench.stop.set();
    let mut rows = 0;
    while let Ok(batch) = bench.batches.recv_timeout(PATIENCE) {
        rows += batch.rows();
    }
    assert_eq!(rows, 52);
    bench.running.thread.join().unwrap().unwrap();
}

#[test]
fn a_malformed_endpoint_is_named() {
    let (mut senders, _batches) = channel(&[Bound {
        bytes_max: 1,
        items_max: 1,
    }]);
    let context = SourceContext {
        stream: RAW,
        clock: Clock::start(1.0, None),
        in_flight: InFlight::default(),
        queue: senders.remove(0),
        limits: BatchLimits {
            rows_max: 1,
            bytes_max: 1,
            wait: Duration::ZERO,
            wait_max: Duration::ZERO,
        },
        frame_bytes_max: 1,
        stop: ShutdownRequest::default(),
    };
    let in_flight = context.in_flight.clone();
    let subscription = subscription("tpc://here");
    let result = open_by(system_resolver, &Sockets::default(), &subscription, context);
    let message = result.err().unwrap().to_string();
    assert!(
        message.contains("connect to tpc://here") && message.contains("tcp://host:port"),
        "{message}"
    );
    assert_eq!(
        in_flight.frontier(RAW),
        i64::MAX,
        "a source that never was holds nothing back"
    );
}

#[test]
fn nobody_listens_is_an_answer_and_not_an_error() {
    let (mut publisher, _) = publisher("127.0.0.1");
    assert!(
        !publisher
            .wait_for_listener(Duration::from_millis(20))
            .unwrap()
    );
}
