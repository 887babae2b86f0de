//! Decides when to connect, and where to. It tries one address at a time, because a publisher that
//! listens on two would send everything twice. libzmq's own reconnecting is not used: it never
//! tries again after a protocol error, and it knows only the first of a name's addresses. Pure:
//! reads no clock, asks no resolver, knows no socket.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// The addresses of a name that are tried in one round. The others are tried in the next rounds.
const ADDRESSES_MAX: usize = 8;

/// If a resolver has not answered within this time, it is reported to hang. Landfall still waits
/// for it, because a second query would hang too.
pub(super) const RESOLVER_HANGS_AFTER: Duration = Duration::from_secs(5);

/// The address of a try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Tcp(SocketAddr),
    /// The whole endpoint, `ipc://path`.
    Local(String),
}

impl Target {
    /// The endpoint in libzmq's syntax.
    pub fn endpoint(&self) -> String {
        match self {
            Target::Tcp(address) => format!("tcp://{address}"),
            Target::Local(endpoint) => endpoint.clone(),
        }
    }
}

/// What an endpoint names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Destination {
    Fixed(Target),
    /// A host's name (or an address with a zone) and a port: resolved anew for each round of tries.
    Host(String, u16),
}

impl Destination {
    /// Parses an endpoint; None if it is no endpoint to connect to.
    pub fn parse(endpoint: &str) -> Option<Self> {
        if endpoint
            .strip_prefix("ipc://")
            .is_some_and(|path| !path.is_empty())
        {
            return Some(Self::Fixed(Target::Local(endpoint.to_owned())));
        }
        let address = endpoint.strip_prefix("tcp://")?;
        if let Ok(address) = address.parse() {
            return Some(Self::Fixed(Target::Tcp(address)));
        }
        let (host, port) = address.rsplit_once(':')?;
        let host = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .unwrap_or(host);
        let port = port.parse().ok()?;
        (!host.is_empty()).then(|| Self::Host(host.to_owned(), port))
    }
}

/// The pauses between two rounds of tries.
#[derive(Clone, Copy, Debug)]
pub(super) struct RetryPauses {
    pub min: Duration,
    pub max: Duration,
}

/// What to do now.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    Nothing,
    Resolve(String, u16),
    Connect(Target),
}

#[derive(Debug)]
enum DialState {
    Waiting {
        until: Instant,
    },
    Resolving {
        since: Instant,
        is_reported: bool,
    },
    Trying(Target),
    Connected {
        target: Option<Target>,
        since: Instant,
    },
}

/// How the last try ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FailedTry {
    /// All addresses that were tried in this round; empty if the name was not resolved.
    pub tried: Vec<Target>,
    /// Whether this round has no further address.
    pub is_last: bool,
}

/// Decides about the connection of one endpoint.
#[derive(Debug)]
pub(super) struct Dial {
    destination: Destination,
    pauses: RetryPauses,
    state: DialState,
    /// The addresses of this round: those still to try (the next one is last), and those tried.
    to_try: Vec<Target>,
    /// Where the next round begins in a name's addresses, if they are too many for one round.
    next_address: usize,
    tried: Vec<Target>,
    /// The last address that was connected. It is tried first.
    last_connected: Option<Target>,
    /// Number of rounds in a row that failed.
    failures: u32,
    /// Number of connections in a row that ended soon.
    short_lived: u32,
}

impl Dial {
    /// Nothing has been tried yet; the first step is due at once.
    pub fn new(destination: Destination, pauses: RetryPauses, now: Instant) -> Self {
        Self {
            destination,
            pauses,
            state: DialState::Waiting { until: now },
            to_try: Vec::new(),
            next_address: 0,
            tried: Vec::new(),
            last_connected: None,
            failures: 0,
            short_lived: 0,
        }
    }

    /// What to do now.
    pub fn step(&mut self, now: Instant) -> Step {
        match self.state {
            DialState::Waiting { until } if now >= until => {}
            _ => return Step::Nothing,
        }
        if self.to_try.is_empty() {
            self.tried.clear();
            match &self.destination {
                Destination::Fixed(target) => self.to_try.push(target.clone()),
                Destination::Host(host, port) => {
                    self.state = DialState::Resolving {
                        since: now,
                        is_reported: false,
                    };
                    return Step::Resolve(host.clone(), *port);
                }
            }
        }
        match self.to_try.pop() {
            None => Step::Nothing,
            Some(target) => {
                self.tried.push(target.clone());
                self.state = DialState::Trying(target.clone());
                Step::Connect(target)
            }
        }
    }

