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
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);
    const WAITS: Waits = Waits {
        min: Duration::from_millis(100),
        max: Duration::from_millis(1000),
    };

    fn tcp(text: &str) -> Target {
        Target::Tcp(text.parse().unwrap())
    }

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn endpoints_name_an_address_a_host_or_a_path() {
        for (endpoint, named) in [
            ("tcp://127.0.0.1:1", Some(Named::Fixed(tcp("127.0.0.1:1")))),
            ("tcp://[::1]:65535", Some(Named::Fixed(tcp("[::1]:65535")))),
            (
                "tcp://db_1.example:7",
                Some(Named::Host("db_1.example".into(), 7)),
            ),
            (
                "tcp://[fe80::1%eth0]:7",
                Some(Named::Host("fe80::1%eth0".into(), 7)),
            ),
            (
                "ipc://@x",
                Some(Named::Fixed(Target::Local("ipc://@x".into()))),
            ),
            ("ipc://", None),
            ("tcp://host", None),
            ("tcp://:1", None),
            ("tcp://host:99999", None),
            ("tpc://host:1", None),
        ] {
            assert_eq!(Named::parse(endpoint), named, "{endpoint}");
        }
        assert_eq!(tcp("[::1]:2").endpoint(), "tcp://[::1]:2");
    }

    #[test]
    fn of_a_name_with_more_addresses_than_a_round_takes_all_are_tried_in_time() {
        let now = Instant::now();
        let mut dial = Dial::new(Named::Host("pub".into(), 1), WAITS, now);
        let all: Vec<String> = (1..=10).map(|last| format!("10.0.0.{last}:1")).collect();
        let all: Vec<SocketAddr> = all.iter().map(|text| text.parse().unwrap()).collect();
        let mut tried = Vec::new();
        let mut at = now;
        for _ in 0..2 {
            at += WAITS.max * 2;
            assert!(matches!(dial.step(at), Step::Resolve(..)));
            dial.resolved(&all, at);
            let mut round = 0;
            while let Step::Connect(Target::Tcp(address)) = dial.step(at) {
                tried.push(address);
                round += 1;
                dial.failed(at, 0.0);
            }
            assert_eq!(round, ADDRESSES_MAX);
        }
        tried.sort();
        tried.dedup();
        assert_eq!(tried.len(), all.len());
    }

    #[test]
    fn one_address_is_tried_after_the_other_and_the_name_is_resolved_for_each_round() {
        let mut now = Instant::now();
        let mut dial = Dial::new(Named::Host("pub".into(), 1), WAITS, now);
        let resolve = Step::Resolve("pub".into(), 1);
        assert_eq!(dial.step(now), resolve);
        assert_eq!(dial.step(now), Step::Nothing, "it waits for the answer");
        // One that stands there twice is one.
        dial.resolved(&addresses(&["[::1]:1", "127.0.0.1:1", "[::1]:1"]), now);
        assert_eq!(dial.step(now), Step::Connect(tcp("[::1]:1")));
        assert_eq!(dial.step(now), Step::Nothing, "never two at once");
        let failed = dial.failed(now, 0.0).unwrap();
        assert_eq!((failed.tried.len(), failed.is_last), (1, false));
        assert_eq!(dial.failed(now, 0.0), None, "said once");
        assert_eq!(dial.step(now), Step::Connect(tcp("127.0.0.1:1")));
        dial.connected(now);
        assert_eq!(dial.target(), Some(&tcp("127.0.0.1:1")));
        now += WAITS.max;
        assert!(dial.failed(now, 1.0).unwrap().is_last);

        // The one that was good goes first, if it still is one of them.
        assert_eq!(dial.step(now + 99 * MS), Step::Nothing);
        now += WAITS.min;
        assert_eq!(dial.step(now), resolve);
        dial.resolved(&addresses(&["[::1]:1", "10.0.0.1:1", "127.0.0.1:1"]), now);
        for next in ["127.0.0.1:1", "[::1]:1", "10.0.0.1:1"] {
            assert_eq!(dial.step(now), Step::Connect(tcp(next)));
            let failed = dial.failed(now, 1.0).unwrap();
            assert_eq!(failed.is_last, next == "10.0.0.1:1");
        }
        assert_eq!(dial.step(now), Step::Nothing);
        now += 2 * WAITS.min;
        assert_eq!(dial.step(now), resolve);
        dial.resolved(&addresses(&["[::1]:1"]), now);
        assert_eq!(dial.step(now), Step::Connect(tcp("[::1]:1")));
    }

    #[test]
    fn waits_double_up_to_the_longest_and_begin_anew_after_a_connection_that_lasted() {
        let start = Instant::now();
        let fixed = Named::Fixed(tcp("127.0.0.1:1"));
        let mut dial = Dial::new(fixed, WAITS, start);
        let mut now = start;
        // The shortest and the longest of each wait.
        for (short, long) in [
            (100, 100),
            (100, 200),
            (200, 400),
            (400, 800),
            (500, 1000),
            (500, 1000),
        ] {
            for (chance, wait) in [(0.0, short), (1.0, long)] {
                assert!(matches!(dial.step(now), Step::Connect(_)));
                dial.failed(now, chance).unwrap();
                dial.failures -= u32::from(chance == 0.0);
                assert_eq!(dial.step(now + (wait - 1) * MS), Step::Nothing, "{wait}");
                now += wait * MS;
            }
        }
        // A connection that ends at once, over and over, is no success.
        assert!(matches!(dial.step(now), Step::Connect(_)));
        dial.connected(now);
        now += 10 * MS;
        assert!(dial.is_under_way() && !dial.is_flapping());
        dial.failed(now, 1.0).unwrap();
        assert!(!dial.is_under_way());
        assert_eq!(dial.step(now + 999 * MS), Step::Nothing);
        now += WAITS.max;
        assert!(matches!(dial.step(now), Step::Connect(_)));
        dial.connected(now);
        dial.failed(now, 1.0).unwrap();
        assert!(dial.is_flapping());
        now += WAITS.max;
        assert!(matches!(dial.step(now), Step::Connect(_)));
        dial.connected(now);
        now += WAITS.max;
        dial.failed(now, 1.0).unwrap();
        assert!(!dial.is_flapping());
        now += WAITS.min;
        assert!(matches!(dial.step(now), Step::Connect(_)));
    }

    #[test]
    fn a_resolver_that_hangs_is_told_once_and_not_asked_again() {
        let now = Instant::now();
        let mut dial = Dial::new(Named::Host("pub".into(), 1), WAITS, now);
        dial.step(now);
        assert!(!dial.resolver_hangs(now + RESOLVE_TOLD - MS));
        assert!(dial.resolver_hangs(now + RESOLVE_TOLD));
        let later = now + 100 * RESOLVE_TOLD;
        assert!(!dial.resolver_hangs(later) && dial.step(later) == Step::Nothing);
        assert!(dial.failed(later, 1.0).unwrap().is_last);
        assert_eq!(dial.step(later + WAITS.min), Step::Resolve("pub".into(), 1));
        // A name without an address is a failure too.
        let now = later + WAITS.min;
        dial.resolved(&[], now);
        assert_eq!(dial.step(now), Step::Nothing);
        assert!(dial.failed(now, 1.0).unwrap().tried.is_empty());
        assert_eq!(dial.step(now + WAITS.min), Step::Nothing, "it backs off");
    }
}
