//! What judging a batch reports to the results beside its observations: counts and samples.

use landfall_ledger::{Generation, PayloadRef, ReasonId, SchemaId, Stream};
use landfall_runtime::Outcome;

use super::event_time::TimeDefect;
use super::faults::FaultNote;
use super::instances::CheckActivity;

/// Samples taken from one batch of each kind, reason and schema. The store keeps the newest of
/// them.
const SAMPLES_OF_ONE_MAX: usize = 4;

/// Once a batch has `SAMPLES_MAX` samples, only a kind, reason and schema without a sample gets
/// one. Beyond `FIRST_SAMPLES_MAX` there are no more.
const SAMPLES_MAX: usize = 64;
const FIRST_SAMPLES_MAX: usize = 256;

/// Bytes of all samples of a batch.
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
    /// A check failed on it. The sample holds what is needed to replay it offline.
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
    /// The redacted JSON document for a violation; for the other kinds, the frame as it came.
    pub payload: Vec<u8>,
}

/// The content of a sample: what it shows of its row.
pub(super) struct SampleContent {
    pub at_ms: i64,
    pub detail: String,
    pub payload: Vec<u8>,
}

/// Why rows did not pass, and what follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Violation {
    pub reason: ReasonId,
    /// None if the check failed.
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

/// Counts of one batch. They are sent to the results before the batch's observations go to the
/// ledger. So no verdict is ever counted before its event.
#[derive(Clone, Debug)]
pub struct JudgeReport {
    pub stream: Stream,
    /// The generation of the checks that judged.
    pub generation: Generation,
    /// Arrival of the last frame.
    pub seen_ms: Option<i64>,
    pub raw: Vec<SchemaCount>,
    /// Raw frames that are no events: they are no longer needed in the spool.
    pub released: Vec<PayloadRef>,
    pub undecodable: Vec<(ReasonId, u64)>,
    /// Documents without a key; they are counted in `undecodable` too.
    pub keyless: u64,
    /// Events whose own time cannot be read, if event time is the clock.
    pub untimed: Vec<(TimeDefect, u64)>,
    /// Rows by the reason that a check gave, whether the check decides expectation or not.
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
    /// The report of a batch about which nothing is known yet.
    pub fn new(stream: Stream, generation: Generation) -> Self {
        Self {
            stream,
            generation,
            seen_ms: None,
            raw: Vec::new(),
            released: Vec::new(),
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

    /// Raw events of the batch, over all windows and schemas.
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

    /// Takes a sample of a kind, reason and schema if the limits allow one more. So a frequent
    /// reason leaves room for rare ones.
    pub(super) fn sample(
        &mut self,
        kind: SampleKind,
        reason: ReasonId,
        schema: SchemaId,
        take: impl FnOnce() -> SampleContent,
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
        let SampleContent {
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
    fn a_frequent_reason_leaves_room_for_rare_reasons() {
        let mut report = JudgeReport::new(Stream::Raw, Generation(0));
        let take = |report: &mut JudgeReport, reason, schema, bytes| {
            report.sample(
                SampleKind::Violation,
                ReasonId(reason),
                SchemaId(schema),
                || SampleContent {
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
        report.sample(SampleKind::Fault, ReasonId(1), SchemaId(1), || {
            SampleContent {
                at_ms: 0,
                detail: String::new(),
                payload: Vec::new(),
            }
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
