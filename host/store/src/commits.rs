//! The numbers of flushes: a commit that reports a failure may have been done all the same, and the stored number
//! shows whether it was.

use rusqlite::{Connection, OptionalExtension as _};

use crate::error::StoreError;

/// The flushes of one writer.
#[derive(Debug, Default)]
pub(crate) struct Commits {
    /// Number of the last flush that is known to be committed.
    done: i64,
    /// The commit of the one after it failed.
    is_unsure: bool,
    /// For tests: the next commit is done and reports a failure.
    pub(crate) loses_result: bool,
}

impl Commits {
    pub(crate) fn of(connection: &Connection) -> Result<Self, StoreError> {
        Ok(Self {
            done: stored(connection)?,
            ..Self::default()
        })
    }

    /// The number of the next flush to be committed.
    pub(crate) fn next(&self) -> i64 {
        self.done.saturating_add(1)
    }

    /// Notes the result of a commit.
    pub(crate) fn note_result(&mut self, committed: bool, is_numbered: bool) {
        self.is_unsure = !committed && is_numbered;
        if committed && is_numbered {
            self.done = self.next();
        }
    }

    /// Whether the last flush, whose commit failed, was committed all the same.
    pub(crate) fn is_committed(&mut self, connection: &Connection) -> Result<bool, StoreError> {
        if !self.is_unsure {
            return Ok(false);
        }
        let is_there = stored(connection)? == self.next();
        self.note_result(is_there, is_there);
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
