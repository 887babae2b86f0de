//! The connection of one endpoint: makes it, follows its events, and makes it anew when it has ended,
//! for whatever reason. What to do when is `dial.rs`'s decision; this only does it.
//!
//! Each try has a socket of its own, for libzmq gives up a session after a protocol error and says
//! nothing more of it. The socket before it is read empty first (`old`): frames are in its queue that
//! came before the end.

use std::hash::{BuildHasher as _, RandomState};
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use zmq::SocketEvent;

use super::background_query::BackgroundQuery;
use super::dial::{Dial, Failed, Named, Step, Target, Waits};
use super::library::Library;
use super::wake_ups::{Connection, End};
use super::watermark::Ahead;
use super::{Subscription, configured_socket, probe};
use crate::flow::{Link, SourceStatus};

/// Names of monitor sockets are unique in a context.
static MONITORS: AtomicU64 = AtomicU64::new(0);

/// While nothing connects, why is found out anew this often: it costs the peer a connection.
const EXPLAINED_EVERY: Duration = Duration::from_secs(30);

/// Of connections that come and go as soon, one is logged this often.
const FLAPPING_TOLD_EVERY: Duration = Duration::from_secs(60);

/// Finds the addresses of a name. Blocks for as long as the system's resolver likes.
pub(super) type Resolver = fn(&str, u16) -> Result<Vec<SocketAddr>, String>;

pub(super) fn system_resolver(host: &str, port: u16) -> Result<Vec<SocketAddr>, String> {
    match (host, port).to_socket_addrs() {
        Ok(addresses) => Ok(addresses.collect()),
        Err(error) => Err(error.to_string()),
    }
}

