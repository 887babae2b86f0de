//! The settings of a ZeroMQ source: which publishers it subscribes to, and how it connects to them.

pub(crate) mod endpoint;
pub(crate) mod likeness;

use std::time::Duration;

use self::likeness::{Likeness, likeness};
use super::Subscription;
use super::envelope::Envelope;
use crate::settings::{Findings, Section};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZmqSettings {
    /// Publishers to subscribe to.
    pub endpoints: Vec<String>,
    /// Prefixes of frames, or of their topics; the empty one matches all.
    pub topics: Vec<String>,
    /// How the publishers wrap frames into messages.
    pub envelope: Envelope,
    /// Frames that the socket library holds for each endpoint before it stops reading the
    /// connection.
    pub hwm_frames: u32,
    /// First and longest pause between two tries to connect.
    pub reconnect_min: Duration,
    pub reconnect_max: Duration,
    /// A connection without traffic is probed after this long and then at each interval. It is
    /// given up after this many probes without an answer.
    pub keepalive_idle: Duration,
    pub keepalive_interval: Duration,
    pub keepalive_probes: u32,
    /// How long after a connection the publisher may not know the subscription yet. Nothing acknowledges it, so this
    /// is an assumption.
    pub settle: Duration,
    /// Whether a host name may lead to IPv6 addresses.
    pub ipv6: bool,
}

impl Default for ZmqSettings {
    fn default() -> Self {
        Self {
            endpoints: Vec::new(),
            topics: vec![String::new()],
            envelope: Envelope::None,
            hwm_frames: 10_000,
            reconnect_min: Duration::from_millis(100),
            reconnect_max: Duration::from_secs(1),
            keepalive_idle: Duration::from_secs(60),
            keepalive_interval: Duration::from_secs(10),
            keepalive_probes: 3,
            settle: Duration::from_secs(1),
            ipv6: true,
        }
    }
}

/// The highest high-water mark: a million frames of a kilobyte are a gigabyte.
const HWM_FRAMES_MAX: i64 = 1_000_000;

/// With fewer frames the queue would fill between two looks of a source, and a healthy publisher
/// would drop frames.
const HWM_FRAMES_MIN: i64 = 10;

/// With more frequent tries a source would do nothing but connect.
const RECONNECT_MIN: Duration = Duration::from_millis(10);

const ENVELOPES: [(&str, Envelope); 2] = [("none", Envelope::None), ("topic", Envelope::Topic)];

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

impl ZmqSettings {
    pub(in crate::sources) fn read(&mut self, section: &mut Section<'_>) {
        section.texts("endpoints", &mut self.endpoints);
        section.texts("topics", &mut self.topics);
        section.choice("envelope", &mut self.envelope, &ENVELOPES);
        section.count(
            "hwm_frames",
            &mut self.hwm_frames,
            HWM_FRAMES_MIN..=HWM_FRAMES_MAX,
        );
        section.duration(
            "reconnect_min",
            &mut self.reconnect_min,
            RECONNECT_MIN..=HOUR,
        );
        section.duration(
            "reconnect_max",
            &mut self.reconnect_max,
            RECONNECT_MIN..=HOUR,
        );
        section.duration("keepalive_idle", &mut self.keepalive_idle, SECOND..=HOUR);
        section.duration(
            "keepalive_interval",
            &mut self.keepalive_interval,
            SECOND..=HOUR,
        );
        section.count("keepalive_probes", &mut self.keepalive_probes, 1..=100);
        section.duration("settle", &mut self.settle, Duration::ZERO..=HOUR);
        section.flag("ipv6", &mut self.ipv6);
    }

    /// Reports settings that cannot work.
    pub(in crate::sources) fn check(&self, path: &str, findings: &mut Findings) {
        let field = format!("{path}.endpoints");
        for (index, text) in self.endpoints.iter().enumerate() {
            if let Some(problem) = endpoint::problem(text) {
                let remedy = "write it as tcp://host:port, tcp://[::1]:port or ipc://path";
                findings.error_at(&field, format!("\"{text}\": {problem}"), remedy);
            }
            let before = &self.endpoints[..index];
            if let Some(other) = before
                .iter()
                .find(|other| likeness(other, text) == Likeness::Same)
            {
                let remedy = "remove one: every frame would come in twice";
                let found = if other == text {
                    format!("\"{text}\" is listed twice")
                } else {
                    format!("\"{text}\" is the same as \"{other}\"")
                };
                findings.error_at(&field, found, remedy);
            }
        }
        if self.topics.is_empty() {
            let remedy = "write [\"\"] to get every frame";
            findings.error_at(
                &format!("{path}.topics"),
                "without a topic no frame would ever come",
                remedy,
            );
        }
        if self.reconnect_min > self.reconnect_max {
            let remedy = "make reconnect_max at least as long";
            findings.error_at(
                &format!("{path}.reconnect_min"),
                "it is longer than reconnect_max",
                remedy,
            );
        }
    }

    /// Whether, by the topics, some frame of `other` is a frame of this source as well.
    pub fn covers(&self, other: &Self) -> bool {
        let begins = |topic: &String| self.topics.iter().any(|short| topic.starts_with(short));
        other.topics.iter().any(begins)
    }

    /// One subscription for each endpoint.
    pub(super) fn subscriptions(&self) -> Vec<Subscription> {
        let numbered = (0..=u16::MAX).zip(&self.endpoints);
        let subscription = |(index, endpoint): (u16, &String)| Subscription {
            endpoint: endpoint.clone(),
            index,
            settings: self.clone(),
        };
        numbered.map(subscription).collect()
    }
}
