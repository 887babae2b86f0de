//! A value of a document: a tape and a place on it, cheap to copy.

use std::hash::{BuildHasher, Hash, Hasher, RandomState};

use crate::budget;
use crate::canonical::CanonicalWriter;
use crate::number::Number;
use crate::pointer::Pointer;
use crate::tape::Tape;
use crate::tape::node::{Node, NodeKind};

/// The six kinds of JSON values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    Null,
    Boolean,
    Number,
    String,
    Array,
    Object,
}

/// A value of a document.
#[derive(Clone, Copy)]
pub struct Value<'a> {
    tape: &'a Tape,
    at: u32,
}

impl std::fmt::Debug for Value<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = Vec::new();
        self.write_canonical(&mut text);
        out.write_str(&String::from_utf8_lossy(&text))
    }
}

impl<'a> Value<'a> {
    pub(crate) fn new(tape: &'a Tape, at: u32) -> Self {
        Self { tape, at }
    }

    pub(crate) fn node(self) -> Node {
        self.tape.node(self.at)
    }

    /// The index of its node on the tape.
    pub(crate) fn place(self) -> u32 {
        self.at
    }

    pub(crate) fn tape(self) -> &'a Tape {
        self.tape
    }

    /// Which of the six kinds it is.
    pub fn kind(self) -> Kind {
        match self.node().kind() {
            NodeKind::Null => Kind::Null,
            NodeKind::False | NodeKind::True => Kind::Boolean,
            NodeKind::Int
            | NodeKind::Uint
            | NodeKind::Float
            | NodeKind::NotFinite
            | NodeKind::Digits => Kind::Number,
            NodeKind::String | NodeKind::OddString | NodeKind::Name | NodeKind::OddName => {
                Kind::String
            }
            NodeKind::Array => Kind::Array,
            NodeKind::Object => Kind::Object,
        }
    }

    /// Whether it is `null`.
    pub fn is_null(self) -> bool {
        self.node().kind() == NodeKind::Null
    }

    /// A boolean; `None` for all other kinds.
    pub fn as_bool(self) -> Option<bool> {
        match self.node().kind() {
            NodeKind::False => Some(false),
            NodeKind::True => Some(true),
            _ => None,
        }
    }

    /// The unescaped string; `None` for other kinds, and for one with a lone surrogate, which no `str` can
    /// hold.
    pub fn as_str(self) -> Option<&'a str> {
        let node = self.node();
        if node.kind() == NodeKind::String {
            self.tape.text(node)
        } else {
            None
        }
    }

    /// A number that is written as an integer and fits; else `None`.
    pub fn as_i64(self) -> Option<i64> {
        self.number()?.as_i64()
    }

    /// A number that is written as an integer and fits; else `None`.
    pub fn as_u64(self) -> Option<u64> {
        self.number()?.as_u64()
    }

    /// The nearest double of a number, an infinity beyond its range; `None` for other kinds.
    pub fn as_f64(self) -> Option<f64> {
        self.number().map(Number::nearest)
    }

    pub(crate) fn number(self) -> Option<Number<'a>> {
        Number::of(self.tape, self.node())
    }

    /// How many members an object has, or elements an array; 0 for other kinds.
    pub fn len(self) -> usize {
        let node = self.node();
        if node.is_container() {
            node.entries()
        } else {
            0
        }
    }

    /// Whether it has no members and no elements.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The value that the pointer leads to from here, if there is one.
    pub fn at(self, pointer: &Pointer) -> Option<Value<'a>> {
        pointer
            .resolve(self.tape, self.at)
            .map(|at| Self::new(self.tape, at))
    }

    /// Members in the order of the document, each name once. Empty for other kinds.
    pub fn members(self) -> Members<'a> {
        let node = self.node();
        let left = if node.kind() == NodeKind::Object {
            node.entries()
        } else {
            0
        };
        Members {
            tape: self.tape,
            at: self.at + 1,
            left,
        }
    }

    /// Elements in order. Empty for other kinds.
    pub fn elements(self) -> Elements<'a> {
        let node = self.node();
        let left = if node.kind() == NodeKind::Array {
            node.entries()
        } else {
            0
        };
        Elements {
            tape: self.tape,
            at: self.at + 1,
            left,
        }
    }

    /// Whether it holds something that JSON does not have (`NaN`, an infinity, a lone surrogate).
    pub fn is_odd(self) -> bool {
        self.tape.is_odd(self.at)
    }

    /// Appends the canonical JSON text (defined by `column` in wit/check.wit). An odd value is
    /// written as Python's json writes it, which is no JSON.
    pub fn write_canonical(self, out: &mut Vec<u8>) {
        CanonicalWriter::default().write(self.tape, self.at, out);
    }

    /// Equality as JSON Schema has it: numbers by their value, members in any order.
    pub(crate) fn equals(self, other: Value<'_>) -> bool {
        budget::count_step();
        match (self.kind(), other.kind()) {
            (Kind::Number, Kind::Number) => match (self.number(), other.number()) {
                (Some(left), Some(right)) => left.equals(right),
                _ => false,
            },
            (Kind::String, Kind::String) => {
                let text = self.tape.raw(self.node());
                budget::count_text(text.len());
                text == other.tape.raw(other.node())
            }
            (Kind::Array, Kind::Array) => {
                self.len() == other.len()
                    && self
                        .elements()
                        .zip(other.elements())
                        .all(|(left, right)| left.equals(right))
            }
            (Kind::Object, Kind::Object) => {
                self.len() == other.len()
                    && self.members().all(|(name, value)| {
                        let there = other.tape.member_named(other.at, name);
                        there.is_some_and(|at| value.equals(Value::new(other.tape, at)))
                    })
            }
            (left, right) => left == right && self.as_bool() == other.as_bool(),
        }
    }

    /// Feeds a hash: equal values hash alike, and values that differ in any part do not, but by chance. `keys`
    /// are a random secret, without which the author of an event could look for collisions.
    pub(crate) fn hash_into(self, keys: &RandomState, state: &mut impl Hasher) {
        budget::count_step();
        self.kind().hash(state);
        self.len().hash(state);
        match self.kind() {
            Kind::Number => {
                if let Some(number) = self.number() {
                    number.hash_into(state);
                }
            }
            Kind::String => {
                let text = self.tape.raw(self.node());
                budget::count_text(text.len());
                text.hash(state);
            }
            Kind::Array => self
                .elements()
                .for_each(|element| element.hash_into(keys, state)),
            Kind::Object => {
                // The order does not count, so the hashes of the members are added up.
                let sum = self.members().fold(0_u64, |sum, (name, value)| {
                    let mut member = keys.build_hasher();
                    name.hash(&mut member);
                    value.hash_into(keys, &mut member);
                    sum.wrapping_add(member.finish())
                });
                sum.hash(state);
            }
            Kind::Null => {}
            Kind::Boolean => self.as_bool().hash(state),
        }
    }
}

/// Members of an object.
pub struct Members<'a> {
    tape: &'a Tape,
    at: u32,
    left: usize,
}

impl<'a> Iterator for Members<'a> {
    type Item = (&'a str, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let name = self.tape.node(self.at);
        // A name with a lone surrogate stands in no schema; rows that have one are not validated.
        let text = self.tape.text(name).unwrap_or("\u{FFFD}");
        let value = Value::new(self.tape, self.at + 1);
        self.at += name.next_name();
        Some((text, value))
    }
}

/// Elements of an array.
pub struct Elements<'a> {
    tape: &'a Tape,
    at: u32,
    left: usize,
}

impl<'a> Iterator for Elements<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let value = Value::new(self.tape, self.at);
        self.at += self.tape.node(self.at).span();
        Some(value)
    }
}
