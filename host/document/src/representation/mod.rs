//! Values on the tape as a representation of JSON for the `jsonschema` crate, so that it validates without a
//! copy. The crate's own conformance suite tests it. Each read counts steps of the validation's budget.

use std::borrow::Cow;
use std::hash::{BuildHasher, Hasher, RandomState};

use jsonschema::JsonType;
use jsonschema::json::{Array, Json, JsonNumber, Node as JsonNode, NodeIdentity, Object};
use jsonschema_value::LazyInstance;
use serde_json::Value as SerdeValue;

use crate::budget;
use crate::lenient;
use crate::number::Number;
use crate::tape::node::{Node, NodeKind};
use crate::tape::{PreparedName, Tape};
use crate::value::{Elements, Kind, Members, Value};

/// For `uniqueItems`: an array of up to this many elements is compared pair by pair, a longer one by hashes.
const PAIRWISE_ELEMENTS_MAX: usize = 15;

/// Names the representation for `jsonschema`.
pub(crate) struct OnTape;

impl Json for OnTape {
    type Node<'a> = Value<'a>;
    type PreparedKey = PreparedName;
    type StringBuffer = Tape;

    /// A look-up in a small object walks its names, so one pass over all members is soon faster (measured).
    const KEYS_PER_LOOKUP: usize = 4;

    fn prepare_key(key: &str) -> PreparedName {
        PreparedName::new(key)
    }

    fn with_string_node<T>(buffer: &mut Tape, string: &str, f: impl FnOnce(Value<'_>) -> T) -> T {
        budget::count_text(string.len());
        buffer.clear();
        buffer.bytes.extend_from_slice(string.as_bytes());
        // SAFETY: the buffer's bytes are this `str`.
        let node = unsafe { Node::text(NodeKind::String, 0, string.len() as u32) };
        buffer.nodes.push(node);
        f(Value::new(buffer, 0))
    }
}

impl JsonNumber for Number<'_> {
    fn as_u64(&self) -> Option<u64> {
        budget::count_step();
        Number::as_u64(*self)
    }

    fn as_i64(&self) -> Option<i64> {
        budget::count_step();
        Number::as_i64(*self)
    }

    /// `None` beyond the range of a double; `jsonschema` then compares by the sign.
    fn as_f64(&self) -> Option<f64> {
        budget::count_step();
        Some(self.nearest()).filter(|value| value.is_finite())
    }

    fn as_str(&self) -> Cow<'_, str> {
        let mut text = Vec::new();
        self.write(&mut text);
        Cow::Owned(String::from_utf8_lossy(&text).into_owned())
    }

    /// Only for texts of errors, which are masked: so the nearest double is enough beyond 64 bits.
    fn to_number(&self) -> Cow<'_, serde_json::Number> {
        Cow::Owned(match *self {
            Number::Int(value) => value.into(),
            Number::Uint(value) => value.into(),
            _ => serde_json::Number::from_f64(self.nearest()).unwrap_or_else(|| u64::MAX.into()),
        })
    }

    fn is_integer(&self) -> bool {
        if let Number::Float(value) = self {
            value.fract() == 0.0
        } else {
            true
        }
    }

    fn is_written_as_integer(&self) -> bool {
        !matches!(self, Number::Float(_))
    }
}

