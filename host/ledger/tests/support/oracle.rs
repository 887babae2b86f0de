//! What a log deserves: each key judged alone, by the table of docs/ARCHITECTURE.md. One key at a time, in
//! plain lists without bounds; no table, no index, no queue, and nothing that two keys share.

use std::collections::BTreeMap;

use landfall_ledger::{
    Counts, Deadlines, Fingerprint, Form, Frontier, Generation, Judgement, PayloadRef,
    RawObservation, RejectedBy, SchemaId, Verdict, WrittenObservation,
};

use super::history::{GRACE_MS, Op, deadlines};

#[path = "tallies.rs"]
mod tallies;

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

/// What a ledger that forgets knew at a step: its time after it, and how far back it remembered all
/// before it.
#[derive(Clone, Copy, Debug)]
pub struct Remembers {
    pub now_ms: i64,
    pub horizon_ms: i64,
}

/// What must come out.
#[derive(Debug, Default)]
pub struct Expected {
    pub tallies: Tallies,
    /// Keys with the payload, the arrival, the deadline and the checks that are to be told of them.
    pub ever_missing: Vec<(Fingerprint, PayloadRef, i64, i64, Generation)>,
    /// With the arrival and deadline of the copy.
    pub missing_again: Vec<(Fingerprint, i64, i64)>,
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

/// All sums that a ledger may come to for a key, if it may forget what it told of it after
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
        let mut expected = Expected::default();
        let (mut life, mut since_ms, mut chosen) = (Key::new(key, &mut expected), 0, 0);
        for (op, remembers) in log {
            let concerns = match op {
                Op::Raw(raw) => raw.key == key,
                Op::Written(row) => row.key == key,
                _ => false,
            };
            let age_ms = remembers.now_ms - since_ms;
            if concerns && life.may_be_forgotten() && age_ms >= remembers.horizon_ms {
                let is_forgotten = age_ms > horizon_ms * 3 / 2 + 1 || {
                    if chosen == choices.len() {
                        choices.push(false);
                    }
                    chosen += 1;
                    choices[chosen - 1]
                };
                must |= age_ms > horizon_ms * 3 / 2 + 1;
                if is_forgotten {
                    life.settle(State::New);
                }
            }
            let was_settled = life.may_be_forgotten();
            life.step(op);
            if concerns || was_settled != life.may_be_forgotten() {
                since_ms = remembers.now_ms;
            }
        }
        if !outcomes.contains(&expected.tallies) {
            outcomes.push(expected.tallies);
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
            Key::new(key, &mut expected).live(log);
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

    fn verdict(&mut self, raw: &RawObservation, verdict: Verdict, count: i64) {
        let change = |counts: &mut Counts| counts.verdicts[verdict as usize] += count;
        self.tallies.count(raw.arrived_ms, raw.schema, change);
    }
}

/// A raw event, and when it is due.
#[derive(Clone, Copy)]
struct Event {
    raw: RawObservation,
    due_ms: i64,
}

/// Where a key stands.
#[derive(Clone, Copy)]
enum State {
    New,
    /// A row, and no raw event yet.
    Early(WrittenObservation),
    /// An event that is to land, or must not.
    Waits(Event),
    Asked(Event, WrittenObservation),
    /// With what the one who was asked said.
    Disputed(Event, WrittenObservation, Option<Option<bool>>),
    Landed,
    Missing(Event),
    /// Missing, and in once more.
    Again(Event, Event),
    Rejected(Event),
    Unjudged(Event),
    /// A row whose key has such a verdict.
    Revising(Event, WrittenObservation),
    Unexpected(WrittenObservation),
}

struct Key<'a> {
    key: Fingerprint,
    out: &'a mut Expected,
    state: State,
    /// Copies beside the one that waits, with the verdict that each was given.
    copies: Vec<(RawObservation, Verdict)>,
    /// An unjudged copy came of which the content is not known.
    unjudged: bool,
    deadlines: Deadlines,
    /// The frame of the early row is kept.
    is_kept: bool,
}

impl<'a> Key<'a> {
    fn new(key: Fingerprint, out: &'a mut Expected) -> Self {
        Self {
            key,
            out,
            state: State::New,
            copies: Vec::new(),
            unjudged: false,
            deadlines: deadlines(0),
            is_kept: false,
        }
    }

