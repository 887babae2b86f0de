//! What a guest's store holds: the batch, the schemas, the limiter; and the functions that the host offers.

use std::sync::Arc;
use std::time::Duration;

use landfall_document::{Documents, Pointer, Schema, SchemaSet, Validity, processor_time};
use wasmtime::Trap;

use crate::bindings::{log, schemas};
use crate::fault::{Fault, HostMisuse, clip};
use crate::limits::MemoryLimiter;
use crate::log::{LogBuffer, LogLevel};
use crate::schema_breakers::{self, SchemaBreakers, SchemaFailure, SchemaTask};

/// Most errors in an explanation of `schemas.explain`, and its longest text in bytes.
const EXPLAIN_ERRORS_MAX: usize = 3;
const EXPLAIN_BYTES_MAX: usize = 1024;

/// Most rows that are validated, or names that are looked up, between two looks at the deadline: epochs
/// interrupt only the guest, not what the host does on its behalf.
const UNWATCHED_MAX: usize = 16;

/// How many times for each row of a call the guest gets the host's time back: a check asks for the validity of
/// the whole and of a part, and for what is wrong. A check that asks more often pays itself, so that no call
/// goes on for ever.
const HOST_TIME_PER_ROW: usize = 8;

/// If the rows between two looks at the clock take longer than this together, each row after them is timed by
/// itself, so that it is known which schema takes the time.
const WATCHED_AFTER: Duration = Duration::from_millis(1);

/// Codes of `schemas.validate`.
const VALID: u8 = 0;
const INVALID: u8 = 1;
const NO_SUCH_SCHEMA: u8 = 2;
const NO_VALUE: u8 = 3;

/// The state of one store.
pub(crate) struct HostState {
    pub(crate) limiter: MemoryLimiter,
    /// The documents that may be validated; here only while a call runs.
    pub(crate) documents: Documents,
    /// The first row of `documents` that the guest sees: its row 0.
    pub(crate) first_row: usize,
    /// How many rows the guest sees.
    pub(crate) rows: usize,
    pub(crate) schemas: Arc<SchemaSet>,
    /// When the call that runs has to be over, in the processor's time for this thread. Time that the guest gets back
    /// moves it on.
    pub(crate) deadline: Option<Duration>,
    /// For how many more rows the call that runs gets the host's time back.
    host_time_left: usize,
    pub(crate) log: LogBuffer,
    /// The breakers of schemas; here only while a call runs.
    pub(crate) schema_breakers: SchemaBreakers,
    /// Rows of the documents on which a schema failed, whatever the guest answers for them.
    pub(crate) set_aside: Vec<(usize, Fault)>,
}

/// The explanation of an event that a schema refuses but cannot explain in its steps, or soon enough.
const UNEXPLAINED: &str = "is not valid; finding out where took too many steps on earlier events";

impl HostState {
    pub(crate) fn new(memory_bytes_max: usize, schemas: Arc<SchemaSet>) -> Self {
        Self {
            limiter: MemoryLimiter::new(memory_bytes_max),
            documents: Documents::default(),
            first_row: 0,
            rows: 0,
            schemas,
            deadline: None,
            host_time_left: 0,
            log: LogBuffer::default(),
            schema_breakers: SchemaBreakers::default(),
            set_aside: Vec::new(),
        }
    }

    /// Takes a row out of the answer. The guest goes on as if it were valid, and asks no more about it.
    fn set_aside(&mut self, row: usize, schema: &str, failure: SchemaFailure) -> u8 {
        if self.set_aside.iter().all(|(other, _)| *other != row) {
            self.schema_breakers.faults_of(schema).rows += 1;
            self.set_aside
                .push((row, schema_breakers::fault(schema, failure)));
        }
        VALID
    }

    /// A call begins: the guest sees so many rows of the documents from `first_row` on, and has `time`.
    pub(crate) fn begin_call(&mut self, (first_row, rows): (usize, usize), time: Duration) {
        self.limiter.begin_call();
        self.deadline = Some(processor_time() + time);
        self.first_row = first_row;
        self.rows = rows;
        self.host_time_left = rows.saturating_mul(HOST_TIME_PER_ROW);
        self.set_aside.clear();
    }

    /// Gives the guest the time back that the host took for the rows since the last look, and begins anew.
    /// Returns how long that was, and whether it is not the guest's own.
    fn give_back(&mut self, timing: &mut Timing) -> (Duration, bool) {
        let rows = std::mem::take(&mut timing.rows);
        let now = processor_time();
        let taken = now.saturating_sub(std::mem::replace(&mut timing.begun, now));
        let Some(left) = self.host_time_left.checked_sub(rows) else {
            return (taken, false);
        };
        self.host_time_left = left;
        self.schema_breakers.give_back(taken);
        self.deadline = self.deadline.map(|deadline| deadline + taken);
        (taken, true)
    }

