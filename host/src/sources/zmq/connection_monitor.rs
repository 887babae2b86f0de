//! The connection of one endpoint. Makes it, follows its events, and makes it anew whenever it has
//! ended. `dial` decides what to do and when; this module does it.
//!
//! Each try has its own socket, because libzmq gives up a session after a protocol error and
//! reports nothing more about it. The previous socket (`old`) is read until it is empty first: its
//! queue may have frames that came before the end.

use std::hash::{BuildHasher as _, RandomState};
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use zmq::SocketEvent;

use super::background_query::BackgroundQuery;
use super::dial::{Destination, Dial, FailedTry, RetryPauses, Step, Target};
use super::library::Library;
use super::wake_ups::{Connection, End};
use super::watermark::Ahead;
use super::{Subscription, configured_socket, probe};
use crate::flow::{Link, SourceStatus};

/// Names of monitor sockets are unique in a context.
static MONITORS: AtomicU64 = AtomicU64::new(0);

/// While nothing connects, a probe finds out the reason this often. Each time costs the peer a
/// connection.
const PROBE_EVERY: Duration = Duration::from_secs(30);

/// While connections end soon after they begin, one of them is logged this often.
const FLAPPING_LOG_EVERY: Duration = Duration::from_secs(60);

/// Finds the addresses of a name. Blocks for as long as the system's resolver takes.
pub(super) type Resolver = fn(&str, u16) -> Result<Vec<SocketAddr>, String>;

pub(super) fn system_resolver(host: &str, port: u16) -> Result<Vec<SocketAddr>, String> {
    match (host, port).to_socket_addrs() {
        Ok(addresses) => Ok(addresses.collect()),
        Err(error) => Err(error.to_string()),
    }
}

/// The events of a socket's connection, as a separate socket.
pub(super) fn monitor(context: &zmq::Context, socket: &zmq::Socket) -> zmq::Result<zmq::Socket> {
    let name = format!(
        "inproc://landfall-monitor-{}",
        MONITORS.fetch_add(1, Ordering::Relaxed)
    );
    let events = [
        SocketEvent::CONNECTED,
        SocketEvent::HANDSHAKE_SUCCEEDED,
        // Events of failed handshakes are left out: they come for some failures only, but an end
        // comes for all.
        SocketEvent::CONNECT_RETRIED,
        SocketEvent::DISCONNECTED,
        SocketEvent::CLOSED,
    ];
    let mask = events
        .iter()
        .fold(0, |mask, event| mask | i32::from(event.to_raw()));
    socket.monitor(&name, mask)?;
    let monitor = context.socket(zmq::PAIR)?;
    monitor.set_linger(0)?;
    monitor.connect(&name)?;
    Ok(monitor)
}

/// The reasons that a probe found for a round of tries, by address.
type ProbeResults = Vec<(String, String)>;

/// The state of a connection, and what makes it.
pub(super) struct ConnectionMonitor {
    context: zmq::Context,
    subscription: Subscription,
    /// The socket of this try, and its events.
    pub socket: zmq::Socket,
    pub monitor: zmq::Socket,
    /// The previous socket, as long as frames may be in its queue.
    old: Option<zmq::Socket>,
    /// Whether an event of this try's connection came. libzmq's thread does one thing after the
    /// other, so the last frames of the previous connection are then in its queue.
    old_is_complete: bool,
    /// Whether this try was ever connected, so that frames may be in its socket's queue.
    has_opened: bool,
    /// Connections that were made so far.
    pub connections: u64,
    pub stats: Arc<SourceStatus>,
    /// The connection that its frames come over.
    pub connection: Connection,
    pub library: Library,
    pub dial: Dial,
    resolver: Resolver,
    resolving: BackgroundQuery<Result<Vec<SocketAddr>, String>>,
    explaining: BackgroundQuery<ProbeResults>,
    explained_at: Option<Instant>,
    /// The last logged reason why it does not connect.
    logged_trouble: String,
    /// When it was last logged that it is connected.
    connected_logged_at: Option<Instant>,
}

impl ConnectionMonitor {
    /// Connects nothing yet: [`ConnectionMonitor::follow`] does.
    ///
    /// # Errors
    /// The socket's events cannot be followed.
    pub fn new(
        context: &zmq::Context,
        subscription: &Subscription,
        destination: Destination,
        resolver: Resolver,
        stats: Arc<SourceStatus>,
    ) -> zmq::Result<Self> {
        let socket = configured_socket(context, subscription)?;
        let monitor = monitor(context, &socket)?;
        let pauses = RetryPauses {
            min: subscription.settings.reconnect_min,
            max: subscription.settings.reconnect_max,
        };
        Ok(Self {
            context: context.clone(),
            subscription: subscription.clone(),
            socket,
            monitor,
            old: None,
            old_is_complete: false,
            has_opened: false,
            connections: 0,
            stats,
            connection: Connection::default(),
            library: Library::default(),
            dial: Dial::new(destination, pauses, Instant::now()),
            resolver,
            resolving: BackgroundQuery::default(),
            explaining: BackgroundQuery::default(),
            explained_at: None,
            logged_trouble: String::new(),
            connected_logged_at: None,
        })
    }

