//! The forwarders' end of the pipeline: publishes raw frames, client-side and server-side apart.

use crate::clock::Clock;
use crate::events::{Format, Made};
use crate::truth::Truth;
use crate::wire::Publisher;

/// Publishes frames, and records in the truth what it publishes.
#[derive(Clone)]
pub struct Producer {
    client: Publisher,
    server: Publisher,
    truth: Truth,
}

impl Producer {
    pub fn bind(context: &zmq::Context, truth: Truth) -> zmq::Result<Self> {
        Ok(Self {
            client: Publisher::bind(context)?,
            server: Publisher::bind(context)?,
            truth,
        })
    }

    /// Client-side, then server-side.
    pub fn endpoints(&self) -> [&str; 2] {
        [self.client.endpoint(), self.server.endpoint()]
    }

    /// Waits until `count` subscriptions have come to each endpoint.
    pub fn await_subscribers(&self, count: u64) -> bool {
        self.client.await_subscriptions(count) && self.server.await_subscriptions(count)
    }

    /// Sends an event, or sends it again.
    pub fn send(&self, made: &Made) -> zmq::Result<()> {
        self.truth.produced(&made.uuid, || made.event.clone());
        self.send_frame(made.format, &made.event.frame)
    }

    /// Sends an event as of now, by `clock`.
    pub fn send_at(&self, made: &mut Made, clock: &Clock) -> zmq::Result<()> {
        made.event.sent_ms = clock.now_ms();
        self.send(made)
    }

    /// Sends bytes that are no event, as of now, by `clock`.
    pub fn send_malformed(&self, frame: &[u8], clock: &Clock) -> zmq::Result<()> {
        self.truth.produced_malformed(clock.now_ms());
        self.client.send(frame)
    }

    /// Sends a message of several frames, which is not allowed in this pipeline.
    pub fn send_multipart(&self, frames: &[&[u8]]) -> zmq::Result<()> {
        self.client.send_multipart(frames)
    }

    /// Sends a frame that is not recorded in the truth, as a backfill does.
    pub fn send_frame(&self, format: Format, frame: &[u8]) -> zmq::Result<()> {
        if format.is_client() {
            self.client.send(frame)
        } else {
            self.server.send(frame)
        }
    }
}
