//! What validation by a schema can cost: how many schemas apply to one value, one leading to the next by
//! `allOf`, `$ref` and the like, and how heavy the patterns are. Validation takes stack for each schema of a
//! chain at each level of a document, so the length of chains has a limit.

use std::collections::HashMap;
use std::sync::Arc;

use jsonschema::{Draft, Registry, Uri};
use serde_json::{Map, Value};

use super::error::Problem;
use super::library::{Library, SharedLibrary};
use crate::NESTING_MAX;
use crate::pattern;
use crate::stack::LARGE_STACK_BYTES;

/// Schemas that may apply to one value in all, each counted as often as references lead to it: if one refers to
/// a second one twice, and that to a third one twice, and so on, there are exponentially many. Hand-written
/// schemas with unions of many branches have a few hundred.
const APPLIED_MAX: u64 = 1 << 14;

/// Schemas that may apply to one value in a chain. Hand-written schemas have a dozen at the most.
const LINKS_MAX: usize = 64;

const _: () = assert!(
    LARGE_STACK_BYTES / NESTING_MAX / LINKS_MAX >= 4096,
    "a frame of validation takes some 100 bytes, in a debug build some 1,000"
);

/// Keywords whose schemas apply to the value itself.
const IN_PLACE_APPLICATORS: [&str; 7] = ["allOf", "anyOf", "oneOf", "not", "if", "then", "else"];

/// Keywords whose members' schemas apply to the value itself.
const IN_PLACE_APPLICATORS_BY_NAME: [&str; 2] = ["dependencies", "dependentSchemas"];

/// Keywords that refer to a schema, which applies to the value itself.
const REFERENCES: [&str; 3] = ["$ref", "$dynamicRef", "$recursiveRef"];

/// Keywords whose schemas apply to members or elements of the value.
const CHILD_APPLICATORS: [&str; 9] = [
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

/// Keywords whose members' schemas apply to members of the value.
const CHILD_APPLICATORS_BY_NAME: [&str; 2] = ["properties", "patternProperties"];

/// What validation by a schema, and by those to which it leads, can cost.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cost {
    /// Schemas in the longest chain.
    pub links: usize,
    /// Weight of the largest pattern (`pattern/weight.rs`).
    pub weight: u64,
    /// The most patterns in one `patternProperties` that are all tried on each name.
    pub patterns: u64,
}

/// How many schemas apply to one value: in the longest chain, and in all.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct AppliedSchemas {
    links: usize,
    all: u64,
}

impl AppliedSchemas {
    fn add(&mut self, other: Self) {
        self.links = self.links.max(other.links);
        self.all = self.all.saturating_add(other.all);
    }
}

/// What validation by the schema at `uri` can cost.
pub(super) fn cost(document: &Value, uri: &str, library: &Arc<Library>) -> Result<Cost, Problem> {
    let registry = Registry::new()
        .retriever(SharedLibrary(Arc::clone(library)))
        .add(uri, document)
        .and_then(|registry| registry.prepare());
    let (Ok(registry), Ok(base)) = (registry, Uri::parse(uri.to_owned())) else {
        // A reference leads nowhere: the compiler has the better message.
        return Ok(Cost::default());
    };
    let draft = Draft::Draft4.detect(document);
    let mut walk = ChainWalk {
        registry: &registry,
        known: HashMap::new(),
        below: Vec::new(),
        weight: 0,
        patterns: 0,
    };
    let base = walk.inside(document, &base, draft);
    walk.below.push((document, base, draft));
    let mut links = 0;
    while let Some((schema, base, draft)) = walk.below.pop() {
        links = links.max(walk.applied(schema, &base, draft, 1)?.links);
    }
    Ok(Cost {
        links,
        weight: walk.weight,
        patterns: walk.patterns,
    })
}

struct ChainWalk<'r> {
    registry: &'r Registry<'r>,
    /// What applies with each schema, by its address; `None` while it is being found out.
    known: HashMap<*const Value, Option<AppliedSchemas>>,
    /// Schemas for members and elements, still to be visited.
    below: Vec<(&'r Value, Uri<String>, Draft)>,
    weight: u64,
    patterns: u64,
}

