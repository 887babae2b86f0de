//! All that comes under one key: events that name different schemas are each owed a row of their own.

use std::collections::BTreeMap;
use std::rc::Rc;

use landfall_ledger::{Fingerprint, Frontier, RawObservation, SchemaId, WrittenObservation};

use super::super::history::{GRACE_MS, Holes, Op, deadlines};
use super::Expected;
use super::claim::{Claim, State, is_named};

pub struct Lives {
    /// The first schema, and whatever names none.
    main: Claim,
    others: BTreeMap<SchemaId, Claim>,
    raw_ms: i64,
    holes: Rc<Holes>,
    /// When each was last asked for.
    since_ms: BTreeMap<Fingerprint, i64>,
}

impl Lives {
    pub fn new(key: Fingerprint, holes: Rc<Holes>) -> Self {
        Self {
            main: Claim::new(key, deadlines(0), Rc::clone(&holes)),
            others: BTreeMap::new(),
            raw_ms: i64::MIN,
            holes,
            since_ms: BTreeMap::new(),
        }
    }

    pub fn end(mut self) -> Expected {
        let mut out = Expected::default();
        let (main, others) = (&mut self.main, self.others.values_mut());
        for claim in [main].into_iter().chain(others) {
            claim.count_waiting();
            out.add(std::mem::take(&mut claim.out));
        }
        out
    }

    fn concerns(&self, op: &Op) -> bool {
        match op {
            Op::Raw(raw) => raw.key == self.main.key,
            Op::Written(row) => row.key == self.main.key,
            _ => false,
        }
    }

    fn claims(&mut self) -> impl Iterator<Item = &mut Claim> {
        [&mut self.main].into_iter().chain(self.others.values_mut())
    }

    /// Asks of each claim that may be forgotten whether it is, by when it was last asked for.
    fn forget(&mut self, is_forgotten: &mut impl FnMut(i64) -> bool) {
        let since_ms = std::mem::take(&mut self.since_ms);
        for claim in self.claims().filter(|claim| claim.may_be_forgotten()) {
            if is_forgotten(since_ms.get(&claim.key).copied().unwrap_or(0)) {
                claim.settle(State::New);
            }
        }
        self.since_ms = since_ms;
    }

    pub fn step(&mut self, op: &Op, now_ms: i64, mut is_forgotten: impl FnMut(i64) -> bool) {
        if self.concerns(op) {
            self.forget(&mut is_forgotten);
        }
        let settled: Vec<bool> = self
            .claims()
            .map(|claim| claim.may_be_forgotten())
            .collect();
        match op {
            Op::Raw(raw) if self.concerns(op) => self.raw(*raw),
            Op::Written(row) if self.concerns(op) => self.row(*row, None),
            Op::Attach(key, _, true) => {
                let claim = self.claims().find(|claim| claim.key == *key);
                claim.into_iter().for_each(|claim| claim.is_kept = true);
            }
            Op::Compared(key, answer) => {
                let claim = self.claims().find(|claim| claim.key == *key);
                claim.into_iter().for_each(|claim| claim.answer(*answer));
            }
            Op::Advance(frontier) => self.time(*frontier, now_ms, is_forgotten),
            Op::Deadlines(number) => {
                self.claims()
                    .for_each(|claim| claim.deadlines = deadlines(*number));
            }
            _ => {}
        }
        let mut since_ms = std::mem::take(&mut self.since_ms);
        for (number, claim) in self.claims().enumerate() {
            let was_settled = settled.get(number).copied().unwrap_or(false);
            if std::mem::take(&mut claim.is_touched) || was_settled != claim.may_be_forgotten() {
                since_ms.insert(claim.key, now_ms);
            }
        }
        self.since_ms = since_ms;
    }

    fn is_known(&self, schema: SchemaId) -> bool {
        let claim = self.others.get(&schema);
        claim.is_some_and(|claim| !matches!(claim.state, State::New))
    }

    fn of(&mut self, schema: SchemaId) -> &mut Claim {
        let (key, deadlines) = (self.main.key, self.main.deadlines.clone());
        let holes = Rc::clone(&self.holes);
        let make = || Claim::new(key.of_schema(schema), deadlines, holes);
        self.others.entry(schema).or_insert_with(make)
    }

    /// Whether what names this schema is not under the key itself.
    fn is_other(&self, schema: SchemaId) -> bool {
        if matches!(self.main.state, State::New) {
            return self.is_known(schema);
        }
        let main = self.main.schema();
        main != schema && is_named(main) && is_named(schema)
    }

    fn raw(&mut self, raw: RawObservation) {
        if !self.is_other(raw.schema) || self.main.has_unnamed_row() {
            return self.main.raw(raw);
        }
        match self.main.state {
            State::Early(row) if !self.is_known(raw.schema) => {
                let is_kept = self.main.is_kept;
                self.main.settle(State::New);
                self.main.raw(raw);
                self.row(row, Some(is_kept));
            }
            _ => self.of(raw.schema).raw(raw),
        }
    }

    /// `is_kept`: its frame is; none if the row is in hand.
    fn row(&mut self, row: WrittenObservation, is_kept: Option<bool>) {
        if !self.is_other(row.schema) {
            self.main.row(row);
        } else if self.is_known(row.schema) {
            self.of(row.schema).row(row);
        } else if self.raw_ms >= row.arrived_ms + GRACE_MS {
            match is_kept {
                Some(is_kept) => self.main.found(row, is_kept),
                None => self.main.row(row),
            }
        } else {
            let claim = self.of(row.schema);
            claim.land(row.schema, row.arrived_ms);
            claim.state = State::Stray(row);
            claim.is_kept = is_kept == Some(true);
        }
    }

    fn time(&mut self, frontier: Frontier, now_ms: i64, mut is_forgotten: impl FnMut(i64) -> bool) {
        self.raw_ms = self.raw_ms.max(frontier.raw_ms);
        let mut strays: Vec<(i64, SchemaId)> = Vec::new();
        for (schema, claim) in &self.others {
            if let State::Stray(row) = claim.state {
                strays.push((row.arrived_ms, *schema));
            }
        }
        strays.sort();
        let mut is_astray = false;
        for (landed_ms, schema) in strays {
            if frontier.raw_ms < landed_ms + GRACE_MS {
                is_astray = true;
                continue;
            }
            // What was due before it is decided first.
            let decides_ms = self.main.decides_ms();
            if decides_ms.is_some_and(|at_ms| at_ms < landed_ms) {
                self.main.time(frontier, false);
                self.since_ms.insert(self.main.key, now_ms);
            }
            // It is the key's after all.
            let claim = self.of(schema);
            let (state, is_kept) = (claim.state, claim.is_kept);
            claim.settle(State::New);
            let since_ms = self.since_ms.get(&self.main.key).copied().unwrap_or(0);
            if self.main.may_be_forgotten() && is_forgotten(since_ms) {
                self.main.settle(State::New);
            }
            if let State::Stray(row) = state {
                self.main.found(row, is_kept);
            }
            self.since_ms.insert(self.main.key, now_ms);
        }
        let waits = matches!(self.main.state, State::Waits(_) | State::Again(..));
        if !(is_astray && waits) {
            self.main.time(frontier, false);
        }
        let has_unnamed_row = self.main.has_unnamed_row();
        for claim in self.others.values_mut() {
            claim.time(frontier, has_unnamed_row);
        }
    }
}