    /// The same. Returns what their schema is charged.
    fn charge(&mut self, timing: &mut Timing) -> Duration {
        let (taken, is_not_the_guests) = self.give_back(timing);
        if is_not_the_guests {
            taken
        } else {
            Duration::ZERO
        }
    }

    /// Validates one row, and gives its code.
    fn judge(&mut self, row: usize, at: &Pointer, schema: &Schema, timing: &mut Timing) -> u8 {
        let name = schema.name();
        if self.schema_breakers.is_open(name, SchemaTask::Validate) {
            return self.set_aside(row, name, SchemaFailure::Suspended);
        }
        timing.rows += 1;
        let validity = self.documents.validate(row, at, schema);
        let is_long = landfall_document::validation_was_long();
        let is_judged = !matches!(validity, Validity::Exhausted | Validity::Unjudged);
        if is_long || timing.is_watched || !is_judged {
            let taken = self.charge(timing);
            if is_judged {
                self.schema_breakers
                    .record_answer(name, SchemaTask::Validate, taken);
            } else {
                self.schema_breakers
                    .record_waste(name, SchemaTask::Validate, taken);
            }
        }
        match validity {
            Validity::Valid => VALID,
            Validity::Invalid => INVALID,
            Validity::NoValue => NO_VALUE,
            Validity::Exhausted => self.set_aside(row, name, SchemaFailure::Exhausted),
            Validity::Unjudged => self.set_aside(row, name, SchemaFailure::HostFailed),
        }
    }

    /// Gives the time of the rows back that were not timed by themselves.
    fn look_at_clock(&mut self, timing: &mut Timing) {
        if timing.rows == 0 {
            timing.begun = processor_time();
            return;
        }
        let (taken, _) = self.give_back(timing);
        timing.is_watched |= taken > WATCHED_AFTER;
    }

    /// Ends the call as its epoch would, if its time is over. Looks at the clock once in `UNWATCHED_MAX`.
    fn in_time(&self, done: usize) -> wasmtime::Result<()> {
        let over = |deadline| processor_time() >= deadline;
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

/// Time of validations, from one look at the clock to the next.
struct Timing {
    /// The processor's time for this thread.
    begun: Duration,
    /// Validated since `begun`.
    rows: usize,
    /// Each row is timed by itself.
    is_watched: bool,
}

impl Timing {
    fn begin() -> Self {
        Self {
            begun: processor_time(),
            rows: 0,
            is_watched: false,
        }
    }
}

fn misuse(message: String) -> wasmtime::Error {
    HostMisuse(message).into()
}

fn pointer(at: &str) -> wasmtime::Result<Pointer> {
    Pointer::parse(at).map_err(|error| misuse(format!("\"{at}\" is not a JSON pointer: {error}")))
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
        let mut timing = Timing::begin();
        for (done, (&row, &which)) in rows.iter().zip(&which).enumerate() {
            if done.is_multiple_of(UNWATCHED_MAX) {
                self.look_at_clock(&mut timing);
                self.in_time(done)?;
            }
            let row = self.row(row)?;
            let Some(schema) = found.get(which as usize) else {
                return Err(misuse(format!("schema {which} of {}", found.len())));
            };
            answer.push(match schema {
                None => NO_SUCH_SCHEMA,
                Some(schema) => self.judge(row, &at, schema, &mut timing),
            });
        }
        self.look_at_clock(&mut timing);
        Ok(answer)
    }

    fn explain(&mut self, at: String, row: u32, name: String) -> wasmtime::Result<String> {
        let at = pointer(&at)?;
        let row = self.row(row)?;
        let set = Arc::clone(&self.schemas);
        let Some(schema) = set.find(&name) else {
            return Ok(format!("no schema {name}"));
        };
        if self.schema_breakers.is_open(&name, SchemaTask::Explain) {
            self.schema_breakers.faults_of(&name).unexplained += 1;
            return Ok(UNEXPLAINED.to_owned());
        }
        let mut timing = Timing::begin();
        timing.rows = 1;
        let explanation = self
            .documents
            .explanation(row, &at, schema, EXPLAIN_ERRORS_MAX);
        let is_long = landfall_document::validation_was_long();
        let taken = self.charge(&mut timing);
        if explanation.is_exhausted {
            self.schema_breakers
                .record_waste(&name, SchemaTask::Explain, taken);
            self.schema_breakers.faults_of(&name).unexplained += 1;
        } else if is_long {
            self.schema_breakers
                .record_answer(&name, SchemaTask::Explain, taken);
        }
        let text = explanation
            .violations
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
mod tests;