impl<'r> ChainWalk<'r> {
    /// What applies with a schema. Recursion is as deep as the chain, `depth` links so far, and so bounded.
    fn applied(
        &mut self,
        schema: &'r Value,
        base: &Uri<String>,
        draft: Draft,
        depth: usize,
    ) -> Result<AppliedSchemas, Problem> {
        let Some(members) = schema.as_object() else {
            return Ok(AppliedSchemas { links: 0, all: 1 });
        };
        if let Some(Some(applied)) = self.known.get(&std::ptr::from_ref(schema)) {
            return Ok(*applied);
        }
        if depth > LINKS_MAX {
            return Err(Problem::LongChain { max: LINKS_MAX });
        }
        self.known.insert(std::ptr::from_ref(schema), None);
        self.weigh(members);
        let mut rest = AppliedSchemas { links: 0, all: 1 };
        for keyword in REFERENCES {
            if let Some(reference) = members.get(keyword).and_then(Value::as_str) {
                rest.add(self.follow(reference, base, depth)?);
            }
        }
        // Up to draft-07, keywords beside a reference are ignored.
        let is_early = matches!(draft, Draft::Draft4 | Draft::Draft6 | Draft::Draft7);
        if !(is_early && members.contains_key("$ref")) {
            for child in children(
                members,
                &IN_PLACE_APPLICATORS,
                &IN_PLACE_APPLICATORS_BY_NAME,
            ) {
                let base = self.inside(child, base, draft);
                rest.add(self.applied(child, &base, draft, depth + 1)?);
            }
            for child in children(members, &CHILD_APPLICATORS, &CHILD_APPLICATORS_BY_NAME) {
                if !self.known.contains_key(&std::ptr::from_ref(child)) {
                    let base = self.inside(child, base, draft);
                    self.below.push((child, base, draft));
                }
            }
        }
        if rest.links == LINKS_MAX {
            return Err(Problem::LongChain { max: LINKS_MAX });
        }
        if rest.all > APPLIED_MAX {
            return Err(Problem::ManyApply { max: APPLIED_MAX });
        }
        rest.links += 1;
        self.known.insert(std::ptr::from_ref(schema), Some(rest));
        Ok(rest)
    }

    /// Notes the patterns of a schema.
    fn weigh(&mut self, members: &Map<String, Value>) {
        let pattern = members.get("pattern").and_then(Value::as_str);
        let names = members.get("patternProperties").and_then(Value::as_object);
        // Without `additionalProperties`, each pattern goes through all members by itself, and each time they
        // are counted.
        let additional = members.get("additionalProperties");
        let is_beside = additional.is_some_and(|additional| additional != true);
        let patterns = names.filter(|_| is_beside);
        let patterns = patterns.map_or(0, |names| names.len() as u64);
        self.patterns = self.patterns.max(patterns);
        let names = names.into_iter().flat_map(Map::keys).map(String::as_str);
        for pattern in pattern.into_iter().chain(names) {
            self.weight = self.weight.max(pattern::weight(pattern));
        }
    }

    /// What applies with the schema to which a reference leads.
    fn follow(
        &mut self,
        reference: &str,
        base: &Uri<String>,
        depth: usize,
    ) -> Result<AppliedSchemas, Problem> {
        let resolver = self.registry.resolver(base.clone());
        let Ok(resolved) = resolver.lookup(reference) else {
            return Ok(AppliedSchemas::default());
        };
        let (target, resolver, draft) = resolved.into_inner();
        if self.known.get(&std::ptr::from_ref(target)) == Some(&None) {
            return Err(Problem::EndlessReference {
                reference: reference.to_owned(),
            });
        }
        self.applied(target, &resolver.base_uri(), draft, depth + 1)
    }

    /// The URI to which references within `schema` are relative: it may have an identifier of its own.
    fn inside(&self, schema: &Value, base: &Uri<String>, draft: Draft) -> Uri<String> {
        self.registry
            .resolver(base.clone())
            .in_subresource(draft.create_resource_ref(schema))
            .map_or_else(|_| base.clone(), |inner| inner.base_uri().as_ref().clone())
    }
}

/// The schemas in the values of some keywords: `plain` hold a schema or a list of them, `by_name` an object of
/// them.
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
