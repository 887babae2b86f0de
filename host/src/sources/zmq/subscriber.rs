//! The thread of one subscribing socket: reads, stamps, packs, hands on, and tells how far it is.

use std::thread;
use std::time::{Duration, Instant};

use super::super::{Ahead, Link, Look, Outlet, Refusals, Refused, SourceError, Stop, Watermark};
use super::envelope::{Part, Parts};
use super::hold::GATHER_MIN;
use super::line::Line;
use super::pace::{NAP, Pace};
use super::whole_ms;
use crate::standing;

/// Frames read in one go before the monitor, the batch's age and the wish to end are looked at.
const FRAMES_PER_TURN_MAX: usize = 512;

/// Asked to end, a source reads what is already there for at most this long.
const DRAIN_MAX: Duration = Duration::from_secs(2);
pub(super) struct Subscriber {
    pub endpoint: String,
    pub line: Line,
    pub outlet: Outlet,
    pub watermark: Watermark,
    pub stop: Stop,
    /// How long to wait for a frame before telling the time.
    pub tick: Duration,
    pub parts: Parts,
    pub refusals: Refusals,
    pub pace: Pace,
    /// Bytes gathered in the kernel, and the socket was not seen empty since.
    pub has_gathered: bool,
    /// The last batch was one of a steady stream.
    pub is_steady: bool,
    /// The frames to be read have waited in the kernel for as long as a batch may.
    pub have_waited: bool,
}

impl Subscriber {
    /// Runs until asked to stop, or until the socket or the queue is gone.
    pub fn run(&mut self) -> Result<(), SourceError> {
        let mut message = zmq::Message::new();
        let mut stopping: Option<Instant> = None;
        loop {
            // One turn, or one wait for room, is one piece of work.
            standing::works();
            self.watermark.awake(Instant::now());
            let empty = self.turn(&mut message)?;
            self.tell_refused();
            if !empty {
                self.line.follow();
            }
            if self.stop.is_set() {
                let since = *stopping.get_or_insert_with(Instant::now);
                if empty || since.elapsed() >= DRAIN_MAX {
                    return self.hand_on();
                }
            } else if empty {
                self.rest()?;
            } else if self.outlet.patience() == Some(Duration::ZERO) {
                self.hand_on()?;
            }
        }
    }

    /// Reads until the socket is empty (true) or enough was read for one go.
    ///
    /// It is empty once its queue was found so twice, and what may be ahead was asked for in between:
    /// `watermark.rs` says why, and why in this order.
    fn turn(&mut self, message: &mut zmq::Message) -> Result<bool, SourceError> {
        let mut asked = None;
        for _ in 0..FRAMES_PER_TURN_MAX {
            match self.line.to_read().recv(message, zmq::DONTWAIT) {
                Ok(()) => asked = None,
                Err(zmq::Error::EAGAIN) if self.line.seen_empty() => {
                    asked = None;
                    // Its last message may have been cut off.
                    self.parts.begin_anew();
                    continue;
                }
                Err(zmq::Error::EAGAIN) => match asked {
                    None => {
                        asked = Some(self.ask());
                        continue;
                    }
                    Some((_, ahead)) if self.is_behind(ahead) => {
                        self.watermark.rests(NAP / 2);
                        thread::sleep(NAP / 2);
                        return Ok(false);
                    }
                    Some((before_ms, ahead)) => {
                        let now = Instant::now();
                        self.watermark.seen_empty(Look {
                            before_ms,
                            ahead,
                            now,
                        });
                        self.pace.seen_empty(now);
                        return Ok(true);
                    }
                },
                Err(zmq::Error::EINTR) => continue,
                Err(error) => return Err(self.failed("read from", error)),
            }
            self.watermark.read();
            self.pace.read();
            match self.parts.next(message.get_more()) {
                Part::Frame if self.outlet.admits(message.len()) => {
                    let line = &mut self.line;
                    if self.outlet.push(message, || line.follow())? {
                        self.outlet.hand_on(|| line.follow())?;
                    }
                }
                Part::Frame | Part::Skipped => {}
                Part::Refused(refusal) => self.outlet.stats().refuse(refusal),
            }
        }
        Ok(false)
    }

    /// Logs what was refused, when it is time to.
    fn tell_refused(&mut self) {
        let stats = self.outlet.stats();
        let totals = stats.all_refused();
        if totals == Refused::default() {
            return;
        }
        for (refusal, more) in self.refusals.due(totals, Instant::now()) {
            let stream = stats.stream().as_str();
            tracing::warn!(
                stream,
                endpoint = stats.endpoint(),
                kind = refusal.as_str(),
                refused = more,
                "{} (told once a minute; landfall_frames_refused_total counts them)",
                refusal.remedy(stream)
            );
        }
    }

