//! ZeroMQ publishers and subscribers of the pipeline. Publishers bind to a free port and know how
//! many subscriptions have reached them, so that a test does not have to guess when a slow joiner has joined.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::wait;

/// Frames that may wait in a socket. The pipeline under test must lose only the frames that a test asks it to
/// lose, and the original's 3,000 would add other losses on a busy machine.
const HIGH_WATER_FRAMES: i32 = 200_000;

/// A first byte of a subscription message: somebody subscribed.
const SUBSCRIBED: u8 = 1;

/// A publishing socket that several threads may share.
#[derive(Clone)]
pub struct Publisher {
    shared: Arc<Shared>,
}

struct Shared {
    // A ZeroMQ socket may move between threads behind a full fence, which a mutex is.
    socket: Mutex<zmq::Socket>,
    endpoint: String,
    subscriptions: AtomicU64,
}

impl Publisher {
    /// Binds to a free port of the loopback interface.
    pub fn bind(context: &zmq::Context) -> zmq::Result<Self> {
        Self::bind_to(context, "tcp://127.0.0.1:*")
    }

    /// Binds to `endpoint`.
    pub fn bind_to(context: &zmq::Context, endpoint: &str) -> zmq::Result<Self> {
        // XPUB is PUB that reports subscriptions to its owner; subscribers see no difference.
        let socket = context.socket(zmq::XPUB)?;
        socket.set_sndhwm(HIGH_WATER_FRAMES)?;
        socket.set_linger(0)?;
        // Reports every subscription, not only the first one to a topic.
        socket.set_xpub_verbose(true)?;
        socket.bind(endpoint)?;
        let endpoint = match socket.get_last_endpoint()? {
            Ok(endpoint) => endpoint,
            Err(_) => endpoint.to_owned(),
        };
        Ok(Self {
            shared: Arc::new(Shared {
                socket: Mutex::new(socket),
                endpoint,
                subscriptions: AtomicU64::new(0),
            }),
        })
    }

    pub fn endpoint(&self) -> &str {
        &self.shared.endpoint
    }

    pub fn send(&self, frame: &[u8]) -> zmq::Result<()> {
        self.lock().send(frame, 0)
    }

    /// Sends one message of several frames.
    pub fn send_multipart(&self, frames: &[&[u8]]) -> zmq::Result<()> {
        self.lock().send_multipart(frames, 0)
    }

    /// Subscriptions that have arrived since the socket was bound, from any subscriber.
    pub fn subscriptions(&self) -> u64 {
        let socket = self.lock();
        while let Ok(message) = socket.recv_bytes(zmq::DONTWAIT) {
            if message.first() == Some(&SUBSCRIBED) {
                self.shared.subscriptions.fetch_add(1, Ordering::Relaxed);
            }
        }
        self.shared.subscriptions.load(Ordering::Relaxed)
    }

    /// Waits until `count` subscriptions have arrived in all; false if they do not come.
    pub fn await_subscriptions(&self, count: u64) -> bool {
        wait::until(wait::PATIENCE, || {
            (self.subscriptions() >= count).then_some(())
        })
        .is_some()
    }

    fn lock(&self) -> MutexGuard<'_, zmq::Socket> {
        self.shared
            .socket
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// A socket that receives everything from some publishers.
pub struct Subscriber {
    socket: zmq::Socket,
}

impl Subscriber {
    pub fn connect(context: &zmq::Context, endpoints: &[&str]) -> zmq::Result<Self> {
        let socket = context.socket(zmq::SUB)?;
        socket.set_rcvhwm(HIGH_WATER_FRAMES)?;
        socket.set_linger(0)?;
        for endpoint in endpoints {
            socket.connect(endpoint)?;
        }
        socket.set_subscribe(b"")?;
        Ok(Self { socket })
    }

    /// The next frame; None if none comes within `patience`.
    pub fn receive(&self, patience: Duration) -> zmq::Result<Option<Vec<u8>>> {
        let patience_ms = patience.as_millis() as i64;
        if self.socket.poll(zmq::POLLIN, patience_ms)? == 0 {
            return Ok(None);
        }
        self.socket.recv_bytes(0).map(Some)
    }
}
