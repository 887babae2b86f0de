//! Judging on one core, compared with other ways over the same events, in turn within one run.

use std::collections::HashMap;
use std::path::Path;
use std::time::Instant;

use anyhow::{anyhow, ensure};
use jsonschema::Validator;
use percent_encoding::percent_decode;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::events::{Event, Shape, schema, write_schemas};
use crate::judging::{self, CheckSetup};

/// Events a second of both ways, one pair a round.
#[derive(Default)]
pub struct Compared {
    pub other_per_second: Vec<f64>,
    pub judged_per_second: Vec<f64>,
}

impl Compared {
    pub fn ratios(&self) -> Vec<f64> {
        let pairs = self.judged_per_second.iter().zip(&self.other_per_second);
        pairs.map(|(judged, other)| judged / other).collect()
    }
}

/// JSON documents: parse, schema-validity guest with native schemas, verdict codes; against
/// serde_json and jsonschema in a plain loop.
pub fn documents(
    guests: &Path,
    shapes: &[Shape],
    events: &[Event],
    rounds: usize,
) -> anyhow::Result<Compared> {
    let native = Native::new(shapes)?;
    let frames = capsules(events);
    let native = looped(&frames, |frame| native.document(frame));
    documents_and(guests, shapes, events, rounds, native)
}

/// Client-side lines through the codec guest, then as above; against a native loop that does the
/// same: percent-decoding, uuid, serde_json, jsonschema.
pub fn lines(
    guests: &Path,
    shapes: &[Shape],
    events: &[Event],
    rounds: usize,
) -> anyhow::Result<Compared> {
    let native = Native::new(shapes)?;
    let frames: Vec<&[u8]> = events.iter().map(|event| event.line.as_bytes()).collect();
    compare(
        guests,
        shapes,
        &[CheckSetup::codec(), CheckSetup::validity()],
        &frames,
        rounds,
        looped(&frames, |frame| native.line(frame)),
    )
}

/// JSON documents as above, compared with what `other` measures over the same events, in events a second.
pub fn documents_and(
    guests: &Path,
    shapes: &[Shape],
    events: &[Event],
    rounds: usize,
    other: impl FnMut() -> anyhow::Result<f64>,
) -> anyhow::Result<Compared> {
    let frames = capsules(events);
    compare(
        guests,
        shapes,
        &[CheckSetup::validity()],
        &frames,
        rounds,
        other,
    )
}

fn capsules(events: &[Event]) -> Vec<&[u8]> {
    let capsules = events.iter().map(|event| event.capsule.as_bytes());
    capsules.collect()
}

/// A plain loop over all frames, in frames a second.
fn looped<'a>(
    frames: &'a [&'a [u8]],
    native: impl Fn(&[u8]) -> bool + 'a,
) -> impl FnMut() -> anyhow::Result<f64> + 'a {
    move || {
        let start = Instant::now();
        let valid = frames.iter().filter(|frame| native(frame)).count();
        let per_second = frames.len() as f64 / start.elapsed().as_secs_f64();
        ensure!(
            valid == frames.len(),
            "the native loop calls {} events invalid",
            frames.len() - valid
        );
        Ok(per_second)
    }
}

fn compare(
    guests: &Path,
    shapes: &[Shape],
    checks: &[CheckSetup],
    frames: &[&[u8]],
    rounds: usize,
    mut other: impl FnMut() -> anyhow::Result<f64>,
) -> anyhow::Result<Compared> {
    let dir = tempfile::tempdir()?;
    write_schemas(dir.path(), shapes)?;
    let mut judge = judging::judge(guests, dir.path(), checks)?;
    let batches = judging::batches(frames.iter().copied());
    let mut compared = Compared::default();
    // Both ways in turn, so that other load on the machine affects both.
    for _ in 0..rounds {
        compared.other_per_second.push(other()?);
        let took = judging::run(&mut judge, &batches)?;
        compared
            .judged_per_second
            .push(frames.len() as f64 / took.as_secs_f64());
    }
    Ok(compared)
}