    /// The time, and then whether frames are ahead that were on their way by then.
    fn ask(&mut self) -> (i64, Ahead) {
        self.outlet.stamp();
        let before_ms = self.outlet.clock().now_ms();
        self.line.follow();
        (before_ms, self.line.ahead())
    }

    fn hand_on(&mut self) -> Result<(), SourceError> {
        let line = &mut self.line;
        self.outlet.hand_on(|| line.follow())
    }

    /// Waits for frames; hands the batch on when it has waited long enough.
    ///
    /// Of a steady stream the next frame is not waited for: all that come gather in the kernel while a
    /// batch may wait, and are read and handed on together. So it wakes the library and the source
    /// once a batch. If it ends there, its last frame has waited no longer than in a batch.
    fn rest(&mut self) -> Result<(), SourceError> {
        self.outlet.came_since(None);
        match self.outlet.patience() {
            Some(left) if left <= NAP || self.have_waited => {
                self.have_waited = false;
                self.is_steady = self.outlet.is_steady();
                self.hand_on()
            }
            Some(left) => {
                // A little before it is due: waking takes its time too.
                let due = left.saturating_sub(NAP / 2);
                self.sleep(due.min(self.pace.nap()))
            }
            None => {
                let wait_max = self.outlet.wait_max();
                let nap = wait_max.min(self.pace.nap());
                let was_steady = std::mem::take(&mut self.is_steady);
                self.have_waited = if was_steady && self.can_gather(nap) {
                    self.gather(nap)? && nap == wait_max
                } else {
                    self.watermark.rests(self.tick);
                    self.poll(self.tick)?;
                    false
                };
                Ok(())
            }
        }
    }

    /// Waits for a frame or for news of the connection; whether any came.
    fn poll(&self, timeout: Duration) -> Result<bool, SourceError> {
        let [socket, before] = self.line.sockets();
        let mut items = [
            socket.as_poll_item(zmq::POLLIN),
            before.as_poll_item(zmq::POLLIN),
            self.line.monitor.as_poll_item(zmq::POLLIN),
        ];
        match zmq::poll(&mut items, i64::from(whole_ms(timeout))) {
            Ok(ready) => Ok(ready > 0),
            Err(zmq::Error::EINTR) => Ok(false),
            Err(error) => Err(self.failed("wait for", error)),
        }
    }

    /// Whether libzmq has yet to read what gathered during the last sleep: an empty socket says nothing
    /// then.
    fn is_behind(&mut self, ahead: Ahead) -> bool {
        self.has_gathered = self.has_gathered && ahead == Ahead::Something;
        self.has_gathered
    }

    fn sleep(&mut self, nap: Duration) -> Result<(), SourceError> {
        if self.can_gather(nap) {
            self.gather(nap).map(drop)
        } else {
            // While nothing is connected, what is due is looked for at each tick.
            let nap = match self.line.stats.link() {
                Link::Connected => nap,
                _ => nap.min(self.tick),
            };
            self.watermark.rests(nap);
            thread::sleep(nap);
            Ok(())
        }
    }

    /// Whether what comes during such a sleep can gather.
    fn can_gather(&self, nap: Duration) -> bool {
        nap >= GATHER_MIN
            && self.line.stats.link() == Link::Connected
            && self.line.connection.can_gather()
    }

    /// Sleeps, and what comes meanwhile wakes libzmq only at the end, so that it gets it all at once; but a
    /// flood, or the end of the connection, wakes it and this at once (false).
    fn gather(&mut self, nap: Duration) -> Result<bool, SourceError> {
        self.watermark.rests(nap);
        let Some(gathering) = self.line.connection.gather() else {
            // Its connection ends just now: nothing more comes by it.
            thread::sleep(nap);
            return Ok(false);
        };
        self.outlet.came_since(Some(Instant::now()));
        let was_woken = self.poll(nap.saturating_sub(NAP))?;
        drop(gathering);
        self.has_gathered = true;
        if !was_woken {
            // For libzmq to read what has gathered, all of it: to wake twice costs more than to wait.
            thread::sleep(NAP);
        }
        Ok(!was_woken)
    }

