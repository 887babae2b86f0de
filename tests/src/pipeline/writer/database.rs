//! The pipeline's database: one table per schema and revision, uuids unique.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, ToSql, params_from_iter};

use super::row::{Cell, Row};

/// How long a statement waits for another connection's lock.
const BUSY: Duration = Duration::from_secs(30);

/// A connection.
pub struct Database {
    connection: Connection,
    /// Columns of each table that this connection has seen.
    tables: HashMap<String, HashSet<String>>,
}

/// The result of a batch.
pub enum Inserted {
    /// The places of the rows that are now in the table; the others were there before.
    Rows(Vec<usize>),
    /// A duplicate key, and none of the batch is in the table.
    NothingForADuplicate,
}

impl Database {
    /// Opens the file, or creates it.
    pub fn open(path: &Path) -> rusqlite::Result<Self> {
        let connection = Connection::open(path)?;
        connection.busy_timeout(BUSY)?;
        // The file does not have to survive a crash of this machine, and commits must be fast.
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "OFF")?;
        Ok(Self {
            connection,
            tables: HashMap::new(),
        })
    }

    /// Opens an existing file for reading.
    pub fn open_to_read(path: &Path) -> rusqlite::Result<Self> {
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        connection.busy_timeout(BUSY)?;
        Ok(Self {
            connection,
            tables: HashMap::new(),
        })
    }

    /// Inserts rows of one table in one transaction. With `strict_keys` an existing row makes all
    /// fail.
    pub fn insert(&mut self, rows: &[&Row], strict_keys: bool) -> rusqlite::Result<Inserted> {
        let Some(first) = rows.first() else {
            return Ok(Inserted::Rows(Vec::new()));
        };
        let table = first.table();
        self.prepare_table(&table, rows)?;
        let transaction = self.connection.transaction()?;
        let mut inserted = Vec::new();
        for (place, row) in rows.iter().enumerate() {
            let names: Vec<&str> = ["uuid", "timestamp"]
                .into_iter()
                .chain(row.columns.keys().map(String::as_str))
                .collect();
            let columns: Vec<String> = names.iter().map(|name| quote(name)).collect();
            let or = if strict_keys { "" } else { " OR IGNORE" };
            let sql = format!(
                "INSERT{or} INTO {} ({}) VALUES ({})",
                quote(&table),
                columns.join(","),
                vec!["?"; names.len()].join(",")
            );
            let mut values: Vec<&dyn ToSql> = vec![&row.uuid, &row.timestamp];
            values.extend(row.columns.values().map(|cell| cell as &dyn ToSql));
            match transaction
                .prepare_cached(&sql)?
                .execute(params_from_iter(values))
            {
                Ok(0) => {}
                Ok(_) => inserted.push(place),
                // Dropping the transaction takes back the rows before this one.
                Err(error) if is_duplicate(&error) => return Ok(Inserted::NothingForADuplicate),
                Err(error) => return Err(error),
            }
        }
        transaction.commit()?;
        Ok(Inserted::Rows(inserted))
    }

    /// Creates the table, and any column that it lacks.
    fn prepare_table(&mut self, table: &str, rows: &[&Row]) -> rusqlite::Result<()> {
        if !self.tables.contains_key(table) {
            self.connection.execute_batch(&format!(
                "CREATE TABLE IF NOT EXISTS {} (uuid CHAR(32) UNIQUE NOT NULL, timestamp VARCHAR(14) NOT NULL)",
                quote(table)
            ))?;
            let columns = self.columns(table)?;
            self.tables.insert(table.to_owned(), columns);
        }
        let Some(known) = self.tables.get_mut(table) else {
            return Ok(());
        };
        for row in rows {
            for name in row.columns.keys() {
                if !known.contains(name) {
                    self.connection.execute_batch(&format!(
                        "ALTER TABLE {} ADD COLUMN {}",
                        quote(table),
                        quote(name)
                    ))?;
                    known.insert(name.clone());
                }
            }
        }
        Ok(())
    }

    fn columns(&self, table: &str) -> rusqlite::Result<HashSet<String>> {
        let mut statement = self
            .connection
            .prepare("SELECT name FROM pragma_table_info(?)")?;
        statement.query_map([table], |row| row.get(0))?.collect()
    }

    /// The uuids in every table.
    pub fn uuids(&self) -> rusqlite::Result<BTreeMap<String, HashSet<String>>> {
        let mut statement = self
            .connection
            .prepare("SELECT name FROM sqlite_master WHERE type = 'table'")?;
        let tables: Vec<String> = statement
            .query_map([], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        let mut found = BTreeMap::new();
        for table in tables {
            let mut statement = self
                .connection
                .prepare(&format!("SELECT uuid FROM {}", quote(&table)))?;
            let uuids = statement
                .query_map([], |row| row.get(0))?
                .collect::<rusqlite::Result<_>>()?;
            found.insert(table, uuids);
        }
        Ok(found)
    }
}

fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn is_duplicate(error: &rusqlite::Error) -> bool {
    error
        .sqlite_error()
        .is_some_and(|error| error.extended_code == rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE)
}

impl ToSql for Cell {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        match self {
            Self::Null => rusqlite::types::Null.to_sql(),
            Self::Integer(number) => number.to_sql(),
            Self::Float(number) => number.to_sql(),
            Self::Text(text) => text.to_sql(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(uuid: &str) -> Row {
        Row {
            schema: "S".into(),
            revision: 1,
            uuid: uuid.into(),
            timestamp: "20141118020000".into(),
            columns: BTreeMap::from([("wi\"ki".into(), Cell::Text("x".into()))]),
        }
    }

    #[test]
    fn one_duplicate_loses_a_strict_batch_whole() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("db.sqlite");
        let mut database = Database::open(&path).expect("a database");
        assert!(
            matches!(database.insert(&[&row("a")], true), Ok(Inserted::Rows(rows)) if rows == [0])
        );
        let again = [&row("b"), &row("a"), &row("c")];
        assert!(matches!(
            database.insert(&again, true),
            Ok(Inserted::NothingForADuplicate)
        ));
        let there = Database::open_to_read(&path)
            .and_then(|reader| reader.uuids())
            .expect("readable");
        assert_eq!(there["S_1"].len(), 1);
        assert!(
            matches!(database.insert(&again, false), Ok(Inserted::Rows(rows)) if rows == [0, 2])
        );
    }
}
