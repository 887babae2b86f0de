//! The numbers of flushes: one whose commit failed may be there all the same, and says so by its number.

use rusqlite::{Connection, OptionalExtension as _};

use crate::error::StoreError;

/// Of one writer.
#[derive(Debug, Default)]
pub(crate) struct Commits {
    /// The last flush that is known to be there.
    done: i64,
    /// The commit of the one after it failed.
    is_unsure: bool,
    /// For tests: the answer to the next commit is lost.
    pub(crate) loses_answer: bool,
}

impl Commits {
    pub(crate) fn of(connection: &Connection) -> Result<Self, StoreError> {
        Ok(Self {
            done: stored(connection)?,
            ..Self::default()
        })
    }

    /// The number of the flush that is being written.
    pub(crate) fn next(&self) -> i64 {
        self.done.saturating_add(1)
    }

    /// Its commit was answered.
    pub(crate) fn answered(&mut self, committed: bool, is_numbered: bool) {
        self.is_unsure = !committed && is_numbered;
        if committed && is_numbered {
            self.done = self.next();
        }
    }

    /// Whether a flush whose commit failed is there.
    pub(crate) fn is_committed(&mut self, connection: &Connection) -> Result<bool, StoreError> {
        if !self.is_unsure {
            return Ok(false);
        }
        let is_there = stored(connection)? == self.next();
        self.answered(is_there, is_there);
        Ok(is_there)
    }
}

fn stored(connection: &Connection) -> Result<i64, StoreError> {
    let number = connection
        .query_row("SELECT value FROM meta WHERE name = 'flushes'", [], |row| {
            row.get(0)
        })
        .optional()
        .map_err(StoreError::sqlite("read the number of its last flush"))?;
    Ok(number.unwrap_or(0))
}
