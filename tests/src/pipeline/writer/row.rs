//! Turns a capsule into a row, by the rules of the original's database.

use std::collections::BTreeMap;
use std::io;

use serde_json::ser::Formatter;
use serde_json::{Map, Value};

use crate::clock;
use crate::events::kinds::COLUMN_CHARACTERS;

/// One value of a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    Null,
    Integer(i64),
    Float(f64),
    Text(String),
}

/// A row of the table `Schema_revision`.
#[derive(Clone, Debug)]
pub struct Row {
    pub schema: String,
    pub revision: u64,
    pub uuid: String,
    /// `YYYYMMDDHHMMSS`.
    pub timestamp: String,
    /// All further columns, by their flattened names.
    pub columns: BTreeMap<String, Cell>,
}

/// Members of the capsule that have a separate place in the row, or none.
const NOT_FLATTENED: [&str; 6] = [
    "recvFrom",
    "seqId",
    "schema",
    "revision",
    "uuid",
    "timestamp",
];

impl Row {
    /// None if the capsule lacks a value that every row has.
    pub fn of(capsule: &[u8]) -> Option<Self> {
        let capsule: Map<String, Value> = serde_json::from_slice(capsule).ok()?;
        let mut columns = BTreeMap::new();
        for (name, value) in &capsule {
            if !NOT_FLATTENED.contains(&name.as_str()) {
                flatten(name, value, &mut columns);
            }
        }
        Some(Self {
            schema: capsule.get("schema")?.as_str()?.to_owned(),
            revision: capsule.get("revision")?.as_u64()?,
            uuid: capsule.get("uuid")?.as_str()?.to_owned(),
            timestamp: clock::row_time(capsule.get("timestamp")?.as_i64()? * 1000),
            columns,
        })
    }

    pub fn table(&self) -> String {
        format!("{}_{}", self.schema, self.revision)
    }

    /// Changes one field of the event, and returns its name.
    pub fn alter(&mut self) -> Option<String> {
        let (name, cell) = self
            .columns
            .iter_mut()
            .find(|(name, _)| name.starts_with("event_"))?;
        *cell = match cell {
            Cell::Integer(number) => Cell::Integer(*number + 1),
            // Beyond any tolerance that a 32-bit FLOAT can ask for.
            Cell::Float(number) => Cell::Float(*number * 2.0 + 1.0),
            Cell::Text(_) | Cell::Null => Cell::Text("tampered".into()),
        };
        Some(name.clone())
    }

    /// The row as the writer publishes it.
    pub fn to_json(&self) -> String {
        let mut row = Map::new();
        row.insert("uuid".into(), self.uuid.clone().into());
        row.insert("schema".into(), self.schema.clone().into());
        row.insert("revision".into(), self.revision.into());
        row.insert("timestamp".into(), self.timestamp.clone().into());
        for (name, cell) in &self.columns {
            let value = match cell {
                Cell::Null => Value::Null,
                Cell::Integer(number) => (*number).into(),
                Cell::Float(number) => (*number).into(),
                Cell::Text(text) => text.clone().into(),
            };
            row.insert(name.clone(), value);
        }
        Value::from(row).to_string()
    }
}

fn flatten(name: &str, value: &Value, columns: &mut BTreeMap<String, Cell>) {
    let cell = match value {
        Value::Object(members) => {
            for (member, value) in members {
                flatten(&format!("{name}_{member}"), value, columns);
            }
            return;
        }
        Value::Null => Cell::Null,
        Value::Bool(truth) => Cell::Integer(i64::from(*truth)),
        Value::Number(number) => match number.as_i64() {
            Some(integer) => Cell::Integer(integer),
            // FLOAT has 32 bits.
            None => Cell::Float(number.as_f64().map_or(0.0, |float| f64::from(float as f32))),
        },
        Value::String(text) => Cell::Text(cut(text)),
        Value::Array(_) => Cell::Text(cut(&python_text(value))),
    };
    columns.insert(name.to_owned(), cell);
}

/// JSON text with the white space of Python's `json.dumps`.
fn python_text(value: &Value) -> String {
    let mut out = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, PythonSpaces);
    match serde::Serialize::serialize(value, &mut serializer) {
        Ok(()) => String::from_utf8_lossy(&out).into_owned(),
        // A value that was parsed can be written.
        Err(_) => String::new(),
    }
}

struct PythonSpaces;

impl Formatter for PythonSpaces {
    fn begin_array_value<W: io::Write + ?Sized>(
        &mut self,
        out: &mut W,
        first: bool,
    ) -> io::Result<()> {
        if first { Ok(()) } else { out.write_all(b", ") }
    }

    fn begin_object_key<W: io::Write + ?Sized>(
        &mut self,
        out: &mut W,
        first: bool,
    ) -> io::Result<()> {
        if first { Ok(()) } else { out.write_all(b", ") }
    }

    fn begin_object_value<W: io::Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        out.write_all(b": ")
    }
}

fn cut(text: &str) -> String {
    text.chars().take(COLUMN_CHARACTERS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_capsule_is_flattened_cut_and_typed() {
        let long = "é".repeat(200);
        let capsule = format!(
            r#"{{"event":{{"a":{{"b":true}},"c":[1,{{"k":2}}],"d":"{long}","e":1.5,"f":null}},"wiki":"enwiki","seqId":1,
            "recvFrom":"h","schema":"S","revision":3,"uuid":"u","timestamp":1416276123}}"#
        );
        let mut row = Row::of(capsule.as_bytes()).expect("a row");
        assert_eq!(row.table(), "S_3");
        assert_eq!(row.timestamp, "20141118020203");
        assert_eq!(row.columns["event_a_b"], Cell::Integer(1));
        assert_eq!(
            row.columns["event_c"],
            Cell::Text(r#"[1, {"k": 2}]"#.into())
        );
        assert_eq!(row.columns["event_d"], Cell::Text("é".repeat(191)));
        assert_eq!(row.columns["event_e"], Cell::Float(1.5));
        assert_eq!(row.columns["event_f"], Cell::Null);
        assert!(!row.columns.contains_key("seqId"));
        assert_eq!(row.alter().as_deref(), Some("event_a_b"));
        assert_eq!(row.columns["event_a_b"], Cell::Integer(2));
        assert!(row.to_json().contains(r#""timestamp":"20141118020203""#));
    }
}
