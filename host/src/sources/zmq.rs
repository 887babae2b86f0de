//! ZeroMQ: the subscribing sources, and the publisher of a backfill. The only file that knows zmq.
//!
//! One socket, and one thread, for each endpoint: so frames, connection and progress are known
//! exactly by endpoint (the library does not say which peer of a socket a frame came from), and a
//! slow endpoint takes nothing from another's high-water mark. libzmq's calls block, so they never
//! run on an async runtime.
//!
//! A frame that is too large is read, counted and refused here. `ZMQ_MAXMSGSIZE` is set as well, so
//! that a broken peer cannot make libzmq buffer without bound, but far above: libzmq answers it by
//! dropping the connection, and with it frames that were good.

use std::collections::HashSet;
use std::ffi::c_int;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use zmq::SocketEvent;

use super::{
    Link, Outlet, PublishError, Publisher, SourceContext, SourceError, SourceStats, Stop, Watermark,
};

/// Highest `frame_bytes_max`: no event of any known pipeline is near it.
pub const FRAME_BYTES_CEILING: usize = 16 << 20;

/// `ZMQ_MAXMSGSIZE` in bytes, far above any frame that may be configured. A peer that sends more in
/// one frame is disconnected (and shows as retrying).
const MESSAGE_BYTES_HARD_MAX: i64 = 128 << 20;
const _: () = assert!(FRAME_BYTES_CEILING * 8 <= MESSAGE_BYTES_HARD_MAX as usize);

/// While a batch waits for more frames, the socket is looked at this often instead of at each
/// frame: at most 1,000 wake-ups a second, and none of them delays a batch.
const NAP: Duration = Duration::from_millis(1);

/// Of Landfall's time: how often a quiet source tells that it is still there. Divided by the
/// clock's speed, but kept between these two, in real time.
const TICK: Duration = Duration::from_secs(1);
const TICK_MIN: Duration = Duration::from_millis(5);
const TICK_MAX: Duration = Duration::from_millis(50);

/// Frames read in one go before the monitor, the batch's age and the wish to end are looked at.
const FRAMES_PER_TURN_MAX: usize = 512;

/// Asked to end, a source reads what is already there for at most this long.
const DRAIN_MAX: Duration = Duration::from_secs(2);

/// A socket that does not complete its handshake is given up and tried again.
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);

/// Names of monitor sockets are unique in a context.
static MONITORS: AtomicU64 = AtomicU64::new(0);

/// The sockets' background threads. Clones are the same ones; ends when all sockets are closed.
#[derive(Clone, Default)]
pub struct Sockets(zmq::Context);

/// How to subscribe to one endpoint.
#[derive(Clone, Debug)]
pub struct Subscription {
    /// `tcp://host:port`, `tcp://[::1]:port` or `ipc://path`.
    pub endpoint: String,
    /// Index of the endpoint among its stream's.
    pub index: u16,
    /// Prefixes of frames; the empty one is all of them.
    pub topics: Vec<String>,
    /// Frames that the library holds before it stops reading the connection; 0 is no limit.
    pub hwm_frames: u32,
    /// First and longest wait between two tries to connect.
    pub reconnect_min: Duration,
    pub reconnect_max: Duration,
    /// A connection without traffic is probed after this long, then this often, and given up after
    /// as many probes without an answer.
    pub keepalive_idle: Duration,
    pub keepalive_interval: Duration,
    pub keepalive_probes: u32,
    pub ipv6: bool,
}

/// A source that runs.
pub struct Running {
    pub stats: Arc<SourceStats>,
    pub thread: JoinHandle<Result<(), SourceError>>,
}