    /// Takes in all events that are there, and does what is due.
    pub fn follow(&mut self) {
        let now = Instant::now();
        // Only the last connection may still be open when all events are known.
        let mut opened = None;
        // Two parts: the event's number (u16) and value (u32) in the machine's byte order, and the
        // address.
        while let Ok(parts) = self.monitor.recv_multipart(zmq::DONTWAIT) {
            let Some(&[low, high, ref value @ ..]) = parts.first().map(Vec::as_slice) else {
                continue;
            };
            self.old_is_complete = true;
            // Not `SocketEvent::from_raw`, because it panics on event numbers of a newer library.
            let event = u16::from_ne_bytes([low, high]);
            if event == SocketEvent::CONNECTED.to_raw() {
                // The value is the connection's descriptor. The handshake comes next.
                opened = value.try_into().map(i32::from_ne_bytes).ok();
                self.has_opened = true;
            } else if event == SocketEvent::HANDSHAKE_SUCCEEDED.to_raw() {
                self.connected(now);
            } else if is_end(event) {
                opened = None;
                self.ended(now);
            }
        }
        if let Some(descriptor) = opened {
            self.connection.opened(descriptor, self.stats.endpoint());
            self.library.seek(descriptor);
        }
        self.take_answers(now);
        // Only one old socket may wait until it is empty.
        if self.old.is_some() && self.has_opened && !self.dial.is_under_way() {
            return;
        }
        match self.dial.step(now) {
            Step::Nothing => {}
            Step::Resolve(host, port) => {
                let resolver = self.resolver;
                if !(self
                    .resolving
                    .start("resolver", move || resolver(&host, port)))
                {
                    self.not_resolved("there is no thread for the resolver", now);
                }
            }
            Step::Connect(target) => {
                if let Err(error) = self.connect(&target) {
                    self.dial.failed(now, chance());
                    self.trouble(format!("no socket to connect with: {}", error.message()));
                }
            }
        }
    }

    /// Whether frames that are read now came over the last connection.
    pub fn reads_last(&self) -> bool {
        self.old.is_none()
    }

    /// Whether the last connection stands.
    pub fn is_alive(&self) -> bool {
        self.stats.link() == Link::Connected && self.connection.is_alive().unwrap_or(true)
    }

    /// The socket to read: the previous one, until it is empty for good.
    pub fn to_read(&self) -> &zmq::Socket {
        self.old.as_ref().unwrap_or(&self.socket)
    }

    /// The sockets on which frames may come: this try's, and the previous one if it is still there.
    pub fn sockets(&self) -> [&zmq::Socket; 2] {
        [&self.socket, self.to_read()]
    }

    /// The socket to read was found empty. Gives whether another one must be read now.
    pub fn seen_empty(&mut self) -> bool {
        self.old_is_complete && self.old.take().is_some()
    }

    /// Whether frames are on their way that libzmq has not yet put into the socket's queue. The
    /// order of the questions matters: what the kernel no longer holds is in the hands of libzmq's
    /// thread, until the thread rests.
    ///
    /// All events must have been taken in. A connection that is not known yet brings no frames:
    /// they come only after its event, and after the subscription was sent.
    pub fn ahead(&mut self) -> Ahead {
        match self.connection.holds_bytes() {
            Some(true) => Ahead::Something,
            Some(false) if self.library.is_at_rest() => Ahead::Nothing,
            Some(false) | None => Ahead::Unknown,
        }
    }

    fn connect(&mut self, target: &Target) -> zmq::Result<()> {
        let socket = configured_socket(&self.context, &self.subscription)?;
        let monitor = monitor(&self.context, &socket)?;
        socket.connect(&target.endpoint())?;
        let before = std::mem::replace(&mut self.socket, socket);
        self.monitor = monitor;
        // A socket that was never connected has no frames. In that case the previous one is still
        // the one to read.
        if self.old.is_none() {
            self.old = Some(before);
        }
        (self.old_is_complete, self.has_opened) = (false, false);
        Ok(())
    }

