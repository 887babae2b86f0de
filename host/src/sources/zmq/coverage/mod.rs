//! What an endpoint's source did not see: a state machine over looks at its connection.
//!
//! A subscriber of ZeroMQ gets what is published while it is connected and the publisher knows its subscription.
//! Nothing acknowledges a subscription, and what is published without one is gone. So a hole begins at the last
//! look that proved the connection alive, and not when its end was noticed. It ends with the first frame over the
//! next connection, or after a settling time, which is an assumption: that a publisher knows a subscription so
//! soon.
//!
//! What proves a connection alive depends on how far its other end is. On this machine the kernel has both ends, and
//! knows at once when one is gone. Over a network only the other kernel's acknowledgements are a proof, as of when
//! they came; the connection is probed every second for them. A proxy's acknowledgement proves the proxy.
//!
//! Pure: knows no socket and reads no clock.

mod silence;

use std::sync::Arc;
use std::time::{Duration, Instant};

use landfall_ledger::{Hole, HoleCause, STAMPS_APART_MS};

#[cfg(test)]
pub(crate) use self::silence::PUBLISHER_ROOM_BYTES;
use self::silence::SilenceWatch;
use crate::flow::{SourceProgress, SourceStatus};

/// How long nothing may be acknowledged before that is a hole: ten probes, and several retransmissions of a network
/// that loses packets. Until then time stands still, for what was sent may still come.
pub(crate) const UNANSWERED_MAX: Duration = Duration::from_secs(10);

/// A source that cannot be seen to have caught up with a pause is taken to have done so after this long.
const CATCH_UP_MAX: Duration = Duration::from_secs(1);

/// A look at the connection, when the socket was found empty.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConnectionLook {
    /// The time by Landfall's clock. It was read before the connection was asked.
    pub before_ms: i64,
    pub now: Instant,
    /// Nothing waits in the kernel or in the library either.
    pub is_empty: bool,
    /// So many bytes have room in the kernel for certain, before the publisher has to wait.
    pub room_bytes: u64,
    /// Connections that were made so far, and whether the last one is alive.
    pub connections: u64,
    pub is_alive: bool,
    /// Over a network: how long ago the other end acknowledged something.
    pub acknowledged: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    /// Nothing is seen since then.
    Blind { since_ms: i64, cause: HoleCause },
    /// There is a connection. Until `until` the publisher may not know the subscription.
    Settling {
        since_ms: i64,
        cause: HoleCause,
        until: Instant,
    },
    /// All was seen from one instant to the other.
    Seeing { since_ms: i64, proven_ms: i64 },
    /// The connection stands, and nothing is acknowledged.
    Unanswered { since_ms: i64 },
}

/// The coverage of one endpoint.
#[derive(Debug)]
pub(crate) struct ConnectionCoverage {
    progress: Arc<SourceProgress>,
    status: Arc<SourceStatus>,
    settle: Duration,
    /// How many times faster than real time Landfall's clock is.
    speed: f64,
    state: State,
    connections: u64,
    /// When the pauses began that the source catches up with, and when the last one was noticed.
    paused: Option<(i64, Instant)>,
    bytes_since_empty: u64,
    silence: SilenceWatch,
}

impl ConnectionCoverage {
    /// A source that begins at `start_ms`, and has no connection yet.
    pub fn new(
        progress: Arc<SourceProgress>,
        status: Arc<SourceStatus>,
        settle: Duration,
        start_ms: i64,
        speed: f64,
    ) -> Self {
        progress.unseen(Hole {
            from_ms: i64::MIN,
            to_ms: start_ms,
            cause: HoleCause::NotRunning,
        });
        Self {
            progress,
            status,
            settle,
            speed,
            state: State::Blind {
                since_ms: start_ms.saturating_add(1),
                cause: HoleCause::NeverConnected,
            },
            connections: 0,
            paused: None,
            bytes_since_empty: 0,
            silence: SilenceWatch::default(),
        }
    }

