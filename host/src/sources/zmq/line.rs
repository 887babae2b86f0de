//! The events of one socket's connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use zmq::SocketEvent;

use super::super::{Ahead, Link, SourceStats};
use super::hold::Connection;
use super::library::Library;

/// Names of monitor sockets are unique in a context.
static MONITORS: AtomicU64 = AtomicU64::new(0);
/// The events of a socket's connection, as a socket of their own.
pub(super) fn monitor(context: &zmq::Context, socket: &zmq::Socket) -> zmq::Result<zmq::Socket> {
    let name = format!(
        "inproc://landfall-monitor-{}",
        MONITORS.fetch_add(1, Ordering::Relaxed)
    );
    let wanted = [
        SocketEvent::CONNECTED,
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
pub(super) struct Line {
    pub monitor: zmq::Socket,
    pub stats: Arc<SourceStats>,
    /// Where its frames come from.
    pub connection: Connection,
    pub library: Library,
}

impl Line {
    /// Takes in all events that are there.
    pub fn follow(&mut self) {
        // Only the last connection may still be there when all events are known.
        let mut opened = None;
        // Two parts: the event's number (u16) and value (u32) in the machine's order; the address.
        while let Ok(parts) = self.monitor.recv_multipart(zmq::DONTWAIT) {
            let Some(&[low, high, ref value @ ..]) = parts.first().map(Vec::as_slice) else {
                continue;
            };
            // Not `SocketEvent::from_raw`: it panics on numbers of a newer library.
            let event = u16::from_ne_bytes([low, high]);
            if event == SocketEvent::CONNECTED.to_raw() {
                // Its value is the connection's descriptor; the handshake comes next.
                opened = value.try_into().map(i32::from_ne_bytes).ok();
                continue;
            }
            let link = if event == SocketEvent::HANDSHAKE_SUCCEEDED.to_raw() {
                Link::Connected
            } else {
                opened = None;
                self.connection.closed();
                Link::Retrying
            };
            self.tell(self.stats.link(), link);
            self.stats.set_link(link);
        }
        if let Some(descriptor) = opened {
            self.connection.opened(descriptor, self.stats.endpoint());
            self.library.seek(descriptor);
        }
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

    /// Says what changed, once: tries go on as long as it takes.
    fn tell(&self, before: Link, now: Link) {
        let (stream, endpoint) = (self.stats.stream().as_str(), self.stats.endpoint());
        match (before, now) {
            (Link::Connected, Link::Connected) | (Link::Retrying, Link::Retrying) => {}
            (_, Link::Connected) => tracing::info!(stream, endpoint, "connected"),
            (Link::Connected, _) => tracing::warn!(
                stream,
                endpoint,
                "the connection is lost; trying again, and what is published meanwhile is not seen"
            ),
            _ => tracing::warn!(stream, endpoint, "nobody answers there; trying again"),
        }
    }
}
