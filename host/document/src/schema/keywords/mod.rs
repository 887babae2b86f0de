//! Keywords that the pipeline's validator (Python's jsonschema) judges otherwise than the `jsonschema` crate.
//! docs/JSON.md says what differs.

mod bounds;
mod multiple_of;

use jsonschema::paths::Location;
use jsonschema::{Keyword, ValidationError, ValidationOptions};
use serde_json::{Map, Value as SerdeValue};

use crate::representation::OnTape;
use crate::value::Value;

/// A compiled keyword, or why its value in the schema is refused.
type CompiledKeyword<'a> = Result<Box<dyn for<'i> Keyword<'i, OnTape>>, ValidationError<'a>>;

/// Replaces the crate's keywords by these.
pub(super) fn install<R>(
    options: ValidationOptions<'_, R, OnTape>,
) -> ValidationOptions<'_, R, OnTape> {
    bounds::install(options)
        .with_keyword("multipleOf", multiple_of::compile)
        .with_keyword("contentEncoding", annotation)
        .with_keyword("contentMediaType", annotation)
}

fn annotation<'a>(
    _: &'a Map<String, SerdeValue>,
    _: &'a SerdeValue,
    _: Location,
) -> CompiledKeyword<'a> {
    Ok(Box::new(Annotation))
}

/// A keyword that accepts every value.
struct Annotation;

impl<'i> Keyword<'i, OnTape> for Annotation {
    fn validate(&self, _: Value<'i>) -> Result<(), ValidationError<'i>> {
        Ok(())
    }

    fn is_valid(&self, _: Value<'i>) -> bool {
        true
    }
}