    fn connected(&mut self, now: Instant) {
        self.dial.connected(now);
        self.connections += 1;
        let to = self.dial.target().map(Target::endpoint).unwrap_or_default();
        let is_logged = self
            .connected_logged_at
            .is_some_and(|at| now.saturating_duration_since(at) < FLAPPING_LOG_EVERY);
        if !(self.dial.is_flapping() && is_logged) {
            self.connected_logged_at = Some(now);
            self.logged_trouble.clear();
            let (stream, endpoint) = (self.stats.stream().as_str(), self.stats.endpoint());
            if to == endpoint || to.is_empty() {
                tracing::info!(stream, endpoint, "connected");
            } else {
                tracing::info!(stream, endpoint, to, "connected");
            }
        }
        self.stats.set_link(Link::Connected);
        self.stats.set_trouble("");
        self.explained_at = None;
    }

    /// The try or the connection has ended. Called more than once for each.
    fn ended(&mut self, now: Instant) {
        let end = self.connection.end();
        self.connection.closed();
        self.library = Library::default();
        if !self.dial.is_under_way() {
            return;
        }
        let Some(failed) = self.dial.failed(now, chance()) else {
            return;
        };
        if self.stats.link() == Link::Connected {
            let why = match end {
                End::Ours => {
                    self.stats.add_protocol_error();
                    "the connection was ended because of what the peer sent: a frame of more than \
                     128 MiB, or what is no ZeroMQ"
                }
                End::Theirs | End::Unknown => "the connection is lost",
            };
            self.stats.set_link(Link::Retrying);
            self.trouble(format!(
                "{why}; trying again, and what is published meanwhile is not seen"
            ));
        } else {
            if self.has_opened {
                self.stats.add_protocol_error();
            }
            self.stats.set_link(Link::Retrying);
            if failed.is_last {
                self.explain(&failed, now);
            }
        }
    }

    /// Finds out now and then why a round of tries failed.
    fn explain(&mut self, failed: &FailedTry, now: Instant) {
        if self.stats.trouble().is_empty() {
            let tried: Vec<String> = failed.tried.iter().map(Target::endpoint).collect();
            self.stats.set_trouble(format!(
                "tried {} in vain; trying again",
                tried.join(", then ")
            ));
        }
        if self
            .explained_at
            .is_some_and(|at| now.saturating_duration_since(at) < PROBE_EVERY)
        {
            return;
        }
        let tried = failed.tried.clone();
        let explain = move || -> ProbeResults {
            let explained = |target: &Target| (target.endpoint(), probe::explain(target));
            tried.iter().map(explained).collect()
        };
        if self.explaining.start("connection-probe", explain) {
            self.explained_at = Some(now);
        }
    }

    fn take_answers(&mut self, now: Instant) {
        if let Some(explained) = self.explaining.poll(Vec::new)
            && self.stats.link() != Link::Connected
            && !explained.is_empty()
        {
            let tried: Vec<String> = explained
                .into_iter()
                .map(|(endpoint, why)| format!("{endpoint}: {why}"))
                .collect();
            self.trouble(format!("tried {}; trying again", tried.join(", then ")));
        }
        let died = || Err("its thread died".to_owned());
        match self.resolving.poll(died) {
            None if self.dial.resolver_hangs(now) => {
                self.trouble(
                    "the name is not resolved yet; waiting for the system's resolver, or name an address"
                        .into(),
                );
            }
            None => {}
            Some(Err(error)) => self.not_resolved(&error, now),
            Some(Ok(mut addresses)) => {
                let found = addresses.len();
                if !self.subscription.settings.ipv6 {
                    addresses.retain(SocketAddr::is_ipv4);
                }
                if !addresses.is_empty() {
                    self.dial.resolved(&addresses, now);
                } else if found > 0 {
                    self.not_resolved(
                        "it leads to IPv6 addresses alone, and `ipv6` of this stream is false",
                        now,
                    );
                } else {
                    self.not_resolved("it leads to no address", now);
                }
            }
        }
    }

    fn not_resolved(&mut self, why: &str, now: Instant) {
        self.dial.failed(now, chance());
        if self.stats.link() != Link::Connected {
            self.stats.set_link(Link::Retrying);
        }
        self.trouble(format!("the name is not resolved: {why}; trying again"));
    }

    /// Sets why it is not connected. Logged only when the reason changes, because tries go on as
    /// long as it takes.
    fn trouble(&mut self, why: String) {
        if self.logged_trouble != why {
            let (stream, endpoint) = (self.stats.stream().as_str(), self.stats.endpoint());
            tracing::warn!(stream, endpoint, "not connected: {why}");
            self.logged_trouble.clone_from(&why);
        }
        self.stats.set_trouble(why);
    }
}

/// Whether a try or a connection has ended with this event.
fn is_end(event: u16) -> bool {
    [
        SocketEvent::CONNECT_RETRIED,
        SocketEvent::DISCONNECTED,
        SocketEvent::CLOSED,
    ]
    .iter()
    .any(|end| event == end.to_raw())
}

/// A random number from 0 to 1.
fn chance() -> f64 {
    let bits = RandomState::new().hash_one(MONITORS.load(Ordering::Relaxed));
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}
