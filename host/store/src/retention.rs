//! How much is kept, and how many rows are counted against it.

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// What is older than this goes: windows, closed incidents, samples, events landed or missing.
    pub keep_ms: i64,
    /// Missing events beyond this many: those that have landed go first, whatever their number; then
    /// the oldest of those that have not.
    pub missing_max: u64,
    /// Samples kept at most, over all kinds: those go first of which there are newer ones of the same
    /// kind, reason and schema.
    pub samples_max: u64,
    /// Samples kept of each kind, reason and schema.
    pub samples_per_reason_max: u64,
}

/// How many rows there are of what is bounded by number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RowCounts {
    /// Missing events that have not landed.
    pub missing: i64,
    /// Missing events that have landed.
    pub landed: i64,
    pub samples: i64,
}

impl RowCounts {
    pub(crate) fn plus(self, other: RowCounts) -> RowCounts {
        RowCounts {
            missing: self.missing + other.missing,
            landed: self.landed + other.landed,
            samples: self.samples + other.samples,
        }
    }

    /// Landed rows, missing rows and samples that are too many.
    pub(crate) fn excess(self, retention: &Retention) -> [u64; 3] {
        let beyond =
            |rows: i64, max: u64| u64::try_from(rows.max(0)).unwrap_or(0).saturating_sub(max);
        let landed = u64::try_from(self.landed).unwrap_or(0);
        [
            beyond(self.missing + self.landed, retention.missing_max).min(landed),
            beyond(self.missing, retention.missing_max),
            beyond(self.samples, retention.samples_max),
        ]
    }

    pub(crate) fn is_beyond(self, retention: &Retention) -> bool {
        self.excess(retention) != [0; 3]
    }
}
