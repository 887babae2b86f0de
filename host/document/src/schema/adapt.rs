//! A schema as the `jsonschema` crate is to read it: its patterns in the engine's notation, and without
//! what the pipeline's validator ignores in its draft. On the way it is noted what refers to what.
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

/// Keywords that hold values, and no schemas.
const VALUES: [&str; 4] = ["enum", "const", "default", "examples"];

/// Parts that the patterns of one file may have in all, compiled: as many as five patterns may have that are
/// as large as one may be. Compiling them takes some two seconds, and 400 MB.
const PATTERNS_SIZE_MAX: u64 = 1 << 22;

const REFERENCES: [&str; 3] = ["$ref", "$dynamicRef", "$recursiveRef"];

/// A document that was adapted.
#[derive(Default)]
pub(super) struct Adapted {
    pub document: Value,
    pub references: Vec<Reference>,
    /// Patterns: the engine's text and the author's.
    pub patterns: Vec<(String, String)>,
    /// Whether all patterns are matched in linear time.
    pub is_linear: bool,
    /// Parts of all patterns, compiled.
    pub patterns_size: u64,
    /// Pointers to members of `patternProperties`: here, and in the document before.
    pub renamed: Vec<(String, String)>,
    /// Pointers to all that may be a schema, in the document before.
    pub schemas: HashSet<String>,
    /// Places and texts of what is right, but probably not meant.
    pub hints: Vec<(String, &'static str)>,
    /// Identifiers that schemas in it give themselves: URIs without fragments.
    pub identifiers: HashSet<String>,
}

/// A reference that a validator follows.
pub(super) struct Reference {
    /// Where it stands, in the document before.
    pub pointer: String,
    pub text: String,
    /// Where it leads.
    pub target: Option<Uri<String>>,
}

/// Adapts a document, whose `$schema` is declared and whose place is `uri`.
pub(super) fn adapt(document: &Value, uri: &str, rules: SchemaRules) -> Result<Adapted, Problem> {
    let mut stand_ins = Adapter::new(None);
    let stood_in = stand_ins.schema(document, &SchemaPlace::top(document, uri))?;
    stand_ins.check_by_meta_schema(&stood_in)?;
    let mut walk = Adapter::new(Some(rules));
    walk.has_inner_base = stand_ins.has_inner_base;
    let document = walk.schema(document, &SchemaPlace::top(document, uri))?;
    walk.adapted.document = document;
    walk.adapted.hints = walk.hints.finish();
    Ok(walk.adapted)
}

/// Where a schema stands.
#[derive(Clone)]
struct SchemaPlace {
    /// In the document before, and now.
    at: String,
    to: String,
    /// What references in it are relative to.
    base: Option<Uri<String>>,
    /// The draft is 2019-09 or later.
    is_modern: bool,
    draft: HintDraft,
    /// A validator reads it for sure as a schema.
    is_sure: bool,
    /// The meta-schema does, also where nothing counts beside a reference.
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
    /// Without any, each pattern gets a stand-in that no meta-schema refuses.
    rules: Option<SchemaRules>,
    adapted: Adapted,
    /// Schemas within, of drafts of their own: their places, and what stands there.
    embedded: Vec<(String, Value)>,
    stand_ins: usize,
    /// The engine's text of patterns that were translated; each is compiled once.
    known: HashMap<String, String>,
    /// A schema below the top has an identifier.
    has_inner_base: bool,
    hints: Hints,
}

impl Adapter {
    fn new(rules: Option<SchemaRules>) -> Self {
        Self {
            rules,
            adapted: Adapted {
                is_linear: true,
                ..Adapted::default()
            },
            embedded: Vec::new(),
            stand_ins: 0,
            known: HashMap::new(),
            has_inner_base: false,
            hints: Hints::default(),
        }
    }

    /// Recursion is as deep as the file is nested, which its parser has bounded.
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

    fn members(
        &mut self,
        members: &Map<String, Value>,
        place: &SchemaPlace,
    ) -> Result<Map<String, Value>, Problem> {
        let mut out = Map::new();
        // Beside a reference nothing counts, up to draft-07.
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
                    // Relative to the file's own identifier, also where another leads to its place.
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
                        // It is no schema, or one that nothing leads to; else this is refused then.
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
                // The meta-schema is to see a number.
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

    /// What a keyword holds that says nothing to a validator, unless something refers to it.
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
                self.adapted.is_linear &= translated.is_linear;
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
            // Two ways to write one pattern are two members all the same.
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

    /// The document with stand-ins, and the schemas within it.
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
