//! Runs a shard by a script and writes as text what came out: one table row per boundary.
//!
//! Steps, one on a line (times in ms; `min` and `max` are the ends of time):
//! `raw KEY at TIME [rejected|unjudged] [form F] [schema S] [gen G]`,
//! `written KEY at TIME [from EARLIEST] [form F] [schema S] [gen G]`, `attach KEY`, `compared KEY yes|no|unknown`,
//! `frontier TIME` (both streams), `frontier raw TIME`, `frontier written TIME`, `deadline MS`,
//! `hole raw|written FROM TO CAUSE`, `delay FROM TO` (of raw frames), `conclude`, `unlanded KEY`, `recalled KEY no|SCHEMA`; to see what the shard measures:
//! `activity`, `latency`, `gauges`; and first of all the settings: `replaces` (the writer does),
//! `grace MS`, `keys MAX` (remembered ones), `watched TIME` (since when).
//!
//! Each effect is a line, with the generation of checks that it names unless that is 0; the last lines are the sums by window and schema, but for what is 0.
//! Payloads are named after their event: `raw:a`, `written:a`. Releases show as what is still
//! held at the end.
//!
//! Long: it is one language: its steps, and what is written of each effect.

use std::collections::BTreeMap;
use std::fmt::Write;

use landfall_ledger::{
    Counts, Deadlines, Effect, Fingerprint, Form, Frontier, Generation, Hole, HoleCause, Judgement,
    PayloadRef, RawObservation, Readings, ReasonId, SchemaId, Shard, ShardConfig, Stream, Verdict,
    WrittenObservation, WrittenSide,
};

/// Of the shard under test: deadline, window, grace and horizon, in milliseconds.
pub const DEADLINE_MS: i64 = 100;
const WINDOW_MS: i64 = 1000;
const GRACE_MS: i64 = 30;
const HORIZON_MS: i64 = 10_000;

/// Runs the steps and demands the text.
#[track_caller]
pub fn check(steps: &str, expected: &str) {
    let trim = |text: &str| {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        lines.collect::<Vec<_>>().join("\n")
    };
    assert_eq!(trim(&run(steps)), trim(expected), "after {steps}");
}

/// Runs the steps and demands the sums, and of the effects only what happened to which event.
#[allow(dead_code, reason = "not every test that runs scripts needs it")]
#[track_caller]
pub fn check_sums(steps: &str, expected: &str) {
    let told = |line: &&str| !line.starts_with("hold") && !line.starts_with("attached");
    let short = |line: &str| {
        if line.starts_with(|first: char| first.is_ascii_digit()) {
            return line.to_owned();
        }
        line.split_whitespace()
            .take(2)
            .collect::<Vec<_>>()
            .join(" ")
    };
    let text = run(steps);
    let came: Vec<String> = text
        .lines()
        .map(str::trim)
        .filter(told)
        .map(short)
        .collect();
    let wanted: Vec<&str> = expected.lines().map(str::trim).collect();
    assert_eq!(came, wanted, "after {steps}\n{text}");
}

fn run(steps: &str) -> String {
    let mut script = Script::new();
    for step in steps.lines().map(str::trim).filter(|step| !step.is_empty()) {
        script.step(step);
    }
    script.end()
}

struct Script {
    config: ShardConfig,
    shard: Shard,
    effects: Vec<Effect>,
    frontier: Frontier,
    readings: Readings,
    /// References given in, less those released.
    held: i64,
    text: String,
}

impl Script {
    fn new() -> Self {
        let config = ShardConfig {
            deadlines: deadlines(DEADLINE_MS),
            window_ms: WINDOW_MS,
            unexpected_grace_ms: GRACE_MS,
            horizon_ms: HORIZON_MS,
            settled_max: 1000,
            latency_bounds_ms: vec![10, 100],
            disputes_max: 1 << 16,
            writer_replaces: false,
            // All that lands is of events that came in since.
            watched_since_ms: -1_000_000,
        };
        Self {
            shard: Shard::new(config.clone()),
            config,
            effects: Vec::new(),
            frontier: Frontier {
                raw_ms: i64::MIN,
                written_ms: i64::MIN,
            },
            readings: Readings::default(),
            held: 0,
            text: String::new(),
        }
    }

