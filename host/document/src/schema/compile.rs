//! Compiles a schema's source to validators that run on the tape.

use std::sync::Arc;

use jsonschema::{PatternOptions, Retrieve, Uri, ValidationOptions, Validator};
use serde_json::{Value, json};

use super::error::Problem;
use super::library::{self, Library, SharedLibrary};
use super::plain::PlainSchema;
use super::source::SchemaSource;
use super::{Schema, chains, keywords};
use crate::pattern;
use crate::representation::OnTape;
use crate::stack::guarded;

/// Steps after which a pattern with look-around or back-references gives up on a text: a few milliseconds. The
/// author of an event can make such a pattern take all of them, several dozen times in one event. A common text
/// of some hundred characters takes fewer.
const BACKTRACKS_MAX: usize = 100_000;

/// The URI of a schema that does nothing but refer to the compiled one. The crate holds only the former against
/// its meta-schema, whose rules for patterns are not those of the engines. No label has a `!`.
const APPLIED_URI: &str = "landfall-schemas:///!";

impl Schema {
    /// Compiles a source. Only the library resolves its references.
    pub(super) fn compile(
        label: &str,
        source: &SchemaSource,
        library: &Arc<Library>,
    ) -> Result<Self, Problem> {
        // Recursion is as deep as schemas are nested and references lead.
        guarded(true, || compile(label, source, library)).unwrap_or(Err(Problem::CompilerFailed))
    }
}

fn compile(label: &str, source: &SchemaSource, library: &Arc<Library>) -> Result<Schema, Problem> {
    let uri = library::uri_of(label);
    let document = source.document();
    let cost = chains::cost(document, &uri, library).map_err(|problem| match problem {
        Problem::EndlessReference { reference } => Problem::EndlessReference {
            reference: source.places.author_reference(reference),
        },
        problem => problem,
    })?;
    let options = || {
        let options = keywords::install(jsonschema::options_for::<OnTape>());
        let retriever = SelfRetriever {
            uri: uri.clone(),
            document: document.clone(),
            library: SharedLibrary(Arc::clone(library)),
        };
        options
            .with_base_uri(APPLIED_URI)
            .with_retriever(retriever)
            // The pipeline's validator is run without a format checker.
            .should_validate_formats(false)
    };
    // With the engine that is linear in the text, if it can match all patterns.
    let builder = ValidatorBuilder {
        source,
        uri: uri.clone(),
        library,
    };
    let applied = json!({ "$schema": document["$schema"], "$ref": uri });
    let linear = PatternOptions::regex().size_limit(pattern::COMPILED_BYTES_MAX);
    let (validator, negation) = match options().with_pattern_options(linear).build(&applied) {
        Ok(validator) => (validator, None),
        Err(_) => {
            let validator = builder.build(with_backtracking(options()), &applied)?;
            let negation = json!({ "$schema": document["$schema"], "not": { "$ref": uri } });
            let negation = builder.build(with_backtracking(options()), &negation)?;
            (validator, Some(negation))
        }
    };
    Ok(Schema {
        name: label.to_owned(),
        plain: PlainSchema::new(document),
        validator,
        negation,
        cost,
        places: source.places.clone(),
        patterns: Arc::clone(&library.patterns),
        hints: source.hints.clone(),
    })
}

type Options<'i> = ValidationOptions<'i, Arc<dyn Retrieve>, OnTape>;

fn with_backtracking(options: Options<'_>) -> Options<'_> {
    let patterns = PatternOptions::fancy_regex()
        .backtrack_limit(BACKTRACKS_MAX)
        .size_limit(pattern::COMPILED_BYTES_MAX);
    options.with_pattern_options(patterns)
}

/// A builder of validators for one source.
struct ValidatorBuilder<'s> {
    source: &'s SchemaSource,
    uri: String,
    library: &'s Arc<Library>,
}

impl ValidatorBuilder<'_> {
    fn build(&self, options: Options<'_>, document: &Value) -> Result<Validator<OnTape>, Problem> {
        options.build(document).map_err(|error| Problem::Broken {
            pointer: self.place_of_dead_reference(),
            message: error.to_string(),
        })
    }

    /// Where a reference leads nowhere, as words for a message: the crate does not say it.
    fn place_of_dead_reference(&self) -> String {
        let id = self.source.id.as_deref();
        let base = id.and_then(|id| {
            jsonschema::uri::resolve_against(&Uri::parse(self.uri.as_str()).ok()?, id).ok()
        });
        let base = base.map_or_else(|| self.uri.clone(), |base| base.as_str().to_owned());
        let library = SharedLibrary(Arc::clone(self.library));
        let place = library.dead_reference(self.source.document(), &base, "");
        place.map_or_else(
            || "the top level, or in a schema that it refers to".to_owned(),
            |place| self.source.places.author(&place),
        )
    }
}

/// A library that has, at the schema's own URI, the document against which its events are validated.
struct SelfRetriever {
    uri: String,
    document: Value,
    library: SharedLibrary,
}

impl Retrieve for SelfRetriever {
    fn retrieve(
        &self,
        uri: &Uri<String>,
    ) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        if uri.as_str() == self.uri {
            return Ok(self.document.clone());
        }
        self.library.retrieve(uri)
    }
}
