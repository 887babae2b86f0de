//! `[streams.raw]` and `[streams.written]`: where frames come from, and how they are decoded.

use std::time::Duration;

use super::SequenceConfig;
use crate::flow::FRAME_BYTES_CEILING;
use crate::settings::Section;
use crate::settings::units::DURATION_MAX;
use crate::sources::SourceSettings;
use crate::sources::zmq::ZmqSettings;
use landfall_ledger::Stream;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StreamsConfig {
    pub raw: StreamConfig,
    pub written: StreamConfig,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamConfig {
    /// What frames come from.
    pub source: SourceSettings,
    /// Name of a check that is a codec, or `json`: a frame is one JSON document.
    pub codec: String,
    /// Larger frames are refused and counted.
    pub frame_bytes_max: usize,
    /// After this long without a frame the stream is silent; 0: never.
    pub silence: Duration,
    pub sequence: SequenceConfig,
}

impl Default for StreamConfig {
    fn default() -> Self {
        Self {
            source: SourceSettings::default(),
            codec: "json".into(),
            frame_bytes_max: 1 << 20,
            silence: Duration::ZERO,
            sequence: SequenceConfig::default(),
        }
    }
}

/// With less no event would fit: its key, its schema and the names of both take a hundred bytes.
const FRAME_BYTES_MIN: usize = 256;

const SECOND: Duration = Duration::from_secs(1);

impl StreamsConfig {
    /// EventLogging's: client-side and server-side raw lines, and a writer that publishes what it
    /// committed.
    pub(in crate::config) fn pipeline() -> Self {
        let endpoints = |all: &[&str]| {
            let endpoints = all.iter().map(|endpoint| (*endpoint).to_owned()).collect();
            SourceSettings::Zmq(ZmqSettings {
                endpoints,
                ..ZmqSettings::default()
            })
        };
        Self {
            raw: StreamConfig {
                source: endpoints(&["tcp://127.0.0.1:8421", "tcp://127.0.0.1:8422"]),
                codec: "eventlogging".into(),
                ..StreamConfig::default()
            },
            written: StreamConfig {
                source: endpoints(&["tcp://127.0.0.1:8600"]),
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

    pub fn of_mut(&mut self, stream: Stream) -> &mut StreamConfig {
        if stream == Stream::Raw {
            &mut self.raw
        } else {
            &mut self.written
        }
    }
}

impl StreamConfig {
    fn read(&mut self, section: &mut Section<'_>) {
        self.source.read(section);
        section.text("codec", &mut self.codec);
        section.size(
            "frame_bytes_max",
            &mut self.frame_bytes_max,
            FRAME_BYTES_MIN..=FRAME_BYTES_CEILING,
        );
        // Every stream has shorter pauses.
        section.duration_or_never("silence", &mut self.silence, SECOND..=DURATION_MAX);
        self.sequence.read(section);
    }
}
