//! The limits of retention, and the numbers of rows that are held to them.

/// How much is kept, and how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// What is older than this is removed: windows, closed incidents, samples, events landed or missing.
    pub keep_ms: i64,
    /// Most rows of missing events. Beyond it, those that have landed are removed first; then the oldest of those
    /// that have not.
    pub missing_max: u64,
    /// Most samples, over all kinds. Beyond it, those are removed first that have most newer ones of the same kind,
    /// check, reason and schema.
    pub samples_max: u64,
    /// Most samples of each kind, check, reason and schema.
    pub samples_per_reason_max: u64,
}

/// How many rows there are of what is limited by number; as a difference they may be negative.
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

    /// How many landed rows, missing rows and samples are too many.
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
