//! Turns the schema values of an event into the name by which the host knows the schema.

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

/// The schema values of one event, still as canonical JSON text: equal texts mean equal schemas. So a
/// batch's distinct names are found without one string per row.
pub type SchemaRef<'a> = (&'a str, &'a str);

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

    /// The schema values of this row.
    pub fn schema_of<'a>(&self, row: &Row<'a>) -> SchemaRef<'a> {
        match *self {
            Self::Pair { name, revision } => (row.text(name), row.text(revision)),
            Self::Uri { uri } => (row.text(uri), ""),
        }
    }

    /// The name without its revision, and the revision. None if the event names no schema: the value is
    /// absent, or cannot be a name or a revision.
    pub fn split(&self, schema: SchemaRef<'_>) -> Option<(String, String)> {
        let Value::String(first) = Value::from_text(schema.0) else {
            return None;
        };
        let (name, revision) = match self {
            Self::Uri { .. } => {
                let path = first.strip_prefix('/').unwrap_or(&first);
                let (name, revision) = path.rsplit_once('/')?;
                (name.to_owned(), revision.to_owned())
            }
            Self::Pair { .. } => (first.into_owned(), revision(schema.1)?),
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
