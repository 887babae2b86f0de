//! What a log deserves: each key judged alone, by looking through the log for what concerns it.
//! No table, no queue, no state that moves on; only the rules of docs/ARCHITECTURE.md.

use std::collections::BTreeMap;

use landfall_ledger::{
    Counts, Deadlines, Fingerprint, Form, Generation, Judgement, PayloadRef, RawObservation,
    RejectedBy, SchemaId, Verdict, WrittenObservation,
};

use super::history::{GRACE_MS, Op, WINDOW_MS, deadlines};

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

    /// But for `unconfirmed`, which nothing gives yet.
    pub fn assert_all_kinds_above(&self, least: i64) {
        let mut sum = Counts::default();
        for counts in self.0.values() {
            sum.add(counts);
        }
        for verdict in Verdict::ALL {
            let enough = verdict == Verdict::Unconfirmed || sum.verdict(verdict) > least;
            assert!(enough, "only {} {}", sum.verdict(verdict), verdict.as_str());
        }
        assert!(sum.duplicate > least && sum.unexpected > least, "{sum:?}");
        assert!(sum.doubtful > least, "{sum:?}");
    }

    fn count(&mut self, at_ms: i64, schema: SchemaId, change: impl FnOnce(&mut Counts)) {
        let mut counts = Counts::default();
        change(&mut counts);
        self.add(at_ms.div_euclid(WINDOW_MS), schema, &counts);
    }
}

/// What must come out.
#[derive(Debug, Default)]
pub struct Expected {
    pub tallies: Tallies,
    /// Keys with the payload, the arrival, the deadline and the checks that are to be told of them.
    pub ever_missing: Vec<(Fingerprint, PayloadRef, i64, i64, Generation)>,
    pub landed_after_missing: Vec<Fingerprint>,
    /// With who judged it invalid, unless that verdict was given before it landed.
    pub leaked: Vec<(Fingerprint, Option<RejectedBy>)>,
    /// With the checks that read the row, as of the next ones.
    pub unexpected: Vec<(Fingerprint, Generation)>,
    /// With the landing that was one too many.
    pub duplicates: Vec<(Fingerprint, i64, Generation)>,
    /// Found by the hashes of one generation: nobody need look again.
    pub altered_at_once: Vec<(Fingerprint, Generation)>,
}

impl Expected {
    pub fn of(log: &[Op]) -> Self {
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
            expected.key(log, key);
        }
        expected.ever_missing.sort();
        expected.duplicates.sort();
        expected.altered_at_once.sort();
        expected
    }

    fn key(&mut self, log: &[Op], key: Fingerprint) {
        let mut raws = log.iter().enumerate().filter_map(|(at, op)| match op {
            Op::Raw(raw) if raw.key == key => Some((at, raw)),
            _ => None,
        });
        let mut landings = log.iter().enumerate().filter_map(|(at, op)| match op {
            Op::Written(written) if written.key == key => Some((at, written)),
            _ => None,
        });
        let (raw, landing) = (raws.next(), landings.next());
        for (_, again) in raws {
            self.verdict(again, Verdict::Repeated);
        }
        for (_, again) in landings {
            let count = |counts: &mut Counts| counts.duplicate += 1;
            self.tallies.count(again.arrived_ms, again.schema, count);
            self.duplicates
                .push((key, again.arrived_ms, again.generation));
        }
        match (raw, landing) {
            (Some((at, raw)), None) => {
                if raw.judgement == Judgement::Expected {
                    self.missing(log, at, raw);
                }
                self.verdict(raw, without_landing(raw));
                debug_assert!(due_within(log, at, log.len(), raw));
            }
            (None, Some((_, landing))) => {
                self.unexpected.push((key, landing.generation));
                let count = |counts: &mut Counts| counts.unexpected += 1;
                self.tallies
                    .count(landing.arrived_ms, landing.schema, count);
            }
            (Some(raw), Some(landing)) => self.pair(log, raw, landing),
            (None, None) => {}
        }
    }

    fn pair(
        &mut self,
        log: &[Op],
        (raw_at, raw): (usize, &RawObservation),
        (landed_at, landing): (usize, &WrittenObservation),
    ) {
        let mut judged = Some(RejectedBy {
            reason: raw.reason,
            generation: raw.generation,
        });
        let verdict = if landed_at < raw_at {
            let given_up = moves(log, landed_at, raw_at)
                .any(|(raw_ms, _)| raw_ms >= landing.arrived_ms + GRACE_MS);
            if given_up {
                self.unexpected.push((raw.key, landing.generation));
            }
            let is_kept = log[landed_at..raw_at]
                .iter()
                .any(|op| matches!(op, Op::Attach(key, _, true) if *key == raw.key));
            match raw.judgement {
                Judgement::Unjudged => Verdict::Unjudged,
                Judgement::Rejected => Verdict::Leaked,
                // The form went with the landing that was given up.
                Judgement::Expected if given_up && raw.form == Form::NONE => Verdict::Delivered,
                Judgement::Expected if given_up => Verdict::Unjudged,
                Judgement::Expected => self.landed(log, raw_at, raw, landing, is_kept),
            }
        } else {
            let was_due = due_within(log, raw_at, landed_at, raw);
            if was_due && raw.judgement == Judgement::Expected {
                self.missing(log, raw_at, raw);
                self.landed_after_missing.push(raw.key);
            }
            if was_due {
                judged = None;
            }
            match raw.judgement {
                Judgement::Unjudged => Verdict::Unjudged,
                Judgement::Rejected => Verdict::Leaked,
                Judgement::Expected if was_due => Verdict::Late,
                Judgement::Expected => self.landed(log, raw_at, raw, landing, true),
            }
        };
        if verdict == Verdict::Leaked {
            self.leaked.push((raw.key, judged));
        }
        if verdict == Verdict::Altered && raw.generation == landing.generation {
            self.altered_at_once.push((raw.key, raw.generation));
        }
        self.verdict(raw, verdict);
    }

    /// An expected event and its landing, both in hand.
    fn landed(
        &mut self,
        log: &[Op],
        raw_at: usize,
        raw: &RawObservation,
        landing: &WrittenObservation,
        is_there: bool,
    ) -> Verdict {
        let verdict = landed(log, raw_at, raw, landing, is_there);
        if verdict == Verdict::Delivered && landing.arrived_ms > due_ms(log, raw_at, raw) {
            let count = |counts: &mut Counts| counts.doubtful += 1;
            self.tallies.count(raw.arrived_ms, raw.schema, count);
        }
        verdict
    }

    fn missing(&mut self, log: &[Op], raw_at: usize, raw: &RawObservation) {
        let due_ms = due_ms(log, raw_at, raw);
        self.ever_missing
            .push((raw.key, raw.payload, raw.arrived_ms, due_ms, raw.generation));
    }

    fn verdict(&mut self, raw: &RawObservation, verdict: Verdict) {
        let count = |counts: &mut Counts| counts.verdicts[verdict as usize] += 1;
        self.tallies.count(raw.arrived_ms, raw.schema, count);
    }
}