    fn live(mut self, log: &[Op]) {
        for op in log {
            self.step(op);
        }
        let waiting = &mut self.out.waiting;
        match self.state {
            State::Early(_) | State::Disputed(..) | State::Revising(..) => waiting.early += 1,
            State::Asked(..) => waiting.comparing += 1,
            State::Waits(event) if event.raw.judgement == Judgement::Expected => {
                let (oldest, at_ms) = (&mut waiting.oldest_expected_ms, event.raw.arrived_ms);
                *oldest = Some(oldest.map_or(at_ms, |known| known.min(at_ms)));
            }
            State::Waits(_) | State::Again(..) => {}
            _ => return,
        }
        waiting.all += 1;
    }

    fn step(&mut self, op: &Op) {
        match op {
            Op::Raw(raw) if raw.key == self.key => self.raw(*raw),
            Op::Written(row) if row.key == self.key => self.row(*row),
            Op::Attach(key, _, true) if *key == self.key => self.is_kept = true,
            Op::Compared(key, answer) if *key == self.key => self.answer(*answer),
            Op::Advance(frontier) => self.time(*frontier),
            Op::Deadlines(number) => self.deadlines = deadlines(*number),
            _ => {}
        }
    }

    /// What is missing is in the store, which is asked.
    fn may_be_forgotten(&self) -> bool {
        matches!(
            self.state,
            State::Landed | State::Rejected(_) | State::Unjudged(_) | State::Unexpected(_)
        )
    }

    fn settle(&mut self, state: State) {
        self.state = state;
        self.copies.clear();
        self.unjudged = false;
        self.is_kept = false;
    }

    fn raw(&mut self, raw: RawObservation) {
        let due_ms = raw.arrived_ms + self.deadlines.of(raw.schema);
        let event = Event { raw, due_ms };
        let expected = raw.judgement == Judgement::Expected;
        let judged = raw.judgement != Judgement::Unjudged;
        match self.state {
            State::New if judged => self.wait(event),
            State::New => {
                self.out.verdict(&raw, Verdict::Unjudged, 1);
                self.settle(State::Unjudged(event));
            }
            State::Early(row) if judged => {
                self.arrive(&raw);
                self.meet(event, row, self.is_kept);
            }
            State::Early(row) => {
                self.out.verdict(&raw, Verdict::Unjudged, 1);
                self.land(raw.schema, row.arrived_ms);
                self.state = State::Revising(event, row);
            }
            State::Waits(first) if expected && first.raw.judgement == Judgement::Rejected => {
                self.give_way(first);
                self.wait(event);
            }
            State::Disputed(first, row, _)
                if expected && first.raw.judgement == Judgement::Rejected =>
            {
                self.give_way(first);
                self.arrive(&raw);
                self.meet(event, row, self.is_kept);
            }
            State::Waits(_) | State::Asked(..) | State::Disputed(..) => self.copy(raw),
            State::Missing(first) if expected => {
                self.out.verdict(&raw, Verdict::Repeated, 1);
                self.arrive(&raw);
                self.state = State::Again(first, event);
            }
            State::Rejected(_) if expected => self.wait(event),
            State::Unjudged(_) if judged => {
                self.wait(event);
                self.unjudged = true;
            }
            State::Revising(first, row) if expected || judged && !is_judged(&first) => {
                self.unjudged = !is_judged(&first);
                self.arrive(&raw);
                self.meet(event, row, self.is_kept);
            }
            State::Unexpected(row) => self.join_unexpected(raw, row),
            _ => self.out.verdict(&raw, Verdict::Repeated, 1),
        }
    }

    fn wait(&mut self, event: Event) {
        self.arrive(&event.raw);
        self.state = State::Waits(event);
    }

    fn arrive(&mut self, raw: &RawObservation) {
        if raw.judgement == Judgement::Expected {
            Span::add(
                &mut self.out.arrived,
                raw.schema,
                raw.arrived_ms,
                raw.arrived_ms,
            );
        }
    }

    fn land(&mut self, schema: SchemaId, at_ms: i64) {
        Span::add(&mut self.out.landed, schema, at_ms, at_ms);
    }

    /// An invalid copy makes room for one that is to land.
    fn give_way(&mut self, first: Event) {
        self.out.verdict(&first.raw, Verdict::Rejected, 1);
        self.copies.push((first.raw, Verdict::Rejected));
    }

    fn copy(&mut self, raw: RawObservation) {
        self.out.verdict(&raw, Verdict::Repeated, 1);
        if raw.judgement == Judgement::Unjudged && !is_content(raw.form) {
            self.unjudged = true;
        }
        self.copies.push((raw, Verdict::Repeated));
        if let State::Asked(first, row) | State::Disputed(first, row, _) = self.state
            && first.raw.judgement == Judgement::Expected
            && self.is_explained(Judgement::Expected, &row).is_some()
        {
            self.on_time(first, row);
        }
    }

