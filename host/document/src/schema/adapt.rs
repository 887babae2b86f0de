//! Adapts a schema to the `jsonschema` crate: translates its patterns to the notation of the engines, and
//! removes what the pipeline's validator ignores in its draft. It also collects the references, identifiers and
//! hints.
//!
//! Knows one document, of draft-04 or later; no files and no other schemas.

use std::collections::{HashMap, HashSet};

use jsonschema::Uri;
use serde_json::{Map, Value, json};

use super::draft;
use super::draft03;
use super::error::Problem;
use super::hints::{HintDraft, Hints, IGNORED_DEPENDENCIES};
use super::integers;
use super::library::normalized;
use super::locations::{before_renaming, escaped, percent_decoded};
use super::rules::SchemaRules;
use crate::pattern;

/// Keywords that hold a schema, or a list of them.
const SCHEMAS: [&str; 16] = [
    "allOf",
    "anyOf",
    "oneOf",
    "not",
    "if",
    "then",
    "else",
    "items",
    "prefixItems",
    "additionalItems",
    "contains",
    "additionalProperties",
    "propertyNames",
    "unevaluatedItems",
    "unevaluatedProperties",
    "contentSchema",
];

/// Keywords whose members are schemas.
const SCHEMAS_BY_NAME: [&str; 5] = [
    "properties",
    "definitions",
    "$defs",
    "dependencies",
    "dependentSchemas",
];

/// Keywords whose values are no schemas, whatever they look like.
const VALUES: [&str; 4] = ["enum", "const", "default", "examples"];

/// Size of all patterns of one file together, in parts (`pattern/size.rs`): that of five patterns of the
/// largest size. Compiling them takes some two seconds and 400 MB.
const PATTERNS_SIZE_MAX: u64 = 1 << 22;

/// Keywords that refer to a schema.
const REFERENCES: [&str; 3] = ["$ref", "$dynamicRef", "$recursiveRef"];

/// A document that was adapted. The original is the document as it was given.
#[derive(Default)]
pub(super) struct Adapted {
    pub document: Value,
    pub references: Vec<Reference>,
    /// Patterns: the text for the engine, and the author's.
    pub patterns: Vec<(String, String)>,
    /// Size of all patterns together, in parts.
    pub patterns_size: u64,
    /// Pointers to members of `patternProperties`: into the adapted document, and into the original.
    pub renamed: Vec<(String, String)>,
    /// Pointers to all that may be a schema, into the original.
    pub schemas: HashSet<String>,
    /// Pointers to what is right but probably not meant, each with the hint about it.
    pub hints: Vec<(String, &'static str)>,
    /// The identifiers of schemas in it: URIs without fragments.
    pub identifiers: HashSet<String>,
}

/// A reference that a validator follows.
pub(super) struct Reference {
    /// Where it stands, as a pointer into the original.
    pub pointer: String,
    /// The reference as it is written.
    pub text: String,
    /// The URI to which it leads.
    pub target: Option<Uri<String>>,
}

/// Adapts a document that declares its `$schema`; `uri` is its place in the directory.
pub(super) fn adapt(document: &Value, uri: &str, rules: SchemaRules) -> Result<Adapted, Problem> {
    let mut first_pass = Adapter::new(None);
    let without_patterns = first_pass.schema(document, &SchemaPlace::top(document, uri))?;
    first_pass.check_by_meta_schema(&without_patterns)?;
    let mut second_pass = Adapter::new(Some(rules));
    second_pass.has_inner_base = first_pass.has_inner_base;
    let document = second_pass.schema(document, &SchemaPlace::top(document, uri))?;
    second_pass.adapted.document = document;
    second_pass.adapted.hints = second_pass.hints.finish();
    Ok(second_pass.adapted)
}

/// Where a schema stands, and how it is read there.
#[derive(Clone)]
struct SchemaPlace {
    /// The pointer to it in the original.
    at: String,
    /// The pointer to it in the adapted document.
    to: String,
    /// The URI to which references in it are relative.
    base: Option<Uri<String>>,
    /// Whether the draft is 2019-09 or later.
    is_modern: bool,
    draft: HintDraft,
    /// Whether a validator surely reads it as a schema.
    is_sure: bool,
    /// Whether the meta-schema says that it is a schema. It may stand beside a reference, where validators
    /// ignore it.
    is_declared: bool,
}

impl SchemaPlace {
    fn top(document: &Value, uri: &str) -> Self {
        let mut place = Self {
            at: String::new(),
            to: String::new(),
            base: Uri::parse(uri.to_owned()).ok(),
            is_modern: false,
            draft: HintDraft::default(),
            is_sure: true,
            is_declared: true,
        };
        place.take_draft(document);
        place
    }

    fn take_draft(&mut self, schema: &Value) {
        if let Some(draft) = schema.get("$schema").and_then(Value::as_str) {
            self.is_modern = draft.contains("/draft/");
            self.draft = HintDraft::of(draft);
        }
    }

