//! The thread of one subscribing socket: it reads, stamps, packs and hands on frames, and reports
//! how far it has read.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::connection_monitor::ConnectionMonitor;
use super::coverage::{ConnectionCoverage, ConnectionLook};
use super::envelope::{MessagePart, MessageParts};
use super::pace::{NAP, Pace};
use super::suspensions::Suspensions;
use super::wake_ups::DEFER_MIN;
use super::watermark::{Ahead, Look, Watermark};
use super::whole_ms;
use crate::flow::{Link, Refusals, RefusedCounts, ShutdownRequest, SourceStatus};
use crate::sources::{BatchWriter, Source, SourceError};
use crate::thread_watch;

/// Frames read in one go, before the thread looks at the monitor, the batch's age and the request
/// to shut down.
const FRAMES_PER_TURN_MAX: usize = 512;

/// After the request to shut down, a source reads what is already there for at most this long.
const DRAIN_MAX: Duration = Duration::from_secs(2);

/// One endpoint as a source.
pub(super) struct Subscriber {
    /// Index of the endpoint among those of its stream.
    pub index: u16,
    pub endpoint: String,
    pub connection_monitor: ConnectionMonitor,
    pub batch_writer: BatchWriter,
    pub watermark: Watermark,
    pub coverage: ConnectionCoverage,
    pub suspensions: Suspensions,
    pub stop: ShutdownRequest,
    /// How long to wait for a frame before the time is reported.
    pub tick: Duration,
    pub parts: MessageParts,
    pub refusals: Refusals,
    pub pace: Pace,
    /// Whether bytes gathered in the kernel and the socket was not seen empty since.
    pub wake_ups_deferred: bool,
    /// Whether the last batch belonged to a steady stream.
    pub is_steady: bool,
    /// Whether the frames to read have waited in the kernel for as long as a batch may.
    pub have_waited: bool,
}

impl Source for Subscriber {
    fn thread_name(&self) -> String {
        let stream = self.batch_writer.stats().stream();
        format!("{}-{}", stream.as_str(), self.index)
    }

    fn status(&self) -> Arc<SourceStatus> {
        Arc::clone(self.batch_writer.stats())
    }

    fn run(mut self: Box<Self>) -> Result<(), SourceError> {
        self.read_all()
    }
}

impl Subscriber {
    /// Reads until the request to shut down, or until the socket or the queue is gone.
    ///
    /// # Errors
    /// The socket failed, or a batch could not be handed on.
    pub fn read_all(&mut self) -> Result<(), SourceError> {
        let mut message = zmq::Message::new();
        let mut stopping: Option<Instant> = None;
        loop {
            // One turn, or one wait for room, is one piece of work.
            thread_watch::busy();
            self.note_pause();
            let empty = self.turn(&mut message)?;
            self.log_refused();
            if !empty {
                self.connection_monitor.follow();
            }
            if self.stop.is_set() {
                let since = *stopping.get_or_insert_with(Instant::now);
                if empty || since.elapsed() >= DRAIN_MAX {
                    return self.hand_on();
                }
            } else if empty {
                self.rest()?;
            } else if self.batch_writer.patience() == Some(Duration::ZERO) {
                self.hand_on()?;
            }
        }
    }