impl<'a> JsonNode<'a, OnTape> for Value<'a> {
    type Object = ObjectView<'a>;
    type Array = ArrayView<'a>;
    type Number = Number<'a>;

    fn as_object(&self) -> Option<ObjectView<'a>> {
        budget::count_step();
        (self.node().kind() == NodeKind::Object).then_some(ObjectView(*self))
    }

    fn as_array(&self) -> Option<ArrayView<'a>> {
        budget::count_step();
        (self.node().kind() == NodeKind::Array).then_some(ArrayView(*self))
    }

    fn as_string(&self) -> Option<Cow<'a, str>> {
        let text = self.as_str();
        budget::count_text(text.map_or(0, str::len));
        text.map(Cow::Borrowed)
    }

    fn as_number(&self) -> Option<Number<'a>> {
        let number = self.number();
        // All digits of a long number may be read.
        budget::count_text(number.map_or(0, Number::digits));
        number
    }

    fn as_boolean(&self) -> Option<bool> {
        budget::count_step();
        self.as_bool()
    }

    fn is_null(&self) -> bool {
        budget::count_step();
        Value::is_null(*self)
    }

    fn is_number(&self) -> bool {
        budget::count_step();
        self.kind() == Kind::Number
    }

    fn is_string(&self) -> bool {
        budget::count_step();
        self.kind() == Kind::String
    }

    fn json_type(&self) -> JsonType {
        budget::count_step();
        match self.kind() {
            Kind::Null => JsonType::Null,
            Kind::Boolean => JsonType::Boolean,
            Kind::Number => JsonType::Number,
            Kind::String => JsonType::String,
            Kind::Array => JsonType::Array,
            Kind::Object => JsonType::Object,
        }
    }

    fn equals_value(&self, expected: &SerdeValue) -> bool {
        equals_serde(*self, expected)
    }

    fn to_value(&self) -> Cow<'a, SerdeValue> {
        Cow::Owned(to_serde(*self))
    }

    /// Errors get no value of the event, but only what their masked texts need: the length of an array. So no
    /// message can leak a value, and no deep document is copied once per level. The exception is a schema with
    /// a pattern that may give up: `jsonschema` then looks for the text in the whole document, and panics if it
    /// is not there. For that case the tape has the document's text in `whole`.
    fn lazy_value(&self) -> LazyInstance<'a> {
        let whole = &self.tape().whole;
        if self.place() == 0 && !whole.is_empty() {
            return LazyInstance::Deferred {
                bytes: whole,
                tag: 0,
                make: |whole, _| {
                    let tape = lenient::read_alone(whole);
                    tape.map_or(SerdeValue::Null, |tape| to_serde(Value::new(&tape, 0)))
                },
                cell: std::sync::OnceLock::new(),
            };
        }
        let elements = if self.kind() == Kind::Array {
            Value::len(*self)
        } else {
            0
        };
        LazyInstance::Deferred {
            bytes: &[],
            tag: elements as u32,
            make: |_, elements| SerdeValue::Array(vec![SerdeValue::Null; elements as usize]),
            cell: std::sync::OnceLock::new(),
        }
    }

    /// The address of the tape and the place of the node on it. Another node has the same only after the tape
    /// was cleared, and no validation lasts longer than that.
    fn identity(&self) -> Option<NodeIdentity> {
        budget::count_step();
        let address = std::ptr::from_ref(self.tape()) as usize;
        Some(NodeIdentity::tagged(address, self.place()))
    }
}

/// An object of the tape.
#[derive(Clone, Copy)]
pub(crate) struct ObjectView<'a>(Value<'a>);

impl<'a> Object<'a, OnTape> for ObjectView<'a> {
    type Node = Value<'a>;
    type MemberName = &'a str;
    type MembersIter = CountedIter<Members<'a>>;

    fn len(&self) -> usize {
        self.0.len()
    }

    fn get(&self, key: &PreparedName) -> Option<Value<'a>> {
        budget::count_step();
        let tape = self.0.tape();
        tape.member(self.0.place(), key)
            .map(|at| Value::new(tape, at))
    }

    fn members(&self) -> CountedIter<Members<'a>> {
        CountedIter(self.0.members())
    }
}

/// An iterator that counts steps for each entry.
pub(crate) struct CountedIter<I>(I);

/// A member of an object, or an element of an array.
pub(crate) trait CountedEntry {
    /// Bytes of a member's name; 0 for an element.
    fn name_bytes(&self) -> usize;
}

impl CountedEntry for Value<'_> {
    fn name_bytes(&self) -> usize {
        0
    }
}

impl CountedEntry for (&str, Value<'_>) {
    fn name_bytes(&self) -> usize {
        self.0.len()
    }
}

impl<I: Iterator<Item: CountedEntry>> Iterator for CountedIter<I> {
    type Item = I::Item;

