//! Schemas: from a directory of files to compiled validators that run on the tape.
//!
//! `directory` finds the files, `source` reads one of them, `draft` finds out in which draft it is written,
//! `draft03` translates the oldest, `adapt` translates patterns, `catalog` decides which files are refused,
//! `library` resolves references, `compile` makes validators, `plain` accepts most valid values at once, and
//! `set` holds the schemas of a directory.

mod adapt;
mod catalog;
mod chains;
mod compile;
mod directory;
mod draft;
mod draft03;
mod error;
mod file;
mod fnv;
mod hints;
mod integers;
mod keywords;
mod library;
mod locations;
mod plain;
mod revision;
mod rules;
mod set;
mod source;

pub use error::{Problem, SchemaError, SchemaHint};
pub use rules::SchemaRules;
pub use set::SchemaSet;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use jsonschema::Validator;

use crate::budget::Budget;
use crate::representation::OnTape;
use crate::value::Value;
use chains::Cost;
use draft03::Places;
use plain::PlainSchema;

/// Schemas in a chain that may apply to one value. With a longer chain, even a shallow document may need more
/// stack than a judge's thread has.
const SHALLOW_LINKS_MAX: usize = 16;

/// A compiled schema.
pub struct Schema {
    name: String,
    /// Accepts most valid values at once.
    plain: PlainSchema,
    validator: Validator<OnTape>,
    /// Accepts what is surely invalid. Only there if a pattern may give up.
    negation: Option<Validator<OnTape>>,
    cost: Cost,
    places: Places,
    /// Patterns as their authors wrote them, by their text for the engine.
    patterns: Arc<HashMap<String, String>>,
    /// JSON pointers to what is right but probably not meant, each with the hint about it.
    hints: Vec<(String, &'static str)>,
}

impl Schema {
    /// The schema's label, `name/revision`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the value is surely valid. Takes little stack, however deep the value is.
    pub(crate) fn accepts(&self, value: Value<'_>) -> bool {
        self.plain.accepts(value.tape(), value.place())
    }

    /// Whether the value is valid; `None` if a pattern gave up on a text, and the answer depends on it. The
    /// crate tries both answers of such a pattern, and accepts the value only if it is valid with both. So if
    /// neither the schema nor its negation accepts the value, the answer depends on the pattern.
    pub(crate) fn judge(&self, value: Value<'_>) -> Option<bool> {
        if self.validator.is_valid(value) {
            return Some(true);
        }
        let negation = self.negation.as_ref();
        negation
            .is_none_or(|negation| negation.is_valid(value))
            .then_some(false)
    }

    /// Whether a pattern may give up on a text.
    pub(crate) fn may_give_up(&self) -> bool {
        self.negation.is_some()
    }

    /// The budget of a verdict on the value.
    pub(crate) fn budget(&self, value: Value<'_>) -> Budget {
        let Cost {
            weight, patterns, ..
        } = self.cost;
        Budget::for_verdict(value.node().span(), weight, patterns, self.may_give_up())
    }

    /// Whether validation needs a large stack even for a shallow document.
    pub(crate) fn takes_much_stack(&self) -> bool {
        self.cost.links > SHALLOW_LINKS_MAX
    }

    pub(crate) fn validator(&self) -> &Validator<OnTape> {
        &self.validator
    }

    /// Hints about what is right in its file, which is at `path`, but probably not meant.
    pub(crate) fn hints(&self, path: &Path) -> Vec<SchemaHint> {
        let hints = self.hints.iter().map(|(pointer, hint)| SchemaHint {
            path: path.to_owned(),
            pointer: pointer.clone(),
            hint,
        });
        hints.collect()
    }

    /// A pattern as its author wrote it, by its text for the engine.
    pub(crate) fn authors_pattern<'p>(&'p self, text: &'p str) -> &'p str {
        self.patterns.get(text).map_or(text, String::as_str)
    }

    /// A pointer into the compiled document, as one into the file as its author wrote it.
    pub(crate) fn authors_pointer(&self, pointer: &str) -> String {
        self.places.author(pointer)
    }
}

impl std::fmt::Debug for Schema {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_tuple("Schema").field(&self.name).finish()
    }
}
