//! Sums by window and schema, and spans of time by schema, in plain maps.

use std::collections::BTreeMap;

use landfall_ledger::{Counts, SchemaId, Verdict};

use super::super::history::WINDOW_MS;

/// Sums by window and schema; empty ones are not there.
#[derive(Debug, Default, PartialEq)]
pub struct Tallies(BTreeMap<(i64, SchemaId), Counts>);

impl Tallies {
    pub fn add(&mut self, window: i64, schema: SchemaId, counts: &Counts) {
        let sum = self.0.entry((window, schema)).or_default();
        sum.add(counts);
        if sum.is_empty() {
            self.0.remove(&(window, schema));
        }
    }

    pub fn get(&self, window: i64, schema: SchemaId) -> Counts {
        self.0.get(&(window, schema)).copied().unwrap_or_default()
    }

    pub fn merge_into(&self, other: &mut Tallies) {
        for (&(window, schema), counts) in &self.0 {
            other.add(window, schema, counts);
        }
    }

    /// Every verdict and every other count.
    pub fn assert_all_kinds_above(&self, least: i64) {
        let mut sum = Counts::default();
        for counts in self.0.values() {
            sum.add(counts);
        }
        for verdict in Verdict::ALL {
            assert!(
                sum.verdict(verdict) > least,
                "only {} {}",
                sum.verdict(verdict),
                verdict.as_str()
            );
        }
        assert!(sum.duplicate > least && sum.unexpected > least, "{sum:?}");
        assert!(sum.doubtful > least && sum.unwatched > least, "{sum:?}");
        assert!(sum.rejected_unseen > least, "{sum:?}");
    }

    pub fn count(&mut self, at_ms: i64, schema: SchemaId, change: impl FnOnce(&mut Counts)) {
        let mut counts = Counts::default();
        change(&mut counts);
        self.add(at_ms.div_euclid(WINDOW_MS), schema, &counts);
    }
}

/// Arrivals or landings of one schema: the first and the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub first_ms: i64,
    pub last_ms: i64,
}

impl Span {
    pub fn add(
        spans: &mut BTreeMap<SchemaId, Span>,
        schema: SchemaId,
        first_ms: i64,
        last_ms: i64,
    ) {
        let span = spans.entry(schema).or_insert(Span { first_ms, last_ms });
        span.first_ms = span.first_ms.min(first_ms);
        span.last_ms = span.last_ms.max(last_ms);
    }
}
