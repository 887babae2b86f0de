//! From what an event says of its schema to the name the host knows it by.

use landfall_guest::{Row, Value};

use crate::config::Config;

/// Where an event names its schema: columns by their place.
#[derive(Clone, Copy, Debug)]
pub enum Naming {
    /// Name and revision apart.
    Pair { name: usize, revision: usize },
    /// Both in one string.
    Uri { uri: usize },
}

/// What one event says of its schema, still as canonical JSON text: equal texts, equal schemas. So a
/// batch's distinct names are found without making one string per row.
pub type Said<'a> = (&'a str, &'a str);

impl Naming {
    /// The place of the columns, appended to `columns`.
    pub fn new(config: &Config, columns: &mut Vec<String>) -> Self {
        let mut column = |pointer: &String| {
            columns.push(pointer.clone());
            columns.len() - 1
        };
        match &config.uri {
            Some(uri) => Self::Uri { uri: column(uri) },
            None => Self::Pair {
                name: column(&config.name),
                revision: column(&config.revision),
            },
        }
    }

    /// What this row says.
    pub fn said<'a>(&self, row: &Row<'a>) -> Said<'a> {
        match *self {
            Self::Pair { name, revision } => (row.text(name), row.text(revision)),
            Self::Uri { uri } => (row.text(uri), ""),
        }
    }

    /// The name without its revision, and the revision. None if the event names no schema: nothing
    /// there, or a value that cannot be a name or a revision.
    pub fn split(&self, said: Said<'_>) -> Option<(String, String)> {
        let Value::String(first) = Value::from_text(said.0) else {
            return None;
        };
        let (name, revision) = match self {
            Self::Uri { .. } => {
                let path = first.strip_prefix('/').unwrap_or(&first);
                let (name, revision) = path.rsplit_once('/')?;
                (name.to_owned(), revision.to_owned())
            }
            Self::Pair { .. } => (first.into_owned(), revision(said.1)?),
        };
        (!name.is_empty() && !revision.is_empty()).then_some((name, revision))
    }
}

/// An integer or a string; `1.0` is no integer.
fn revision(text: &str) -> Option<String> {
    match Value::from_text(text) {
        Value::String(revision) => Some(revision.into_owned()),
        Value::Number(digits) => digits.parse::<i64>().ok().map(|number| number.to_string()),
        _ => None,
    }
}
