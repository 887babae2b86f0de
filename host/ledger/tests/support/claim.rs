//! One row that is owed: to a key, or to the events of one schema under it. Its states are those of the
//! table of docs/ARCHITECTURE.md.
//!
//! Long: the oracle has each state and step of one row in one place.

use std::rc::Rc;

use landfall_ledger::{
    Counts, Deadlines, Fingerprint, Form, Frontier, HoleCause, Judgement, PayloadRef,
    RawObservation, RejectedBy, STAMPS_APART_MS, SchemaId, Stream, Verdict, WrittenObservation,
};

use super::super::history::{GRACE_MS, Holes};
use super::{Expected, Span};

/// A raw event, and when it is due.
#[derive(Clone, Copy, Debug)]
pub struct Event {
    pub raw: RawObservation,
    pub due_ms: i64,
    /// Once it is missing: what is said of it, for nobody saw all.
    pub is_unconfirmed: bool,
}

/// Where it stands.
#[derive(Clone, Copy, Debug)]
pub enum State {
    New,
    /// A row, and no raw event yet.
    Early(WrittenObservation),
    /// An event that is to land, or must not.
    Waits(Event),
    Asked(Event, WrittenObservation),
    /// With what the one who was asked said.
    Disputed(Event, WrittenObservation, Option<Option<bool>>),
    /// The schema of its event, and that of the row.
    Landed(SchemaId, SchemaId),
    Missing(Event),
    /// Missing, and in once more.
    Again(Event, Event),
    Rejected(Event),
    Unjudged(Event),
    /// A row whose key has such a verdict.
    Revising(Event, WrittenObservation),
    /// And whether its event may have come unseen.
    Unexpected(WrittenObservation, bool),
    /// The same, and then came an event that is not to land.
    Forgotten(Event, WrittenObservation),
    /// A row that names another schema than the event under its key.
    Stray(WrittenObservation),
}

pub struct Claim {
    pub key: Fingerprint,
    pub out: Expected,
    pub state: State,
    /// Copies beside the one that waits, with the verdict that each was given.
    copies: Vec<(RawObservation, Verdict)>,
    /// An unjudged copy came of which the content is not known.
    unjudged: bool,
    pub deadlines: Deadlines,
    holes: Rc<Holes>,
    /// The frame of the early row is kept.
    pub is_kept: bool,
    /// It was looked at by the step in hand.
    pub is_touched: bool,
}

impl Claim {
    pub fn new(key: Fingerprint, deadlines: Deadlines, holes: Rc<Holes>) -> Self {
        Self {
            key,
            out: Expected::default(),
            state: State::New,
            copies: Vec::new(),
            unjudged: false,
            deadlines,
            holes,
            is_kept: false,
            is_touched: false,
        }
    }

    /// What waits in the end.
    pub fn count_waiting(&mut self) {
        let waiting = &mut self.out.waiting;
        match self.state {
            State::Early(_)
            | State::Disputed(..)
            | State::Revising(..)
            | State::Forgotten(..)
            | State::Stray(_) => waiting.early += 1,
            State::Asked(..) => waiting.comparing += 1,
            State::Waits(event) if event.raw.judgement == Judgement::Expected => {
                waiting.oldest_expected_ms = Some(event.raw.arrived_ms);
            }
            State::Waits(_) | State::Again(..) => {}
            _ => return,
        }
        waiting.all += 1;
    }

    /// What the event names, or the row if there is none.
    pub fn schema(&self) -> SchemaId {
        match self.state {
            State::New => SchemaId(0),
            State::Landed(schema, _) => schema,
            State::Early(row) | State::Unexpected(row, _) | State::Stray(row) => row.schema,
            State::Waits(event)
            | State::Asked(event, _)
            | State::Disputed(event, ..)
            | State::Missing(event)
            | State::Again(event, _)
            | State::Rejected(event)
            | State::Unjudged(event)
            | State::Revising(event, _)
            | State::Forgotten(event, _) => event.raw.schema,
        }
    }

    /// The raw time, less the grace, at which a row is decided that no copy explains.
    pub fn decides_ms(&self) -> Option<i64> {
        match self.state {
            State::Disputed(_, row, _) | State::Revising(_, row) => Some(row.arrived_ms),
            State::Forgotten(first, _) => Some(first.raw.arrived_ms),
            _ => None,
        }
    }

    /// There is a row, and it names no schema.
    pub fn has_unnamed_row(&self) -> bool {
        match self.state {
            State::Landed(_, schema) => !is_named(schema),
            State::Early(row)
            | State::Unexpected(row, _)
            | State::Asked(_, row)
            | State::Disputed(_, row, _)
            | State::Revising(_, row)
            | State::Forgotten(_, row) => !is_named(row.schema),
            _ => false,
        }
    }

    /// What is missing is in the store, which is asked.
    pub fn may_be_forgotten(&self) -> bool {
        matches!(
            self.state,
            State::Landed(..) | State::Rejected(_) | State::Unjudged(_) | State::Unexpected(..)
        )
    }