/// The events of a socket's connection, as a socket of their own.
pub(super) fn monitor(context: &zmq::Context, socket: &zmq::Socket) -> zmq::Result<zmq::Socket> {
    let name = format!(
        "inproc://landfall-monitor-{}",
        MONITORS.fetch_add(1, Ordering::Relaxed)
    );
    let wanted = [
        SocketEvent::CONNECTED,
        SocketEvent::HANDSHAKE_SUCCEEDED,
        // Not those of failed handshakes: they come for some failures only, and an end comes for all.
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

/// What was found out about a round of tries.
type Explained = Vec<(String, String)>;

/// What is known of a connection, and what makes it.
pub(super) struct ConnectionMonitor {
    context: zmq::Context,
    subscription: Subscription,
    /// The socket of this try, and its events.
    pub socket: zmq::Socket,
    pub monitor: zmq::Socket,
    /// The one before, as long as frames may be in its queue.
    old: Option<zmq::Socket>,
    /// This try's connection was heard of: libzmq's thread, which does one thing after the other, has
    /// put the last frames of the one before into its queue.
    old_is_complete: bool,
    /// This try has come to a connection, so that there may be frames in its socket's queue.
    has_opened: bool,
    pub stats: Arc<SourceStatus>,
    /// Where its frames come from.
    pub connection: Connection,
    pub library: Library,
    pub dial: Dial,
    resolver: Resolver,
    resolving: BackgroundQuery<Result<Vec<SocketAddr>, String>>,
    explaining: BackgroundQuery<Explained>,
    explained_at: Option<Instant>,
    /// What was logged last of why it does not connect.
    told: String,
    /// When it was logged last that it is connected.
    connected_told: Option<Instant>,
}

impl ConnectionMonitor {
    /// Nothing is connected before it is followed.
    pub fn new(
        context: &zmq::Context,
        subscription: &Subscription,
        named: Named,
        resolver: Resolver,
        stats: Arc<SourceStatus>,
    ) -> zmq::Result<Self> {
        let socket = configured_socket(context, subscription)?;
        let monitor = monitor(context, &socket)?;
        let waits = Waits {
            min: subscription.reconnect_min,
            max: subscription.reconnect_max,
        };
        Ok(Self {
            context: context.clone(),
            subscription: subscription.clone(),
            socket,
            monitor,
            old: None,
            old_is_complete: false,
            has_opened: false,
            stats,
            connection: Connection::default(),
            library: Library::default(),
            dial: Dial::new(named, waits, Instant::now()),
            resolver,
            resolving: BackgroundQuery::default(),
            explaining: BackgroundQuery::default(),
            explained_at: None,
            told: String::new(),
            connected_told: None,
        })
    }

    /// Takes in all events that are there, and does what is due.
    pub fn follow(&mut self) {
        let now = Instant::now();
        // Only the last connection may still be there when all events are known.
        let mut opened = None;
        // Two parts: the event's number (u16) and value (u32) in the machine's order; the address.
        while let Ok(parts) = self.monitor.recv_multipart(zmq::DONTWAIT) {
            let Some(&[low, high, ref value @ ..]) = parts.first().map(Vec::as_slice) else {
                continue;
            };
            self.old_is_complete = true;
            // Not `SocketEvent::from_raw`: it panics on numbers of a newer library.
            let event = u16::from_ne_bytes([low, high]);
            if event == SocketEvent::CONNECTED.to_raw() {
                // Its value is the connection's descriptor; the handshake comes next.
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
        // One socket may wait to be read empty, not more of them.
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

    /// The socket that is to be read: the one before, until it is empty for good.
    pub fn to_read(&self) -> &zmq::Socket {
        self.old.as_ref().unwrap_or(&self.socket)
    }

    /// The sockets on which frames may come: this try's, and the one before if it is still there.
    pub fn sockets(&self) -> [&zmq::Socket; 2] {
        [&self.socket, self.to_read()]
    }

    /// The socket that is to be read was found empty. True if another one is to be read now.
    pub fn seen_empty(&mut self) -> bool {
        self.old_is_complete && self.old.take().is_some()
    }

    /// Whether frames are ahead that libzmq has yet to put into the socket's queue. In this order: what
    /// the kernel no longer holds is in the hands of libzmq's thread, until it rests.
    ///
    /// All events must be known. A connection that is not yet known brings no frames: they come only
    /// after it has been told of, and the subscription sent.
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
        // One that was never connected has no frames; then the one before it is still to be read.
        if self.old.is_none() {
            self.old = Some(before);
        }
        (self.old_is_complete, self.has_opened) = (false, false);
        Ok(())
    }

    fn connected(&mut self, now: Instant) {
        self.dial.connected(now);
        let to = self.dial.target().map(Target::endpoint).unwrap_or_default();
        let is_told = self
            .connected_told
            .is_some_and(|at| now.saturating_duration_since(at) < FLAPPING_TOLD_EVERY);
        if !(self.dial.is_flapping() && is_told) {
            self.connected_told = Some(now);
            self.told.clear();
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

    /// The try or the connection has ended; said of each more than once.
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

    /// Asks why a round of tries came to nothing, now and then.
    fn explain(&mut self, failed: &Failed, now: Instant) {
        if self.stats.trouble().is_empty() {
            let tried: Vec<String> = failed.tried.iter().map(Target::endpoint).collect();
            self.stats.set_trouble(format!(
                "tried {} in vain; trying again",
                tried.join(", then ")
            ));
        }
        if self
            .explained_at
            .is_some_and(|at| now.saturating_duration_since(at) < EXPLAINED_EVERY)
        {
            return;
        }
        let tried = failed.tried.clone();
        let explain = move || -> Explained {
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
                if !self.subscription.ipv6 {
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

    /// Why it is not connected; logged when it is something new, for tries go on as long as it takes.
    fn trouble(&mut self, why: String) {
        if self.told != why {
            let (stream, endpoint) = (self.stats.stream().as_str(), self.stats.endpoint());
            tracing::warn!(stream, endpoint, "not connected: {why}");
            self.told.clone_from(&why);
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

/// From 0 to 1.
fn chance() -> f64 {
    let bits = RandomState::new().hash_one(MONITORS.load(Ordering::Relaxed));
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}
