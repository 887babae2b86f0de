//! A model of a publisher, the way to us, and the socket: what it loses, and what our source can know of that. The
//! source decides by the real state machine (`sources/zmq/coverage`) what it did not see.
//!
//! The fault model:
//!
//! - A connection ends at any moment. Of what waited in our kernel then, only a first part can still be read.
//! - What is published without a connection is gone. So is what is published before the publisher knows the
//!   subscription, which takes up to the settling time.
//! - A network may hold everything back for seconds. What it held back comes later, or is gone with the connection. The
//!   publisher keeps all of it for 1.7 seconds, and then only so much for certain. After a longer silence it sends again
//!   within as long as that was, ten seconds at most.
//! - Our process may sleep. What comes meanwhile waits in the kernel while there is room, and then with the publisher,
//!   which drops the rest. No network is silent meanwhile, because nobody could notice that.
//! - Nothing else is lost, and nothing is reordered.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fastrand::Rng;
use landfall_ledger::Stream;

use super::process::Process;
use crate::flow::{FrameBatch, SourceProgress, SourceStatus};
use crate::sources::zmq::coverage::{ConnectionCoverage, ConnectionLook, PUBLISHER_ROOM_BYTES};

/// The publisher knows a subscription within this long.
pub(super) const SETTLE_MS: i64 = 300;

/// So many bytes have room in our kernel; the publisher keeps as many again.
const ROOM_BYTES: usize = 30_000;

/// A frame takes as much room as so many of its size, so that few fill it.
const WEIGHT: usize = 20;

/// The publisher's kernel tries again within the length of the silence, and within this long.
pub(super) const AGAIN_MAX_MS: i64 = 10_000 - 200;

/// In so short a time the publisher's high-water mark is not reached.
const HELD_BACK_UNNOTICED_MS: i64 = 1_700;

/// A source that was away for longer says that it paused.
const PAUSE_MIN_MS: i64 = 250;

/// A published frame.
#[derive(Clone)]
struct Frame {
    text: String,
    /// Who knows what became of it.
    number: usize,
    connection: u64,
}

/// One stream's way from its publisher to our source.
pub(super) struct Wire {
    stream: Stream,
    /// Over a network: the other end's acknowledgements are the proof that it lives.
    is_remote: bool,
    /// Connections that were made, and whether the last one lives.
    connections: u64,
    is_alive: bool,
    /// The publisher knows the subscription from then on.
    known_ms: i64,
    /// The next connection is made then.
    connects_ms: i64,
    /// The network lets nothing through from the first to the second; and what it held back comes at the third, when the
    /// publisher's kernel tries again.
    held_back_ms: Option<(i64, i64, i64)>,
    /// The process sleeps until then.
    sleeps_until_ms: i64,
    /// In our kernel.
    waiting: VecDeque<Frame>,
    /// Held back by the network.
    on_the_way: VecDeque<Frame>,
    source: Option<SimulatedSource>,
}

/// Our end, which dies with its process.
struct SimulatedSource {
    coverage: ConnectionCoverage,
    progress: Arc<SourceProgress>,
    looked_ms: i64,
    /// All that had come by then has been read.
    reached_ms: i64,
    began: (Instant, i64),
}

impl Wire {
    pub fn new(stream: Stream, is_remote: bool) -> Self {
        Self {
            stream,
            is_remote,
            connections: 0,
            is_alive: false,
            known_ms: i64::MAX,
            connects_ms: i64::MAX,
            held_back_ms: None,
            sleeps_until_ms: 0,
            waiting: VecDeque::new(),
            on_the_way: VecDeque::new(),
            source: None,
        }
    }

    /// A process begins to read.
    pub fn attach(&mut self, process: &Process, began: Instant, now_ms: i64, rng: &mut Rng) {
        let progress = process.in_flight.add_source(self.stream, now_ms);
        let status = SourceStatus::new(self.stream, "tcp://127.0.0.1:1");
        let settle = Duration::from_millis(SETTLE_MS.unsigned_abs());
        let coverage =
            ConnectionCoverage::new(Arc::clone(&progress), Arc::new(status), settle, now_ms, 1.0);
        self.source = Some(SimulatedSource {
            coverage,
            progress,
            looked_ms: now_ms,
            reached_ms: now_ms,
            began: (began, now_ms),
        });
        self.connections = 0;
        self.sleeps_until_ms = 0;
        self.held_back_ms = None;
        self.connects_ms = now_ms + rng.i64(0..300);
    }

    /// The process dies: what it had not read is gone.
    pub fn detach(&mut self) {
        self.source = None;
        self.lose_connection(0);
        self.connects_ms = i64::MAX;
    }

    /// The connection ends. Of what waits, so many frames can still be read.
    fn lose_connection(&mut self, kept: usize) {
        self.is_alive = false;
        self.known_ms = i64::MAX;
        self.waiting.truncate(kept);
        self.on_the_way.clear();
        self.held_back_ms = None;
    }

