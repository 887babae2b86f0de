//! What a guest's store holds: the batch in hand, the schemas, the limiter, and the host functions.

use std::sync::Arc;
use std::time::Instant;

use landfall_document::{Documents, Pointer, SchemaSet, Validity};
use wasmtime::Trap;

use crate::bindings::{log, schemas};
use crate::fault::{HostFailure, HostMisuse, clip};
use crate::limits::MemoryLimiter;
use crate::log::{LogBuffer, LogLevel};

/// Errors told of one row by `schemas.explain`, and the longest text.
const EXPLAIN_ERRORS_MAX: usize = 3;
const EXPLAIN_BYTES_MAX: usize = 1024;

/// Rows that are validated, and names that are looked up, between two looks at the deadline: epochs
/// interrupt only the guest, not the host on its behalf.
const UNWATCHED_MAX: usize = 16;

/// Codes of `schemas.validate`.
const VALID: u8 = 0;
const INVALID: u8 = 1;
const NO_SUCH_SCHEMA: u8 = 2;
const NO_VALUE: u8 = 3;

/// The state of one store.
pub(crate) struct HostState {
    pub(crate) limiter: MemoryLimiter,
    /// The documents that `schemas` may name, here only while a call runs.
    pub(crate) documents: Documents,
    /// The batch that the guest sees begins at this row of `documents`.
    pub(crate) first_row: usize,
    /// And has this many rows.
    pub(crate) rows: usize,
    pub(crate) schemas: Arc<SchemaSet>,
    /// When the call that runs has to be over.
    pub(crate) deadline: Option<Instant>,
    pub(crate) log: LogBuffer,
}

impl HostState {
    pub(crate) fn new(memory_bytes_max: usize, schemas: Arc<SchemaSet>) -> Self {
        Self {
            limiter: MemoryLimiter::new(memory_bytes_max),
            documents: Documents::default(),
            first_row: 0,
            rows: 0,
            schemas,
            deadline: None,
            log: LogBuffer::default(),
        }
    }

    /// Ends the call as its epoch would, if its time is over; looked at every so often.
    fn in_time(&self, done: usize) -> wasmtime::Result<()> {
        let over = |deadline| Instant::now() >= deadline;
        if done.is_multiple_of(UNWATCHED_MAX) && self.deadline.is_some_and(over) {
            return Err(Trap::Interrupt.into());
        }
        Ok(())
    }

    fn row(&self, row: u32) -> wasmtime::Result<usize> {
        let row = row as usize;
        if row < self.rows {
            Ok(self.first_row + row)
        } else {
            Err(misuse(format!("row {row} of a batch of {}", self.rows)))
        }
    }
}

fn misuse(message: String) -> wasmtime::Error {
    HostMisuse(message).into()
}

fn pointer(at: &str) -> wasmtime::Result<Pointer> {
    Pointer::parse(at).map_err(|error| misuse(format!("{at:?} is not a JSON pointer: {error}")))
}

impl schemas::Host for HostState {
    fn validate(
        &mut self,
        at: String,
        rows: Vec<u32>,
        which: Vec<u32>,
        names: Vec<String>,
    ) -> wasmtime::Result<Vec<u8>> {
        if rows.len() != which.len() {
            return Err(misuse(format!(
                "{} rows but {} choices of a schema",
                rows.len(),
                which.len()
            )));
        }
        if rows.len() > self.rows {
            return Err(misuse(format!(
                "{} rows of a batch of {}",
                rows.len(),
                self.rows
            )));
        }
        let at = pointer(&at)?;
        let set = Arc::clone(&self.schemas);
        let mut found = Vec::with_capacity(names.len());
        for (done, name) in names.iter().enumerate() {
            self.in_time(done)?;
            found.push(set.find(name));
        }
        let mut answer = Vec::with_capacity(rows.len());
        for (done, (&row, &which)) in rows.iter().zip(&which).enumerate() {
            self.in_time(done)?;
            let row = self.row(row)?;
            let Some(schema) = found.get(which as usize) else {
                return Err(misuse(format!("schema {which} of {}", found.len())));
            };
            answer.push(match schema {
                None => NO_SUCH_SCHEMA,
                Some(schema) => match self.documents.validate(row, &at, schema) {
                    Validity::Valid => VALID,
                    Validity::Invalid => INVALID,
                    Validity::NoValue => NO_VALUE,
                    // The contract has no code for it: the batch is split down to this row.
                    Validity::Unjudged => return Err(HostFailure.into()),
                },
            });
        }
        Ok(answer)
    }