    fn failed(&self, doing: &'static str, error: zmq::Error) -> SourceError {
        SourceError::Socket {
            doing,
            endpoint: self.endpoint.clone(),
            cause: error.message().to_owned(),
            remedy: "restart Landfall; if it comes back, report it",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsRawFd as _;
    use std::sync::Arc;

    use landfall_ledger::Stream;

    use super::super::super::Publisher as _;
    use super::super::super::{BatchLimits, Flights, FrameBatch, SourceContext, SourceStats};
    use super::super::dial::Named;
    use super::super::hold::Connection;
    use super::super::library::tests::resting;
    use super::super::line::system_resolver;
    use super::super::tests::subscription;
    use super::super::{Attach, ZmqPublisher};
    use super::*;
    use crate::clock::Clock;
    use crate::queue::{Bound, Receiver, channel};

    /// Far beyond what any of this takes.
    const PATIENCE: Duration = Duration::from_secs(20);

    fn publisher() -> (ZmqPublisher, String) {
        let publisher = ZmqPublisher::open("tcp://127.0.0.1:*", Attach::Bind, true).unwrap();
        let endpoint = publisher.socket.get_last_endpoint().unwrap().unwrap();
        (publisher, endpoint)
    }

    /// A source whose socket stands for libzmq that has not come to reading yet: nobody sends to it. Its
    /// connection is one of its own, between `ours` and `theirs`.
    struct Scene {
        source: Subscriber,
        ours: TcpStream,
        theirs: TcpStream,
        flights: Flights,
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
        let (flights, stop) = (Flights::default(), Stop::default());
        let limits = BatchLimits {
            rows_max: 100,
            bytes_max: 1000,
            wait,
            wait_max: WAIT_MAX,
        };
        let context = SourceContext {
            stream: Stream::Raw,
            clock: Clock::start(1.0, None),
            flights: flights.clone(),
            queue: senders.remove(0),
            limits,
            frame_bytes_max: 10,
        };
        let stats = Arc::new(SourceStats::new(Stream::Raw, &endpoint));
        stats.set_link(Link::Connected);
        let subscription = subscription(&endpoint);
        let named = Named::parse(&endpoint).unwrap();
        let mut line = Line::new(
            &zmq::Context::new(),
            &subscription,
            named,
            system_resolver,
            Arc::clone(&stats),
        )
        .unwrap();
        line.dial.connected(Instant::now());
        line.connection = connection;
        line.library = resting();
        let outlet = Outlet::new(context, 0, Arc::clone(&stats), stop.clone());
        let source = Subscriber {
            endpoint,
            line,
            watermark: Watermark::new(Arc::clone(outlet.progress()), 0),
            outlet,
            stop,
            tick: NAP,
            parts: Parts::default(),
            refusals: Refusals::default(),
            pace: Pace::new(0, Instant::now()),
            has_gathered: false,
            is_steady: false,
            have_waited: false,
        };
        Scene {
            source,
            ours,
            theirs,
            flights,
            batches,
        }
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
            (0..frames).for_each(|_| assert!(!source.outlet.push(b"frame", || {}).unwrap()));
        };
        let taken = || {
            batches
                .recv_timeout(Duration::ZERO)
                .ok()
                .map(|batch| batch.rows())
        };

        // Nothing is known of the stream: it waits for a frame.
        source.rest().unwrap();
        assert!(!source.has_gathered && !source.have_waited);
        // Few frames that have waited are handed on, and say nothing of what is to come.
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
        assert!(source.has_gathered && source.have_waited && !source.is_steady);
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
        source.line.stats.set_link(Link::Retrying);
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
            (0..100).for_each(|_| assert!(source.outlet.push(b"frame", || {}).is_ok()));
            source.hand_on().unwrap();
            assert_eq!(batches.recv().unwrap().rows(), 100);
            (0..50).for_each(|_| assert!(source.outlet.push(b"frame", || {}).is_ok()));
            source.outlet.is_steady()
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
            assert!(nap < source.outlet.wait_max() / 2, "{nap:?}");
            source.rest().unwrap();
            // What came did not wait as long as a batch may.
            assert!(source.has_gathered && !source.have_waited);
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
        source.line.socket.connect(&endpoint).unwrap();
        assert!(publisher.wait_for_listener(PATIENCE).unwrap());
        // It sleeps far longer than this test may take; a frame that comes another way stands for those
        // that the kernel lets through.
        std::thread::scope(|scope| {
            scope.spawn(|| {
                thread::sleep(GATHER_MIN);
                publisher.publish(b"frame").unwrap();
            });
            assert!(!source.gather(10 * PATIENCE).unwrap());
        });
    }

    #[test]
    fn a_socket_is_not_empty_while_its_connection_holds_what_gathered() {
        let Scene {
            mut source,
            mut ours,
            mut theirs,
            flights,
            ..
        } = scene();
        let mut message = zmq::Message::new();

        source.sleep(GATHER_MIN / 2).unwrap();
        assert!(!source.has_gathered, "too short to gather");
        theirs.write_all(b"frame").unwrap();
        assert!(source.turn(&mut message).unwrap(), "nothing gathered");
        source.sleep(GATHER_MIN).unwrap();
        assert!(source.has_gathered);
        let before_ms = flights.frontier(Stream::Raw);
        thread::sleep(Duration::from_millis(5));
        assert!(!source.turn(&mut message).unwrap(), "it is not read yet");
        assert_eq!(flights.frontier(Stream::Raw), before_ms);

        ours.read_exact(&mut [0; 5]).unwrap();
        assert!(source.turn(&mut message).unwrap());
        assert!(flights.frontier(Stream::Raw) > before_ms);
    }
}
