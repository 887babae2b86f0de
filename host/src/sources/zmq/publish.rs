//! The publisher of a backfill, over ZeroMQ.

use std::collections::HashSet;
use std::ffi::c_int;
use std::time::{Duration, Instant};

use super::super::{PublishError, Publisher};
use super::whole_ms;

/// Frames that the publisher holds for a slow subscriber before it waits.
const PUBLISH_HWM_FRAMES: i32 = 1000;

/// A subscriber that takes nothing for this long is given up.
const PUBLISH_STUCK: Duration = Duration::from_secs(30);

/// How long the frames that are queued for a subscriber may take to leave at the end.
const PUBLISH_LINGER: Duration = Duration::from_secs(30);

/// Whether the publisher binds its own address or connects to the subscribers' address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attach {
    Bind,
    Connect,
}

/// Publishes frames. It knows whether anybody subscribed, and waits for slow subscribers.
pub struct ZmqPublisher {
    endpoint: String,
    pub(super) socket: zmq::Socket,
    /// The topics to which somebody subscribed.
    pub(super) topics: HashSet<Vec<u8>>,
    /// The topic that is sent before each frame, as the first of two parts.
    envelope: Option<Vec<u8>>,
    linger: Duration,
}

impl ZmqPublisher {
    /// Opens a publisher that binds or connects to the endpoint.
    ///
    /// # Errors
    /// The endpoint is malformed or in use, or the socket cannot be set up.
    pub fn open(endpoint: &str, attach: Attach, ipv6: bool) -> Result<Self, PublishError> {
        Self::open_lingering(endpoint, attach, ipv6, PUBLISH_LINGER)
    }

    /// Like [`ZmqPublisher::open`], with another linger time at the end.
    pub(super) fn open_lingering(
        endpoint: &str,
        attach: Attach,
        ipv6: bool,
        linger: Duration,
    ) -> Result<Self, PublishError> {
        let opened = || {
            let context = zmq::Context::new();
            let mut socket = context.socket(zmq::XPUB)?;
            socket.set_sndhwm(PUBLISH_HWM_FRAMES)?;
            socket.set_sndtimeo(whole_ms(PUBLISH_STUCK))?;
            socket.set_linger(whole_ms(linger))?;
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
            envelope: None,
            linger,
        })
    }

    /// Sends this topic before each frame, so messages are `[topic, payload]`.
    pub fn with_topic(self, topic: &str) -> Self {
        Self {
            envelope: Some(topic.as_bytes().to_vec()),
            ..self
        }
    }

    fn send(&self, frame: &[u8]) -> zmq::Result<()> {
        match &self.envelope {
            None => self.socket.send(frame, 0),
            // The parts of a message stay together: once the first is accepted, the second is too.
            Some(topic) => self.socket.send_multipart([topic.as_slice(), frame], 0),
        }
    }

    /// Takes in who subscribed and who left, without waiting.
    pub(super) fn follow_listeners(&mut self) -> Result<(), PublishError> {
        loop {
            match self.socket.recv_bytes(zmq::DONTWAIT) {
                // 1 and the topic: subscribed. 0 and the topic: the last subscriber left.
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

/// By default a publisher drops frames for which a subscriber is too slow. This makes it wait
/// instead.
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

    fn publish(&mut self, frame: &[u8]) -> Result<bool, PublishError> {
        let stuck = |endpoint: &str| PublishError::Stuck {
            endpoint: endpoint.to_owned(),
            waited_s: PUBLISH_STUCK.as_secs(),
        };
        if !self.wait_for_listener(PUBLISH_STUCK)? {
            return Err(stuck(&self.endpoint));
        }
        loop {
            match self.send(frame) {
                Ok(()) => {
                    let first = self.envelope.as_deref().unwrap_or(frame);
                    return Ok(self.topics.iter().any(|topic| first.starts_with(topic)));
                }
                Err(zmq::Error::EINTR) => {}
                Err(zmq::Error::EAGAIN) => return Err(stuck(&self.endpoint)),
                Err(error) => return Err(publish_error(&self.endpoint, error, "try again")),
            }
        }
    }

    fn finish(self: Box<Self>) -> Result<(), PublishError> {
        let Self {
            endpoint,
            socket,
            linger,
            ..
        } = *self;
        let start = Instant::now();
        // Closing the socket, and then the context that only it holds, waits for what is queued.
        // What is left after the linger is dropped, and only the time that this took shows it.
        drop(socket);
        if start.elapsed() >= linger {
            return Err(PublishError::NotSent {
                endpoint,
                waited_s: linger.as_secs(),
            });
        }
        Ok(())
    }
}
