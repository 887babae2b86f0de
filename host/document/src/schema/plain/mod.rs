//! A fast check that accepts most valid values, compiled from what most schemas say: types, bounds, lengths,
//! `enum` of strings, properties and which are required. It reads the value once, in the order of the tape.
//!
//! It only ever says that a value is surely valid. Everything else is left to the `jsonschema` crate, and so is
//! every schema that says more. It knows the keywords that mean the same in all drafts, and no others. Knows
//! the tape; no files and no drafts.

use serde_json::{Map, Value};

use crate::tape::Tape;
use crate::tape::names::hash;
use crate::tape::node::{NameHash, Node, NodeKind};
use crate::tape::short_name::ShortName;

/// Levels of schemas in schemas; deeper ones are left to the crate, so that the check takes little stack.
const DEPTH_MAX: usize = 16;

/// Names that a schema may give for one object; with more it is left to the crate.
const NAMES_MAX: usize = 4096;

/// Strings in an `enum`, with which a string is compared one after the other; with more it is left to the
/// crate.
const STRINGS_MAX: usize = 64;

/// Keywords that say nothing about whether a value is valid.
const ANNOTATIONS: [&str; 14] = [
    "title",
    "description",
    "default",
    "examples",
    "format",
    "id",
    "$id",
    "$comment",
    "definitions",
    "$defs",
    "readOnly",
    "writeOnly",
    "contentEncoding",
    "contentMediaType",
];

/// Bits of the kinds of values.
const NULL: u8 = 1;
const BOOLEAN: u8 = 1 << 1;
const INTEGER: u8 = 1 << 2;
const FLOAT: u8 = 1 << 3;
const STRING: u8 = 1 << 4;
const ARRAY: u8 = 1 << 5;
const OBJECT: u8 = 1 << 6;
const ANY: u8 = NULL | BOOLEAN | INTEGER | FLOAT | STRING | ARRAY | OBJECT;

/// What a value has to be to be surely valid.
#[derive(Debug)]
pub(super) struct PlainSchema {
    /// The bits of the kinds that it may be of.
    kinds: u8,
    /// Bounds of an integer.
    minimum: i64,
    maximum: i64,
    /// Bounds of the length of a string.
    characters_min: usize,
    characters_max: usize,
    /// If there are any, a string has to be one of these.
    strings: Vec<Box<str>>,
    items: Option<Box<PlainSchema>>,
    members: Option<Box<PlainMembers>>,
}

/// What an object may hold.
#[derive(Debug)]
struct PlainMembers {
    names: Vec<PlainName>,
    /// A hash table with open addressing: by the hash of a name, its index in `names` plus one, or 0. It has a
    /// power of two of slots, and at least half of them are free.
    slots: Vec<u16>,
    /// The bits of all names that are required.
    required: u64,
    /// Whether other names are allowed.
    is_open: bool,
}

/// A name that a schema gives for an object.
#[derive(Debug)]
struct PlainName {
    hash: NameHash,
    short: ShortName,
    /// The name, if it is too long for `short`.
    long: Option<Box<str>>,
    /// Its bit in `required`; 0 if it is not required.
    bit: u64,
    value: PlainSchema,
}

impl PlainSchema {
    /// Compiles a schema's document. If it says more than what is known here, no value is accepted.
    pub fn new(document: &Value) -> Self {
        let mut document = document.clone();
        if let Some(members) = document.as_object_mut() {
            members.remove("$schema");
        }
        Self::of(&document, 0).unwrap_or_else(Self::nothing)
    }

    /// Accepts no value.
    fn nothing() -> Self {
        Self {
            kinds: 0,
            ..Self::anything()
        }
    }

    /// Accepts every value.
    fn anything() -> Self {
        Self {
            kinds: ANY,
            minimum: i64::MIN,
            maximum: i64::MAX,
            characters_min: 0,
            characters_max: usize::MAX,
            strings: Vec::new(),
            items: None,
            members: None,
        }
    }