    pub fn settle(&mut self, state: State) {
        self.state = state;
        self.copies.clear();
        self.unjudged = false;
        self.is_kept = false;
    }

    pub fn raw(&mut self, raw: RawObservation) {
        self.is_touched = true;
        let due_ms = raw.arrived_ms + self.deadlines.of(raw.schema);
        let event = Event {
            raw,
            due_ms,
            is_unconfirmed: false,
        };
        let expected = raw.judgement == Judgement::Expected;
        let judged = raw.judgement != Judgement::Unjudged;
        match self.state {
            State::New if judged => self.wait(event),
            State::New => {
                self.out.verdict(&raw, Verdict::Unjudged, 1);
                self.settle(State::Unjudged(event));
            }
            State::Early(row) | State::Stray(row) if judged => {
                self.arrive(&raw);
                self.meet(event, row, self.keeps(&row));
            }
            State::Early(row) | State::Stray(row) => {
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
                self.meet(event, row, self.keeps(&row));
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
                self.meet(event, row, self.keeps(&row));
            }
            State::Unexpected(row, unwatched) => self.join_unexpected(event, row, unwatched),
            State::Forgotten(first, row) if expected || judged && !is_judged(&first) => {
                self.join_forgotten(&raw, &row);
            }
            _ => self.out.verdict(&raw, Verdict::Repeated, 1),
        }
    }

