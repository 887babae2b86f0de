//! What a guest's store holds: the batch in hand, the schemas, the limiter, and the host functions.

use std::sync::Arc;

use landfall_document::{Documents, Pointer, SchemaSet, Validity};

use crate::bindings::{log, schemas};
use crate::fault::{HostMisuse, clip};
use crate::limits::MemoryLimiter;

/// Lines that one call may log; more are counted, not kept.
const LOG_LINES_PER_CALL_MAX: usize = 16;

/// Longest line, in bytes; `wit/check.wit` promises it.
const LOG_LINE_BYTES_MAX: usize = 1024;

/// Errors told of one row by `schemas.explain`, and the longest text.
const EXPLAIN_ERRORS_MAX: usize = 3;
const EXPLAIN_BYTES_MAX: usize = 1024;

/// Codes of `schemas.validate`.
const VALID: u8 = 0;
const INVALID: u8 = 1;
const NO_SUCH_SCHEMA: u8 = 2;
const NO_VALUE: u8 = 3;

/// How serious a guest thinks its line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    Debug,
    Info,
    Warn,
    Error,
}

/// One line of a guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    pub level: LogLevel,
    pub text: String,
}

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
    pub(crate) log: Vec<LogLine>,
    pub(crate) log_dropped: u64,
}

impl HostState {
    pub(crate) fn new(memory_bytes_max: usize, schemas: Arc<SchemaSet>) -> Self {
        Self {
            limiter: MemoryLimiter::new(memory_bytes_max),
            documents: Documents::default(),
            first_row: 0,
            rows: 0,
            schemas,
            log: Vec::new(),
            log_dropped: 0,
        }
    }

    fn push_log(&mut self, level: LogLevel, text: String) {
        if self.log.len() < LOG_LINES_PER_CALL_MAX {
            let line = clip(text, LOG_LINE_BYTES_MAX).replace(|c: char| c.is_control(), " ");
            self.log.push(LogLine { level, text: line });
        } else {
            self.log_dropped += 1;
        }
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
        let at = pointer(&at)?;
        let set = Arc::clone(&self.schemas);
        let found: Vec<_> = names.iter().map(|name| set.find(name)).collect();
        let mut answer = Vec::with_capacity(rows.len());
        for (&row, &which) in rows.iter().zip(&which) {
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
        self.push_log(level, text);
        Ok(())
    }
}