    /// A frame was read that came over the connection with this number.
    pub fn frame(&mut self, bytes: usize, connections: u64, now_ms: impl FnOnce() -> i64) {
        self.bytes_since_empty = self.bytes_since_empty.saturating_add(bytes as u64);
        self.silence.read(bytes as u64);
        match self.state {
            State::Seeing { .. } | State::Unanswered { .. } => {}
            // The publisher knows the subscription.
            State::Blind { since_ms, cause }
            | State::Settling {
                since_ms, cause, ..
            } => {
                let now_ms = now_ms();
                self.unseen(since_ms, now_ms, cause);
                self.connections = connections;
                self.see(now_ms, now_ms);
            }
        }
    }

    /// The source did not run for so long, until now. It also was not asked to rest.
    pub fn paused(&mut self, length: Duration, now_ms: i64, now: Instant) {
        let since_ms = now_ms.saturating_sub(self.ms(length));
        let (since_ms, _) = self.paused.unwrap_or((since_ms, now));
        self.paused = Some((since_ms, now));
        self.reads_on(now_ms);
    }

    /// The machine was suspended for so long, some time since the last look. Unlike in a pause of the process alone, its
    /// kernel took nothing either: what the publisher could not keep is lost, however little comes afterwards.
    pub fn suspended(&mut self, length: Duration, now_ms: i64, now: Instant) {
        if let State::Seeing { proven_ms, .. } = self.state {
            let since_ms = now_ms.saturating_sub(self.ms(length));
            self.unseen(proven_ms.min(since_ms), now_ms, HoleCause::Paused);
        }
        self.paused(length, now_ms, now);
    }

    #[cfg(test)]
    pub fn is_seeing(&self) -> bool {
        matches!(self.state, State::Seeing { .. })
    }

    /// Whether it has not caught up with a pause yet.
    pub fn is_catching_up(&self) -> bool {
        self.paused.is_some()
    }

    /// The source reads on, and has not caught up with a pause yet: what it stamps now may have come since the pause
    /// began. Call it at each turn; frames of one turn are stamped soon after.
    pub fn reads_on(&self, now_ms: i64) {
        if let Some((since_ms, _)) = self.paused {
            let turn_ms = self.ms(CATCH_UP_MAX);
            self.progress
                .delayed(since_ms, now_ms.saturating_add(turn_ms));
        }
    }

    /// The socket was found empty. Gives up to when the progress may move at most.
    pub fn look(&mut self, look: ConnectionLook) -> i64 {
        let before_ms = self.proven_ms();
        let limit_ms = self.follow(look);
        let limit_ms = limit_ms.min(self.follow_silence(before_ms, &look));
        let caught_up = match self.paused {
            None => look.is_empty,
            Some((_, noticed)) => {
                look.is_empty || look.now.saturating_duration_since(noticed) >= CATCH_UP_MAX
            }
        };
        match self.paused {
            Some((since_ms, _)) if !caught_up => return limit_ms.min(since_ms),
            Some((since_ms, _)) if self.bytes_since_empty >= look.room_bytes => {
                self.unseen(since_ms, look.before_ms, HoleCause::Paused);
            }
            _ => {}
        }
        if caught_up {
            (self.paused, self.bytes_since_empty) = (None, 0);
        }
        limit_ms
    }

    /// Follows the connection. Gives up to when the progress may move by that.
    fn follow(&mut self, look: ConnectionLook) -> i64 {
        let is_new = std::mem::replace(&mut self.connections, look.connections) != look.connections;
        self.state = match self.state {
            State::Seeing {
                proven_ms: since_ms,
                ..
            }
            | State::Unanswered { since_ms }
                if is_new || !look.is_alive =>
            {
                self.status.set_seeing(false);
                self.blind(since_ms, HoleCause::Disconnected, look)
            }
            State::Blind { since_ms, cause } => self.blind(since_ms, cause, look),
            State::Settling {
                since_ms, cause, ..
            } if is_new || !look.is_alive => self.blind(since_ms, cause, look),
            state => state,
        };
        match self.state {
            State::Blind { since_ms, cause } => {
                self.unseen(since_ms, look.before_ms, cause);
                look.before_ms
            }
            State::Settling {
                since_ms,
                cause,
                until,
            } => {
                self.unseen(since_ms, look.before_ms, cause);
                if look.now >= until {
                    self.see(look.before_ms, look.before_ms);
                }
                look.before_ms
            }
            State::Seeing {
                since_ms,
                proven_ms,
            } => self.prove(since_ms, proven_ms, look),
            State::Unanswered { since_ms } => self.prove(look.before_ms, since_ms, look),
        }
    }

