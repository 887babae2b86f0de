//! Events that the pipeline is right to leave out.

use landfall_guest::{Row, Value};

use crate::config::Bots;

/// Recognises bots by their user agent.
pub struct BotFilter {
    column: usize,
    /// In lower case.
    parts: Vec<String>,
}

impl BotFilter {
    /// The filter, its column appended to `columns`.
    pub fn new(bots: &Bots, columns: &mut Vec<String>) -> Self {
        columns.push(bots.at.clone());
        Self {
            column: columns.len() - 1,
            parts: bots
                .contains
                .iter()
                .map(|part| part.to_ascii_lowercase())
                .collect(),
        }
    }

    /// Whether the event is from a bot.
    pub fn is_bot(&self, row: &Row<'_>) -> bool {
        match row.value(self.column) {
            Value::String(agent) => self.parts.iter().any(|part| contains(&agent, part)),
            Value::Object(text) => says_bot(text),
            _ => false,
        }
    }
}

/// Whether `text` contains `part` (in lower case), upper and lower case of ASCII being the same.
fn contains(text: &str, part: &str) -> bool {
    part.is_empty()
        || text
            .as_bytes()
            .windows(part.len())
            .any(|window| window.eq_ignore_ascii_case(part.as_bytes()))
}

/// A parsed user agent (an object) has `is_bot`.
fn says_bot(object: &str) -> bool {
    #[derive(serde::Deserialize)]
    struct Agent {
        #[serde(default)]
        is_bot: serde_json::Value,
    }
    serde_json::from_str(object).is_ok_and(|agent: Agent| agent.is_bot == true)
}
