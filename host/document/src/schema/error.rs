//! Why a schema file is refused, and hints about it, in words for the operator.

use std::path::PathBuf;

use crate::pattern::PatternError;

/// A schema file, or directory, that did not load.
#[derive(Debug, thiserror::Error)]
#[error("failed to load the schema {}: {problem}", path.display())]
pub struct SchemaError {
    pub path: PathBuf,
    pub problem: Problem,
}

/// A hint about something that is right in a schema but probably not meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the schema {}: at {pointer}: {hint}", path.display())]
pub struct SchemaHint {
    pub path: PathBuf,
    /// Where in the file, as a JSON pointer.
    pub pointer: String,
    pub hint: &'static str,
}

/// What is wrong with a schema file, where (as a JSON pointer into it), and what to do.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    #[error("it cannot be read: {0}")]
    Unreadable(#[from] std::io::Error),
    #[error(
        "it has {bytes} bytes, more than the {max} that a schema may have: split it by references"
    )]
    TooLarge { bytes: u64, max: u64 },
    #[error(
        "the JSON pointers to all values in it have more than {max} bytes together: shorten the names of members \
         that hold many others, or split it by references"
    )]
    LongPointers { max: u64 },
    #[error(
        "with it, the patterns of all schemas of the directory have more than {max} parts when they are compiled, \
         of which {largest} has {parts}: use fewer classes such as `\\w` and repeat less, or remove schemas that no \
         stream uses"
    )]
    ManyPatterns {
        max: u64,
        /// The label of the file whose patterns have most parts.
        largest: String,
        parts: u64,
    },
    #[error("it is a directory, a pipe or a device: name a regular file")]
    NoFile,
    #[error("it is {0}: a schema is JSON as plain text in UTF-8")]
    Foreign(&'static str),
    #[error("it is no JSON: {0}")]
    NotJson(#[from] serde_json::Error),
    #[error("its top level is no object: a schema file holds one schema object")]
    NotAnObject,
    #[error(
        "`{0}` is no schema name: name the file `<name>/<revision>.json`, the name of letters, digits, \
         `_`, `-`, `.` and `/`, the revision a number or a semantic version"
    )]
    Name(String),
    #[error("it is a link that leaves the schema directory: put a copy into the directory")]
    LeavesDirectory,
    #[error(
        "it is a link to a directory that is read at another place: put a copy there, or remove it"
    )]
    AlreadyRead,
    #[error("directories are nested more than {max} deep here: move them up")]
    TooDeep { max: usize },
    #[error("the directory has more than {max} schemas: remove those that no stream uses")]
    TooMany { max: usize },
    #[error(
        "at {pointer}: `$schema` is {found}, and Landfall knows drafts 3, 4, 6, 7, 2019-09 and 2020-12"
    )]
    UnknownDraft { pointer: String, found: String },
    #[error(
        "at {pointer}: `{keyword}` is newer than draft-04, and there is no `$schema`: declare the draft"
    )]
    UnclearDraft { pointer: String, keyword: String },
    #[error("at {pointer}: the pattern is refused, read as one of {dialect}: {error}")]
    Pattern {
        pointer: String,
        dialect: &'static str,
        error: PatternError,
    },
    #[error("at {pointer}: refers to {label}, which is refused: {reason}")]
    RefersToRefused {
        pointer: String,
        label: String,
        reason: String,
    },
    #[error(
        "at {pointer}: the reference leads to {target}, which is not in the schema directory; references \
         outside of it are not followed"
    )]
    NotHere { pointer: String, target: String },
    #[error(
        "at {pointer}: `{reference}` leads nowhere, or to a value that is not a schema: correct its pointer"
    )]
    DeadPointer { pointer: String, reference: String },
    #[error("at {pointer}: {reason}")]
    Draft03 { pointer: String, reason: String },
    #[error(
        "at {pointer}: the integer {digits} has more than 64 bits, which `{keyword}` cannot compare exactly: \
         use a smaller one, or a string"
    )]
    LongInteger {
        pointer: String,
        keyword: String,
        digits: String,
    },
    #[error(
        "the reference `{reference}` leads back to where it stands without going deeper into the event, so \
         judging never ends: remove it"
    )]
    EndlessReference { reference: String },
    #[error(
        "more than {max} schemas apply to one value, each leading to the next by `$ref`, `allOf` and the \
         like: merge some of them"
    )]
    LongChain { max: usize },
    #[error(
        "more than {max} schemas apply to one value, counted as often as references lead to them: refer to \
         each one once, or merge some of them"
    )]
    ManyApply { max: u64 },
    #[error(
        "the validator failed on it, or there is no memory for a thread: standard error may have the details"
    )]
    CompilerFailed,
    #[error("at {pointer}: {message}")]
    Broken { pointer: String, message: String },
    #[error("its identifier `{id}` is also that of {other}: change one of them")]
    SameIdentifier { id: String, other: String },
}

impl Problem {
    /// The same with its pointer translated.
    pub(super) fn at(mut self, told: impl Fn(&str) -> String) -> Self {
        if let Self::Pattern { pointer, .. } | Self::Broken { pointer, .. } = &mut self {
            *pointer = told(pointer);
        }
        self
    }
}