    /// Reads until the socket is empty (true), or until enough was read for one turn.
    ///
    /// The socket is empty once its queue was found empty twice, with the question in between what
    /// is still on its way. `watermark` explains why, and why in this order.
    fn turn(&mut self, message: &mut zmq::Message) -> Result<bool, SourceError> {
        let mut asked = None;
        for _ in 0..FRAMES_PER_TURN_MAX {
            match self
                .connection_monitor
                .to_read()
                .recv(message, zmq::DONTWAIT)
            {
                Ok(()) => asked = None,
                Err(zmq::Error::EAGAIN) if self.connection_monitor.seen_empty() => {
                    asked = None;
                    // The last message of that socket may have been cut off.
                    self.parts.begin_anew();
                    continue;
                }
                Err(zmq::Error::EAGAIN) => match asked {
                    None => {
                        asked = Some(self.ask());
                        continue;
                    }
                    Some((_, ahead)) if self.is_behind(ahead) => {
                        self.watermark.rests(NAP / 2);
                        thread::sleep(NAP / 2);
                        return Ok(false);
                    }
                    Some((before_ms, ahead)) => {
                        self.note_pause();
                        let now = Instant::now();
                        let limit_ms = self.coverage.look(ConnectionLook {
                            before_ms,
                            now,
                            is_empty: ahead == Ahead::Nothing,
                            room_bytes: self.connection_monitor.connection.room_bytes(),
                            connections: self.connection_monitor.connections,
                            is_alive: self.connection_monitor.is_alive(),
                            acknowledged: self.connection_monitor.connection.acknowledged(),
                        });
                        self.watermark.seen_empty(Look {
                            before_ms: before_ms.min(limit_ms),
                            ahead,
                            now,
                        });
                        self.pace.seen_empty(now);
                        return Ok(true);
                    }
                },
                Err(zmq::Error::EINTR) => continue,
                Err(error) => return Err(self.failed("read from", error)),
            }
            self.watermark.read();
            self.pace.read();
            if self.connection_monitor.reads_last() {
                let clock = self.batch_writer.clock();
                let connections = self.connection_monitor.connections;
                self.coverage
                    .frame(message.len(), connections, || clock.now_ms());
            }
            match self.parts.next(message.get_more()) {
                MessagePart::Frame if self.batch_writer.admits(message.len()) => {
                    let monitor = &mut self.connection_monitor;
                    if self.batch_writer.push(message, || monitor.follow())? {
                        self.batch_writer.hand_on(|| monitor.follow())?;
                    }
                }
                MessagePart::Frame | MessagePart::Skipped => {}
                MessagePart::RefusedCounts(refusal) => self.batch_writer.refuse(refusal),
            }
        }
        Ok(false)
    }

    /// Notes if this thread did not run for a while.
    fn note_pause(&mut self) {
        let now = Instant::now();
        let overslept = self.watermark.awake(now);
        let suspended = self.suspensions.since_last();
        let clock = self.batch_writer.clock();
        if let Some(length) = suspended {
            self.watermark.suspended(now);
            self.coverage.suspended(length, clock.now_ms(), now);
        }
        match overslept {
            Some(overslept) => self.coverage.paused(overslept, clock.now_ms(), now),
            None if self.coverage.is_catching_up() => self.coverage.reads_on(clock.now_ms()),
            None => {}
        }
    }

    /// Logs what was refused, if a line is due.
    fn log_refused(&mut self) {
        let stats = self.batch_writer.stats();
        let totals = stats.all_refused();
        if totals == RefusedCounts::default() {
            return;
        }
        for (refusal, more) in self.refusals.due(totals, Instant::now()) {
            let stream = stats.stream().as_str();
            tracing::warn!(
                stream,
                endpoint = stats.endpoint(),
                kind = refusal.as_str(),
                refused = more,
                "{} (logged once a minute; landfall_frames_refused_total counts them)",
                refusal.remedy(stream)
            );
        }
    }

    /// The time, and then whether frames are on their way that had come by that time.
    fn ask(&mut self) -> (i64, Ahead) {
        self.batch_writer.stamp();
        let before_ms = self.batch_writer.clock().now_ms();
        self.connection_monitor.follow();
        (before_ms, self.connection_monitor.ahead())
    }

    fn hand_on(&mut self) -> Result<(), SourceError> {
        let monitor = &mut self.connection_monitor;
        self.batch_writer.hand_on(|| monitor.follow())
    }

