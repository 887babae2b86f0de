//! Tallies as rows of the store and as input of window checks.

use landfall_ledger::{Counts, SchemaId, Verdict};
use landfall_runtime::Tally;
use landfall_store::{WindowCounts, WindowRow};

use crate::judge::plan::Plan;

pub(super) fn rows(
    deltas: Vec<((i64, SchemaId), Counts)>,
    plan: &Plan,
    window_ms: i64,
) -> Vec<WindowRow> {
    deltas
        .into_iter()
        .map(|((window, schema), counts)| WindowRow {
            start_ms: window.saturating_mul(window_ms),
            end_ms: window.saturating_add(1).saturating_mul(window_ms),
            schema: plan.labels.name(schema).to_owned(),
            counts: window_counts(&counts),
        })
        .collect()
}

fn window_counts(counts: &Counts) -> WindowCounts {
    WindowCounts {
        raw: counts.raw,
        pending: counts.pending,
        delivered: counts.verdict(Verdict::Delivered),
        late: counts.verdict(Verdict::Late),
        altered: counts.verdict(Verdict::Altered),
        missing: counts.verdict(Verdict::Missing),
        unconfirmed: counts.verdict(Verdict::Unconfirmed),
        rejected: counts.verdict(Verdict::Rejected),
        leaked: counts.verdict(Verdict::Leaked),
        repeated: counts.verdict(Verdict::Repeated),
        unjudged: counts.verdict(Verdict::Unjudged),
        duplicate: counts.duplicate,
        unexpected: counts.unexpected,
        doubtful: counts.doubtful,
        rejected_unseen: counts.rejected_unseen,
        unwatched: counts.unwatched,
    }
}

/// A closed window's counts as a window check gets them. A count that a revision made negative is
/// 0.
pub(super) fn of_window(
    plan: &Plan,
    window: i64,
    window_ms: i64,
    schema: SchemaId,
    counts: &Counts,
) -> Tally {
    let count = |n: i64| u64::try_from(n).unwrap_or(0);
    let verdict = |verdict: Verdict| count(counts.verdict(verdict));
    Tally {
        schema: plan.labels.name(schema).to_owned(),
        start_ms: window.saturating_mul(window_ms),
        end_ms: window.saturating_add(1).saturating_mul(window_ms),
        raw: count(counts.raw),
        delivered: verdict(Verdict::Delivered),
        late: verdict(Verdict::Late),
        altered: verdict(Verdict::Altered),
        missing: verdict(Verdict::Missing),
        unconfirmed: verdict(Verdict::Unconfirmed),
        rejected: verdict(Verdict::Rejected),
        leaked: verdict(Verdict::Leaked),
        repeated: verdict(Verdict::Repeated),
        unjudged: verdict(Verdict::Unjudged),
        duplicate: count(counts.duplicate),
        unexpected: count(counts.unexpected),
    }
}
