//! Schemas: from a directory of files to compiled validators that run on the tape.
//!
//! `directory` finds the files, `draft` tells which draft each is written in, `draft03` translates
//! the oldest, `library` answers references, `set` puts it together.

mod directory;
mod draft;
mod draft03;
mod error;
mod file;
mod library;
mod revision;
mod set;
mod source;

pub use error::{Problem, SchemaError};
pub use set::SchemaSet;

use std::sync::Arc;

use jsonschema::Validator;

use crate::representation::OnTape;
use crate::value::Value;
use library::{Library, SharedLibrary};

/// A compiled schema.
pub struct Schema {
    name: String,
    validator: Validator<OnTape>,
}

impl Schema {
    /// `name/revision`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Compiles a prepared document that declares a draft from 4 on. References are answered by the
    /// library alone.
    fn compile(
        label: &str,
        document: &serde_json::Value,
        library: Arc<Library>,
    ) -> Result<Self, Problem> {
        let built = jsonschema::options_for::<OnTape>()
            .with_base_uri(library::uri_of(label))
            .with_retriever(SharedLibrary(library))
            // The pipeline's validator is run without a format checker.
            .should_validate_formats(false)
            .build(document);
        match built {
            Ok(validator) => Ok(Self {
                name: label.to_owned(),
                validator,
            }),
            Err(error) => Err(Problem::Broken {
                pointer: error.instance_path().as_str().to_owned(),
                message: error.to_string(),
            }),
        }
    }

    pub(crate) fn is_valid(&self, value: Value<'_>) -> bool {
        self.validator.is_valid(value)
    }

    pub(crate) fn validator(&self) -> &Validator<OnTape> {
        &self.validator
    }
}

impl std::fmt::Debug for Schema {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_tuple("Schema").field(&self.name).finish()
    }
}