    fn of(schema: &Value, depth: usize) -> Option<Self> {
        let schema = schema.as_object().filter(|_| depth < DEPTH_MAX)?;
        let mut plain = Self::anything();
        for (keyword, value) in schema {
            match keyword.as_str() {
                "type" => plain.kinds &= kinds(value)?,
                // A float with a bound is left to the crate.
                "minimum" => (plain.minimum, plain.kinds) = (value.as_i64()?, plain.kinds & !FLOAT),
                "maximum" => (plain.maximum, plain.kinds) = (value.as_i64()?, plain.kinds & !FLOAT),
                "minLength" => plain.characters_min = usize::try_from(value.as_u64()?).ok()?,
                "maxLength" => plain.characters_max = usize::try_from(value.as_u64()?).ok()?,
                "enum" => {
                    plain.strings = texts(value)
                        .filter(|strings| (1..=STRINGS_MAX).contains(&strings.len()))?;
                    plain.kinds &= STRING;
                }
                "items" => plain.items = Some(Box::new(Self::of(value, depth + 1)?)),
                // All three together, below.
                "properties" | "required" | "additionalProperties" => {}
                _ if ANNOTATIONS.contains(&keyword.as_str()) => {}
                _ => return None,
            }
        }
        plain.members = PlainMembers::of(schema, depth)?.map(Box::new);
        Some(plain)
    }

    /// Whether the value at `at` is surely valid.
    #[inline]
    pub fn accepts(&self, tape: &Tape, at: u32) -> bool {
        let node = tape.node(at);
        match node.kind() {
            NodeKind::Null => self.kinds & NULL != 0,
            NodeKind::False | NodeKind::True => self.kinds & BOOLEAN != 0,
            NodeKind::Int => {
                let value = node.number_bits() as i64;
                self.kinds & INTEGER != 0 && self.minimum <= value && value <= self.maximum
            }
            NodeKind::Float => self.kinds & FLOAT != 0,
            NodeKind::String => self.kinds & STRING != 0 && self.accepts_text(tape, node),
            NodeKind::Array => self.kinds & ARRAY != 0 && self.accepts_elements(tape, node, at),
            NodeKind::Object => self.kinds & OBJECT != 0 && self.accepts_members(tape, node, at),
            NodeKind::Uint
            | NodeKind::Digits
            | NodeKind::NotFinite
            | NodeKind::OddString
            | NodeKind::Name
            | NodeKind::OddName => false,
        }
    }

    #[inline]
    fn accepts_text(&self, tape: &Tape, node: Node) -> bool {
        let bytes = tape.raw(node);
        // A character has one to four bytes.
        let is_sure =
            bytes.len().div_ceil(4) >= self.characters_min && bytes.len() <= self.characters_max;
        (is_sure || self.accepts_characters(tape, node))
            && (self.strings.is_empty()
                || self.strings.iter().any(|string| string.as_bytes() == bytes))
    }

    #[inline(never)]
    fn accepts_characters(&self, tape: &Tape, node: Node) -> bool {
        let characters = tape.text(node).map(|text| text.chars().count());
        characters.is_some_and(|count| self.characters_min <= count && count <= self.characters_max)
    }

    #[inline(never)]
    fn accepts_members(&self, tape: &Tape, node: Node, object: u32) -> bool {
        let members = self.members.as_ref();
        members.is_none_or(|members| members.accept(tape, node, object))
    }

    #[inline(never)]
    fn accepts_elements(&self, tape: &Tape, node: Node, array: u32) -> bool {
        let Some(items) = &self.items else {
            return true;
        };
        let mut at = array + 1;
        (0..node.entries()).all(|_| {
            let element = at;
            at += tape.node(at).span();
            items.accepts(tape, element)
        })
    }
}

