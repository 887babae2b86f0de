//! The kinds of event that the producer makes, each with a schema under `tests/data/schemas`.

use serde_json::{Value, json};

/// A kind of event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Strings (some beyond the width of their column), an enumeration, a boolean.
    Edit,
    /// Integers, floats and a list.
    PageTiming,
    /// A nested object, and text in several scripts.
    Search,
}

/// Longest string that a row keeps, in characters.
pub const COLUMN_CHARACTERS: usize = 191;

impl Kind {
    pub const ALL: [Self; 3] = [Self::Edit, Self::PageTiming, Self::Search];

    pub fn name(self) -> &'static str {
        match self {
            Self::Edit => "RigEdit",
            Self::PageTiming => "RigPageTiming",
            Self::Search => "RigSearch",
        }
    }

    pub fn revision(self) -> u64 {
        match self {
            Self::Edit => 5_570_274,
            Self::PageTiming => 8_365_252,
            Self::Search => 10_641_988,
        }
    }

    /// `name/revision`.
    pub fn label(self) -> String {
        format!("{}/{}", self.name(), self.revision())
    }

    /// An `event` object that the schema accepts.
    pub fn valid(self, rng: &mut fastrand::Rng) -> Value {
        match self {
            Self::Edit => {
                // One in sixteen is longer than its column.
                let length = if rng.u8(..16) == 0 {
                    COLUMN_CHARACTERS + 1 + rng.usize(..60)
                } else {
                    rng.usize(..40)
                };
                json!({
                    "action": *pick(rng, &["init", "ready", "saveIntent", "saveSuccess"]),
                    "pageId": rng.u32(1..40_000_000),
                    "isAnon": rng.bool(),
                    "comment": "é".repeat(length),
                })
            }
            Self::PageTiming => json!({
                "responseStart": rng.u32(..3_000),
                // Quarters survive the 32-bit FLOAT of the database.
                "loadEventEnd": f64::from(rng.u32(1..40_000)) + 0.25,
                "marks": ["dns", "tcp", *pick(rng, &["tls", "first paint"])],
            }),
            Self::Search => json!({
                "action": *pick(rng, &["show-results", "click-result"]),
                "query": *pick(rng, &["Лиман", "landfall", "上陸", "a/b & c=\"d\""]),
                "result": { "count": rng.u8(..), "position": rng.u8(..20) },
            }),
        }
    }

    /// An `event` object that the schema refuses, each time for one of several reasons.
    pub fn invalid(self, rng: &mut fastrand::Rng) -> Value {
        let mut event = self.valid(rng);
        let Some(fields) = event.as_object_mut() else {
            return event;
        };
        match (self, rng.u8(..3)) {
            // A required property is missing.
            (Self::Edit | Self::Search, 0) => drop(fields.remove("action")),
            (Self::PageTiming, 0) => drop(fields.remove("responseStart")),
            // A value has the wrong type.
            (Self::Edit, 1) => drop(fields.insert("pageId".into(), json!("12"))),
            (Self::PageTiming, 1) => drop(fields.insert("responseStart".into(), json!(1.0))),
            (Self::Search, 1) => drop(fields.insert("query".into(), json!(["a"]))),
            // The top level is closed.
            _ => drop(fields.insert("unheardOf".into(), json!(true))),
        }
        event
    }
}

fn pick<'a, T>(rng: &mut fastrand::Rng, choices: &'a [T]) -> &'a T {
    &choices[rng.usize(..choices.len())]
}