    fn step(&self, name: &str) -> Self {
        let name = escaped(name);
        Self {
            at: format!("{}/{name}", self.at),
            to: format!("{}/{name}", self.to),
            ..self.clone()
        }
    }

    fn resolved(&self, reference: &str) -> Option<Uri<String>> {
        let base = self.base.as_ref()?;
        jsonschema::uri::resolve_against(&base.borrow(), reference).ok()
    }
}

struct Adapter {
    /// `None` in the first pass, whose result is only held against the meta-schema: each pattern is replaced by
    /// a text that is a valid pattern for every meta-schema.
    rules: Option<SchemaRules>,
    adapted: Adapted,
    /// In the first pass, inner schemas that declare a draft of their own: their pointers, and the schemas.
    embedded: Vec<(String, Value)>,
    /// How many patterns the first pass has replaced.
    stand_ins: usize,
    /// By pattern, its text for the engine, so that each pattern is translated once.
    known: HashMap<String, String>,
    /// Whether a schema below the top level has an identifier.
    has_inner_base: bool,
    hints: Hints,
}

impl Adapter {
    fn new(rules: Option<SchemaRules>) -> Self {
        Self {
            rules,
            adapted: Adapted::default(),
            embedded: Vec::new(),
            stand_ins: 0,
            known: HashMap::new(),
            has_inner_base: false,
            hints: Hints::default(),
        }
    }

    /// Adapts a schema. Recursion is as deep as the file is nested, which its parser has bounded.
    fn schema(&mut self, value: &Value, place: &SchemaPlace) -> Result<Value, Problem> {
        let Some(members) = value.as_object() else {
            return self.unknown_keyword(value, place);
        };
        let mut place = place.clone();
        let place = &mut place;
        self.adapted.schemas.insert(place.at.clone());
        let id = if place.draft == HintDraft::Draft4 {
            "id"
        } else {
            "$id"
        };
        let id = members.get(id).and_then(Value::as_str);
        if let Some(id) = id.filter(|id| !id.starts_with('#')) {
            place.base = place.resolved(id);
            self.has_inner_base |= !place.at.is_empty();
            let base = place.base.iter();
            self.adapted
                .identifiers
                .extend(base.map(|base| normalized(base.as_str()).to_owned()));
            let declared = members.get("$schema").and_then(Value::as_str);
            if !place.at.is_empty() && declared.is_some_and(draft::is_known) {
                place.take_draft(value);
                if self.rules.is_none() {
                    let inner = self.members(members, place)?;
                    self.embedded.push((place.at.clone(), inner.into()));
                    return Ok(json!({}));
                }
            }
        }
        Ok(self.members(members, place)?.into())
    }

    /// Adapts the keywords of a schema.
    fn members(
        &mut self,
        members: &Map<String, Value>,
        place: &SchemaPlace,
    ) -> Result<Map<String, Value>, Problem> {
        let mut out = Map::new();
        // Up to draft-07, keywords beside a reference are ignored.
        let is_beside = !place.is_modern && members.get("$ref").is_some_and(Value::is_string);
        if place.is_sure && !is_beside {
            self.hints.look(members, &place.at, place.draft);
        }
        if place.is_declared {
            self.hints
                .look_by_meta_schema(members, &place.at, place.draft);
        }
        for (keyword, value) in members {
            let mut here = place.step(keyword);
            here.is_sure &= !is_beside || keyword == "definitions";
            let adapted = match (keyword.as_str(), value) {
                (keyword, Value::String(text)) if REFERENCES.contains(&keyword) => {
                    let target = place.resolved(text);
                    // Made absolute by the file's own identifier, for a validator may come here by another URI.
                    let absolute = target.as_ref().filter(|_| {
                        !text.starts_with('#') && !self.has_inner_base && self.rules.is_some()
                    });
                    let meta = target.as_ref().map(Uri::as_str);
                    let meta = meta.and_then(draft03::meta_schema_at);
                    let adapted = match (meta, absolute) {
                        (Some(meta), _) => meta.into(),
                        (None, Some(uri)) => uri.as_str().into(),
                        (None, None) => value.clone(),
                    };
                    if place.is_sure {
                        self.adapted.references.push(Reference {
                            pointer: here.at.clone(),
                            text: text.clone(),
                            target,
                        });
                    }
                    adapted
                }
                ("pattern", Value::String(pattern)) => {
                    match self.pattern(pattern, &here.at) {
                        Ok(text) => text.into(),
                        Err(problem) if here.is_sure => return Err(problem),
                        // It may be no schema. If it is one after all, the compiler refuses the `null`.
                        Err(_) => Value::Null,
                    }
                }
                ("patternProperties", Value::Object(schemas)) => {
                    match self.pattern_properties(schemas, &here) {
                        Ok(schemas) => schemas.into(),
                        Err(problem) if here.is_sure => return Err(problem),
                        Err(_) => Value::Null,
                    }
                }
                ("dependencies", _) if place.is_modern && self.rules.is_some() => {
                    if here.is_sure {
                        self.hints.push(here.at, IGNORED_DEPENDENCIES);
                    }
                    continue;
                }
                (keyword, _) if SCHEMAS.contains(&keyword) => match value {
                    Value::Array(schemas) => {
                        let schemas = schemas.iter().enumerate();
                        let schemas = schemas.map(|(index, schema)| {
                            self.schema(schema, &here.step(&index.to_string()))
                        });
                        Value::Array(schemas.collect::<Result<_, _>>()?)
                    }
                    schema => self.schema(schema, &here)?,
                },
                (keyword, Value::Object(schemas)) if SCHEMAS_BY_NAME.contains(&keyword) => {
                    let schemas = schemas.iter().map(|(name, schema)| {
                        Ok((name.clone(), self.schema(schema, &here.step(name))?))
                    });
                    Value::Object(schemas.collect::<Result<_, Problem>>()?)
                }
                // A long integer stands there by its digits; the meta-schema has to see a number.
                (_, value) if self.rules.is_none() && integers::digits_of(value).is_some() => {
                    0.into()
                }
                (keyword, _) if VALUES.contains(&keyword) => value.clone(),
                _ => self.unknown_keyword(value, &here)?,
            };
            out.insert(keyword.clone(), adapted);
        }
        Ok(out)
    }