    /// Whether the frame of the row that waits is kept.
    fn keeps(&self, row: &WrittenObservation) -> bool {
        self.is_kept || is_spooled(row)
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

    pub fn land(&mut self, schema: SchemaId, at_ms: i64) {
        Span::add(&mut self.out.landed, schema, at_ms, at_ms);
    }

    /// An invalid copy makes room for one that is to land.
    fn give_way(&mut self, first: Event) {
        self.out.verdict(&first.raw, Verdict::Rejected, 1);
        // It was there before those that repeat it.
        self.copies.insert(0, (first.raw, Verdict::Rejected));
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

    pub fn row(&mut self, row: WrittenObservation) {
        self.is_touched = true;
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
            | State::Landed(..)
            | State::Revising(..)
            | State::Forgotten(..)
            | State::Stray(_)
            | State::Unexpected(..) => {
                let count = |counts: &mut Counts| counts.duplicate += 1;
                self.out.tallies.count(row.arrived_ms, row.schema, count);
                let duplicate = (self.key, row.arrived_ms, row.generation);
                self.out.duplicates.push(duplicate);
            }
        }
    }

    /// A row that had waited for an event of its own schema is this one's.
    pub fn found(&mut self, row: WrittenObservation, is_kept: bool) {
        match self.state {
            State::Waits(event) => self.meet(event, row, is_kept || is_spooled(&row)),
            _ => self.row(row),
        }
        if matches!(
            self.state,
            State::Early(_) | State::Revising(..) | State::Asked(..)
        ) {
            self.is_kept |= is_kept;
        }
    }

    fn late(&mut self, first: Event, row: WrittenObservation) {
        self.land(first.raw.schema, row.arrived_ms);
        self.out.verdict(&first.raw, verdict_of(&first), -1);
        self.out.verdict(&first.raw, Verdict::Late, 1);
        self.out.landed_after_missing.push(self.key);
        self.settle(State::Landed(first.raw.schema, row.schema));
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
        self.settle(State::Landed(event.raw.schema, row.schema));
    }

    pub fn answer(&mut self, answer: Option<bool>) {
        if let State::Asked(event, row) = self.state {
            match answer {
                Some(true) => self.on_time(event, row),
                _ => self.state = State::Disputed(event, row, Some(answer)),
            }
        }
    }

    /// `may_be_elsewhere`: its row may be under the key itself, where one came that names no schema.
    pub fn time(&mut self, frontier: Frontier, may_be_elsewhere: bool) {
        let raw_past = |at_ms: i64| frontier.raw_ms >= at_ms + GRACE_MS;
        match self.state {
            State::Early(row) if raw_past(row.arrived_ms) => {
                let before_ms = self.deadlines.max_ms().max(STAMPS_APART_MS);
                let (from_ms, to_ms) = (row.earliest_ms - before_ms, row.arrived_ms + GRACE_MS);
                let unwatched = self.holes.within(Stream::Raw, from_ms, to_ms).is_some();
                let count = |counts: &mut Counts| match unwatched {
                    true => counts.unwatched += 1,
                    false => counts.unexpected += 1,
                };
                self.out.tallies.count(row.arrived_ms, row.schema, count);
                if unwatched {
                    self.land(row.schema, row.arrived_ms);
                } else {
                    self.out.unexpected.push((self.key, row.generation));
                }
                self.settle(State::Unexpected(row, unwatched));
            }
            State::Waits(event) if frontier.written_ms >= event.due_ms => {
                if event.raw.judgement == Judgement::Rejected {
                    self.out.verdict(&event.raw, Verdict::Rejected, 1);
                    if self.hole_of(&event).is_some() {
                        let count = |counts: &mut Counts| counts.rejected_unseen += 1;
                        let raw = event.raw;
                        self.out.tallies.count(raw.arrived_ms, raw.schema, count);
                    }
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
                } else if may_be_elsewhere {
                    self.out.verdict(&event.raw, Verdict::Repeated, 1);
                    self.settle(State::Landed(event.raw.schema, SchemaId(0)));
                } else {
                    let hole = self.hole_of(&event);
                    let event = Event {
                        is_unconfirmed: hole.is_some(),
                        ..event
                    };
                    self.out.verdict(&event.raw, verdict_of(&event), 1);
                    let raw = event.raw;
                    self.out.ever_missing.push((
                        self.key,
                        raw.payload,
                        raw.arrived_ms,
                        event.due_ms,
                        raw.generation,
                        hole,
                    ));
                    self.settle(State::Missing(event));
                }
            }
            State::Again(first, again) if frontier.written_ms >= again.due_ms => {
                let hole = self.hole_of(&again);
                let lost = (self.key, again.raw.arrived_ms, again.due_ms, hole);
                self.out.missing_again.push(lost);
                let is_unconfirmed = first.is_unconfirmed || hole.is_some();
                self.out.verdict(&first.raw, verdict_of(&first), -1);
                let first = Event {
                    is_unconfirmed,
                    ..first
                };
                self.out.verdict(&first.raw, verdict_of(&first), 1);
                self.settle(State::Missing(first));
            }
            State::Disputed(event, row, answer) if raw_past(row.arrived_ms) => {
                let verdict = self.decide(event, row, answer);
                self.out.verdict(&event.raw, verdict, 1);
                self.settle(State::Landed(event.raw.schema, row.schema));
            }
            State::Revising(first, row) if raw_past(row.arrived_ms) => {
                if is_judged(&first) {
                    self.out.verdict(&first.raw, Verdict::Rejected, -1);
                    self.out.verdict(&first.raw, Verdict::Leaked, 1);
                    self.out.leaked.push((self.key, None));
                }
                self.settle(State::Landed(first.raw.schema, row.schema));
            }
            State::Forgotten(first, row) if raw_past(first.raw.arrived_ms) => {
                if is_judged(&first) {
                    self.out.verdict(&first.raw, Verdict::Rejected, -1);
                    self.out.verdict(&first.raw, Verdict::Leaked, 1);
                    self.out.leaked.push((self.key, by(&first.raw)));
                }
                self.settle(State::Landed(first.raw.schema, row.schema));
            }
            _ => {}
        }
    }

    /// Why nobody knows whether a row of the event landed in time, if nobody does.
    fn hole_of(&self, event: &Event) -> Option<HoleCause> {
        let came_ms = self.holes.came_ms(event.raw.arrived_ms, STAMPS_APART_MS);
        let from_ms = came_ms.saturating_sub(STAMPS_APART_MS);
        self.holes.within(Stream::Written, from_ms, event.due_ms)
    }

    fn decide(
        &mut self,
        event: Event,
        row: WrittenObservation,
        answer: Option<Option<bool>>,
    ) -> Verdict {
        let raw = event.raw;
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
    fn join_unexpected(&mut self, event: Event, row: WrittenObservation, unwatched: bool) {
        let count = |counts: &mut Counts| match unwatched {
            true => counts.unwatched -= 1,
            false => counts.unexpected -= 1,
        };
        self.out.tallies.count(row.arrived_ms, row.schema, count);
        let verdict = match event.raw.judgement {
            Judgement::Expected => return self.join_forgotten(&event.raw, &row),
            Judgement::Rejected => Verdict::Rejected,
            Judgement::Unjudged => Verdict::Unjudged,
        };
        self.out.verdict(&event.raw, verdict, 1);
        self.state = State::Forgotten(event, row);
    }

    fn join_forgotten(&mut self, raw: &RawObservation, row: &WrittenObservation) {
        let unchanged = raw.judgement == Judgement::Expected && raw.form == Form::NONE;
        let verdict = if unchanged {
            Verdict::Delivered
        } else {
            Verdict::Unjudged
        };
        self.out.verdict(raw, verdict, 1);
        self.settle(State::Landed(raw.schema, row.schema));
    }
}

/// What is said of an event that did not land in time as far as anybody saw.
fn verdict_of(event: &Event) -> Verdict {
    match event.is_unconfirmed {
        true => Verdict::Unconfirmed,
        false => Verdict::Missing,
    }
}

/// The first two labels are no schemas.
pub fn is_named(schema: SchemaId) -> bool {
    schema.0 > 1
}

fn by(raw: &RawObservation) -> Option<RejectedBy> {
    Some(RejectedBy {
        reason: raw.reason,
        generation: raw.generation,
    })
}

fn is_judged(event: &Event) -> bool {
    event.raw.judgement != Judgement::Unjudged
}

fn is_content(form: Form) -> bool {
    form != Form::NONE && form != Form::FAILED
}

/// Whether the row came with its frame in the spool.
fn is_spooled(row: &WrittenObservation) -> bool {
    row.payload != PayloadRef::NONE
}
