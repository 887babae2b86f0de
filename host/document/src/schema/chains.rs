//! How many schemas may apply to one value, one leading to the next by `allOf`, `$ref` and the like.
//! Validation takes stack for each of them at each level of a document, so their number has a limit.

use std::collections::HashMap;
use std::sync::Arc;

use jsonschema::{Draft, Registry, Uri};
use serde_json::{Map, Value};

use super::error::Problem;
use super::library::{Library, SharedLibrary};

/// Schemas that may apply to one value in a chain. Hand-written ones have a dozen at the most.
pub(crate) const LINKS_MAX: usize = 64;

/// Keywords whose schemas apply to the value itself.
const HERE: [&str; 7] = ["allOf", "anyOf", "oneOf", "not", "if", "then", "else"];

/// Keywords whose members' schemas apply to the value itself.
const HERE_BY_NAME: [&str; 2] = ["dependencies", "dependentSchemas"];

const REFERENCES: [&str; 3] = ["$ref", "$dynamicRef", "$recursiveRef"];

/// Keywords whose schemas apply to what the value holds.
const BELOW: [&str; 9] = [
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

/// Keywords whose members' schemas apply to what the value holds.
const BELOW_BY_NAME: [&str; 2] = ["properties", "patternProperties"];

/// The longest chain of the schema, whose place is `uri`, or of any that it leads to.
pub(super) fn longest(
    document: &Value,
    uri: &str,
    library: &Arc<Library>,
) -> Result<usize, Problem> {
    let registry = Registry::new()
        .retriever(SharedLibrary(Arc::clone(library)))
        .add(uri, document)
        .and_then(|registry| registry.prepare());
    let (Ok(registry), Ok(base)) = (registry, Uri::parse(uri.to_owned())) else {
        // A reference leads nowhere: the compiler says so better.
        return Ok(0);
    };
    let draft = Draft::Draft4.detect(document);
    let mut walk = Walk {
        registry: &registry,
        lengths: HashMap::new(),
        below: Vec::new(),
    };
    let base = walk.inside(document, &base, draft);
    walk.below.push((document, base, draft));
    let mut longest = 0;
    while let Some((schema, base, draft)) = walk.below.pop() {
        longest = longest.max(walk.length(schema, &base, draft, 1)?);
    }
    Ok(longest)
}

struct Walk<'r> {
    registry: &'r Registry<'r>,
    /// The longest chain that begins at a schema; `None` while it is being looked for.
    lengths: HashMap<*const Value, Option<usize>>,
    /// Schemas of what the value holds, still to be looked at.
    below: Vec<(&'r Value, Uri<String>, Draft)>,
}

impl<'r> Walk<'r> {
    /// Recursion is as deep as the chain, `depth` links so far, and so bounded.
    fn length(
        &mut self,
        schema: &'r Value,
        base: &Uri<String>,
        draft: Draft,
        depth: usize,
    ) -> Result<usize, Problem> {
        let Some(members) = schema.as_object() else {
            return Ok(0);
        };
        if let Some(Some(length)) = self.lengths.get(&std::ptr::from_ref(schema)) {
            return Ok(*length);
        }
        if depth > LINKS_MAX {
            return Err(Problem::LongChain { max: LINKS_MAX });
        }
        self.lengths.insert(std::ptr::from_ref(schema), None);
        let mut rest = 0;
        for keyword in REFERENCES {
            if let Some(reference) = members.get(keyword).and_then(Value::as_str) {
                rest = rest.max(self.follow(reference, base, depth)?);
            }
        }
        // Beside a reference nothing counts, up to draft-07.
        let is_early = matches!(draft, Draft::Draft4 | Draft::Draft6 | Draft::Draft7);
        if !(is_early && members.contains_key("$ref")) {
            for child in children(members, &HERE, &HERE_BY_NAME) {
                let base = self.inside(child, base, draft);
                rest = rest.max(self.length(child, &base, draft, depth + 1)?);
            }
            for child in children(members, &BELOW, &BELOW_BY_NAME) {
                if !self.lengths.contains_key(&std::ptr::from_ref(child)) {
                    let base = self.inside(child, base, draft);
                    self.below.push((child, base, draft));
                }
            }
        }
        if rest == LINKS_MAX {
            return Err(Problem::LongChain { max: LINKS_MAX });
        }
        self.lengths
            .insert(std::ptr::from_ref(schema), Some(rest + 1));
        Ok(rest + 1)
    }

    fn follow(
        &mut self,
        reference: &str,
        base: &Uri<String>,
        depth: usize,
    ) -> Result<usize, Problem> {
        let resolver = self.registry.resolver(base.clone());
        let Ok(resolved) = resolver.lookup(reference) else {
            return Ok(0);
        };
        let (target, resolver, draft) = resolved.into_inner();
        if self.lengths.get(&std::ptr::from_ref(target)) == Some(&None) {
            return Err(Problem::EndlessReference {
                reference: reference.to_owned(),
            });
        }
        self.length(target, &resolver.base_uri(), draft, depth + 1)
    }

    /// The base of references within `schema`, which may have an identifier of its own.
    fn inside(&self, schema: &Value, base: &Uri<String>, draft: Draft) -> Uri<String> {
        self.registry
            .resolver(base.clone())
            .in_subresource(draft.create_resource_ref(schema))
            .map_or_else(|_| base.clone(), |inner| inner.base_uri().as_ref().clone())
    }
}

/// The values of some keywords that may be schemas: what is none has no chain.
fn children<'r>(
    members: &'r Map<String, Value>,
    plain: &'static [&'static str],
    by_name: &'static [&'static str],
) -> impl Iterator<Item = &'r Value> {
    let plain = plain.iter().filter_map(|keyword| members.get(*keyword));
    let plain = plain.flat_map(|value| match value {
        Value::Array(schemas) => schemas.iter(),
        schema => std::slice::from_ref(schema).iter(),
    });
    let named = by_name.iter().filter_map(|keyword| members.get(*keyword));
    plain.chain(named.filter_map(Value::as_object).flat_map(Map::values))
}