    fn step(&mut self, step: &str) {
        let words: Vec<&str> = step.split_whitespace().collect();
        match words[0] {
            "raw" => {
                self.held += 1;
                self.shard.raw(&raw(&words), &mut self.effects);
            }
            "written" => self.shard.written(&written(&words), &mut self.effects),
            "attach" => {
                let is_held = self
                    .shard
                    .attach_written(key(words[1]), payload(words[1], "written"));
                self.held += i64::from(is_held);
                let _ = writeln!(self.text, "attached {}: {is_held}", words[1]);
            }
            "compared" => {
                let equal = match words[2] {
                    "yes" => Some(true),
                    "no" => Some(false),
                    _ => None,
                };
                self.shard.compared(key(words[1]), equal, &mut self.effects);
            }
            "frontier" => {
                match words[1] {
                    "raw" => self.frontier.raw_ms = time(words[2]),
                    "written" => self.frontier.written_ms = time(words[2]),
                    both => {
                        self.frontier = Frontier {
                            raw_ms: time(both),
                            written_ms: time(both),
                        }
                    }
                }
                self.shard.advance(self.frontier, &mut self.effects);
            }
            "hole" => {
                let stream = Stream::named(words[1]).expect("a stream");
                self.readings.coverage[stream].add(Hole {
                    from_ms: time(words[2]),
                    to_ms: time(words[3]),
                    cause: HoleCause::named(words[4]).expect("a cause"),
                });
                self.shard.set_readings(self.readings.clone());
            }
            "delay" => {
                self.readings.raw_delays.add(Hole {
                    from_ms: time(words[1]),
                    to_ms: time(words[2]),
                    cause: HoleCause::Paused,
                });
                self.shard.set_readings(self.readings.clone());
            }
            "replaces" => self.configure(|config| config.writer_replaces = true),
            "grace" => self.configure(|config| config.unexpected_grace_ms = time(words[1])),
            "keys" => self.configure(|config| config.settled_max = time(words[1]) as usize),
            "watched" => self.configure(|config| config.watched_since_ms = time(words[1])),
            "activity" => self.tell_activity(),
            "latency" => self.tell_latency(),
            "gauges" => self.tell_gauges(),
            "conclude" => self.shard.conclude(&mut self.effects),
            "unlanded" => self.shard.add_unlanded(key(words[1])),
            "recalled" => {
                let missing = words[2].parse().ok().map(SchemaId);
                self.shard
                    .recalled(key(words[1]), missing, &mut self.effects);
            }
            "deadline" => self.shard.set_deadlines(deadlines(time(words[1]))),
            other => panic!("no step {other}"),
        }
        self.tell();
    }

    /// Before anything else is done.
    fn configure(&mut self, change: impl FnOnce(&mut ShardConfig)) {
        change(&mut self.config);
        self.shard = Shard::new(self.config.clone());
    }

    fn tell_activity(&mut self) {
        let mut activity = Vec::new();
        self.shard.drain_activity(&mut activity);
        for one in activity {
            let _ = write!(self.text, "schema {}:", one.schema.0);
            if one.arrived > 0 {
                let (first_ms, last_ms) = (one.arrived_first_ms, one.arrived_last_ms);
                let _ = write!(self.text, " arrived {} {first_ms}..{last_ms}", one.arrived);
            }
            if one.landed > 0 {
                let _ = write!(self.text, " landed {} {}", one.landed, one.landed_last_ms);
            }
            self.text.push('\n');
        }
    }

    fn tell_latency(&mut self) {
        let mut latency = Vec::new();
        self.shard.drain_latency(&mut latency);
        for one in latency {
            let (schema, buckets, sum_ms) = (one.schema.0, one.buckets, one.sum_ms);
            let _ = writeln!(self.text, "latency {schema}: {buckets:?} sum {sum_ms}");
        }
    }

    fn tell_gauges(&mut self) {
        let gauges = self.shard.gauges();
        let oldest = gauges
            .oldest_expected_ms
            .map_or("none".to_owned(), |ms| ms.to_string());
        let landed = self
            .shard
            .landed_last_ms()
            .map_or("never".to_owned(), |ms| ms.to_string());
        let _ = writeln!(
            self.text,
            "waiting {} early {} comparing {} recalling {} oldest {oldest} known {} for {} landed {landed}",
            gauges.pending,
            gauges.early,
            self.shard.comparing(),
            self.shard.recalling(),
            gauges.settled,
            gauges.horizon_ms,
        );
    }

