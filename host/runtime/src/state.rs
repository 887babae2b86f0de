//! What a guest's store holds: the batch in hand, the schemas, the limiter, and the host functions.

use std::sync::Arc;
use std::time::{Duration, Instant};

use landfall_document::{Documents, Pointer, Schema, SchemaSet, Validity, processor_time};
use wasmtime::Trap;

use crate::bindings::{log, schemas};
use crate::fault::{Fault, HostMisuse, clip};
use crate::limits::MemoryLimiter;
use crate::log::{LogBuffer, LogLevel};
use crate::waste::{self, Asked, Waste, Why};

/// Errors told of one row by `schemas.explain`, and the longest text.
const EXPLAIN_ERRORS_MAX: usize = 3;
const EXPLAIN_BYTES_MAX: usize = 1024;

/// Rows that are validated, and names that are looked up, between two looks at the deadline: epochs
/// interrupt only the guest, not the host on its behalf.
const UNWATCHED_MAX: usize = 16;

/// Times for each row of a call that the host's time for it is not the guest's: a check asks for the schema
/// of the whole and of a part, and for what is wrong. One that asks again and again pays itself, so that no
/// call goes on for ever.
const HOST_TIME_PER_ROW: usize = 8;

/// When so many rows as are not watched take longer than this, each row after them is timed by itself, so that
/// it is known which schema it is.
const WATCHED_AFTER: Duration = Duration::from_millis(1);

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
    /// When the call that runs has to be over. What the host does on the guest's behalf moves it on.
    pub(crate) deadline: Option<Instant>,
    /// Rows of which the call that runs gets the host's time back.
    host_time_left: usize,
    pub(crate) log: LogBuffer,
    /// What schemas wasted; that of the seat, here only while a call runs.
    pub(crate) waste: Waste,
    /// Rows of the documents that no schema could judge, whatever the guest makes of them.
    pub(crate) set_aside: Vec<(usize, Fault)>,
}

/// What is told of an event that a schema refuses but cannot explain in its steps, or soon enough.
const UNTOLD: &str = "is not valid; telling where took too many steps on events before";

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
            waste: Waste::default(),
            set_aside: Vec::new(),
        }
    }

    /// Takes a row out of the answer. The guest goes on as if it were valid, and asks no more of it.
    fn set_aside(&mut self, row: usize, schema: &str, why: Why) -> u8 {
        if self.set_aside.iter().all(|(other, _)| *other != row) {
            self.waste.told(schema).rows += 1;
            self.set_aside.push((row, waste::fault(schema, why)));
        }
        VALID
    }

    /// A call begins, with so many rows of the documents from the first on, and so much time.
    pub(crate) fn begin_call(&mut self, (first_row, rows): (usize, usize), time: Duration) {
        self.limiter.begin_call();
        self.deadline = Some(Instant::now() + time);
        self.first_row = first_row;
        self.rows = rows;
        self.host_time_left = rows.saturating_mul(HOST_TIME_PER_ROW);
        self.set_aside.clear();
    }

    /// Gives the guest the time back that the host took for the rows since the last look, and begins anew.
    /// Returns how long that was, and whether it is not the guest's own.
    fn give_back(&mut self, timing: &mut Timing) -> (Duration, bool) {
        let rows = std::mem::take(&mut timing.rows);
        let now = Instant::now();
        let taken = now - std::mem::replace(&mut timing.begun, now);
        let Some(left) = self.host_time_left.checked_sub(rows) else {
            return (taken, false);
        };
        self.host_time_left = left;
        self.waste.give_back(taken);
        self.deadline = self.deadline.map(|deadline| deadline + taken);
        (taken, true)
    }

    /// The same. Returns what their schema is charged: only what a processor worked, for a thread that waits
    /// for one is no fault of a schema.
    fn charge(&mut self, timing: &mut Timing) -> Duration {
        let (taken, is_not_the_guests) = self.give_back(timing);
        let worked = processor_time();
        let worked_since = worked.saturating_sub(std::mem::replace(&mut timing.worked, worked));
        if is_not_the_guests {
            taken.min(worked_since)
        } else {
            Duration::ZERO
        }
    }

    /// The code of one row.
    fn judge(&mut self, row: usize, at: &Pointer, schema: &Schema, timing: &mut Timing) -> u8 {
        let name = schema.name();
        if self.waste.is_open(name, Asked::Judge) {
            return self.set_aside(row, name, Why::LeftAlone);
        }
        timing.rows += 1;
        let validity = self.documents.validate(row, at, schema);
        let is_long = landfall_document::validation_was_long();
        let is_judged = !matches!(validity, Validity::Exhausted | Validity::Unjudged);
        if is_long || timing.is_watched || !is_judged {
            let taken = self.charge(timing);
            if is_judged {
                self.waste.took(name, Asked::Judge, taken);
            } else {
                self.waste.record(name, Asked::Judge, taken);
            }
        }
        match validity {
            Validity::Valid => VALID,
            Validity::Invalid => INVALID,
            Validity::NoValue => NO_VALUE,
            Validity::Exhausted => self.set_aside(row, name, Why::Exhausted),
            Validity::Unjudged => self.set_aside(row, name, Why::HostFailed),
        }
    }

    /// Gives the time of the rows back that were not timed by themselves.
    fn look_at_clock(&mut self, timing: &mut Timing) {
        if timing.rows == 0 {
            timing.begun = Instant::now();
            timing.worked = processor_time();
            return;
        }
        let (taken, _) = self.give_back(timing);
        timing.worked = processor_time();
        timing.is_watched |= taken > WATCHED_AFTER;
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

/// Time of validations, from one look at the clock to the next.
struct Timing {
    begun: Instant,
    /// The processor's time for this thread at `begun`.
    worked: Duration,
    /// Validated since `begun`.
    rows: usize,
    /// Each row is timed by itself.
    is_watched: bool,
}

impl Timing {
    fn begin() -> Self {
        Self {
            begun: Instant::now(),
            worked: processor_time(),
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
        if self.waste.is_open(&name, Asked::Tell) {
            self.waste.told(&name).untold += 1;
            return Ok(UNTOLD.to_owned());
        }
        let mut timing = Timing::begin();
        timing.rows = 1;
        let told = self
            .documents
            .explanation(row, &at, schema, EXPLAIN_ERRORS_MAX);
        let is_long = landfall_document::validation_was_long();
        let taken = self.charge(&mut timing);
        if told.is_exhausted {
            self.waste.record(&name, Asked::Tell, taken);
            self.waste.told(&name).untold += 1;
        } else if is_long {
            self.waste.took(&name, Asked::Tell, taken);
        }
        let text = told
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