/// Events a second with these checks, one figure a round.
pub fn judged(
    guests: &Path,
    shapes: &[Shape],
    checks: &[CheckSetup],
    frames: &[&[u8]],
    rounds: usize,
) -> anyhow::Result<Vec<f64>> {
    let dir = tempfile::tempdir()?;
    write_schemas(dir.path(), shapes)?;
    let mut judge = judging::judge(guests, dir.path(), checks)?;
    let batches = judging::batches(frames.iter().copied());
    (0..rounds)
        .map(|_| {
            let took = judging::run(&mut judge, &batches)?;
            Ok(frames.len() as f64 / took.as_secs_f64())
        })
        .collect()
}

/// Events a second on one core as the whole sidecar judges them: the capsule with validity and parity,
/// the row with parity. One figure a round.
pub fn pairs(
    guests: &Path,
    shapes: &[Shape],
    events: &[Event],
    rounds: usize,
) -> anyhow::Result<Vec<f64>> {
    let dir = tempfile::tempdir()?;
    write_schemas(dir.path(), shapes)?;
    let checks = [CheckSetup::validity(), CheckSetup::parity()];
    let mut judge = judging::judge(guests, dir.path(), &checks)?;
    let batches = judging::pairs(events);
    (0..rounds)
        .map(|_| {
            let took = judging::run(&mut judge, &batches)?;
            Ok(events.len() as f64 / took.as_secs_f64())
        })
        .collect()
}

/// The plain way: parse with serde_json, look the schema up, validate.
struct Native {
    validators: HashMap<String, Validator>,
}

impl Native {
    fn new(shapes: &[Shape]) -> anyhow::Result<Self> {
        let mut validators = HashMap::new();
        for shape in shapes {
            let validator = jsonschema::validator_for(&schema(shape))
                .map_err(|error| anyhow!("schema {}: {error}", shape.name))?;
            validators.insert(shape.name.clone(), validator);
        }
        Ok(Self { validators })
    }

    fn document(&self, frame: &[u8]) -> bool {
        serde_json::from_slice::<Value>(frame).is_ok_and(|capsule| self.is_valid(&capsule))
    }

    fn is_valid(&self, capsule: &Value) -> bool {
        let name = capsule["schema"].as_str().unwrap_or_default();
        self.validators
            .get(name)
            .is_some_and(|validator| validator.is_valid(&capsule["event"]))
    }

    fn line(&self, frame: &[u8]) -> bool {
        self.capsule_of(frame)
            .is_some_and(|capsule| self.is_valid(&capsule))
    }

    fn capsule_of(&self, frame: &[u8]) -> Option<Value> {
        let line = std::str::from_utf8(frame).ok()?.strip_suffix('\n')?;
        let mut parts = line.splitn(6, '\t');
        let query = parts.next()?.strip_prefix('?')?.strip_suffix(';')?;
        let (host, seq_id, time) = (parts.next()?, parts.next()?, parts.next()?);
        let (ip, agent) = (parts.next()?, parts.next()?);
        let spaced = query.replace('+', " ");
        let text = percent_decode(spaced.as_bytes()).decode_utf8().ok()?;
        let mut capsule: Value = serde_json::from_str(&text).ok()?;
        let timestamp = unix_seconds(time)?;
        let url = format!("event://{host}/?seqId={seq_id}&timestamp={timestamp}");
        let uuid = Uuid::new_v5(&Uuid::NAMESPACE_URL, url.as_bytes());
        let members = capsule.as_object_mut()?;
        members.insert("uuid".into(), json!(uuid.simple().to_string()));
        members.insert("recvFrom".into(), json!(host));
        members.insert("seqId".into(), json!(seq_id.parse::<u64>().ok()?));
        members.insert("timestamp".into(), json!(timestamp));
        members.insert("clientIp".into(), json!(ip));
        members.insert("userAgent".into(), json!(agent));
        Some(capsule)
    }
}

/// Unix seconds of `YYYY-MM-DDTHH:MM:SS`, by the days-from-civil formula (Hinnant 2013).
fn unix_seconds(time: &str) -> Option<i64> {
    let number = |range: std::ops::Range<usize>| time.get(range)?.parse::<i64>().ok();
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year - era * 400;
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    let seconds = number(11..13)? * 3600 + number(14..16)? * 60 + number(17..19)?;
    Some(days * 86_400 + seconds)
}
