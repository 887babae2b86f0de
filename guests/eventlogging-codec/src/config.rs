//! What the operator may set.

use serde::Deserialize;

/// The configuration; `{}` is the pipeline of 2014.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// What the client-side lines' time and address are called in the capsule. The lines of both
    /// eras look alike, so it cannot be told from them.
    pub era: Era,
    /// By which formula the uuid is computed.
    pub uuid_era: UuidEra,
}

/// The processor's format string.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
pub enum Era {
    /// `%q %{recvFrom}s %{seqId}d %t %h %{userAgent}i`: `timestamp` (Unix seconds), `clientIp`.
    #[default]
    #[serde(rename = "2014")]
    Y2014,
    /// `%q %{recvFrom}s %{seqId}d %D %{ip}i %u`: `dt` (`YYYY-MM-DDTHH:MM:SSZ`), `ip`.
    #[serde(rename = "2019")]
    Y2019,
}

/// The formula of the uuid.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
pub enum UuidEra {
    /// By `dt` if the capsule has one, else by `timestamp`.
    #[default]
    #[serde(rename = "auto")]
    Auto,
    /// By `timestamp`, as until 2017-11; it is computed from `dt` if the capsule has only that.
    #[serde(rename = "2014")]
    Timestamp,
    /// By `dt`, as since 2017-11; it is computed from `timestamp` if the capsule has only that.
    #[serde(rename = "2017")]
    Dt,
}
