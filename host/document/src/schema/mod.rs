//! Schemas: from a directory of files to compiled validators that run on the tape.
//!
//! `directory` finds the files, `draft` tells which draft each is written in, `draft03` translates
//! the oldest, `adapt` translates patterns, `catalog` tells what is refused, `library` answers
//! references, `compile` makes validators, `set` puts it together.

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

/// A schema to which a longer chain of schemas applies per level takes more than the stack that a
/// judge has for the levels of a shallow document.
const SHALLOW_LINKS_MAX: usize = 16;

/// A compiled schema.
pub struct Schema {
    name: String,
    /// Knows at once that most values are valid.
    plain: PlainSchema,
    validator: Validator<OnTape>,
    /// Valid for what is surely invalid; there only if a pattern may give up.
    negation: Option<Validator<OnTape>>,
    cost: Cost,
    places: Places,
    /// Patterns as their authors wrote them, by the engine's text.
    patterns: Arc<HashMap<String, String>>,
    /// Places and texts of what is right, but probably not meant.
    hints: Vec<(String, &'static str)>,
}

impl Schema {
    /// `name/revision`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the value is surely valid; the levels of what it holds do not matter.
    pub(crate) fn accepts(&self, value: Value<'_>) -> bool {
        self.plain.accepts(value.tape(), value.place())
    }

    /// `None` if it cannot be told, because a pattern gave up on a text. The crate then tries both
    /// answers of the pattern, and says `valid` only if it is so either way: so if neither the schema
    /// nor its negation is, the answer depends on the pattern.
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

    /// What a verdict on a value may cost.
    pub(crate) fn budget(&self, value: Value<'_>) -> Budget {
        let Cost {
            weight, patterns, ..
        } = self.cost;
        Budget::for_verdict(value.node().span(), weight, patterns, self.may_give_up())
    }

    pub(crate) fn takes_much_stack(&self) -> bool {
        self.cost.links > SHALLOW_LINKS_MAX
    }

    pub(crate) fn validator(&self) -> &Validator<OnTape> {
        &self.validator
    }

    /// What is right in its file, at `path`, but probably not meant.
    pub(crate) fn hints(&self, path: &Path) -> Vec<SchemaHint> {
        let hints = self.hints.iter().map(|(pointer, hint)| SchemaHint {
            path: path.to_owned(),
            pointer: pointer.clone(),
            hint,
        });
        hints.collect()
    }

    /// A pattern as its author wrote it, of the engine's text.
    pub(crate) fn authors_pattern<'p>(&'p self, text: &'p str) -> &'p str {
        self.patterns.get(text).map_or(text, String::as_str)
    }

    /// The place in the schema as its author wrote it.
    pub(crate) fn authors_pointer(&self, pointer: &str) -> String {
        self.places.author(pointer)
    }
}

impl std::fmt::Debug for Schema {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_tuple("Schema").field(&self.name).finish()
    }
}
