//! What is sent, and what of it lands.

use fastrand::Rng;
use landfall_ledger::{Fingerprint, Form, Judgement, SchemaId, Stream};

use super::{Known, SCHEMAS, World};
use crate::flow::InFlightGuard;
use crate::judge::plan::Plan;

/// A batch that came.
pub(super) struct Batch {
    pub guard: InFlightGuard,
    pub raw: Vec<Sent>,
    pub written: Vec<Row>,
    /// Where the frames are, if an earlier run put them into the spool.
    pub spooled: Vec<u64>,
}

/// A raw event.
#[derive(Clone, Copy)]
pub(super) struct Sent {
    pub key: u64,
    pub arrived_ms: i64,
    pub schema: usize,
    pub judgement: Judgement,
    pub content: u8,
}

/// A row.
#[derive(Clone, Copy)]
pub(super) struct Row {
    pub key: u64,
    pub landed_ms: i64,
    pub schema: usize,
    pub content: u8,
}

impl World<'_> {
    /// Time goes on, and frames come: of a batch all have the same stamp.
    pub(in super::super) fn pass_time(&mut self, rng: &mut Rng) {
        self.now_ms += match rng.u8(..40) {
            0 => rng.i64(1000..6000),
            _ => rng.i64(1..150),
        };
        self.clock.set_ms(self.now_ms);
        if rng.u8(..20) == 0 {
            self.deaf_until_ms = self.now_ms + rng.i64(200..4000);
        }
        let raw: Vec<Sent> = (0..rng.usize(..4)).map(|_| self.send(rng)).collect();
        let now_ms = self.now_ms;
        let (due, later) = self.due.iter().partition(|row| row.landed_ms <= now_ms);
        self.due = later;
        let mut written: Vec<Row> = due;
        if rng.u8(..30) == 0 {
            // Nobody sent it.
            written.push(Row {
                key: rng.u64(1 << 40..1 << 41),
                landed_ms: 0,
                schema: rng.usize(..3),
                content: 0,
            });
        }
        if now_ms < self.deaf_until_ms {
            written.clear();
        }
        for row in &mut written {
            row.landed_ms = now_ms;
        }
        self.bring(raw, written);
    }

    /// What comes now, in a batch of each stream.
    pub(super) fn bring(&mut self, raw: Vec<Sent>, written: Vec<Row>) {
        let now_ms = self.now_ms;
        for sent in &raw {
            let (key, schema) = (sent.key, SCHEMAS[sent.schema]);
            let (judgement, content) = (sent.judgement, sent.content);
            self.tell(|| format!("raw: k{key} of {schema}, {judgement:?}, content {content}"));
        }
        for row in &written {
            let (key, schema, content) = (row.key, SCHEMAS[row.schema], row.content);
            self.tell(|| format!("written: k{key} of {schema}, content {content}"));
        }
        let run = self.run();
        if !raw.is_empty() {
            let guard = run.in_flight.begin(Stream::Raw, now_ms);
            run.batches.push(Batch {
                guard,
                raw,
                written: Vec::new(),
                spooled: Vec::new(),
            });
        }
        if !written.is_empty() {
            let guard = run.in_flight.begin(Stream::Written, now_ms);
            run.batches.push(Batch {
                guard,
                raw: Vec::new(),
                written,
                spooled: Vec::new(),
            });
        }
        for progress in &run.progress {
            progress.reach(now_ms);
        }
    }

    /// A raw event: new, or a copy of one that was sent before.
    fn send(&mut self, rng: &mut Rng) -> Sent {
        let now_ms = self.now_ms;
        let is_copy = !self.sent.is_empty() && rng.u8(..4) == 0;
        let mut sent = if is_copy {
            self.sent[rng.usize(..self.sent.len())]
        } else {
            Sent {
                key: self.sent.len() as u64,
                arrived_ms: 0,
                schema: rng.usize(..3),
                judgement: Judgement::Expected,
                content: 0,
            }
        };
        sent.arrived_ms = now_ms;
        match rng.u8(..20) {
            0 => sent.judgement = Judgement::Rejected,
            1 => sent.judgement = Judgement::Unjudged,
            2 if is_copy => sent.schema = rng.usize(..3),
            3 if is_copy => sent.content = rng.u8(..3),
            _ => sent.judgement = Judgement::Expected,
        }
        if !is_copy {
            self.sent.push(sent);
        }
        let known = self.keys.entry(sent.key).or_insert_with(|| Known {
            is_plain: true,
            is_of_this_run: true,
            ..Known::default()
        });
        let first = &self.sent[sent.key as usize];
        known.is_mixed |= sent.schema != first.schema;
        let is_like_the_first = sent.content == first.content && sent.schema == first.schema;
        known.is_plain &= is_like_the_first && sent.judgement == Judgement::Expected;
        known.copies += 1;
        let lands = match sent.judgement {
            Judgement::Expected => rng.u8(..10) < 7,
            Judgement::Rejected | Judgement::Unjudged => rng.u8(..4) == 0,
        };
        let delay_ms = match rng.u8(..20) {
            0..12 => rng.i64(0..300),
            12..15 => rng.i64(300..1000),
            15..18 => rng.i64(800..3000),
            _ => rng.i64(2000..12_000),
        };
        if lands {
            let changed = rng.u8(..15) == 0;
            let row = Row {
                key: sent.key,
                landed_ms: now_ms + delay_ms,
                schema: sent.schema,
                content: sent.content + 10 * u8::from(changed),
            };
            self.due.push(row);
            if rng.u8(..12) == 0 {
                self.due.push(row);
            }
        }
        sent
    }
}

pub(super) fn schema(plan: &Plan, number: usize) -> SchemaId {
    plan.labels.find(SCHEMAS[number].as_bytes())
}

pub(super) fn form(content: u8) -> Form {
    Form::hash(u128::from(content) + 100)
}

/// An odd factor spreads keys over shards and is undone by its inverse.
const SPREAD: u128 = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;

pub(super) fn fingerprint(key: u64) -> Fingerprint {
    Fingerprint(u128::from(key + 1).wrapping_mul(SPREAD))
}

pub(super) fn number(key: Fingerprint) -> u64 {
    // Newton's steps: each doubles the bits that are right.
    let mut inverse = SPREAD;
    for _ in 0..7 {
        inverse = inverse.wrapping_mul(2_u128.wrapping_sub(SPREAD.wrapping_mul(inverse)));
    }
    key.0.wrapping_mul(inverse) as u64 - 1
}

pub(super) fn text_of(key: u64) -> String {
    format!("k{key}")
}

pub(super) fn text(key: u64) -> String {
    format!("{{\"uuid\":\"k{key}\"}}")
}