fn without_landing(raw: &RawObservation) -> Verdict {
    match raw.judgement {
        Judgement::Expected => Verdict::Missing,
        Judgement::Rejected => Verdict::Rejected,
        Judgement::Unjudged => Verdict::Unjudged,
    }
}

/// An expected event and its landing, both in hand. `is_there`: the written side can be looked at.
fn landed(
    log: &[Op],
    raw_at: usize,
    raw: &RawObservation,
    landing: &WrittenObservation,
    is_there: bool,
) -> Verdict {
    let on_time = if landing.earliest_ms > due_ms(log, raw_at, raw) {
        Verdict::Late
    } else {
        Verdict::Delivered
    };
    let same_checks = raw.generation == landing.generation;
    if raw.form == Form::FAILED || landing.form == Form::FAILED {
        Verdict::Unjudged
    } else if raw.form == landing.form {
        on_time
    } else if same_checks {
        Verdict::Altered
    } else if !is_there {
        Verdict::Unjudged
    } else {
        let answer = log.iter().find_map(|op| match op {
            Op::Compared(key, equal) if *key == raw.key => Some(*equal),
            _ => None,
        });
        match answer.expect("whoever is asked answers") {
            Some(true) => on_time,
            Some(false) => Verdict::Altered,
            None => Verdict::Unjudged,
        }
    }
}

/// When an event is due, by the deadlines that were in force when it was applied.
fn due_ms(log: &[Op], raw_at: usize, raw: &RawObservation) -> i64 {
    let in_force: Deadlines = log[..raw_at]
        .iter()
        .rev()
        .find_map(|op| match op {
            Op::Deadlines(number) => Some(deadlines(*number)),
            _ => None,
        })
        .unwrap_or_else(|| deadlines(0));
    raw.arrived_ms + in_force.of(raw.schema)
}

/// Whether the written frontier reached the event's deadline between two places of the log.
fn due_within(log: &[Op], raw_at: usize, until: usize, raw: &RawObservation) -> bool {
    let due_ms = due_ms(log, raw_at, raw);
    moves(log, raw_at, until).any(|(_, written_ms)| written_ms >= due_ms)
}

/// The frontiers at each move of time between two places of the log.
fn moves(log: &[Op], from: usize, to: usize) -> impl Iterator<Item = (i64, i64)> + '_ {
    log[from..to].iter().filter_map(|op| match op {
        Op::Advance(frontier) => Some((frontier.raw_ms, frontier.written_ms)),
        _ => None,
    })
}
