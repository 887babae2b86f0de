//! A pipeline's history from one seed, in an order in which it may be applied.

use std::collections::{BTreeMap, VecDeque};

use fastrand::Rng;
use landfall_ledger::{
    Coverage, Deadlines, Effect, Fingerprint, Form, Frontier, Generation, Hole, HoleCause,
    Judgement, PayloadRef, PerStream, RawObservation, Readings, ReasonId, SchemaId, Stream,
    WrittenObservation, WrittenSide,
};

pub const WINDOW_MS: i64 = 500;
pub const GRACE_MS: i64 = 40;

/// Events of a history. Fewer than the steps that a queue goes back for one out of order.
const EVENTS: u64 = 50;
const LENGTH_MS: i64 = 2_000;
const JITTER_MS: i64 = 30;
/// The first two are no schemas.
const SCHEMAS: u16 = 5;

/// The deadlines of a generation of the configuration.
pub fn deadlines(number: u8) -> Deadlines {
    let scale = 1 + i64::from(number);
    Deadlines {
        default_ms: 100 * scale,
        by_schema: vec![60 * scale, 150, 40, 150],
    }
}

/// What nobody saw of the streams, as a plain list. In half of the histories all was seen.
#[derive(Clone, Debug, Default)]
pub struct Holes {
    of_streams: PerStream<Vec<Hole>>,
    raw_delays: Vec<Hole>,
}

impl Holes {
    pub fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed ^ 0x686f_6c65);
        let mut of_stream = |_: Stream| {
            let mut holes = Vec::new();
            let mut from_ms = if rng.u8(..4) == 0 {
                i64::MIN
            } else {
                rng.i64(0..LENGTH_MS)
            };
            while rng.u8(..5) < 2 && holes.len() < 3 {
                let to_ms = from_ms.max(-500) + rng.i64(0..300);
                let cause = HoleCause::ALL[rng.usize(..HoleCause::ALL.len())];
                holes.push(Hole {
                    from_ms,
                    to_ms,
                    cause,
                });
                from_ms = to_ms + rng.i64(2..LENGTH_MS);
            }
            holes
        };
        Self {
            of_streams: PerStream::of(&mut of_stream),
            raw_delays: of_stream(Stream::Raw),
        }
    }

    /// Which of the stream's is the first that has a part in that time.
    pub fn within(&self, stream: Stream, from_ms: i64, to_ms: i64) -> Option<HoleCause> {
        let overlaps = |hole: &&Hole| hole.from_ms <= to_ms && hole.to_ms >= from_ms;
        self.of_streams[stream]
            .iter()
            .find(overlaps)
            .map(|hole| hole.cause)
    }

    /// The earliest instant at which a raw frame with that stamp may have come, but for what stamps are apart.
    pub fn came_ms(&self, stamped_ms: i64, apart_ms: i64) -> i64 {
        let overlaps =
            |delay: &&Hole| delay.from_ms <= stamped_ms && delay.to_ms >= stamped_ms - apart_ms;
        let delay = self.raw_delays.iter().find(overlaps);
        delay.map_or(stamped_ms, |delay| delay.from_ms.min(stamped_ms))
    }

    /// As the ledger takes it; in any order.
    pub fn readings(&self) -> Readings {
        let coverage = |holes: &[Hole]| {
            let mut coverage = Coverage::default();
            holes.iter().rev().for_each(|hole| coverage.add(*hole));
            coverage
        };
        Readings {
            coverage: PerStream::of(|stream| coverage(&self.of_streams[stream])),
            raw_delays: coverage(&self.raw_delays),
        }
    }
}

/// What is done to the shard.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    Raw(RawObservation),
    Written(WrittenObservation),
    /// And whether the payload was taken.
    Attach(Fingerprint, PayloadRef, bool),
    Compared(Fingerprint, Option<bool>),
    Advance(Frontier),
    Deadlines(u8),
}

/// What an event's sides hold; equal contents are unchanged, whatever their hashes say.
fn form(rng: &mut Rng, content: u64, generation: Generation) -> Form {
    match rng.u8(..100) {
        0..5 => Form::FAILED,
        // A generation without a parity check.
        _ if generation.0 == 2 => Form::NONE,
        // Mostly the hash differs by the generation that made it; now and then two make the same form.
        5..25 => Form::hash(u128::from(content) << 70 | 7),
        _ => Form::hash(u128::from(content) << 70 | u128::from(generation.0 + 1) << 64 | 7),
    }
}

fn judgement(rng: &mut Rng) -> Judgement {
    match rng.u8(..10) {
        0 | 1 => Judgement::Rejected,
        2 => Judgement::Unjudged,
        _ => Judgement::Expected,
    }
}