    fn tell(&mut self) {
        for effect in std::mem::take(&mut self.effects) {
            if let Effect::Released { rows, .. } = effect {
                self.held -= i64::from(rows);
            } else {
                let _ = writeln!(self.text, "{}", line(&effect));
            }
        }
    }

    fn end(mut self) -> String {
        self.shard.flush_released(&mut self.effects);
        self.tell();
        let mut deltas = Vec::new();
        self.shard.drain_tallies(&mut deltas);
        let mut sums: BTreeMap<(i64, u16), Counts> = BTreeMap::new();
        for delta in deltas {
            sums.entry((delta.window, delta.schema.0))
                .or_default()
                .add(&delta.counts);
        }
        for ((window, schema), counts) in sums.into_iter().filter(|(_, sum)| !sum.is_empty()) {
            let _ = writeln!(self.text, "{window}/{schema}:{}", sum(&counts));
        }
        if self.held != 0 {
            let _ = writeln!(self.text, "held: {}", self.held);
        }
        self.text
    }
}

fn deadlines(default_ms: i64) -> Deadlines {
    Deadlines {
        default_ms,
        by_schema: Vec::new(),
    }
}

fn sum(counts: &Counts) -> String {
    let verdicts = Verdict::ALL.map(|verdict| (verdict.as_str(), counts.verdict(verdict)));
    let others = [
        ("pending", counts.pending),
        ("duplicate", counts.duplicate),
        ("unexpected", counts.unexpected),
        ("unwatched", counts.unwatched),
        ("doubtful", counts.doubtful),
        ("rejected_unseen", counts.rejected_unseen),
    ];
    let shown = verdicts
        .into_iter()
        .chain(others)
        .filter(|(_, count)| *count != 0);
    shown
        .map(|(name, count)| format!(" {name} {count}"))
        .collect()
}

fn because(hole: Option<HoleCause>) -> String {
    hole.map_or(String::new(), |cause| format!(" hole {cause}"))
}

/// Keys are one letter.
fn letter(name: &str) -> u8 {
    name.as_bytes()[0]
}

/// `a`, or `a/2` for what the second schema's events are known by under that key.
fn key(name: &str) -> Fingerprint {
    let letter = u128::from(letter(name));
    let key = Fingerprint(letter.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835));
    match name.split_once('/') {
        Some((_, schema)) => key.of_schema(SchemaId(schema.parse().expect("a schema"))),
        None => key,
    }
}

fn name(key: Fingerprint) -> String {
    let letters = ('a'..='z').map(|letter| letter.to_string());
    let of_schemas = ('a'..='z').flat_map(|letter| (2..9).map(move |n| format!("{letter}/{n}")));
    let mut names = letters.chain(of_schemas);
    names
        .find(|name| self::key(name) == key)
        .expect("a key of the script")
}

fn payload(name: &str, side: &str) -> PayloadRef {
    let segment = if side == "raw" { 1 } else { 2 };
    PayloadRef((segment << PayloadRef::SEGMENT_SHIFT) | u64::from(letter(name)))
}

fn payload_name(payload: PayloadRef) -> String {
    let side = if payload.segment() == 1 {
        "raw"
    } else {
        "written"
    };
    format!("{side}:{}", char::from(payload.0 as u8))
}

fn time(word: &str) -> i64 {
    match word {
        "min" => i64::MIN,
        "max" => i64::MAX,
        number => number.parse().expect("a time"),
    }
}

fn number(words: &[&str], name: &str) -> Option<u16> {
    let place = words.iter().position(|word| *word == name)?;
    Some(words[place + 1].parse().expect("a number"))
}

fn form(words: &[&str]) -> Form {
    match number(words, "form") {
        None => Form::NONE,
        Some(0) => Form::FAILED,
        Some(hash) => Form::hash(u128::from(hash) << 64),
    }
}