    fn next(&mut self) -> Option<I::Item> {
        let entry = self.0.next();
        budget::count_entry(entry.as_ref().map_or(0, CountedEntry::name_bytes));
        entry
    }
}

/// An array of the tape.
#[derive(Clone, Copy)]
pub(crate) struct ArrayView<'a>(Value<'a>);

impl<'a> Array<'a, OnTape> for ArrayView<'a> {
    type Node = Value<'a>;
    type ElementsIter = CountedIter<Elements<'a>>;

    fn len(&self) -> usize {
        self.0.len()
    }

    fn elements(&self) -> CountedIter<Elements<'a>> {
        CountedIter(self.0.elements())
    }

    fn is_unique(&self) -> bool {
        if self.0.len() > PAIRWISE_ELEMENTS_MAX {
            return is_unique_by_hash(self.0);
        }
        self.0.elements().enumerate().all(|(place, element)| {
            self.0
                .elements()
                .take(place)
                .all(|earlier| !earlier.equals(element))
        })
    }
}

fn is_unique_by_hash(array: Value<'_>) -> bool {
    let mut hashed = hashes(array);
    hashed.sort_unstable_by_key(|(hash, _)| *hash);
    hashed
        .chunk_by(|left, right| left.0 == right.0)
        .all(|alike| {
            alike.iter().enumerate().all(|(place, (_, element))| {
                alike[..place]
                    .iter()
                    .all(|(_, earlier)| !earlier.equals(*element))
            })
        })
}

fn hashes(array: Value<'_>) -> Vec<(u64, Value<'_>)> {
    let keys = RandomState::new();
    let hashed = array.elements().map(|element| {
        let mut hasher = keys.build_hasher();
        element.hash_into(&keys, &mut hasher);
        (hasher.finish(), element)
    });
    hashed.collect()
}

/// Does `work` with an equal value that is a document of its own, so that errors can ask for the whole of it.
pub(crate) fn on_a_tape_of_its_own<T>(value: Value<'_>, work: impl FnOnce(Value<'_>) -> T) -> T {
    let mut whole = Vec::new();
    value.write_canonical(&mut whole);
    let Ok(mut tape) = lenient::read_alone(&whole) else {
        // Never, for canonical text can be read back.
        return work(value);
    };
    tape.whole = whole;
    work(Value::new(&tape, 0))
}

fn equals_serde(value: Value<'_>, expected: &SerdeValue) -> bool {
    budget::count_step();
    match expected {
        SerdeValue::Null => Value::is_null(value),
        SerdeValue::Bool(expected) => value.as_bool() == Some(*expected),
        SerdeValue::String(expected) => value.as_str() == Some(expected),
        SerdeValue::Number(expected) => match (value.number(), Number::of_serde(expected)) {
            (Some(left), Some(right)) => left.equals(right),
            _ => false,
        },
        SerdeValue::Array(expected) => {
            value.kind() == Kind::Array
                && value.len() == expected.len()
                && value
                    .elements()
                    .zip(expected)
                    .all(|(left, right)| equals_serde(left, right))
        }
        SerdeValue::Object(expected) => {
            value.kind() == Kind::Object
                && value.len() == expected.len()
                && value.members().all(|(name, member)| {
                    expected
                        .get(name)
                        .is_some_and(|expected| equals_serde(member, expected))
                })
        }
    }
}

fn to_serde(value: Value<'_>) -> SerdeValue {
    budget::count_step();
    match value.kind() {
        Kind::Null => SerdeValue::Null,
        Kind::Boolean => SerdeValue::Bool(value.as_bool() == Some(true)),
        Kind::Number => value.number().map_or(SerdeValue::Null, |number| {
            SerdeValue::Number(number.to_number().into_owned())
        }),
        Kind::String => SerdeValue::String(value.as_str().unwrap_or_default().to_owned()),
        Kind::Array => SerdeValue::Array(value.elements().map(to_serde).collect()),
        Kind::Object => SerdeValue::Object(
            value
                .members()
                .map(|(name, member)| (name.to_owned(), to_serde(member)))
                .collect(),
        ),
    }
}

#[cfg(test)]
mod tests;
