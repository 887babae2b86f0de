//! The settings of where the frames of a stream come from. There is one variant for each kind of
//! source; its content is defined with its source.

use super::zmq::ZmqSettings;
use crate::settings::{Findings, Section};

/// The source of a stream. In the configuration `type` names the kind, and the kind's settings are
/// beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceSettings {
    Zmq(ZmqSettings),
}

/// The kinds, as `type` names them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Zmq,
}

const KINDS: [(&str, Kind); 1] = [("zmq", Kind::Zmq)];

impl Default for SourceSettings {
    fn default() -> Self {
        Self::Zmq(ZmqSettings::default())
    }
}

impl SourceSettings {
    /// Reads `type`, and the settings of that kind. Settings of another kind are unknown fields.
    pub(crate) fn read(&mut self, section: &mut Section<'_>) {
        let mut kind = Kind::Zmq;
        section.choice("type", &mut kind, &KINDS);
        match (kind, self) {
            (Kind::Zmq, Self::Zmq(settings)) => settings.read(section),
        }
    }

    /// Reports settings that cannot work. `path` is the section, such as `streams.raw`.
    pub(crate) fn check(&self, path: &str, findings: &mut Findings) {
        match self {
            Self::Zmq(settings) => settings.check(path, findings),
        }
    }

    /// The addresses that frames come from. If there are none, the stream has no source.
    pub fn endpoints(&self) -> &[String] {
        match self {
            Self::Zmq(settings) => &settings.endpoints,
        }
    }

    /// The settings of ZeroMQ, if that is the kind.
    pub fn zmq(&self) -> Option<&ZmqSettings> {
        match self {
            Self::Zmq(settings) => Some(settings),
        }
    }
}