fn raw(words: &[&str]) -> RawObservation {
    let judgement = if words.contains(&"rejected") {
        Judgement::Rejected
    } else if words.contains(&"unjudged") {
        Judgement::Unjudged
    } else {
        Judgement::Expected
    };
    RawObservation {
        key: key(words[1]),
        form: form(words),
        arrived_ms: time(words[3]),
        payload: payload(words[1], "raw"),
        schema: SchemaId(number(words, "schema").unwrap_or(0)),
        judgement,
        reason: ReasonId(if judgement == Judgement::Expected {
            0
        } else {
            9
        }),
        generation: Generation(number(words, "gen").unwrap_or(0)),
    }
}

fn written(words: &[&str]) -> WrittenObservation {
    WrittenObservation {
        key: key(words[1]),
        form: form(words),
        earliest_ms: match words.iter().position(|word| *word == "from") {
            Some(place) => time(words[place + 1]),
            None => time(words[3]),
        },
        arrived_ms: time(words[3]),
        schema: SchemaId(number(words, "schema").unwrap_or(0)),
        row: u32::from(letter(words[1])),
        payload: PayloadRef::NONE,
        generation: Generation(number(words, "gen").unwrap_or(0)),
    }
}

fn side(written: WrittenSide) -> String {
    match written {
        WrittenSide::Row(row) => format!("row:{}", char::from(row as u8)),
        WrittenSide::Spooled(payload) => payload_name(payload),
        WrittenSide::Gone => "gone".to_owned(),
    }
}

fn by(generation: Generation) -> String {
    match generation.0 {
        0 => String::new(),
        number => format!(" gen {number}"),
    }
}

#[expect(clippy::too_many_lines, reason = "one arm for each effect")]
fn line(effect: &Effect) -> String {
    match *effect {
        Effect::Missing {
            key,
            payload,
            arrived_ms,
            deadline_ms,
            generation,
            hole,
            ..
        } => {
            let (name, payload) = (name(key), payload_name(payload));
            format!(
                "missing {name} {payload} arrived {arrived_ms} due {deadline_ms}{}{}",
                by(generation),
                because(hole)
            )
        }
        Effect::MissingAgain {
            key,
            arrived_ms,
            deadline_ms,
            hole,
            window,
            ..
        } => {
            let (name, hole) = (name(key), because(hole));
            let by = window.map_or(" of the store", |_| "");
            format!("missing again {name} arrived {arrived_ms} due {deadline_ms}{hole}{by}")
        }
        Effect::Recall { key } => format!("recall {}", name(key)),
        Effect::LandedLate {
            key,
            landed_ms,
            written,
            window,
            is_of_copy,
            ..
        } => {
            let (name, side) = (name(key), side(written));
            let stored = if window.is_none() {
                " of the store"
            } else {
                ""
            };
            let of_copy = if is_of_copy { " of a copy" } else { "" };
            format!("landed late {name} {side} at {landed_ms}{stored}{of_copy}")
        }
        Effect::Altered {
            key,
            payload,
            written,
            generation,
            compared,
            ..
        } => {
            format!(
                "altered {} {} {}{}{}",
                name(key),
                payload_name(payload),
                side(written),
                by(generation),
                if compared { " compared" } else { "" }
            )
        }
        Effect::Compare {
            key,
            payload,
            written,
            ..
        } => {
            format!(
                "compare {} {} {}",
                name(key),
                payload_name(payload),
                side(written)
            )
        }
        Effect::Leaked {
            key,
            arrived_ms,
            written,
            judged,
            ..
        } => {
            let (name, side) = (name(key), side(written));
            let judged = judged.map_or(" forgotten by whom".to_owned(), |judged| {
                format!(" reason {}{}", judged.reason.0, by(judged.generation))
            });
            format!("leaked {name} {side} arrived {arrived_ms}{judged}")
        }
        Effect::Duplicate {
            key,
            landed_ms,
            written,
            generation,
            ..
        } => {
            let row = side(written);
            let by = by(generation);
            format!("duplicate {} {row} at {landed_ms}{by}", name(key))
        }
        Effect::Unexpected {
            key,
            landed_ms,
            payload,
            generation,
            ..
        } => {
            let payload = payload.map_or("gone".to_owned(), payload_name);
            let by = by(generation);
            format!("unexpected {} {payload} at {landed_ms}{by}", name(key))
        }
        Effect::HoldWritten { key, .. } => format!("hold {}", name(key)),
        Effect::Released { segment, rows, .. } => format!("released {rows} of {segment}"),
    }
}
