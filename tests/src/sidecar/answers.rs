//! The JSON answers of Landfall's commands.

use std::collections::BTreeMap;

use serde_json::Value;

/// One incident of `landfall incidents --json`.
#[derive(Clone, Debug)]
pub struct Incident {
    pub id: u64,
    pub cause: String,
    pub scope: String,
    pub subject: String,
    pub start_ms: i64,
    pub end_ms: i64,
    pub opened_ms: i64,
    pub closed_ms: Option<i64>,
    pub events: u64,
    pub landed_late: u64,
    pub detected_after_ms: i64,
    /// Events by schema.
    pub schemas: BTreeMap<String, u64>,
}

impl Incident {
    /// All incidents of an answer; None if it has another shape.
    pub fn read_all(answer: &Value) -> Option<Vec<Self>> {
        answer.as_array()?.iter().map(Self::read).collect()
    }

    fn read(value: &Value) -> Option<Self> {
        let text = |name: &str| value.get(name)?.as_str().map(str::to_owned);
        let number = |name: &str| value.get(name)?.as_i64();
        let count = |name: &str| value.get(name)?.as_u64();
        let shares = value.get("shares")?.as_array()?;
        let schemas = shares.iter().filter_map(|share| {
            Some((
                share.get("schema")?.as_str()?.to_owned(),
                share.get("events")?.as_u64()?,
            ))
        });
        Some(Self {
            id: count("id")?,
            cause: text("cause")?,
            scope: text("scope")?,
            subject: text("subject")?,
            start_ms: number("start_ms")?,
            end_ms: number("end_ms")?,
            opened_ms: number("opened_ms")?,
            closed_ms: number("closed_ms"),
            events: count("events")?,
            landed_late: count("landed_late")?,
            detected_after_ms: number("detected_after_ms")?,
            schemas: schemas.collect(),
        })
    }
}
