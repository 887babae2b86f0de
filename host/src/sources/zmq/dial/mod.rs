//! When to connect, and where to: one address at a time, for a publisher that listens on two would
//! send everything twice. Libzmq's own reconnecting is not used: it never tries again after a
//! protocol error, and of a name's addresses it knows only the first. Pure: reads no clock, asks no
//! resolver, knows no socket.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// A name may lead to more addresses; the others are tried in the next rounds.
const ADDRESSES_MAX: usize = 8;

/// A resolver that has not answered by then is said to hang. It is waited for all the same: a second
/// one would hang too.
pub(super) const RESOLVE_TOLD: Duration = Duration::from_secs(5);

/// Where a connection goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Tcp(SocketAddr),
    /// The whole endpoint, `ipc://path`.
    Local(String),
}

impl Target {
    /// As libzmq wants it.
    pub fn endpoint(&self) -> String {
        match self {
            Target::Tcp(address) => format!("tcp://{address}"),
            Target::Local(endpoint) => endpoint.clone(),
        }
    }
}

/// What an endpoint names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Named {
    Fixed(Target),
    /// A host's name (or an address with a zone) and a port: resolved anew for each round of tries.
    Host(String, u16),
}

impl Named {
    /// None if it is no endpoint to connect to.
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

/// Waits between two rounds of tries.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waits {
    pub min: Duration,
    pub max: Duration,
}

/// What is to be done now.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    Nothing,
    Resolve(String, u16),
    Connect(Target),
}

#[derive(Debug)]
enum State {
    Waiting {
        until: Instant,
    },
    Resolving {
        since: Instant,
        is_told: bool,
    },
    Trying(Target),
    Connected {
        target: Option<Target>,
        since: Instant,
    },
}

/// How the last try ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failed {
    /// All that were tried in this round; none if the name was not resolved.
    pub tried: Vec<Target>,
    /// There is no further address in this round.
    pub is_last: bool,
}

/// Decides for one endpoint.
#[derive(Debug)]
pub(super) struct Dial {
    named: Named,
    waits: Waits,
    state: State,
    /// In this round: still to be tried, the next one last, and tried.
    to_try: Vec<Target>,
    /// Of a name's addresses, if they are too many for a round: where the next one begins.
    first: usize,
    tried: Vec<Target>,
    /// The last one that was connected: tried first.
    good: Option<Target>,
    /// Rounds in a row that came to nothing.
    failures: u32,
    /// Connections in a row that ended soon.
    short_lived: u32,
}

impl Dial {
    pub fn new(named: Named, waits: Waits, now: Instant) -> Self {
        Self {
            named,
            waits,
            state: State::Waiting { until: now },
            to_try: Vec::new(),
            first: 0,
            tried: Vec::new(),
            good: None,
            failures: 0,
            short_lived: 0,
        }
    }

    pub fn step(&mut self, now: Instant) -> Step {
        match self.state {
            State::Waiting { until } if now >= until => {}
            _ => return Step::Nothing,
        }
        if self.to_try.is_empty() {
            self.tried.clear();
            match &self.named {
                Named::Fixed(target) => self.to_try.push(target.clone()),
                Named::Host(host, port) => {
                    self.state = State::Resolving {
                        since: now,
                        is_told: false,
                    };
                    return Step::Resolve(host.clone(), *port);
                }
            }
        }
        match self.to_try.pop() {
            None => Step::Nothing,
            Some(target) => {
                self.tried.push(target.clone());
                self.state = State::Trying(target.clone());
                Step::Connect(target)
            }
        }
    }

    /// True once for each time that the resolver takes too long.
    pub fn resolver_hangs(&mut self, now: Instant) -> bool {
        match &mut self.state {
            State::Resolving { since, is_told }
                if !*is_told && now.saturating_duration_since(*since) >= RESOLVE_TOLD =>
            {
                *is_told = true;
                true
            }
            _ => false,
        }
    }

    /// The name leads to these addresses, in the order of the resolver's preference. Without any, this
    /// round has failed, and is to be told so.
    pub fn resolved(&mut self, addresses: &[SocketAddr], now: Instant) {
        if addresses.is_empty() || !matches!(self.state, State::Resolving { .. }) {
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
            // A round takes so many; the next one goes on behind them.
            let behind = self.first % targets.len();
            targets.rotate_left(behind);
            self.first = self.first.wrapping_add(ADDRESSES_MAX);
        }
        if let Some(good) = &self.good
            && let Some(place) = targets.iter().position(|target| target == good)
        {
            targets[..=place].rotate_right(1);
        }
        targets.truncate(ADDRESSES_MAX);
        targets.reverse();
        self.to_try = targets;
        self.state = State::Waiting { until: now };
    }

    pub fn connected(&mut self, now: Instant) {
        let target = match &self.state {
            State::Trying(target) => Some(target.clone()),
            _ => None,
        };
        self.good.clone_from(&target);
        self.to_try.clear();
        self.state = State::Connected { target, since: now };
    }

    /// The name was not resolved, or the try or the connection has ended; None if there was none.
    /// `chance` from 0 to 1 spreads those who wait.
    pub fn failed(&mut self, now: Instant, chance: f64) -> Option<Failed> {
        match &self.state {
            State::Waiting { .. } => return None,
            State::Trying(_) if !self.to_try.is_empty() => {
                self.state = State::Waiting { until: now };
                return Some(Failed {
                    tried: self.tried.clone(),
                    is_last: false,
                });
            }
            State::Trying(_) | State::Resolving { .. } => self.failures += 1,
            // A publisher that ends each connection at once is no better than none.
            State::Connected { since, .. } => {
                let has_lasted = now.saturating_duration_since(*since) >= self.waits.max;
                (self.failures, self.short_lived) = if has_lasted {
                    (1, 0)
                } else {
                    (self.failures + 1, self.short_lived + 1)
                };
            }
        }
        self.to_try.clear();
        let until = now + self.wait(chance);
        self.state = State::Waiting { until };
        Some(Failed {
            tried: std::mem::take(&mut self.tried),
            is_last: true,
        })
    }

    /// From the shortest wait, doubled up to the longest, and up to half less by chance.
    fn wait(&self, chance: f64) -> Duration {
        let doublings = self.failures.saturating_sub(1).min(31);
        let full = self
            .waits
            .min
            .saturating_mul(1 << doublings)
            .min(self.waits.max);
        full.mul_f64(0.5 + chance.clamp(0.0, 1.0) / 2.0)
            .max(self.waits.min.min(self.waits.max))
    }

    /// Whether there is a try or a connection that can end.
    pub fn is_under_way(&self) -> bool {
        matches!(self.state, State::Trying(_) | State::Connected { .. })
    }

    /// Whether connections come and go, so that nobody wants to read of each.
    pub fn is_flapping(&self) -> bool {
        self.short_lived >= 2
    }

    /// Whom it is connected to, or trying to be.
    pub fn target(&self) -> Option<&Target> {
        match &self.state {
            State::Trying(target) => Some(target),
            State::Connected { target, .. } => target.as_ref(),
            State::Waiting { .. } | State::Resolving { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests;
