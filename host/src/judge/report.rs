//! What judging a batch tells the results beside its observations: counts and samples.

use landfall_ledger::{Generation, ReasonId, SchemaId};

use super::event_time::TimeDefect;
use super::seats::CheckActivity;

/// Samples taken of one batch; the store keeps the newest of each kind and reason.
pub(super) const SAMPLES_PER_BATCH_MAX: usize = 8;

/// Longest frame or document kept as a sample, in bytes.
pub(super) const SAMPLE_BYTES_MAX: usize = 64 << 10;

/// What a sample shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SampleKind {
    /// A check gave a reason.
    Violation,
    /// The frame could not be decoded.
    Undecodable,
    /// A check failed on it: what is needed to replay it offline.
    Fault,
}

/// One frame or document that shows something.
#[derive(Clone, Debug)]
pub struct Sample {
    pub kind: SampleKind,
    pub stream: usize,
    pub at_ms: i64,
    pub schema: SchemaId,
    pub reason: ReasonId,
    pub detail: String,
    /// Redacted JSON of a violation; the frame as it came of the others.
    pub payload: Vec<u8>,
}

/// Raw events that came in, by window and schema: one side of the conservation law.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SchemaCount {
    pub window: i64,
    pub schema: SchemaId,
    pub events: u64,
}

/// Counts of one batch. Sent to the results before its observations go to the ledger, so that no
/// verdict is ever counted before its event.
#[derive(Clone, Debug, Default)]
pub struct JudgeReport {
    pub stream: usize,
    /// Of the checks that judged.
    pub generation: Generation,
    /// Arrival of the last frame.
    pub seen_ms: Option<i64>,
    pub raw: Vec<SchemaCount>,
    pub undecodable: Vec<(ReasonId, u64)>,
    /// Events whose own time cannot be read, if that is the clock.
    pub untimed: Vec<(TimeDefect, u64)>,
    /// Rows by the reason that a check gave, deciding or not.
    pub violations: Vec<(ReasonId, u64)>,
    pub samples: Vec<Sample>,
    pub checks: Vec<CheckActivity>,
}

/// Adds to the entry of a key in a short list.
pub(super) fn bump<K: PartialEq>(list: &mut Vec<(K, u64)>, key: K) {
    match list.iter_mut().find(|(known, _)| *known == key) {
        Some((_, count)) => *count += 1,
        None => list.push((key, 1)),
    }
}

impl JudgeReport {
    pub fn raw_events(&self) -> u64 {
        self.raw.iter().map(|count| count.events).sum()
    }

    pub(super) fn count_raw(&mut self, window: i64, schema: SchemaId) {
        match self
            .raw
            .iter_mut()
            .rev()
            .find(|count| count.window == window && count.schema == schema)
        {
            Some(count) => count.events += 1,
            None => self.raw.push(SchemaCount {
                window,
                schema,
                events: 1,
            }),
        }
    }

    pub(super) fn sample(&mut self, sample: impl FnOnce() -> Sample) {
        if self.samples.len() < SAMPLES_PER_BATCH_MAX {
            let mut sample = sample();
            sample.payload.truncate(SAMPLE_BYTES_MAX);
            self.samples.push(sample);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_events_are_those_of_all_windows_and_schemas() {
        let mut report = JudgeReport::default();
        assert_eq!(report.raw_events(), 0);
        for (window, schema) in [(1, 1), (1, 1), (2, 1), (1, 2), (1, 1)] {
            report.count_raw(window, SchemaId(schema));
        }
        assert_eq!((report.raw_events(), report.raw.len()), (5, 3));
    }
}