    /// Follows whether a network lets nothing through. Gives up to when the progress may move by that.
    fn follow_silence(&mut self, before_ms: Option<i64>, look: &ConnectionLook) -> i64 {
        let proven_ms = [before_ms, self.proven_ms()];
        let (was_away, speed) = (self.paused.is_some(), self.speed);
        let real = |ms: i64| Duration::try_from_secs_f64(ms as f64 / 1000.0 / speed);
        let real = |ms| real(ms).unwrap_or_default();
        let doubt = self.silence.look(proven_ms, was_away, look, real);
        if let Some((from_ms, to_ms)) = doubt.hole_ms {
            self.unseen(from_ms, to_ms, HoleCause::Unanswered);
        }
        self.progress
            .held_back(doubt.delay_ms.map(|(from_ms, _)| from_ms));
        if let Some((from_ms, to_ms)) = doubt.delay_ms {
            // Frames of the next turn are stamped soon after.
            let to_ms = to_ms.saturating_add(self.ms(CATCH_UP_MAX));
            self.progress.delayed(from_ms, to_ms);
        }
        // An earlier hole has passed that instant.
        doubt.waits_ms.unwrap_or(i64::MAX)
    }

    /// The last proof that the connection lives.
    fn proven_ms(&self) -> Option<i64> {
        match self.state {
            State::Seeing { proven_ms, .. } => Some(proven_ms),
            State::Unanswered { since_ms } => Some(since_ms),
            State::Blind { .. } | State::Settling { .. } => None,
        }
    }

    /// Nothing is seen; if there is a connection, that may end soon.
    fn blind(&self, since_ms: i64, cause: HoleCause, look: ConnectionLook) -> State {
        if look.is_alive {
            let until = look.now + self.settle;
            State::Settling {
                since_ms,
                cause,
                until,
            }
        } else {
            State::Blind { since_ms, cause }
        }
    }

    /// The connection is alive, as far as this machine knows.
    fn prove(&mut self, since_ms: i64, proven_ms: i64, look: ConnectionLook) -> i64 {
        let ago = look.acknowledged.unwrap_or_default();
        if ago > UNANSWERED_MAX {
            if !matches!(self.state, State::Unanswered { .. }) {
                self.status.set_seeing(false);
            }
            self.state = State::Unanswered {
                since_ms: proven_ms,
            };
            self.unseen(proven_ms, look.before_ms, HoleCause::Unanswered);
            return look.before_ms;
        }
        let at_ms = look.before_ms.saturating_sub(self.ms(ago));
        if matches!(self.state, State::Unanswered { .. }) {
            self.unseen(proven_ms, at_ms, HoleCause::Unanswered);
        }
        let proven_ms = at_ms.max(proven_ms);
        self.see(since_ms.min(proven_ms), proven_ms);
        proven_ms
    }

    fn see(&mut self, since_ms: i64, proven_ms: i64) {
        // The row of an event that is stamped now may have come a second ago.
        if proven_ms.saturating_sub(since_ms) >= STAMPS_APART_MS {
            self.status.set_seeing(true);
        }
        self.state = State::Seeing {
            since_ms,
            proven_ms,
        };
    }

    fn unseen(&self, from_ms: i64, to_ms: i64, cause: HoleCause) {
        self.progress.unseen(Hole {
            from_ms,
            to_ms,
            cause,
        });
    }

    fn ms(&self, real: Duration) -> i64 {
        (real.as_secs_f64() * 1000.0 * self.speed) as i64
    }
}

#[cfg(test)]
mod silence_tests;
#[cfg(test)]
mod tests;
