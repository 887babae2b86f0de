//! What a log deserves: each key judged alone, by the table of docs/ARCHITECTURE.md. One key at a time, in
//! plain lists without bounds; no table, no index, no queue, and nothing that two keys share.

use std::collections::BTreeMap;
use std::rc::Rc;

use landfall_ledger::{
    Counts, Fingerprint, Generation, HoleCause, PayloadRef, RawObservation, RejectedBy, SchemaId,
    Verdict,
};

use super::history::{Holes, Op};

#[path = "claim.rs"]
mod claim;
#[path = "lives.rs"]
mod lives;
#[path = "tallies.rs"]
mod tallies;

use lives::Lives;

pub use tallies::{Span, Tallies};

/// What is to wait after a log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    pub all: usize,
    /// Rows that only raw events or their time can settle.
    pub early: usize,
    pub comparing: usize,
    /// Arrival of the oldest event that is to land and has met no row.
    pub oldest_expected_ms: Option<i64>,
}

/// What a ledger that forgets knew at a step: its time before and after it, and how far back it
/// remembered all.
#[derive(Clone, Copy, Debug)]
pub struct Remembers {
    pub before_ms: i64,
    pub now_ms: i64,
    pub horizon_ms: i64,
}

/// What must come out.
#[derive(Debug, Default)]
pub struct Expected {
    pub tallies: Tallies,
    /// Keys with the payload, the arrival, the deadline, the checks and the hole that have to be reported for them.
    pub ever_missing: Vec<(
        Fingerprint,
        PayloadRef,
        i64,
        i64,
        Generation,
        Option<HoleCause>,
    )>,
    /// With the arrival and deadline of the copy, and the hole.
    pub missing_again: Vec<(Fingerprint, i64, i64, Option<HoleCause>)>,
    pub landed_after_missing: Vec<Fingerprint>,
    /// With who judged it invalid, unless that verdict was given before it landed.
    pub leaked: Vec<(Fingerprint, Option<RejectedBy>)>,
    /// With the checks that read the row, as of the next ones.
    pub unexpected: Vec<(Fingerprint, Generation)>,
    /// With the landing that was one too many.
    pub duplicates: Vec<(Fingerprint, i64, Generation)>,
    /// With the checks of the written side, and whether somebody had to look again.
    pub altered: Vec<(Fingerprint, Generation, bool)>,
    /// When events that are to land came in, and when something landed.
    pub arrived: BTreeMap<SchemaId, Span>,
    pub landed: BTreeMap<SchemaId, Span>,
    /// How long each event that met a row had waited for it.
    pub latencies_ms: Vec<i64>,
    pub waiting: Waiting,
}

/// All sums that a ledger may come to for a key, if it may forget what it reported of it after
/// `horizon_ms` and must after one and a half; and whether it must somewhere.
#[allow(dead_code, reason = "only the test of forgetting needs it")]
pub fn outcomes(
    key: Fingerprint,
    log: &[(Op, Remembers)],
    horizon_ms: i64,
) -> (Vec<Tallies>, bool) {
    let (mut outcomes, mut must) = (Vec::new(), false);
    let mut choices: Vec<bool> = Vec::new();
    loop {
        let (mut lives, mut chosen) = (Lives::new(key, Rc::default()), 0);
        for (op, remembers) in log {
            lives.step(op, remembers.now_ms, |since_ms| {
                let is_overdue = remembers.before_ms - since_ms > horizon_ms * 3 / 2 + 1;
                must |= is_overdue;
                if is_overdue || remembers.now_ms - since_ms < remembers.horizon_ms {
                    return is_overdue;
                }
                if chosen == choices.len() {
                    choices.push(false);
                }
                chosen += 1;
                choices[chosen - 1]
            });
        }
        let tallies = lives.end().tallies;
        if !outcomes.contains(&tallies) {
            outcomes.push(tallies);
        }
        // The next combination.
        while choices.last() == Some(&true) {
            choices.pop();
        }
        match choices.last_mut() {
            Some(last) => *last = true,
            None => return (outcomes, must),
        }
    }
}

impl Expected {
    pub fn of(log: &[Op], holes: &Holes) -> Self {
        let holes = Rc::new(holes.clone());
        let mut keys: Vec<Fingerprint> = log
            .iter()
            .filter_map(|op| match op {
                Op::Raw(raw) => Some(raw.key),
                Op::Written(written) => Some(written.key),
                _ => None,
            })
            .collect();
        keys.sort();
        keys.dedup();
        let mut expected = Self::default();
        for key in keys {
            let mut lives = Lives::new(key, Rc::clone(&holes));
            log.iter().for_each(|op| lives.step(op, 0, |_| false));
            expected.add(lives.end());
        }
        expected.ever_missing.sort();
        expected.missing_again.sort();
        expected.landed_after_missing.sort();
        expected.leaked.sort();
        expected.unexpected.sort();
        expected.duplicates.sort();
        expected.altered.sort();
        expected.latencies_ms.sort();
        expected
    }

    fn add(&mut self, other: Self) {
        other.tallies.merge_into(&mut self.tallies);
        self.ever_missing.extend(other.ever_missing);
        self.missing_again.extend(other.missing_again);
        self.landed_after_missing.extend(other.landed_after_missing);
        self.leaked.extend(other.leaked);
        self.unexpected.extend(other.unexpected);
        self.duplicates.extend(other.duplicates);
        self.altered.extend(other.altered);
        self.latencies_ms.extend(other.latencies_ms);
        for (mine, others) in [
            (&mut self.arrived, other.arrived),
            (&mut self.landed, other.landed),
        ] {
            for (schema, span) in others {
                Span::add(mine, schema, span.first_ms, span.last_ms);
            }
        }
        let (mine, others) = (&mut self.waiting, other.waiting);
        mine.all += others.all;
        mine.early += others.early;
        mine.comparing += others.comparing;
        let oldest = [mine.oldest_expected_ms, others.oldest_expected_ms];
        mine.oldest_expected_ms = oldest.into_iter().flatten().min();
    }

    fn verdict(&mut self, raw: &RawObservation, verdict: Verdict, count: i64) {
        let change = |counts: &mut Counts| counts.verdicts[verdict as usize] += count;
        self.tallies.count(raw.arrived_ms, raw.schema, change);
    }
}