    /// The connection ends, and another one is made later.
    pub fn cut(&mut self, now_ms: i64, away_ms: i64, rng: &mut Rng) {
        if !self.is_alive {
            return;
        }
        let kept = rng.usize(..=self.waiting.len());
        self.lose_connection(kept);
        self.connects_ms = now_ms + away_ms;
    }

    /// The network lets nothing through for so long. True if there is a network.
    pub fn hold_back(&mut self, now_ms: i64, length_ms: i64, rng: &mut Rng) -> bool {
        let is_awake = now_ms >= self.sleeps_until_ms;
        let holds = self.is_remote && self.is_alive && is_awake && self.held_back_ms.is_none();
        if holds {
            let again_ms = match length_ms > HELD_BACK_UNNOTICED_MS {
                true => rng.i64(0..=length_ms.min(AGAIN_MAX_MS)),
                false => 0,
            };
            let until_ms = now_ms + length_ms;
            self.held_back_ms = Some((now_ms, until_ms, until_ms + again_ms));
        }
        holds
    }

    /// Whether a network holds something back.
    pub fn is_held_back(&self) -> bool {
        self.held_back_ms.is_some()
    }

    pub fn sleep(&mut self, until_ms: i64) {
        self.sleeps_until_ms = until_ms;
    }

    /// The publisher publishes. False if that is lost.
    pub fn publish(&mut self, text: String, number: usize, now_ms: i64) -> bool {
        let bytes = |frames: &VecDeque<Frame>| -> usize {
            frames.iter().map(|frame| WEIGHT * frame.text.len()).sum()
        };
        let (way, room) = match self.held_back_ms {
            None => (&mut self.waiting, 2 * ROOM_BYTES),
            Some((from_ms, _, _)) => {
                let is_noticed = now_ms > from_ms + HELD_BACK_UNNOTICED_MS;
                let room = if is_noticed {
                    // And the frame for which it found room last.
                    PUBLISHER_ROOM_BYTES as usize + WEIGHT * text.len()
                } else {
                    usize::MAX
                };
                (&mut self.on_the_way, room)
            }
        };
        let has_room = bytes(way) + WEIGHT * text.len() <= room;
        if !self.is_alive || now_ms < self.known_ms || !has_room {
            return false;
        }
        way.push_back(Frame {
            text,
            number,
            connection: self.connections,
        });
        true
    }

    /// Time goes on: connections are made, and the network lets through again what it held back.
    pub fn pass(&mut self, now_ms: i64, rng: &mut Rng) {
        if !self.is_alive && now_ms >= self.connects_ms {
            self.is_alive = true;
            self.connections += 1;
            self.known_ms = now_ms + rng.i64(0..SETTLE_MS);
        }
        let again_ms = self.held_back_ms.map(|(_, _, again_ms)| again_ms);
        if again_ms.is_some_and(|again_ms| now_ms >= again_ms) {
            self.held_back_ms = None;
            self.waiting.append(&mut self.on_the_way);
        }
    }

    /// The source reads all that it can, and says how far it saw. Gives the batch and the numbers of its frames; None
    /// while it sleeps.
    pub fn look(&mut self, process: &Process, now_ms: i64) -> Option<(FrameBatch, Vec<usize>)> {
        let source = self.source.as_mut()?;
        if now_ms < self.sleeps_until_ms {
            return None;
        }
        let (began, began_ms) = source.began;
        let now = began + Duration::from_millis((now_ms - began_ms).unsigned_abs());
        let away_ms = now_ms - std::mem::replace(&mut source.looked_ms, now_ms);
        if away_ms > PAUSE_MIN_MS {
            let length = Duration::from_millis(away_ms.unsigned_abs());
            source.coverage.paused(length, now_ms, now);
        }
        let mut batch = process.batch(self.stream);
        let mut numbers = Vec::new();
        for frame in self.waiting.drain(..) {
            if self.is_alive && frame.connection == self.connections {
                let bytes = WEIGHT * frame.text.len();
                source.coverage.frame(bytes, frame.connection, || now_ms);
            }
            let earliest_ms = source.progress.earliest_ms();
            batch.push_restored(frame.text.as_bytes(), earliest_ms, now_ms);
            numbers.push(frame.number);
        }
        let acknowledged = self.is_remote.then(|| {
            let silent = self
                .held_back_ms
                .filter(|(_, until_ms, _)| now_ms < *until_ms);
            let since_ms = silent.map_or(now_ms, |(from_ms, _, _)| from_ms);
            Duration::from_millis((now_ms - since_ms).unsigned_abs())
        });
        let limit_ms = source.coverage.look(ConnectionLook {
            before_ms: now_ms,
            now,
            is_empty: true,
            room_bytes: ROOM_BYTES as u64,
            connections: self.connections,
            is_alive: self.is_alive,
            acknowledged,
        });
        // While nothing is acknowledged, something may be on its way.
        source.reached_ms = source.reached_ms.max(limit_ms.min(now_ms));
        Some((batch, numbers))
    }

    /// All that was read is in batches: the time of the stream may move on.
    pub fn reach(&self) {
        if let Some(source) = &self.source {
            source.progress.reach(source.reached_ms);
        }
    }
}
