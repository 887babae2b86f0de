//! The operator's settings.

use serde::Deserialize;

/// The configuration; `{}` is the pipeline of 2014.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The names of the client-side lines' time and address in the capsule. The lines of both eras look
    /// alike, so the era cannot be recognised from them.
    pub era: Era,
    /// The formula of the uuid.
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
    /// That of `era`: by `timestamp` in 2014, by `dt` in 2019. Other times in the capsule do not
    /// matter.
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

/// The time that is part of the uuid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Formula {
    /// The first ten characters of `timestamp`.
    Timestamp,
    /// `dt`, in whole seconds.
    Dt,
}

impl Config {
    /// The formula for all frames.
    pub fn formula(self) -> Formula {
        match (self.uuid_era, self.era) {
            (UuidEra::Timestamp, _) | (UuidEra::Auto, Era::Y2014) => Formula::Timestamp,
            (UuidEra::Dt, _) | (UuidEra::Auto, Era::Y2019) => Formula::Dt,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Config, Era, Formula, UuidEra};

    #[test]
    fn the_formula_follows_the_era_unless_it_is_forced() {
        let cases = [
            (Era::Y2014, UuidEra::Auto, Formula::Timestamp),
            (Era::Y2019, UuidEra::Auto, Formula::Dt),
            (Era::Y2014, UuidEra::Dt, Formula::Dt),
            (Era::Y2019, UuidEra::Timestamp, Formula::Timestamp),
        ];
        for (era, uuid_era, formula) in cases {
            assert_eq!(Config { era, uuid_era }.formula(), formula);
        }
    }
}