    /// Adapts the value of a keyword that validators do not know. It may hold schemas to which something
    /// refers.
    fn unknown_keyword(&mut self, value: &Value, place: &SchemaPlace) -> Result<Value, Problem> {
        let as_unknown = |place: SchemaPlace| SchemaPlace {
            is_sure: false,
            is_declared: false,
            ..place
        };
        Ok(match value {
            Value::Object(_) => self.schema(value, &as_unknown(place.clone()))?,
            Value::Array(values) => {
                let values = values.iter().enumerate().map(|(index, value)| {
                    self.unknown_keyword(value, &as_unknown(place.step(&index.to_string())))
                });
                Value::Array(values.collect::<Result<_, _>>()?)
            }
            value => value.clone(),
        })
    }

    fn pattern(&mut self, pattern: &str, at: &str) -> Result<String, Problem> {
        let Some(rules) = self.rules else {
            self.stand_ins += 1;
            return Ok(format!("p{}", self.stand_ins));
        };
        if let Some(known) = self.known.get(pattern) {
            return Ok(known.clone());
        }
        let left = PATTERNS_SIZE_MAX.saturating_sub(self.adapted.patterns_size);
        match pattern::translate(pattern, rules.patterns, left) {
            Ok(translated) => {
                self.adapted.patterns_size += translated.size;
                self.adapted
                    .patterns
                    .push((translated.text.clone(), pattern.to_owned()));
                self.known
                    .insert(pattern.to_owned(), translated.text.clone());
                Ok(translated.text)
            }
            Err(error) => Err(Problem::Pattern {
                pointer: at.to_owned(),
                dialect: rules.patterns.name(),
                error,
            }),
        }
    }

    fn pattern_properties(
        &mut self,
        schemas: &Map<String, Value>,
        place: &SchemaPlace,
    ) -> Result<Map<String, Value>, Problem> {
        let mut out = Map::new();
        for (pattern, schema) in schemas {
            let at = place.step(pattern).at;
            let mut text = self.pattern(pattern, &at)?;
            // Two patterns may have one text for the engine; they stay two members.
            while out.contains_key(&text) {
                text.push_str("(?:)");
            }
            let to = place.step(&text).to;
            self.adapted.renamed.push((to.clone(), at.clone()));
            let here = SchemaPlace {
                at,
                to,
                ..place.clone()
            };
            let schema = self.schema(schema, &here)?;
            out.insert(text, schema);
        }
        Ok(out)
    }

    /// Holds the result of the first pass, and the inner schemas of other drafts, against their meta-schemas.
    fn check_by_meta_schema(&self, document: &Value) -> Result<(), Problem> {
        let embedded = self
            .embedded
            .iter()
            .map(|(at, schema)| (at.as_str(), schema));
        for (at, schema) in std::iter::once(("", document)).chain(embedded) {
            if let Err(error) = jsonschema::meta::validate(schema) {
                let pointer = format!("{at}{}", error.instance_path().as_str());
                return Err(Problem::Broken {
                    pointer: before_renaming(&self.adapted.renamed, &pointer),
                    message: error.to_string(),
                });
            }
        }
        Ok(())
    }
}

impl Reference {
    /// The pointer of its fragment, if it has one.
    pub fn pointer_within(&self) -> Option<String> {
        let (_, fragment) = self.text.split_once('#')?;
        fragment.starts_with('/').then(|| percent_decoded(fragment))
    }
}
