//! One schema file: read within limits, its draft found out, translated if it is draft-03, and adapted.

use std::collections::HashSet;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use serde_json::Value;

use super::adapt::{self, Reference};
use super::draft03::{self, Places};
use super::error::Problem;
use super::library;
use super::rules::SchemaRules;
use super::{draft, fnv, integers};
use crate::format::{Format, UTF8_MARK};

/// Bytes of a file. A schema with every fragment in it has some 100 kB; more is a mistake, or an attack on
/// memory.
const SCHEMA_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Bytes of the pointers to all values of a file together. With long names around many values they grow with
/// the square of the file's size. A large generated schema has some ten million.
const POINTERS_BYTES_MAX: u64 = 128 << 20;

/// A schema file that was read. Its documents are of draft-04 or later, and declare it.
pub(super) struct SchemaSource {
    /// The document to which other schemas refer.
    pub shared: Value,
    /// The document against which events are validated, if it differs: the top level of draft-03 may be closed.
    closed: Option<Value>,
    /// Translates pointers back to those into the file.
    pub places: Places,
    /// The identifier that the file gives itself.
    pub id: Option<String>,
    /// Digest of the file's bytes.
    pub digest: u64,
    references: Vec<Reference>,
    /// Patterns: the text for the engine, and the author's.
    pub patterns: Vec<(String, String)>,
    /// Size of all patterns together, in parts.
    pub patterns_size: u64,
    /// Pointers to all that may be a schema.
    schemas: HashSet<String>,
    /// The identifiers of schemas in it: URIs without fragments.
    pub identifiers: HashSet<String>,
    /// Pointers to what is right but probably not meant, each with the hint about it.
    pub hints: Vec<(String, &'static str)>,
}

/// Why a file is refused, and the identifier that it gives itself, if that was read.
pub(super) struct SourceError {
    pub id: Option<String>,
    pub problem: Problem,
}

impl From<Problem> for SourceError {
    fn from(problem: Problem) -> Self {
        Self { id: None, problem }
    }
}

fn bytes_of(path: &Path) -> Result<Vec<u8>, Problem> {
    let metadata = std::fs::metadata(path)?;
    // Reading a pipe may block, and a device may have no end.
    if !metadata.is_file() {
        return Err(Problem::NoFile);
    }
    let mut text = Vec::new();
    File::open(path)?
        .take(SCHEMA_BYTES_MAX + 1)
        .read_to_end(&mut text)?;
    // The file may have grown meanwhile.
    let bytes = metadata.len().max(text.len() as u64);
    if bytes > SCHEMA_BYTES_MAX {
        return Err(Problem::TooLarge {
            bytes,
            max: SCHEMA_BYTES_MAX,
        });
    }
    if let Some(format) = Format::of(&text) {
        return Err(Problem::Foreign(format.name));
    }
    if text.starts_with(UTF8_MARK) {
        text.drain(..UTF8_MARK.len());
    }
    Ok(text)
}

fn id_of(document: &Value) -> Option<String> {
    let mut ids = ["$id", "id"].iter();
    ids.find_map(|key| document.get(key)?.as_str())
        .map(str::to_owned)
}

impl SchemaSource {
    /// Reads a file with the label `label`.
    pub fn read(path: &Path, label: &str, rules: SchemaRules) -> Result<Self, SourceError> {
        Self::parse(&bytes_of(path)?, label, rules)
    }

    /// The identifier that a file gives itself.
    pub fn id_of(path: &Path) -> Result<Option<String>, Problem> {
        Ok(id_of(&serde_json::from_slice(&bytes_of(path)?)?))
    }

    /// As `read`, from the text of a file. `serde_json` refuses more than 128 levels of nesting, so recursion
    /// over a schema is bounded.
    pub fn parse(text: &[u8], label: &str, rules: SchemaRules) -> Result<Self, SourceError> {
        let document: Value = serde_json::from_slice(text).map_err(Problem::from)?;
        let id = id_of(&document);
        Self::of(text, document, id.clone(), label, rules)
            .map_err(|problem| SourceError { id, problem })
    }

    fn of(
        text: &[u8],
        document: Value,
        id: Option<String>,
        label: &str,
        rules: SchemaRules,
    ) -> Result<Self, Problem> {
        if !document.is_object() {
            return Err(Problem::NotAnObject);
        }
        if pointers_bytes(&document, 0) > POINTERS_BYTES_MAX {
            return Err(Problem::LongPointers {
                max: POINTERS_BYTES_MAX,
            });
        }
        let mut document = document;
        integers::keep(text, &mut document)?;
        let (is_draft3, document, mut places) = match draft::of(&document)? {
            draft::DeclaredDraft::Draft3 => {
                let (translated, places) = draft03::translate(&document)?;
                (true, translated, places)
            }
            draft::DeclaredDraft::Later(declared) => {
                document["$schema"] = declared.into();
                (false, document, Places::default())
            }
        };
        let adapted = adapt::adapt(&document, &library::uri_of(label), rules)
            .map_err(|problem| problem.at(|pointer| places.author(pointer)))?;
        places.rename(adapted.renamed);
        let is_closed = is_draft3 && rules.draft03_closed;
        let hints = adapted.hints.into_iter();
        let hints = hints.map(|(at, hint)| (places.author(&at), hint));
        Ok(Self {
            closed: is_closed.then(|| draft03::closed(&adapted.document)),
            shared: adapted.document,
            hints: hints.collect(),
            places,
            id,
            digest: fnv::extend(fnv::OFFSET_BASIS, text),
            references: adapted.references,
            patterns: adapted.patterns,
            patterns_size: adapted.patterns_size,
            schemas: adapted.schemas,
            identifiers: adapted.identifiers,
        })
    }

    /// Its references, each with the URI to which it leads, without fragment.
    pub fn targets(&self) -> impl Iterator<Item = (&Reference, String)> {
        self.references.iter().filter_map(|reference| {
            let target = reference.target.as_ref()?;
            Some((reference, library::normalized(target.as_str()).to_owned()))
        })
    }

    /// The URIs by which others refer to it: by its label, and by the identifier that it gives itself.
    pub fn uris(&self, label: &str) -> impl Iterator<Item = String> + use<> {
        let id = self.id.as_deref();
        let by_id = id.and_then(|id| library::uri_of_id(label, id));
        std::iter::once(library::uri_of(label)).chain(by_id)
    }

    /// Whether a pointer leads to what may be a schema.
    pub fn has_schema_at(&self, pointer: &str) -> bool {
        match self.shared.pointer(pointer) {
            Some(Value::Bool(_)) => true,
            Some(_) => self.schemas.contains(pointer),
            None => false,
        }
    }

    /// The document against which events are validated.
    pub fn document(&self) -> &Value {
        self.closed.as_ref().unwrap_or(&self.shared)
    }
}

/// Bytes of the pointers to all values in a value, whose own pointer has `at` bytes.
fn pointers_bytes(value: &Value, at: u64) -> u64 {
    /// Of the slash and the digits of an index.
    const INDEX_BYTES: u64 = 6;
    let below = |at: u64, value| at.saturating_add(pointers_bytes(value, at));
    match value {
        Value::Array(values) => {
            let values = values.iter().map(|value| below(at + INDEX_BYTES, value));
            values.fold(0, u64::saturating_add)
        }
        Value::Object(members) => {
            let members = members
                .iter()
                .map(|(name, value)| below(at + 1 + name.len() as u64, value));
            members.fold(0, u64::saturating_add)
        }
        _ => 0,
    }
}