    /// The copy of that judgement which has the content of the row.
    fn is_explained(
        &self,
        judgement: Judgement,
        row: &WrittenObservation,
    ) -> Option<(RawObservation, Verdict)> {
        let explains = |(raw, _): &&(RawObservation, Verdict)| {
            raw.judgement == judgement && raw.form == row.form && is_content(row.form)
        };
        self.copies.iter().find(explains).copied()
    }

    fn row(&mut self, row: WrittenObservation) {
        match self.state {
            State::New => {
                self.is_kept = false;
                self.state = State::Early(row);
            }
            State::Waits(event) => self.meet(event, row, true),
            State::Missing(first) => self.late(first, row),
            State::Again(first, _) => self.late(first, row),
            State::Rejected(first) | State::Unjudged(first) => {
                self.land(first.raw.schema, row.arrived_ms);
                self.is_kept = false;
                self.state = State::Revising(first, row);
            }
            State::Early(_)
            | State::Asked(..)
            | State::Disputed(..)
            | State::Landed
            | State::Revising(..)
            | State::Unexpected(_) => {
                let count = |counts: &mut Counts| counts.duplicate += 1;
                self.out.tallies.count(row.arrived_ms, row.schema, count);
                let duplicate = (self.key, row.arrived_ms, row.generation);
                self.out.duplicates.push(duplicate);
            }
        }
    }

    fn late(&mut self, first: Event, row: WrittenObservation) {
        self.land(first.raw.schema, row.arrived_ms);
        self.out.verdict(&first.raw, Verdict::Missing, -1);
        self.out.verdict(&first.raw, Verdict::Late, 1);
        self.out.landed_after_missing.push(self.key);
        self.settle(State::Landed);
    }

    /// `is_there`: the row can be looked at.
    fn meet(&mut self, event: Event, row: WrittenObservation, is_there: bool) {
        let raw = event.raw;
        self.land(raw.schema, row.arrived_ms.max(raw.arrived_ms));
        if raw.judgement == Judgement::Rejected {
            self.state = State::Disputed(event, row, None);
            return;
        }
        let latency_ms = (row.arrived_ms - raw.arrived_ms).max(0);
        self.out.latencies_ms.push(latency_ms);
        let failed = raw.form == Form::FAILED || row.form == Form::FAILED;
        let one_sided = raw.form == Form::NONE || row.form == Form::NONE;
        let same_checks = raw.generation == row.generation;
        let is_same = !failed && (raw.form == row.form || one_sided && same_checks);
        if is_same || self.is_explained(Judgement::Expected, &row).is_some() {
            self.on_time(event, row);
        } else if !failed && !same_checks && is_there {
            self.state = State::Asked(event, row);
        } else {
            self.state = State::Disputed(event, row, None);
        }
    }

    fn on_time(&mut self, event: Event, row: WrittenObservation) {
        // What cannot be known to be late is delivered, and counted.
        let verdict = if row.earliest_ms > event.due_ms {
            Verdict::Late
        } else {
            Verdict::Delivered
        };
        if verdict == Verdict::Delivered && row.arrived_ms > event.due_ms {
            let count = |counts: &mut Counts| counts.doubtful += 1;
            let raw = event.raw;
            self.out.tallies.count(raw.arrived_ms, raw.schema, count);
        }
        self.out.verdict(&event.raw, verdict, 1);
        self.settle(State::Landed);
    }

    fn answer(&mut self, answer: Option<bool>) {
        if let State::Asked(event, row) = self.state {
            match answer {
                Some(true) => self.on_time(event, row),
                _ => self.state = State::Disputed(event, row, Some(answer)),
            }
        }
    }

