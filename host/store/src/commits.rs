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
    /// For tests: the next commit is undone and reports a failure.
    pub(crate) fails: bool,
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

    /// Whether the last flush, whose commit failed, was committed all the same. Changes nothing: the answer is
    /// noted when all that follows from it has succeeded.
    pub(crate) fn is_there(&self, connection: &Connection) -> Result<bool, StoreError> {
        Ok(self.is_unsure && stored(connection)? == self.next())
    }

    /// Nobody writes the last flush again. Its number is never used for another one, which it could be taken for if
    /// it was committed.
    pub(crate) fn give_up(&mut self) {
        if std::mem::take(&mut self.is_unsure) {
            self.done = self.next();
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whether_a_flush_is_there_is_answered_alike_until_the_answer_is_noted() {
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch("CREATE TABLE meta (name TEXT PRIMARY KEY, value)")
            .unwrap();
        let mut commits = Commits::of(&connection).unwrap();
        connection
            .execute("INSERT INTO meta VALUES ('flushes', ?1)", [commits.next()])
            .unwrap();
        commits.note_result(false, true);
        for _ in 0..2 {
            assert!(commits.is_there(&connection).unwrap());
        }
        commits.note_result(true, true);
        assert!(!commits.is_there(&connection).unwrap());
    }
}