    /// Waits for frames; hands the batch on when it has waited long enough.
    ///
    /// In a steady stream the thread does not wait for the next frame. All frames that come while a
    /// batch may wait gather in the kernel, and are read and handed on together. So the stream
    /// wakes the library and the source once a batch. If the stream ends there, its last frame has
    /// waited no longer than in a batch.
    fn rest(&mut self) -> Result<(), SourceError> {
        self.batch_writer.came_since(None);
        match self.batch_writer.patience() {
            Some(left) if left <= NAP || self.have_waited => {
                self.have_waited = false;
                self.is_steady = self.batch_writer.is_steady();
                self.hand_on()
            }
            Some(left) => {
                // A little before it is due, because waking takes its time too.
                let due = left.saturating_sub(NAP / 2);
                self.sleep(due.min(self.pace.nap()))
            }
            None => {
                let wait_max = self.batch_writer.wait_max();
                let nap = wait_max.min(self.pace.nap());
                let was_steady = std::mem::take(&mut self.is_steady);
                self.have_waited = if was_steady && self.can_defer_wake_ups(nap) {
                    self.defer_wake_ups(nap)? && nap == wait_max
                } else {
                    self.watermark.rests(self.tick);
                    self.poll(self.tick)?;
                    false
                };
                Ok(())
            }
        }
    }

    /// Waits for a frame or an event of the connection. Gives whether any came.
    fn poll(&self, timeout: Duration) -> Result<bool, SourceError> {
        let [socket, before] = self.connection_monitor.sockets();
        let mut items = [
            socket.as_poll_item(zmq::POLLIN),
            before.as_poll_item(zmq::POLLIN),
            self.connection_monitor.monitor.as_poll_item(zmq::POLLIN),
        ];
        match zmq::poll(&mut items, i64::from(whole_ms(timeout))) {
            Ok(ready) => Ok(ready > 0),
            Err(zmq::Error::EINTR) => Ok(false),
            Err(error) => Err(self.failed("wait for", error)),
        }
    }

    /// Whether libzmq has not read yet what gathered during the last sleep. An empty socket shows
    /// nothing then.
    fn is_behind(&mut self, ahead: Ahead) -> bool {
        self.wake_ups_deferred = self.wake_ups_deferred && ahead == Ahead::Something;
        self.wake_ups_deferred
    }

    fn sleep(&mut self, nap: Duration) -> Result<(), SourceError> {
        if self.can_defer_wake_ups(nap) {
            self.defer_wake_ups(nap).map(drop)
        } else {
            // While nothing is connected, each tick checks what is due.
            let nap = match self.connection_monitor.stats.link() {
                Link::Connected => nap,
                _ => nap.min(self.tick),
            };
            self.watermark.rests(nap);
            thread::sleep(nap);
            Ok(())
        }
    }

    /// Whether what comes during such a sleep can gather.
    fn can_defer_wake_ups(&self, nap: Duration) -> bool {
        nap >= DEFER_MIN
            && self.connection_monitor.stats.link() == Link::Connected
            && self.connection_monitor.connection.can_defer_wake_ups()
    }

    /// Sleeps. What comes meanwhile wakes libzmq only at the end, so that libzmq gets it all at
    /// once. A flood, or the end of the connection, wakes libzmq and this thread at once (false).
    fn defer_wake_ups(&mut self, nap: Duration) -> Result<bool, SourceError> {
        self.watermark.rests(nap);
        let Some(deferred) = self.connection_monitor.connection.defer_wake_ups() else {
            // The connection ends just now: nothing more comes over it.
            thread::sleep(nap);
            return Ok(false);
        };
        self.batch_writer.came_since(Some(Instant::now()));
        let was_woken = self.poll(nap.saturating_sub(NAP))?;
        drop(deferred);
        self.wake_ups_deferred = true;
        if !was_woken {
            // Gives libzmq time to read all that has gathered: to wake twice costs more than to
            // wait.
            thread::sleep(NAP);
        }
        Ok(!was_woken)
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

#[cfg(test)]
mod tests;
