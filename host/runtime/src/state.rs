//! What a guest's store holds: the batch in hand, the schemas, the limiter, and the host functions.

use std::sync::Arc;
use std::time::Instant;

use landfall_document::{Documents, Pointer, Schema, SchemaSet, Validity};
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

    /// Notes what a schema wasted since `begun`: the guest gets the time back.
    fn record(&mut self, schema: &str, asked: Asked, begun: Instant) {
        let wasted = begun.elapsed();
        self.waste.record(schema, asked, wasted);
        self.deadline = self.deadline.map(|deadline| deadline + wasted);
    }

    /// Notes what a schema took for an answer: time that is long for one row is the schema's, not the
    /// guest's.
    fn took(&mut self, schema: &str, asked: Asked, begun: Instant) {
        let taken = begun.elapsed();
        self.waste.took(schema, asked, taken);
        self.deadline = self.deadline.map(|deadline| deadline + taken);
    }

    /// The code of one row.
    fn judge(&mut self, row: usize, at: &Pointer, schema: &Schema, begun: &mut Instant) -> u8 {
        let name = schema.name();
        if self.waste.is_open(name, Asked::Judge) {
            return self.set_aside(row, name, Why::LeftAlone);
        }
        let validity = self.documents.validate(row, at, schema);
        if landfall_document::was_long() && validity != Validity::Exhausted {
            self.took(name, Asked::Judge, *begun);
            *begun = Instant::now();
        }
        match validity {
            Validity::Valid => VALID,
            Validity::Invalid => INVALID,
            Validity::NoValue => NO_VALUE,
            Validity::Exhausted => {
                self.record(name, Asked::Judge, *begun);
                *begun = Instant::now();
                self.set_aside(row, name, Why::Exhausted)
            }
            Validity::Unjudged => {
                self.record(name, Asked::Judge, *begun);
                *begun = Instant::now();
                self.set_aside(row, name, Why::HostFailed)
            }
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
        // Of the last look at the clock: what a row takes too long is told from then on.
        let mut begun = Instant::now();
        for (done, (&row, &which)) in rows.iter().zip(&which).enumerate() {
            if done.is_multiple_of(UNWATCHED_MAX) {
                self.in_time(done)?;
                begun = Instant::now();
            }
            let row = self.row(row)?;
            let Some(schema) = found.get(which as usize) else {
                return Err(misuse(format!("schema {which} of {}", found.len())));
            };
            answer.push(match schema {
                None => NO_SUCH_SCHEMA,
                Some(schema) => self.judge(row, &at, schema, &mut begun),
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
        if self.waste.is_open(&name, Asked::Tell) {
            self.waste.told(&name).untold += 1;
            return Ok(UNTOLD.to_owned());
        }
        let begun = Instant::now();
        let told = self
            .documents
            .explanation(row, &at, schema, EXPLAIN_ERRORS_MAX);
        if told.is_exhausted {
            self.record(&name, Asked::Tell, begun);
            self.waste.told(&name).untold += 1;
        } else if landfall_document::was_long() {
            self.took(&name, Asked::Tell, begun);
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
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::fault::FaultKind;

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

    /// A state with two rows, and a schema for them.
    fn of_two_rows(schema: &str, rows: [&str; 2]) -> (tempfile::TempDir, HostState) {
        let directory = tempfile::tempdir().expect("a directory");
        std::fs::create_dir(directory.path().join("s")).expect("a directory");
        std::fs::write(directory.path().join("s/1.json"), schema).expect("a file");
        let (set, errors) = SchemaSet::load(directory.path());
        assert!(errors.is_empty(), "{errors:?}");
        let mut state = HostState::new(0, Arc::new(set));
        let text = rows.concat();
        let ends = [rows[0].len() as u32, text.len() as u32];
        state.documents.parse(text.as_bytes(), &ends);
        state.rows = 2;
        (directory, state)
    }

    fn validate_both(state: &mut HostState) -> Vec<u8> {
        let names = vec!["s/1".to_owned()];
        schemas::Host::validate(state, String::new(), vec![0, 1], vec![0, 0], names)
            .expect("an answer")
    }

    #[test]
    fn a_row_that_no_pattern_can_judge_is_set_aside_and_the_others_are_answered() {
        let schema = r#"{"$schema":"http://json-schema.org/draft-07/schema#","pattern":"^(a|b|ab)*(?!x)c$"}"#;
        let hard = format!("\"{}d\"", "ab".repeat(28));
        let (_directory, mut state) = of_two_rows(schema, [&hard, "1"]);
        state.waste = Waste::new(Duration::from_secs(60));
        assert_eq!(validate_both(&mut state), [VALID; 2]);
        let [(0, fault)] = &state.set_aside[..] else {
            panic!("{:?}", state.set_aside);
        };
        assert_eq!(fault.kind, FaultKind::Schema);
        assert!(fault.message.contains("schema s/1"), "{}", fault.message);
    }

    #[test]
    fn a_schema_that_exhausts_its_steps_is_named_gives_the_time_back_and_is_left_alone_in_the_end()
    {
        // More compared values than there are steps, of which none is equal.
        let many = |what: &str| {
            let all: Vec<String> = (0..4_000)
                .map(|n| format!("{{\"a\":[{n},\"{what}\"]}}"))
                .collect();
            format!("[{}]", all.join(","))
        };
        let schema = format!(
            r#"{{"$schema":"http://json-schema.org/draft-07/schema#","items":{{"anyOf":[{{"enum":{0}}},{{"enum":{0}}},true]}}}}"#,
            many("x")
        );
        let (_directory, mut state) = of_two_rows(&schema, [&many("y"), "[1]"]);
        state.waste = Waste::new(Duration::from_millis(50));
        let deadline = Instant::now() + Duration::from_secs(3600);
        let mut is_left_alone = false;
        for _ in 0..1000 {
            state.set_aside.clear();
            state.deadline = Some(deadline);
            assert_eq!(validate_both(&mut state), [VALID; 2]);
            let told = state.waste.take_told().remove(0);
            let rows: Vec<usize> = state.set_aside.iter().map(|(row, _)| *row).collect();
            if is_left_alone {
                // It judges no row, and takes no time.
                assert_eq!((rows, told.rows), (vec![0, 1], 2));
                assert_eq!(state.deadline, Some(deadline));
                return;
            }
            assert!(state.deadline > Some(deadline), "the time is given back");
            is_left_alone = told.suspensions > 0;
            if is_left_alone {
                // From the row on that was too much.
                assert_eq!((rows, told.rows), (vec![0, 1], 2));
                let why = &state.set_aside[1].1.message;
                assert!(why.contains("left alone for a while"), "{why}");
            } else {
                assert_eq!((rows, told.rows), (vec![0], 1), "the other row is judged");
            }
        }
        panic!("never left alone");
    }
}
