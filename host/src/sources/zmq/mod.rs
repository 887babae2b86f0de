//! ZeroMQ: the subscribing sources with their settings, and the publisher of a backfill. Only this file and its
//! folder know zmq.
//!
//! There is one socket, and one thread, for each endpoint. So frames, connection and progress are
//! known exactly by endpoint (the library does not report which peer of a socket a frame came
//! from), and a slow endpoint takes nothing from another's high-water mark. libzmq's calls block,
//! so they never run on an async runtime.
//!
//! A frame that is too large is read, counted and refused here. `ZMQ_MAXMSGSIZE` is set as well, so
//! that a broken peer cannot make libzmq buffer without bound. But it is set far above, because
//! libzmq then drops the connection and does not make it again. Landfall makes it again
//! (`connection_monitor.rs`), and frames are lost meanwhile.

mod background_query;
mod connection_monitor;
pub(crate) mod coverage;
mod dial;
mod envelope;
mod library;
mod liveness;
mod pace;
mod probe;
mod publish;
pub(crate) mod settings;
mod subscriber;
mod suspensions;
mod wake_ups;
mod watermark;

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{BatchWriter, Source, SourceContext, SourceError};
use crate::clock;
use crate::flow::{Refusals, SourceStatus};
use connection_monitor::{ConnectionMonitor, Resolver, system_resolver};
use coverage::ConnectionCoverage;
use dial::Destination;
use pace::Pace;
use subscriber::Subscriber;
use suspensions::Suspensions;

pub use envelope::Envelope;
use envelope::MessageParts;
pub use publish::{Attach, ZmqPublisher};
pub use settings::ZmqSettings;
pub use settings::likeness::{Likeness, likeness};
use watermark::Watermark;

/// `ZMQ_MAXMSGSIZE` in bytes, far above any frame that may be configured. A peer that sends more in
/// one frame is disconnected, and connected again.
const MESSAGE_BYTES_HARD_MAX: i64 = 128 << 20;
const _: () = assert!(crate::flow::FRAME_BYTES_CEILING * 8 <= MESSAGE_BYTES_HARD_MAX as usize);

/// How often a quiet source reports that it is still there, in Landfall's time. Divided by the
/// clock's speed, but kept between the two bounds, in real time.
const TICK: Duration = Duration::from_secs(1);
const TICK_MIN: Duration = Duration::from_millis(5);
const TICK_MAX: Duration = Duration::from_millis(50);

/// An address that does not answer within this time is given up, and the next one is tried. The
/// same holds for a peer that does not complete its handshake.
const CONNECT_MAX: Duration = Duration::from_secs(5);
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);

/// libzmq's own wait before it connects again. Landfall does that itself (`dial`), and 24 days
/// are close to never. The value for never (-1) would also throw away the frames in the socket's
/// queue.
const NEVER_MS: i32 = i32::MAX;

/// The background thread of all sockets. A clone shares it; it ends when all sockets are closed.
#[derive(Clone, Default)]
pub struct Sockets {
    context: zmq::Context,
}

/// How to subscribe to one endpoint.
#[derive(Clone, Debug)]
pub struct Subscription {
    /// `tcp://host:port`, `tcp://[::1]:port` or `ipc://path`.
    pub endpoint: String,
    /// Index of the endpoint among those of its stream.
    pub index: u16,
    /// Of all endpoints of the stream.
    pub settings: ZmqSettings,
}

/// Opens one source for each endpoint. Connecting goes on in the background for as long as a source
/// lives. So a peer that is not there yet is no error, but a malformed endpoint is.
pub(super) fn open(
    sockets: &Sockets,
    settings: &ZmqSettings,
    context: &SourceContext,
) -> Result<Vec<Box<dyn Source>>, SourceError> {
    let open = |subscription: Subscription| {
        let source = open_by(system_resolver, sockets, &subscription, context.clone())?;
        Ok(Box::new(source) as Box<dyn Source>)
    };
    settings.subscriptions().into_iter().map(open).collect()
}

fn open_by(
    resolver: Resolver,
    sockets: &Sockets,
    subscription: &Subscription,
    context: SourceContext,
) -> Result<Subscriber, SourceError> {
    let status = Arc::new(SourceStatus::new(context.stream, &subscription.endpoint));
    let fail = |doing, remedy| {
        let endpoint = subscription.endpoint.clone();
        move |error: zmq::Error| SourceError::Socket {
            doing,
            endpoint,
            cause: error.message().to_owned(),
            remedy,
        }
    };
    let destination = Destination::parse(&subscription.endpoint).ok_or_else(|| {
        fail(
            "connect to",
            "write it as tcp://host:port, tcp://[::1]:port or ipc://path",
        )(zmq::Error::EINVAL)
    })?;
    let monitor = ConnectionMonitor::new(
        &sockets.context,
        subscription,
        destination,
        resolver,
        Arc::clone(&status),
    )
    .map_err(fail(
        "set up a socket for",
        "check this stream's settings, or allow the process more open files",
    ))?;
    let stop = context.stop.clone();
    let batch_writer = BatchWriter::new(context, subscription.index, status);
    let watermark = Watermark::new(
        Arc::clone(batch_writer.progress()),
        subscription.settings.hwm_frames,
    );
    let coverage = ConnectionCoverage::new(
        Arc::clone(batch_writer.progress()),
        Arc::clone(batch_writer.stats()),
        subscription.settings.settle,
        batch_writer.progress().stream_start_ms(),
        batch_writer.clock().speed(),
    );
    let tick = batch_writer.clock().real(TICK).clamp(TICK_MIN, TICK_MAX);
    Ok(Subscriber {
        index: subscription.index,
        endpoint: subscription.endpoint.clone(),
        connection_monitor: monitor,
        batch_writer,
        watermark,
        suspensions: Suspensions::new(clock::suspended),
        coverage,
        stop,
        tick,
        parts: MessageParts::new(subscription.settings.envelope),
        refusals: Refusals::default(),
        wake_ups_deferred: false,
        is_steady: false,
        have_waited: false,
        pace: Pace::new(subscription.settings.hwm_frames, Instant::now()),
    })
}

fn configured_socket(
    context: &zmq::Context,
    subscription: &Subscription,
) -> zmq::Result<zmq::Socket> {
    let settings = &subscription.settings;
    let socket = context.socket(zmq::SUB)?;
    socket.set_linger(0)?;
    socket.set_rcvhwm(i32::try_from(settings.hwm_frames).unwrap_or(i32::MAX))?;
    socket.set_maxmsgsize(MESSAGE_BYTES_HARD_MAX)?;
    socket.set_reconnect_ivl(NEVER_MS)?;
    socket.set_connect_timeout(whole_ms(CONNECT_MAX))?;
    socket.set_handshake_ivl(whole_ms(HANDSHAKE_MAX))?;
    socket.set_tcp_keepalive(1)?;
    socket.set_tcp_keepalive_idle(whole_s(settings.keepalive_idle))?;
    socket.set_tcp_keepalive_intvl(whole_s(settings.keepalive_interval))?;
    socket.set_tcp_keepalive_cnt(i32::try_from(settings.keepalive_probes).unwrap_or(i32::MAX))?;
    socket.set_ipv6(settings.ipv6)?;
    for topic in &settings.topics {
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

#[cfg(test)]
mod reconnect_tests;
#[cfg(test)]
mod tests;
