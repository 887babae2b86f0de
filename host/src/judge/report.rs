//! What judging a batch tells the results beside its observations: counts and samples.

use landfall_ledger::{Generation, ReasonId, SchemaId, Stream};
use landfall_runtime::Outcome;

use super::event_time::TimeDefect;
use super::faults::FaultNote;
use super::instances::CheckActivity;

/// Samples taken of one batch of each kind, reason and schema; the store keeps the newest of them.
const SAMPLES_OF_ONE_MAX: usize = 4;

/// With so many samples of a batch, only what has none yet gets one; and with so many more none does.
const SAMPLES_MAX: usize = 64;
const FIRST_SAMPLES_MAX: usize = 256;

/// Bytes of the samples of a batch.
const SAMPLES_BYTES_MAX: usize = 8 << 20;

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
    pub stream: Stream,
    pub at_ms: i64,
    pub schema: SchemaId,
    pub reason: ReasonId,
    pub detail: String,
    /// Redacted JSON of a violation; the frame as it came of the others.
    pub payload: Vec<u8>,
}

/// What a sample shows of its row.
pub(super) struct Shown {
    pub at_ms: i64,
    pub detail: String,
    pub payload: Vec<u8>,
}

/// Why rows were not passed, and what that does to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Violation {
    pub reason: ReasonId,
    /// None: the check failed.
    pub outcome: Option<Outcome>,
    /// Whether the check decides expectation on this stream.
    pub decides: bool,
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
#[derive(Clone, Debug)]
pub struct JudgeReport {
    pub stream: Stream,
    /// Of the checks that judged.
    pub generation: Generation,
    /// Arrival of the last frame.
    pub seen_ms: Option<i64>,
    pub raw: Vec<SchemaCount>,
    pub undecodable: Vec<(ReasonId, u64)>,
    /// Of these, documents in which no key stands.
    pub keyless: u64,
    /// Events whose own time cannot be read, if that is the clock.
    pub untimed: Vec<(TimeDefect, u64)>,
    /// Rows by the reason that a check gave, deciding or not.
    pub violations: Vec<(Violation, u64)>,
    pub samples: Vec<Sample>,
    pub(super) sample_bytes: usize,
    pub checks: Vec<CheckActivity>,
    /// What became of frames that the codec failed on.
    pub unread: Vec<FaultNote>,
}

/// Adds to the entry of a key in a short list.
pub(super) fn bump<K: PartialEq>(list: &mut Vec<(K, u64)>, key: K) {
    match list.iter_mut().find(|(known, _)| *known == key) {
        Some((_, count)) => *count += 1,
        None => list.push((key, 1)),
    }
}

impl JudgeReport {
    /// Of a batch of which nothing is known yet.
    pub fn new(stream: Stream, generation: Generation) -> Self {
        Self {
            stream,
            generation,
            seen_ms: None,
            raw: Vec::new(),
            undecodable: Vec::new(),
            keyless: 0,
            untimed: Vec::new(),
            violations: Vec::new(),
            samples: Vec::new(),
            sample_bytes: 0,
            checks: Vec::new(),
            unread: Vec::new(),
        }
    }

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

    /// Takes a sample of a kind, reason and schema, if there is room for one more of them: a reason that
    /// comes often leaves room for those that come seldom.
    pub(super) fn sample(
        &mut self,
        kind: SampleKind,
        reason: ReasonId,
        schema: SchemaId,
        take: impl FnOnce() -> Shown,
    ) {
        let is_one = |s: &&Sample| s.kind == kind && s.reason == reason && s.schema == schema;
        let room = match self.samples.len() {
            0..SAMPLES_MAX => SAMPLES_OF_ONE_MAX,
            SAMPLES_MAX..FIRST_SAMPLES_MAX => 1,
            _ => return,
        };
        let taken = self.samples.iter().filter(is_one).count();
        if taken >= room || self.sample_bytes >= SAMPLES_BYTES_MAX {
            return;
        }
        let Shown {
            at_ms,
            detail,
            mut payload,
        } = take();
        payload.truncate(SAMPLE_BYTES_MAX);
        self.sample_bytes += payload.len() + detail.len();
        self.samples.push(Sample {
            kind,
            stream: self.stream,
            at_ms,
            schema,
            reason,
            detail,
            payload,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_that_comes_often_leaves_room_for_those_that_come_seldom() {
        let mut report = JudgeReport::new(Stream::Raw, Generation(0));
        let take = |report: &mut JudgeReport, reason, schema, bytes| {
            report.sample(
                SampleKind::Violation,
                ReasonId(reason),
                SchemaId(schema),
                || Shown {
                    at_ms: 0,
                    detail: String::new(),
                    payload: vec![b'x'; bytes],
                },
            );
        };
        for _ in 0..1000 {
            take(&mut report, 1, 1, 10);
        }
        take(&mut report, 2, 1, 10);
        take(&mut report, 1, 2, 10);
        report.sample(SampleKind::Fault, ReasonId(1), SchemaId(1), || Shown {
            at_ms: 0,
            detail: String::new(),
            payload: Vec::new(),
        });
        assert_eq!(report.samples.len(), SAMPLES_OF_ONE_MAX + 3);
        for reason in 10..1000 {
            for _ in 0..10 {
                take(&mut report, reason, 1, 10);
            }
        }
        assert_eq!(report.samples.len(), FIRST_SAMPLES_MAX);

        let mut report = JudgeReport::new(Stream::Raw, Generation(0));
        for reason in 0..1000 {
            take(&mut report, reason, 1, usize::from(u16::MAX) * 2);
        }
        assert_eq!(
            report.samples.len(),
            SAMPLES_BYTES_MAX / SAMPLE_BYTES_MAX,
            "bounded in bytes"
        );
    }

    #[test]
    fn raw_events_are_those_of_all_windows_and_schemas() {
        let mut report = JudgeReport::new(Stream::Raw, Generation(0));
        assert_eq!(report.raw_events(), 0);
        for (window, schema) in [(1, 1), (1, 1), (2, 1), (1, 2), (1, 1)] {
            report.count_raw(window, SchemaId(schema));
        }
        assert_eq!((report.raw_events(), report.raw.len()), (5, 3));
    }
}