    fn explain(&mut self, at: String, row: u32, name: String) -> wasmtime::Result<String> {
        let at = pointer(&at)?;
        let row = self.row(row)?;
        let set = Arc::clone(&self.schemas);
        let Some(schema) = set.find(&name) else {
            return Ok(format!("no schema {name}"));
        };
        let violations = self.documents.explain(row, &at, schema, EXPLAIN_ERRORS_MAX);
        let text = violations
            .iter()
            .map(|violation| match violation.pointer.as_str() {
                "" => violation.message.clone(),
                place => format!("{place}: {}", violation.message),
            })
            .collect::<Vec<_>>()
            .join("; ");
        Ok(clip(text, EXPLAIN_BYTES_MAX))
    }
}

impl log::Host for HostState {
    fn emit(&mut self, level: log::Level, text: String) -> wasmtime::Result<()> {
        let level = match level {
            log::Level::Debug => LogLevel::Debug,
            log::Level::Info => LogLevel::Info,
            log::Level::Warn => LogLevel::Warn,
            log::Level::Error => LogLevel::Error,
        };
        self.log.push(level, text);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::fault::{Fault, FaultKind};

    const ROWS: usize = 4;

    /// A store with four documents in hand.
    fn state() -> HostState {
        let mut state = HostState::new(0, Arc::default());
        state.documents.parse(b"1234", &[1, 2, 3, 4]);
        state.rows = ROWS;
        state
    }

    fn validate(state: &mut HostState, rows: Vec<u32>) -> wasmtime::Result<Vec<u8>> {
        let which = vec![0; rows.len()];
        schemas::Host::validate(state, String::new(), rows, which, vec!["None/1".into()])
    }

    #[test]
    fn no_call_may_have_more_rows_validated_than_the_batch_has() {
        let mut state = state();
        let answer = validate(&mut state, vec![3, 2, 1, 0]).expect("an answer");
        assert_eq!(answer, [NO_SUCH_SCHEMA; ROWS]);
        let error = validate(&mut state, vec![0; ROWS + 1]).expect_err("a misuse");
        assert_eq!(
            error.root_cause().to_string(),
            "host call misused: 5 rows of a batch of 4"
        );
        assert!(validate(&mut state, vec![4]).is_err());
    }

    #[test]
    fn a_validation_ends_with_the_time_of_its_call() {
        let mut state = state();
        state.deadline = Some(Instant::now() + Duration::from_secs(3600));
        assert!(validate(&mut state, vec![0]).is_ok());
        state.deadline = Some(Instant::now());
        let error = validate(&mut state, vec![0]).expect_err("too late");
        assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::Interrupt));
    }

    #[test]
    fn a_row_that_the_host_cannot_judge_is_a_fault_and_no_answer() {
        let directory = tempfile::tempdir().expect("a directory");
        std::fs::create_dir(directory.path().join("s")).expect("a directory");
        let schema = r#"{"$schema":"http://json-schema.org/draft-07/schema#","pattern":"^(a|b|ab)*(?!x)c$"}"#;
        std::fs::write(directory.path().join("s/1.json"), schema).expect("a file");
        let (set, errors) = SchemaSet::load(directory.path());
        assert!(errors.is_empty(), "{errors:?}");
        let mut state = HostState::new(0, Arc::new(set));
        let text = format!("\"{}d\"\"c\"", "ab".repeat(28));
        let end = text.len() as u32;
        state.documents.parse(text.as_bytes(), &[end - 3, end]);
        state.rows = 2;
        let mut validate = |row| {
            let names = vec!["s/1".to_owned()];
            schemas::Host::validate(&mut state, String::new(), vec![row], vec![0], names)
        };
        assert_eq!(validate(1).expect("an answer"), [VALID]);
        let error = validate(0).expect_err("no answer");
        assert_eq!(
            Fault::of_call(&error, &state).kind,
            FaultKind::Trap,
            "{error:?}"
        );
    }
}
