//! Which missing events are asked for, as SQL.

use rusqlite::types::Value;

/// Which missing events are meant. Without any condition, all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MissingFilter {
    /// Those that arrived at or after it (milliseconds since the epoch).
    pub since_ms: Option<i64>,
    /// Those that arrived before it.
    pub until_ms: Option<i64>,
    /// `name/revision`, or `name` for all its revisions.
    pub schema: Option<String>,
    pub incident: Option<u64>,
    /// Only `unconfirmed` ones, or only `missing` ones.
    pub unconfirmed: Option<bool>,
    /// Only `missing` ones since whose deadline all that was written was seen; or only all others, which may have
    /// landed.
    pub certain: Option<bool>,
}

/// Of a missing event: all that was written was seen, to its (first) deadline and since. A hole that begins after what
/// the store knows is of another time: the date was wrong.
pub(crate) const CERTAIN: &str = "hole = '' AND coalesce(first_deadline_ms, deadline_ms) > (
     SELECT coalesce(max(to_ms), -9223372036854775808) FROM coverage
     WHERE stream = 'written'
       AND from_ms <= (SELECT coalesce(max(value), 9223372036854775807) FROM meta WHERE name = 'known_ms'))";

impl MissingFilter {
    pub(crate) fn sql(&self) -> (String, Vec<Value>) {
        let mut sql = String::from("landed_ms IS NULL");
        let mut values: Vec<Value> = Vec::new();
        let mut and = |condition: &str, value: Value| {
            values.push(value);
            sql.push_str(&format!(
                " AND {}",
                condition.replace('?', &format!("?{}", values.len()))
            ));
        };
        if let Some(since) = self.since_ms {
            and("arrived_ms >= ?", since.into());
        }
        if let Some(until) = self.until_ms {
            and("arrived_ms < ?", until.into());
        }
        if let Some(schema) = &self.schema {
            and(
                "(schema = ? OR substr(schema, 1, length(?) + 1) = ? || '/')",
                schema.clone().into(),
            );
        }
        if let Some(incident) = self.incident {
            and("incident = ?", (incident as i64).into());
        }
        if let Some(unconfirmed) = self.unconfirmed {
            and("(hole <> '') = ?", i64::from(unconfirmed).into());
        }
        if let Some(certain) = self.certain {
            and(&format!("({CERTAIN}) = ?"), i64::from(certain).into());
        }
        (sql, values)
    }
}