    /// True once for each query that takes too long.
    pub fn resolver_hangs(&mut self, now: Instant) -> bool {
        match &mut self.state {
            DialState::Resolving { since, is_reported }
                if !*is_reported
                    && now.saturating_duration_since(*since) >= RESOLVER_HANGS_AFTER =>
            {
                *is_reported = true;
                true
            }
            _ => false,
        }
    }

    /// The name leads to these addresses, in the order of the resolver's preference. If there are
    /// none, this round has failed, and [`Dial::failed`] must be called.
    pub fn resolved(&mut self, addresses: &[SocketAddr], now: Instant) {
        if addresses.is_empty() || !matches!(self.state, DialState::Resolving { .. }) {
            return;
        }
        let mut targets: Vec<Target> = Vec::new();
        for &address in addresses {
            let target = Target::Tcp(address);
            if !targets.contains(&target) {
                targets.push(target);
            }
        }
        if targets.len() > ADDRESSES_MAX {
            // A round takes so many addresses. The next round goes on after them.
            let behind = self.next_address % targets.len();
            targets.rotate_left(behind);
            self.next_address = self.next_address.wrapping_add(ADDRESSES_MAX);
        }
        if let Some(last_connected) = &self.last_connected
            && let Some(place) = targets.iter().position(|target| target == last_connected)
        {
            targets[..=place].rotate_right(1);
        }
        targets.truncate(ADDRESSES_MAX);
        targets.reverse();
        self.to_try = targets;
        self.state = DialState::Waiting { until: now };
    }

    /// The try has led to a connection.
    pub fn connected(&mut self, now: Instant) {
        let target = match &self.state {
            DialState::Trying(target) => Some(target.clone()),
            _ => None,
        };
        self.last_connected.clone_from(&target);
        self.to_try.clear();
        self.state = DialState::Connected { target, since: now };
    }

    /// The name was not resolved, or the try or the connection has ended; None if there was none.
    /// `chance`, from 0 to 1, spreads clients that wait.
    pub fn failed(&mut self, now: Instant, chance: f64) -> Option<FailedTry> {
        match &self.state {
            DialState::Waiting { .. } => return None,
            DialState::Trying(_) if !self.to_try.is_empty() => {
                self.state = DialState::Waiting { until: now };
                return Some(FailedTry {
                    tried: self.tried.clone(),
                    is_last: false,
                });
            }
            DialState::Trying(_) | DialState::Resolving { .. } => self.failures += 1,
            // A publisher that ends each connection at once is no better than none.
            DialState::Connected { since, .. } => {
                let has_lasted = now.saturating_duration_since(*since) >= self.pauses.max;
                (self.failures, self.short_lived) = if has_lasted {
                    (1, 0)
                } else {
                    (self.failures + 1, self.short_lived + 1)
                };
            }
        }
        self.to_try.clear();
        let until = now + self.wait(chance);
        self.state = DialState::Waiting { until };
        Some(FailedTry {
            tried: std::mem::take(&mut self.tried),
            is_last: true,
        })
    }

    /// The pause before the next round: the shortest one, doubled for each failure up to the
    /// longest one, and shortened by up to a half by chance.
    fn wait(&self, chance: f64) -> Duration {
        let doublings = self.failures.saturating_sub(1).min(31);
        let full = self
            .pauses
            .min
            .saturating_mul(1 << doublings)
            .min(self.pauses.max);
        full.mul_f64(0.5 + chance.clamp(0.0, 1.0) / 2.0)
            .max(self.pauses.min.min(self.pauses.max))
    }

    /// Whether there is a try or a connection that can end.
    pub fn is_under_way(&self) -> bool {
        matches!(
            self.state,
            DialState::Trying(_) | DialState::Connected { .. }
        )
    }

    /// Whether connections come and go, so that not each of them should be logged.
    pub fn is_flapping(&self) -> bool {
        self.short_lived >= 2
    }

    /// The address to which it is connected, or tries to connect.
    pub fn target(&self) -> Option<&Target> {
        match &self.state {
            DialState::Trying(target) => Some(target),
            DialState::Connected { target, .. } => target.as_ref(),
            DialState::Waiting { .. } | DialState::Resolving { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests;