/// Connects, and starts the source's thread. Connecting goes on in the background for as long as
/// the source lives, so a peer that is not there yet is no error; a malformed endpoint is.
pub fn subscribe(
    sockets: &Sockets,
    subscription: &Subscription,
    context: SourceContext,
    stop: Stop,
) -> Result<Running, SourceError> {
    let stats = Arc::new(SourceStats::new(context.stream, &subscription.endpoint));
    let fail = |doing, remedy| {
        let endpoint = subscription.endpoint.clone();
        move |error: zmq::Error| SourceError::Socket {
            doing,
            endpoint,
            cause: error.message().to_owned(),
            remedy,
        }
    };
    let socket = configured_socket(&sockets.0, subscription)
        .map_err(fail("set up a socket for", "check this stream's settings"))?;
    let monitor = monitor(&sockets.0, &socket).map_err(fail(
        "watch the connection to",
        "allow the process more open files",
    ))?;
    socket.connect(&subscription.endpoint).map_err(fail(
        "connect to",
        "write it as tcp://host:port, tcp://[::1]:port or ipc://path",
    ))?;
    let name = format!("{}-{}", context.stream.as_str(), subscription.index);
    let outlet = Outlet::new(context, subscription.index, Arc::clone(&stats));
    let watermark = Watermark::new(Arc::clone(outlet.progress()), subscription.hwm_frames);
    let tick = outlet.clock().real(TICK).clamp(TICK_MIN, TICK_MAX);
    let line = Line {
        monitor,
        stats: Arc::clone(&stats),
    };
    let endpoint = subscription.endpoint.clone();
    let mut source = Subscriber {
        endpoint,
        socket,
        line,
        outlet,
        watermark,
        stop,
        tick,
        in_multipart: false,
    };
    let thread = thread::Builder::new().name(name).spawn(move || {
        let result = source.run();
        source.line.stats.set_link(Link::Ended);
        result
    });
    let thread = thread.map_err(|source| SourceError::Thread {
        endpoint: subscription.endpoint.clone(),
        source,
    })?;
    Ok(Running { stats, thread })
}

fn configured_socket(
    context: &zmq::Context,
    subscription: &Subscription,
) -> zmq::Result<zmq::Socket> {
    let socket = context.socket(zmq::SUB)?;
    socket.set_linger(0)?;
    socket.set_rcvhwm(i32::try_from(subscription.hwm_frames).unwrap_or(i32::MAX))?;
    socket.set_maxmsgsize(MESSAGE_BYTES_HARD_MAX)?;
    socket.set_reconnect_ivl(whole_ms(subscription.reconnect_min))?;
    socket.set_reconnect_ivl_max(whole_ms(subscription.reconnect_max))?;
    socket.set_handshake_ivl(whole_ms(HANDSHAKE_MAX))?;
    socket.set_tcp_keepalive(1)?;
    socket.set_tcp_keepalive_idle(whole_s(subscription.keepalive_idle))?;
    socket.set_tcp_keepalive_intvl(whole_s(subscription.keepalive_interval))?;
    socket
        .set_tcp_keepalive_cnt(i32::try_from(subscription.keepalive_probes).unwrap_or(i32::MAX))?;
    socket.set_ipv6(subscription.ipv6)?;
    for topic in &subscription.topics {
        socket.set_subscribe(topic.as_bytes())?;
    }
    Ok(socket)
}

fn whole_ms(duration: Duration) -> i32 {
    i32::try_from(duration.as_millis()).unwrap_or(i32::MAX)
}

fn whole_s(duration: Duration) -> i32 {
    i32::try_from(duration.as_secs()).unwrap_or(i32::MAX).max(1)
}

/// The events of a socket's connection, as a socket of their own.
fn monitor(context: &zmq::Context, socket: &zmq::Socket) -> zmq::Result<zmq::Socket> {
    let name = format!(
        "inproc://landfall-monitor-{}",
        MONITORS.fetch_add(1, Ordering::Relaxed)
    );
    let wanted = [
        SocketEvent::HANDSHAKE_SUCCEEDED,
        SocketEvent::HANDSHAKE_FAILED_NO_DETAIL,
        SocketEvent::HANDSHAKE_FAILED_PROTOCOL,
        SocketEvent::HANDSHAKE_FAILED_AUTH,
        SocketEvent::CONNECT_RETRIED,
        SocketEvent::DISCONNECTED,
        SocketEvent::CLOSED,
    ];
    let mask = wanted
        .iter()
        .fold(0, |mask, event| mask | i32::from(event.to_raw()));
    socket.monitor(&name, mask)?;
    let monitor = context.socket(zmq::PAIR)?;
    monitor.set_linger(0)?;
    monitor.connect(&name)?;
    Ok(monitor)
}

