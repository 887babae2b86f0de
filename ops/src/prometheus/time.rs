//! Durations in rules: nominal ones are divided by the factor of time.

/// A nominal duration, by Landfall's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    seconds: u64,
}

impl Span {
    /// So many minutes.
    pub const fn minutes(minutes: u64) -> Self {
        Self {
            seconds: minutes * 60,
        }
    }

    /// So many hours.
    pub const fn hours(hours: u64) -> Self {
        Self::minutes(hours * 60)
    }

    /// So many days.
    pub const fn days(days: u64) -> Self {
        Self::hours(days * 24)
    }

    /// As in the names of recorded series, which do not change with the factor: `30m`.
    pub fn name(self) -> String {
        in_units(self.seconds * 1000)
    }

    /// The whole duration in seconds.
    pub const fn seconds(self) -> u64 {
        self.seconds
    }
}

/// How nominal durations become those of a rule file.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    factor: f64,
}

impl Scale {
    /// Divides by `factor`, which is above 0.
    pub fn new(factor: f64) -> Self {
        Self { factor }
    }

    /// The scaled duration, as Prometheus reads it. It knows nothing shorter than a millisecond.
    pub fn of(self, span: Span) -> String {
        let ms = (span.seconds as f64 * 1000.0 / self.factor).round();
        // A float becomes the nearest number that fits; checked parameters lead to neither end.
        in_units((ms as u64).max(1))
    }
}

/// The largest unit that needs no fraction.
fn in_units(ms: u64) -> String {
    const UNITS: [(u64, &str); 4] = [
        (86_400_000, "d"),
        (3_600_000, "h"),
        (60_000, "m"),
        (1_000, "s"),
    ];
    UNITS
        .into_iter()
        .find(|(unit, _)| ms >= *unit && ms.is_multiple_of(*unit))
        .map_or_else(
            || format!("{ms}ms"),
            |(unit, name)| format!("{}{name}", ms / unit),
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_divided_by_the_factor_and_written_in_the_largest_whole_unit() {
        for (span, factor, text) in [
            (Span::days(3), 1.0, "3d"),
            (Span::minutes(60), 1.0, "1h"),
            (Span::minutes(90), 1.0, "90m"),
            (Span::hours(6), 600.0, "36s"),
            (Span::minutes(5), 600.0, "500ms"),
            (Span::minutes(1), 7.0, "8571ms"),
            (Span::minutes(1), 1e9, "1ms"),
            (Span::minutes(1), 0.5, "2m"),
        ] {
            assert_eq!(Scale::new(factor).of(span), text);
        }
        assert_eq!(Span::minutes(60).name(), "1h");
    }
}
