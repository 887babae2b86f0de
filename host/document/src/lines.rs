//! Validates lines of events against one schema file, for the command line.

use std::io::{BufRead, Read};
use std::path::Path;

use crate::schema::{Schema, SchemaError, SchemaHint, SchemaRules};
use crate::{Documents, Pointer, RowState, Validity, Violation};

/// Violations that are listed of one event: enough to fix it, short enough for a line.
const VIOLATIONS_PER_EVENT_MAX: usize = 10;

/// Bytes of a line. An event has a few kB; a longer line is no event, and the file probably a wrong one.
const LINE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// How many events were valid and how many were not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Events that the schema accepts.
    pub valid: u64,
    /// All other events.
    pub invalid: u64,
    /// Of the invalid ones, those that are no JSON document.
    pub undecodable: u64,
}

impl Summary {
    /// How many lines are documents.
    pub fn documents(&self) -> u64 {
        self.valid + self.invalid - self.undecodable
    }
}

/// Why the validation could not be run to its end. Lines count from 1.
#[derive(Debug, thiserror::Error)]
pub enum LinesError {
    #[error(transparent)]
    Schema(#[from] SchemaError),
    #[error("failed to read line {line}: {source}")]
    Read { line: u64, source: std::io::Error },
    #[error(
        "failed to read line {line}: it has more than {LINE_BYTES_MAX} bytes; write one event per line"
    )]
    TooLong { line: u64 },
    #[error("failed to write the answer to line {line}: {source}")]
    Write { line: u64, source: std::io::Error },
}

/// Validates each line that is not blank against the schema in `schema_file`, and counts what it found.
///
/// For each line, `answer` gets one text, without a line feed: `valid`, or `invalid: ` and the first violations
/// with their places; with `json`, an object
/// `{"valid":bool,"errors":[{"pointer","message","schema_pointer"}]}`. An event that is undecodable, or holds
/// something that JSON does not have, is not valid. Before the first line, `hint` gets what is right in the
/// schema but probably not meant.
///
/// References are followed below `root`. Its default is the directory from which the schema's identifier is its
/// path, else the schema's own directory.
///
/// # Errors
/// If the schema does not load, a line cannot be read or is too long, or `answer` returns an error.
pub fn validate_lines(
    schema_file: &Path,
    root: Option<&Path>,
    rules: SchemaRules,
    mut lines: impl BufRead,
    answer: &mut dyn FnMut(&str) -> std::io::Result<()>,
    hint: &mut dyn FnMut(&SchemaHint),
    json: bool,
) -> Result<Summary, LinesError> {
    let schema = Schema::load_file(schema_file, root, rules)?;
    schema.hints(schema_file).iter().for_each(hint);
    let mut documents = Documents::default();
    let mut summary = Summary::default();
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        let read = lines
            .by_ref()
            .take(LINE_BYTES_MAX + 1)
            .read_until(b'\n', &mut line);
        read.map_err(|source| LinesError::Read {
            line: number,
            source,
        })?;
        if line.is_empty() {
            break;
        }
        if line.len() as u64 > LINE_BYTES_MAX {
            return Err(LinesError::TooLong { line: number });
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        documents.parse(&line, &[line.len() as u32]);
        let is_undecodable = matches!(documents.state(0), RowState::Undecodable(_));
        summary.undecodable += u64::from(is_undecodable);
        let verdict = judge(&documents, &schema);
        *(if verdict.is_ok() {
            &mut summary.valid
        } else {
            &mut summary.invalid
        }) += 1;
        let told = if json {
            as_json(&verdict)
        } else {
            as_text(&verdict)
        };
        answer(&told).map_err(|source| LinesError::Write {
            line: number,
            source,
        })?;
    }
    Ok(summary)
}

/// The verdict on the only row of the batch; `Err` has its violations.
fn judge(documents: &Documents, schema: &Schema) -> Result<(), Vec<Violation>> {
    let refused = |message: String| {
        let nowhere = String::new();
        Err(vec![Violation {
            pointer: nowhere.clone(),
            schema_pointer: nowhere,
            message,
        }])
    };
    match documents.state(0) {
        RowState::Undecodable(defect) => return refused(format!("the event {defect}")),
        RowState::Unjudged(oddity) => return refused(format!("the event {oddity}")),
        RowState::Good => {}
    }
    let whole = Pointer::default();
    match documents.validate(0, &whole, schema) {
        Validity::Valid => Ok(()),
        Validity::Invalid | Validity::Exhausted | Validity::Unjudged => {
            Err(documents.explain(0, &whole, schema, VIOLATIONS_PER_EVENT_MAX))
        }
        Validity::NoValue => refused("the event has no value".to_owned()),
    }
}

fn as_text(verdict: &Result<(), Vec<Violation>>) -> String {
    let Err(violations) = verdict else {
        return "valid".to_owned();
    };
    let told: Vec<String> = violations
        .iter()
        .map(|violation| match violation.pointer.as_str() {
            "" => violation.message.clone(),
            pointer => format!("{pointer}: {}", violation.message),
        })
        .collect();
    format!("invalid: {}", told.join("; "))
}

fn as_json(verdict: &Result<(), Vec<Violation>>) -> String {
    let violations = verdict
        .as_ref()
        .err()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let errors: Vec<serde_json::Value> = violations
        .iter()
        .map(|violation| {
            serde_json::json!({
                "pointer": violation.pointer,
                "message": violation.message,
                "schema_pointer": violation.schema_pointer,
            })
        })
        .collect();
    serde_json::json!({ "valid": verdict.is_ok(), "errors": errors }).to_string()
}