/// Keys of a history. Each third has the place in tables of the one before, and each seventh what is
/// remembered of it but for one bit.
fn key(number: u64) -> Fingerprint {
    let spread = |number: u64| {
        u128::from(number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
    };
    match number {
        _ if number % 7 == 6 => Fingerprint(spread(number - 1) ^ 1 << 95),
        // Tables keep a key by its bits 32 to 63.
        _ if number % 3 == 2 => {
            let place = u128::from(u32::MAX) << 32;
            Fingerprint(spread(number) & !place | spread(number - 1) & place)
        }
        _ => Fingerprint(spread(number)),
    }
}

/// The rest of a history.
pub struct History {
    rng: Rng,
    raw: VecDeque<RawObservation>,
    written: VecDeque<WrittenObservation>,
    /// Answers that are on their way.
    answers: Vec<Op>,
    /// What each raw frame and each row holds, and which row a kept frame is of.
    raw_contents: BTreeMap<PayloadRef, u64>,
    row_contents: BTreeMap<u32, u64>,
    kept_rows: BTreeMap<PayloadRef, u32>,
    frontier: Frontier,
    next_segment: u64,
    /// Time has come to its end, and what was answered since is none.
    ended: bool,
}

impl History {
    pub fn new(seed: u64) -> Self {
        let mut history = Self {
            rng: Rng::with_seed(seed),
            raw: VecDeque::new(),
            written: VecDeque::new(),
            answers: Vec::new(),
            raw_contents: BTreeMap::new(),
            row_contents: BTreeMap::new(),
            kept_rows: BTreeMap::new(),
            frontier: Frontier {
                raw_ms: i64::MIN,
                written_ms: i64::MIN,
            },
            next_segment: 1,
            ended: false,
        };
        let (mut raw, mut written) = (Vec::new(), Vec::new());
        for number in 0..EVENTS {
            history.event(number, &mut raw, &mut written);
        }
        let mut jitter = |at_ms: i64| at_ms + history.rng.i64(0..=JITTER_MS);
        raw.sort_by_cached_key(|event| jitter(event.arrived_ms));
        written.sort_by_cached_key(|row| jitter(row.arrived_ms));
        history.raw = raw.into();
        history.written = written.into();
        history
    }

    /// All observations of the two streams, each in the order in which it may be applied.
    pub fn into_observations(self) -> (Vec<RawObservation>, Vec<WrittenObservation>) {
        (self.raw.into(), self.written.into())
    }

    fn payload(&mut self) -> PayloadRef {
        self.next_segment += 1;
        PayloadRef(self.next_segment << PayloadRef::SEGMENT_SHIFT)
    }

    /// Nearly all rows are in the spool before they are judged; if it is full, only those that wait.
    fn row_payload(&mut self, row: u32) -> PayloadRef {
        if self.rng.bool() {
            return PayloadRef::NONE;
        }
        let payload = self.payload();
        self.kept_rows.insert(payload, row);
        payload
    }

    fn event(
        &mut self,
        number: u64,
        raw: &mut Vec<RawObservation>,
        written: &mut Vec<WrittenObservation>,
    ) {
        let key = key(number);
        let schema = SchemaId(self.rng.u16(..SCHEMAS));
        let arrived_ms = self.rng.i64(0..LENGTH_MS);
        let is_altered = self.rng.u8(..10) == 0;
        let copies = match self.rng.u8(..20) {
            // It lands, and was never seen to come in.
            0 => 0,
            1..5 => 2,
            5 => 3,
            6 => 4,
            _ => 1,
        };
        let judgement = judgement(&mut self.rng);
        // Copies of one key are mostly alike.
        let differ = self.rng.bool();
        let mut schemas = vec![schema];
        for copy in 0..copies {
            let generation = Generation(self.rng.u16(..3));
            let payload = self.payload();
            let other = differ && copy > 0;
            let judgement = if other {
                self::judgement(&mut self.rng)
            } else {
                judgement
            };
            let content = number + if other { self.rng.u64(0..3) * 1_000 } else { 0 };
            self.raw_contents.insert(payload, content);
            if other && self.rng.bool() {
                schemas.push(SchemaId(self.rng.u16(..SCHEMAS)));
            }
            let form = form(&mut self.rng, content, generation);
            let later_ms = match self.rng.u8(..4) {
                0 => self.rng.i64(0..1_000),
                _ => self.rng.i64(0..60),
            };
            raw.push(RawObservation {
                key,
                form,
                arrived_ms: arrived_ms + copy * later_ms,
                payload,
                schema: if other {
                    schemas[self.rng.usize(..schemas.len())]
                } else {
                    schema
                },
                judgement,
                reason: ReasonId(u16::from(judgement == Judgement::Rejected)),
                generation,
            });
        }
        let landings = match self.rng.u8(..20) {
            0..4 if copies > 0 => 0,
            4 | 5 => 2,
            6 => 3,
            _ => 1,
        };
        let latency_ms = match self.rng.u8(..20) {
            // Before its raw event, within the grace and beyond it.
            0..3 => self.rng.i64(-GRACE_MS..0),
            3 => self.rng.i64(-4 * GRACE_MS..0),
            // Around its deadline, and far beyond it.
            4..7 => self.rng.i64(30..170),
            7 | 8 => self.rng.i64(170..1_500),
            _ => self.rng.i64(0..40),
        };
        let names_none = self.rng.u8(..4) == 0;
        for landing in 0..landings {
            let generation = Generation(self.rng.u16(..3));
            let content = if is_altered {
                number + 1_000_000
            } else if differ && copies > 1 {
                number + self.rng.u64(0..3) * 1_000
            } else {
                number
            };
            let row = self.row_contents.len() as u32;
            self.row_contents.insert(row, content);
            let form = form(&mut self.rng, content, generation);
            let landed_ms = arrived_ms + latency_ms + landing * self.rng.i64(1..300);
            // Mostly known to a few milliseconds; after a pause, of seconds at most, not so well. Longer
            // ones lose some of that while they wait for their raw event.
            let doubt_ms = match self.rng.u8(..10) {
                0 => self.rng.i64(0..2_000),
                1..4 => self.rng.i64(0..60),
                _ => 0,
            };
            let payload = self.row_payload(row);
            written.push(WrittenObservation {
                key,
                payload,
                form,
                earliest_ms: landed_ms - doubt_ms,
                arrived_ms: landed_ms,
                // Mostly that of an event under its key; a writer may also name another one, or none.
                schema: match self.rng.u8(..10) {
                    0 => SchemaId(self.rng.u16(..SCHEMAS)),
                    1 if names_none => SchemaId(0),
                    _ => schemas[self.rng.usize(..schemas.len())],
                },
                row,
                generation,
            });
        }
    }

    /// What the host answers to effects, some time later.
    pub fn hear(&mut self, effects: &[Effect]) {
        for effect in effects {
            match effect {
                Effect::HoldWritten { key, row } if self.rng.u8(..10) < 8 => {
                    let payload = self.payload();
                    self.kept_rows.insert(payload, *row);
                    self.answers.push(Op::Attach(*key, payload, false));
                    if self.rng.u8(..10) == 0 {
                        // Once too often: the second must be refused.
                        let payload = self.payload();
                        self.kept_rows.insert(payload, *row);
                        self.answers.push(Op::Attach(*key, payload, false));
                    }
                }
                Effect::Compare {
                    key,
                    payload,
                    written,
                    ..
                } => {
                    let row = match written {
                        WrittenSide::Row(row) => Some(*row),
                        WrittenSide::Spooled(payload) => self.kept_rows.get(payload).copied(),
                        WrittenSide::Gone => None,
                    };
                    let written = row.and_then(|row| self.row_contents.get(&row));
                    let raw = self.raw_contents.get(payload);
                    let unknown = self.rng.u8(..10) == 0 || written.is_none();
                    let answer = (!unknown).then_some(written == raw);
                    self.answers.push(Op::Compared(*key, answer));
                }
                _ => {}
            }
        }
    }

    /// The next step; None at the end.
    pub fn next(&mut self) -> Option<Op> {
        loop {
            match self.rng.u8(..20) {
                // Now and then one stream runs far ahead of the other.
                0..8 => {
                    if let Some(event) = self.raw.pop_front() {
                        return Some(Op::Raw(event));
                    }
                }
                8..15 => {
                    if let Some(row) = self.written.pop_front() {
                        return Some(Op::Written(row));
                    }
                }
                15 | 16 if !self.answers.is_empty() => {
                    self.ended = false;
                    let place = self.rng.usize(..self.answers.len());
                    return Some(self.answers.swap_remove(place));
                }
                17 if self.rng.u8(..20) == 0 => return Some(Op::Deadlines(self.rng.u8(..3))),
                18 | 19 => return Some(Op::Advance(self.advance())),
                _ => {}
            }
            if self.raw.is_empty() && self.written.is_empty() {
                return self.end();
            }
        }
    }

    fn end(&mut self) -> Option<Op> {
        if let Some(answer) = self.answers.pop() {
            self.ended = false;
            return Some(answer);
        }
        if self.ended {
            return None;
        }
        self.ended = true;
        Some(Op::Advance(Frontier {
            raw_ms: i64::MAX,
            written_ms: i64::MAX,
        }))
    }

    /// Up to what has been applied, or less.
    fn advance(&mut self) -> Frontier {
        let raw_ms = self.raw.iter().map(|event| event.arrived_ms - 1).min();
        let written_ms = self.written.iter().map(|row| row.earliest_ms - 1).min();
        for (frontier_ms, limit_ms) in [
            (&mut self.frontier.raw_ms, raw_ms),
            (&mut self.frontier.written_ms, written_ms),
        ] {
            let limit_ms = limit_ms.unwrap_or(2 * LENGTH_MS);
            let behind_ms = if self.rng.bool() {
                0
            } else {
                self.rng.i64(0..200)
            };
            *frontier_ms = (*frontier_ms).max(limit_ms - behind_ms);
        }
        self.frontier
    }
}
