//! What a source reports about itself: its connection, what it read, and what it refused. Any
//! thread can read it.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::{Refusal, RefusedCounts};
use landfall_ledger::Stream;

/// The state of a source's connection to its peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Link {
    /// Trying for the first time.
    Connecting = 0,
    /// Connected, and the peer speaks the protocol.
    Connected = 1,
    /// It was connected, or a try failed. It is trying again.
    Retrying = 2,
    /// The source has ended.
    Ended = 3,
}

/// Counters of one source. Written by its thread alone.
#[derive(Debug)]
pub struct SourceStatus {
    stream: Stream,
    endpoint: String,
    frames: AtomicU64,
    bytes: AtomicU64,
    batches: AtomicU64,
    /// By [`Refusal`].
    refused: [AtomicU64; Refusal::ALL.len()],
    disconnects: AtomicU64,
    protocol_errors: AtomicU64,
    link: AtomicU8,
    seeing: AtomicBool,
    /// Why it is not connected. Empty if it is connected, or if the reason is not known yet.
    trouble: Mutex<String>,
}

impl SourceStatus {
    /// The status of a source that has not connected yet.
    pub fn new(stream: Stream, endpoint: impl Into<String>) -> Self {
        Self {
            stream,
            endpoint: endpoint.into(),
            frames: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            batches: AtomicU64::new(0),
            refused: Default::default(),
            disconnects: AtomicU64::new(0),
            protocol_errors: AtomicU64::new(0),
            link: AtomicU8::new(Link::Connecting as u8),
            seeing: AtomicBool::new(false),
            trouble: Mutex::default(),
        }
    }

    /// The stream of the source.
    pub fn stream(&self) -> Stream {
        self.stream
    }

    /// The endpoint as configured, or the path of a file: a bounded label.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Frames handed on.
    pub fn frames(&self) -> u64 {
        self.frames.load(Ordering::Relaxed)
    }

    /// Bytes of these frames.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Batches handed on.
    pub fn batches(&self) -> u64 {
        self.batches.load(Ordering::Relaxed)
    }

    /// Frames or messages refused for this reason.
    pub fn refused(&self, refusal: Refusal) -> u64 {
        self.refused[refusal as usize].load(Ordering::Relaxed)
    }

    /// Refusals for all reasons, in the order of [`Refusal::ALL`].
    pub fn all_refused(&self) -> RefusedCounts {
        Refusal::ALL.map(|refusal| self.refused(refusal))
    }

    /// Number of connections that were lost.
    pub fn disconnects(&self) -> u64 {
        self.disconnects.load(Ordering::Relaxed)
    }

    /// Handshakes that failed, and connections that ended, because of what the peer sent.
    pub fn protocol_errors(&self) -> u64 {
        self.protocol_errors.load(Ordering::Relaxed)
    }

    /// The state of its connection.
    pub fn link(&self) -> Link {
        match self.link.load(Ordering::Relaxed) {
            0 => Link::Connecting,
            1 => Link::Connected,
            2 => Link::Retrying,
            _ => Link::Ended,
        }
    }

    /// Whether it sees everything that concerns events of now: not for a second after the publisher may not have
    /// known its subscription, and not if nothing proves that its connection is alive.
    pub fn is_seeing(&self) -> bool {
        self.seeing.load(Ordering::Relaxed)
    }

    pub(crate) fn set_seeing(&self, seeing: bool) {
        self.seeing.store(seeing, Ordering::Relaxed);
    }

    /// Why it is not connected. Empty if it is connected, or if the reason is not known yet. Text
    /// of the peer in it is escaped.
    pub fn trouble(&self) -> String {
        self.trouble
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(crate) fn set_trouble(&self, why: impl Into<String>) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = why.into();
    }

    pub(crate) fn add_batch(&self, frames: u64, bytes: u64) {
        self.frames.fetch_add(frames, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.batches.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn refuse(&self, refusal: Refusal) {
        self.refused[refusal as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn add_protocol_error(&self) {
        self.protocol_errors.fetch_add(1, Ordering::Relaxed);
    }

    /// Sets the state. Leaving `Connected` counts as a lost connection.
    pub(crate) fn set_link(&self, link: Link) {
        let before = self.link.swap(link as u8, Ordering::Relaxed);
        if before == Link::Connected as u8 && link == Link::Retrying {
            self.disconnects.fetch_add(1, Ordering::Relaxed);
        }
    }
}
