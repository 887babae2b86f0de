//! `[streams.raw]` and `[streams.written]`: where frames come from.

use std::time::Duration;

use crate::config::reader::Section;
use crate::config::units::DURATION_MAX;
use crate::sources::zmq::{Envelope, FRAME_BYTES_CEILING, Subscription};
use landfall_ledger::Stream;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StreamsConfig {
    pub raw: StreamConfig,
    pub written: StreamConfig,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamConfig {
    /// Publishers to subscribe to.
    pub endpoints: Vec<String>,
    /// Prefixes of frames, or of their topics; the empty one matches all.
    pub topics: Vec<String>,
    /// How the publishers wrap frames into messages.
    pub envelope: Envelope,
    /// Name of a check that is a codec, or `json`: a frame is one JSON document.
    pub codec: String,
    /// Frames that the socket library holds for each endpoint.
    pub hwm_frames: u32,
    /// Larger frames are refused and counted.
    pub frame_bytes_max: usize,
    /// After this long without a frame the stream is silent; 0: never.
    pub silence: Duration,
    pub reconnect_min: Duration,
    pub reconnect_max: Duration,
    pub keepalive_idle: Duration,
    pub keepalive_interval: Duration,
    pub keepalive_probes: u32,
    pub ipv6: bool,
}

impl Default for StreamConfig {
    fn default() -> Self {
        Self {
            endpoints: Vec::new(),
            topics: vec![String::new()],
            envelope: Envelope::None,
            codec: "json".into(),
            hwm_frames: 10_000,
            frame_bytes_max: 1 << 20,
            silence: Duration::ZERO,
            reconnect_min: Duration::from_millis(100),
            reconnect_max: Duration::from_secs(1),
            keepalive_idle: Duration::from_secs(60),
            keepalive_interval: Duration::from_secs(10),
            keepalive_probes: 3,
            ipv6: true,
        }
    }
}

/// The highest high-water mark: a million frames of a kilobyte are a gigabyte.
const HWM_FRAMES_MAX: i64 = 1_000_000;

/// With less no event would fit: its key, its schema and the names of both take a hundred bytes.
const FRAME_BYTES_MIN: usize = 256;

/// With fewer frames the queue would fill between two looks of a source, and a healthy publisher would drop.
const HWM_FRAMES_MIN: i64 = 10;

/// With more frequent tries a source would do nothing but connect.
const RECONNECT_MIN: Duration = Duration::from_millis(10);

const ENVELOPES: [(&str, Envelope); 2] = [("none", Envelope::None), ("topic", Envelope::Topic)];

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

impl StreamsConfig {
    /// EventLogging's: client-side and server-side raw lines, and a writer that publishes what it
    /// committed.
    pub(in crate::config) fn pipeline() -> Self {
        let endpoints = |all: &[&str]| all.iter().map(|endpoint| (*endpoint).to_owned()).collect();
        Self {
            raw: StreamConfig {
                endpoints: endpoints(&["tcp://127.0.0.1:8421", "tcp://127.0.0.1:8422"]),
                codec: "eventlogging".into(),
                ..StreamConfig::default()
            },
            written: StreamConfig {
                endpoints: endpoints(&["tcp://127.0.0.1:8600"]),
                ..StreamConfig::default()
            },
        }
    }

    pub(in crate::config) fn read(&mut self, section: &mut Section<'_>) {
        section.section("raw", |section| self.raw.read(section));
        section.section("written", |section| self.written.read(section));
    }

    pub fn of(&self, stream: Stream) -> &StreamConfig {
        if stream == Stream::Raw {
            &self.raw
        } else {
            &self.written
        }
    }
}

impl StreamConfig {
    fn read(&mut self, section: &mut Section<'_>) {
        section.texts("endpoints", &mut self.endpoints);
        section.texts("topics", &mut self.topics);
        section.choice("envelope", &mut self.envelope, &ENVELOPES);
        section.text("codec", &mut self.codec);
        section.count(
            "hwm_frames",
            &mut self.hwm_frames,
            HWM_FRAMES_MIN..=HWM_FRAMES_MAX,
        );
        section.size(
            "frame_bytes_max",
            &mut self.frame_bytes_max,
            FRAME_BYTES_MIN..=FRAME_BYTES_CEILING,
        );
        // Every stream has shorter pauses.
        section.duration_or_never("silence", &mut self.silence, SECOND..=DURATION_MAX);
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
        section.flag("ipv6", &mut self.ipv6);
    }

    /// One subscription for each endpoint.
    pub fn subscriptions(&self) -> Vec<Subscription> {
        let numbered = (0..=u16::MAX).zip(&self.endpoints);
        let subscription = |(index, endpoint): (u16, &String)| Subscription {
            endpoint: endpoint.clone(),
            index,
            topics: self.topics.clone(),
            envelope: self.envelope,
            hwm_frames: self.hwm_frames,
            reconnect_min: self.reconnect_min,
            reconnect_max: self.reconnect_max,
            keepalive_idle: self.keepalive_idle,
            keepalive_interval: self.keepalive_interval,
            keepalive_probes: self.keepalive_probes,
            ipv6: self.ipv6,
        };
        numbered.map(subscription).collect()
    }
}