/// What is known of a connection.
struct Line {
    monitor: zmq::Socket,
    stats: Arc<SourceStats>,
}

impl Line {
    /// Takes in all events that are there.
    fn follow(&self) {
        // Two parts: the event's number (u16) and value (u32) in the machine's order; the address.
        while let Ok(parts) = self.monitor.recv_multipart(zmq::DONTWAIT) {
            let Some(&[low, high, ..]) = parts.first().map(Vec::as_slice) else {
                continue;
            };
            // Not `SocketEvent::from_raw`: it panics on numbers of a newer library.
            let event = u16::from_ne_bytes([low, high]);
            if event == SocketEvent::HANDSHAKE_SUCCEEDED.to_raw() {
                self.stats.set_link(Link::Connected);
            } else {
                self.stats.set_link(Link::Retrying);
            }
        }
    }
}

struct Subscriber {
    endpoint: String,
    socket: zmq::Socket,
    line: Line,
    outlet: Outlet,
    watermark: Watermark,
    stop: Stop,
    /// How long to wait for a frame before telling the time.
    tick: Duration,
    /// The parts of a refused message are being thrown away.
    in_multipart: bool,
}

impl Subscriber {
    fn run(&mut self) -> Result<(), SourceError> {
        let mut message = zmq::Message::new();
        let mut stopping: Option<Instant> = None;
        loop {
            let empty = self.turn(&mut message)?;
            self.line.follow();
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
    fn turn(&mut self, message: &mut zmq::Message) -> Result<bool, SourceError> {
        for _ in 0..FRAMES_PER_TURN_MAX {
            // Read before the look: a frame that comes during it is stamped with this or later.
            let before_ms = self.outlet.clock().now_ms();
            match self.socket.recv(message, zmq::DONTWAIT) {
                Ok(()) => {}
                Err(zmq::Error::EAGAIN) => {
                    self.watermark.seen_empty(before_ms, Instant::now());
                    return Ok(true);
                }
                Err(zmq::Error::EINTR) => continue,
                Err(error) => return Err(self.failed("read from", error)),
            }
            self.watermark.read();
            let more = message.get_more();
            if more || self.in_multipart {
                if !self.in_multipart {
                    self.outlet.stats().add_multipart();
                }
                self.in_multipart = more;
            } else if self.outlet.admits(message.len()) {
                let line = &self.line;
                if self.outlet.push(message, before_ms, || line.follow())? {
                    self.outlet.hand_on(|| line.follow())?;
                }
            }
        }
        Ok(false)
    }

    fn hand_on(&mut self) -> Result<(), SourceError> {
        let line = &self.line;
        self.outlet.hand_on(|| line.follow())
    }

    /// Waits for frames; hands the batch on when it has waited long enough.
    fn rest(&mut self) -> Result<(), SourceError> {
        match self.outlet.patience() {
            Some(left) if left <= NAP => self.hand_on(),
            Some(_) => {
                thread::sleep(NAP);
                Ok(())
            }
            None => {
                let timeout_ms = i64::from(whole_ms(self.tick));
                let mut items = [
                    self.socket.as_poll_item(zmq::POLLIN),
                    self.line.monitor.as_poll_item(zmq::POLLIN),
                ];
                match zmq::poll(&mut items, timeout_ms) {
                    Ok(_) | Err(zmq::Error::EINTR) => Ok(()),
                    Err(error) => Err(self.failed("wait for", error)),
                }
            }
        }
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

/// Frames that the publisher holds for a slow listener before it waits.
const PUBLISH_HWM_FRAMES: i32 = 1000;

/// A listener that takes nothing for this long is given up.
const PUBLISH_STUCK: Duration = Duration::from_secs(30);

/// On finishing, what is queued for a listener may take this long to leave.
const PUBLISH_LINGER: Duration = Duration::from_secs(30);

/// Whether the publisher waits for listeners at its own address or goes to theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attach {
    Bind,
    Connect,
}

/// Publishes frames. It knows whether anybody subscribed, and waits for slow listeners.
pub struct ZmqPublisher {
    endpoint: String,
    socket: zmq::Socket,
    /// What the listeners subscribed to.
    topics: HashSet<Vec<u8>>,
}

impl ZmqPublisher {
    pub fn open(endpoint: &str, attach: Attach, ipv6: bool) -> Result<Self, PublishError> {
        let opened = || {
            let context = zmq::Context::new();
            let mut socket = context.socket(zmq::XPUB)?;
            socket.set_sndhwm(PUBLISH_HWM_FRAMES)?;
            socket.set_sndtimeo(whole_ms(PUBLISH_STUCK))?;
            socket.set_linger(whole_ms(PUBLISH_LINGER))?;
            socket.set_ipv6(ipv6)?;
            wait_for_slow_listeners(&mut socket)?;
            match attach {
                Attach::Bind => socket.bind(endpoint)?,
                Attach::Connect => socket.connect(endpoint)?,
            }
            Ok(socket)
        };
        let socket = opened().map_err(|error: zmq::Error| {
            publish_error(
                endpoint,
                error,
                "check the address and that it is free; write it as tcp://host:port or ipc://path",
            )
        })?;
        Ok(Self {
            endpoint: endpoint.to_owned(),
            socket,
            topics: HashSet::new(),
        })
    }

    /// Takes in who subscribed and who left, without waiting.
    fn follow_listeners(&mut self) -> Result<(), PublishError> {
        loop {
            match self.socket.recv_bytes(zmq::DONTWAIT) {
                // 1 and the topic: subscribed; 0 and the topic: the last one left.
                Ok(message) => match message.split_first() {
                    Some((1, topic)) => drop(self.topics.insert(topic.to_vec())),
                    Some((0, topic)) => drop(self.topics.remove(topic)),
                    _ => {}
                },
                Err(zmq::Error::EAGAIN) => return Ok(()),
                Err(zmq::Error::EINTR) => {}
                Err(error) => return Err(publish_error(&self.endpoint, error, "try again")),
            }
        }
    }
}

/// By default a publisher drops what a listener is too slow for. This makes it wait instead.
fn wait_for_slow_listeners(socket: &mut zmq::Socket) -> zmq::Result<()> {
    let on: c_int = 1;
    // SAFETY: the pointer is that of a living socket, and the option takes one int.
    let failed = unsafe {
        zmq_sys::zmq_setsockopt(
            socket.as_mut_ptr(),
            zmq_sys::ZMQ_XPUB_NODROP as c_int,
            (&raw const on).cast(),
            size_of::<c_int>(),
        )
    };
    if failed == 0 {
        Ok(())
    } else {
        Err(zmq::Error::EINVAL)
    }
}

fn publish_error(endpoint: &str, error: zmq::Error, remedy: &'static str) -> PublishError {
    PublishError::Socket {
        endpoint: endpoint.to_owned(),
        cause: error.message().to_owned(),
        remedy,
    }
}

impl Publisher for ZmqPublisher {
    fn wait_for_listener(&mut self, timeout: Duration) -> Result<bool, PublishError> {
        let until = Instant::now() + timeout;
        loop {
            self.follow_listeners()?;
            if !self.topics.is_empty() {
                return Ok(true);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(false);
            }
            match self
                .socket
                .poll(zmq::POLLIN, i64::from(whole_ms(left)).max(1))
            {
                Ok(_) | Err(zmq::Error::EINTR) => {}
                Err(error) => return Err(publish_error(&self.endpoint, error, "try again")),
            }
        }
    }

    fn publish(&mut self, frame: &[u8]) -> Result<(), PublishError> {
        let stuck = |endpoint: &str| PublishError::Stuck {
            endpoint: endpoint.to_owned(),
            waited_s: PUBLISH_STUCK.as_secs(),
        };
        if !self.wait_for_listener(PUBLISH_STUCK)? {
            return Err(stuck(&self.endpoint));
        }
        loop {
            match self.socket.send(frame, 0) {
                Ok(()) => return Ok(()),
                Err(zmq::Error::EINTR) => {}
                Err(zmq::Error::EAGAIN) => return Err(stuck(&self.endpoint)),
                Err(error) => return Err(publish_error(&self.endpoint, error, "try again")),
            }
        }
    }

    fn finish(self: Box<Self>) -> Result<(), PublishError> {
        // Closing the socket, and then the context that only it holds, waits for what is queued.
        drop(self.socket);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