    fn time(&mut self, frontier: Frontier) {
        let raw_past = |at_ms: i64| frontier.raw_ms >= at_ms + GRACE_MS;
        match self.state {
            State::Early(row) if raw_past(row.arrived_ms) => {
                self.out.unexpected.push((self.key, row.generation));
                let count = |counts: &mut Counts| counts.unexpected += 1;
                self.out.tallies.count(row.arrived_ms, row.schema, count);
                self.settle(State::Unexpected(row));
            }
            State::Waits(event) if frontier.written_ms >= event.due_ms => {
                if event.raw.judgement == Judgement::Rejected {
                    self.out.verdict(&event.raw, Verdict::Rejected, 1);
                    let of_unjudged = |(copy, _): &(RawObservation, Verdict)| {
                        copy.judgement == Judgement::Unjudged
                    };
                    if self.unjudged || self.copies.iter().any(of_unjudged) {
                        // A row that comes now may be that of the copy which nobody could judge.
                        let mut event = event;
                        event.raw.judgement = Judgement::Unjudged;
                        self.settle(State::Unjudged(event));
                    } else {
                        self.settle(State::Rejected(event));
                    }
                } else {
                    self.out.verdict(&event.raw, Verdict::Missing, 1);
                    let raw = event.raw;
                    self.out.ever_missing.push((
                        self.key,
                        raw.payload,
                        raw.arrived_ms,
                        event.due_ms,
                        raw.generation,
                    ));
                    self.settle(State::Missing(event));
                }
            }
            State::Again(first, again) if frontier.written_ms >= again.due_ms => {
                let lost = (self.key, again.raw.arrived_ms, again.due_ms);
                self.out.missing_again.push(lost);
                self.settle(State::Missing(first));
            }
            State::Disputed(event, row, answer) if raw_past(row.arrived_ms) => {
                let verdict = self.decide(event, row, answer);
                self.out.verdict(&event.raw, verdict, 1);
                self.settle(State::Landed);
            }
            State::Revising(first, row) if raw_past(row.arrived_ms) => {
                if is_judged(&first) {
                    self.out.verdict(&first.raw, Verdict::Rejected, -1);
                    self.out.verdict(&first.raw, Verdict::Leaked, 1);
                    self.out.leaked.push((self.key, None));
                }
                self.settle(State::Landed);
            }
            _ => {}
        }
    }

    fn decide(
        &mut self,
        event: Event,
        row: WrittenObservation,
        answer: Option<Option<bool>>,
    ) -> Verdict {
        let raw = event.raw;
        let by = |raw: &RawObservation| {
            Some(RejectedBy {
                reason: raw.reason,
                generation: raw.generation,
            })
        };
        if raw.judgement == Judgement::Rejected {
            let of_unjudged =
                |(copy, _): &(RawObservation, Verdict)| copy.judgement == Judgement::Unjudged;
            let unjudged = self.unjudged || self.copies.iter().any(of_unjudged);
            if unjudged && !(is_content(row.form) && raw.form == row.form) {
                return Verdict::Unjudged;
            }
            self.out.leaked.push((self.key, by(&raw)));
            return Verdict::Leaked;
        }
        let is_other = match answer {
            Some(answer) => answer == Some(false),
            None => {
                raw.generation == row.generation && is_content(raw.form) && is_content(row.form)
            }
        };
        let invalid = self.is_explained(Judgement::Rejected, &row);
        if let Some((copy, verdict)) = invalid {
            self.out.leaked.push((self.key, by(&copy)));
            self.out.verdict(&copy, verdict, -1);
            self.out.verdict(&copy, Verdict::Leaked, 1);
        }
        let by_others = |(copy, _): &(RawObservation, Verdict)| {
            copy.judgement == Judgement::Expected
                && is_content(copy.form)
                && copy.form != raw.form
                && copy.generation != row.generation
        };
        let unknown = self.unjudged
            || self.is_explained(Judgement::Unjudged, &row).is_some()
            || self.copies.iter().any(by_others);
        if !is_other || invalid.is_none() && unknown {
            return Verdict::Unjudged;
        }
        let altered = (self.key, row.generation, answer.is_some());
        self.out.altered.push(altered);
        Verdict::Altered
    }

    /// The row was given up, and its form with it.
    fn join_unexpected(&mut self, raw: RawObservation, row: WrittenObservation) {
        let count = |counts: &mut Counts| counts.unexpected -= 1;
        self.out.tallies.count(row.arrived_ms, row.schema, count);
        let verdict = match raw.judgement {
            Judgement::Rejected => {
                let by = RejectedBy {
                    reason: raw.reason,
                    generation: raw.generation,
                };
                self.out.leaked.push((self.key, Some(by)));
                Verdict::Leaked
            }
            Judgement::Expected if raw.form == Form::NONE => Verdict::Delivered,
            Judgement::Expected | Judgement::Unjudged => Verdict::Unjudged,
        };
        self.out.verdict(&raw, verdict, 1);
        self.settle(State::Landed);
    }
}

fn is_judged(event: &Event) -> bool {
    event.raw.judgement != Judgement::Unjudged
}

fn is_content(form: Form) -> bool {
    form != Form::NONE && form != Form::FAILED
}