impl PlainMembers {
    /// `Some(None)` if the schema says nothing about members; `None` if it says something that is not known
    /// here.
    fn of(schema: &Map<String, Value>, depth: usize) -> Option<Option<Self>> {
        let [properties, required, additional] =
            ["properties", "required", "additionalProperties"].map(|keyword| schema.get(keyword));
        if properties.is_none() && required.is_none() && additional.is_none() {
            return Some(None);
        }
        let is_open = match additional {
            None | Some(Value::Bool(true)) => true,
            Some(Value::Bool(false)) => false,
            Some(_) => return None,
        };
        let mut names = Vec::new();
        if let Some(properties) = properties {
            for (name, schema) in properties.as_object()? {
                let value = PlainSchema::of(schema, depth + 1).unwrap_or_else(PlainSchema::nothing);
                names.push(PlainName::new(name, value));
            }
        }
        let required = required.map_or(Some(Vec::new()), texts)?;
        for (number, name) in required.iter().enumerate() {
            let bit = 1_u64.checked_shl(u32::try_from(number).ok()?)?;
            match names.iter_mut().find(|other| other.has_name(name)) {
                Some(name) => name.bit = bit,
                None if is_open => names.push(PlainName {
                    bit,
                    ..PlainName::new(name, PlainSchema::anything())
                }),
                // It is required, and not allowed.
                None => return None,
            }
        }
        if names.len() > NAMES_MAX {
            return None;
        }
        let mut slots = vec![0; (2 * names.len()).next_power_of_two()];
        for (index, name) in names.iter().enumerate() {
            let mut slot = usize::from(name.hash) % slots.len();
            while slots[slot] != 0 {
                slot = (slot + 1) % slots.len();
            }
            slots[slot] = index as u16 + 1;
        }
        Some(Some(Self {
            required: names.iter().fold(0, |bits, name| bits | name.bit),
            names,
            slots,
            is_open,
        }))
    }

    #[inline]
    fn accept(&self, tape: &Tape, node: Node, object: u32) -> bool {
        let mut found = 0;
        let mut at = object + 1;
        for _ in 0..node.entries() {
            let name = tape.node(at);
            match self.find(tape, name) {
                Some(known) if known.value.accepts(tape, at + 1) => found |= known.bit,
                None if self.is_open => {}
                _ => return false,
            }
            at += name.next_name();
        }
        found == self.required
    }

    #[inline]
    fn find(&self, tape: &Tape, name: Node) -> Option<&PlainName> {
        // The number of slots is a power of two.
        let mask = self.slots.len().wrapping_sub(1);
        let mut slot = usize::from(name.name_hash()) & mask;
        loop {
            let index = usize::from(*self.slots.get(slot)?);
            let known = self.names.get(index.checked_sub(1)?)?;
            if known.hash == name.name_hash() && known.is_at(tape, name) {
                return Some(known);
            }
            slot = (slot + 1) & mask;
        }
    }
}

impl PlainName {
    fn new(name: &str, value: PlainSchema) -> Self {
        let short = ShortName::new(name.as_bytes());
        Self {
            hash: hash(name.as_bytes()),
            short: short.unwrap_or(ShortName::EMPTY),
            long: short.is_none().then(|| name.into()),
            bit: 0,
            value,
        }
    }

    fn has_name(&self, name: &str) -> bool {
        match &self.long {
            Some(long) => **long == *name,
            None => ShortName::new(name.as_bytes()) == Some(self.short),
        }
    }

    #[inline]
    fn is_at(&self, tape: &Tape, name: Node) -> bool {
        match &self.long {
            // At the end of the tape a short name may not be recognized; the value is then left to the crate.
            None => self.short.is_at(&tape.bytes, &name.range()),
            Some(long) => tape.raw(name) == long.as_bytes(),
        }
    }
}

/// The kinds that `type` allows.
fn kinds(types: &Value) -> Option<u8> {
    let kind = |name: &Value| {
        Some(match name.as_str()? {
            "null" => NULL,
            "boolean" => BOOLEAN,
            // A float may be an integer too: that depends on the draft.
            "integer" => INTEGER,
            "number" => INTEGER | FLOAT,
            "string" => STRING,
            "array" => ARRAY,
            "object" => OBJECT,
            _ => return None,
        })
    };
    match types {
        Value::Array(types) => types
            .iter()
            .try_fold(0, |kinds, name| Some(kinds | kind(name)?)),
        name => kind(name),
    }
}

fn texts(list: &Value) -> Option<Vec<Box<str>>> {
    let text = |text: &Value| text.as_str().map(Into::into);
    list.as_array()?.iter().map(text).collect()
}

#[cfg(test)]
mod tests;
