//! A value as the key of an event: whether it identifies one, and the text that it counts by.

use crate::canonical::CanonicalWriter;
use crate::number;
use crate::tape::Tape;
use crate::tape::node::{Node, NodeKind};
use crate::value::Value;

impl<'a> Value<'a> {
    /// Whether it can identify an event. `null`, a boolean, an empty or blank string, an empty object or
    /// array, and what is no number (`NaN`, an infinity) can not; nor can an object or array in which
    /// a part is one of these, but for a boolean: events that lack the same part would be taken for
    /// one another.
    pub fn is_key(self) -> bool {
        let (tape, at) = (self.tape(), self.place());
        let node = self.node();
        if !node.is_container() {
            return !matches!(node.kind(), NodeKind::True | NodeKind::False) && is_part(tape, node);
        }
        (at..at + node.span()).all(|at| is_part(tape, tape.node(at)))
    }

    /// Appends the text that a key counts by: a string's characters, a number's exact decimal value
    /// without an exponent where that is not too long, of all else the canonical text with its
    /// numbers so. False if it holds a number that nobody can tell.
    pub fn write_key(self, out: &mut Vec<u8>) -> bool {
        match self.as_str() {
            Some(text) => {
                out.extend_from_slice(text.as_bytes());
                true
            }
            None => CanonicalWriter::exact().write_exact(self.tape(), self.place(), out),
        }
    }

    /// The text of a number by its exact decimal value; None of all else.
    pub fn exact_number(self, out: &mut Vec<u8>) -> Option<()> {
        self.number()?;
        number::write_exact(self.tape(), self.node(), out).then_some(())
    }
}

/// Whether a part of a key is something.
fn is_part(tape: &Tape, node: Node) -> bool {
    match node.kind() {
        NodeKind::Null => false,
        NodeKind::NotFinite => node.number_at().is_some(),
        NodeKind::String => tape.text(node).is_some_and(|text| !is_blank(text)),
        NodeKind::Array | NodeKind::Object => node.entries() > 0,
        NodeKind::False
        | NodeKind::True
        | NodeKind::Int
        | NodeKind::Uint
        | NodeKind::Float
        | NodeKind::Digits
        // One that holds a lone surrogate holds something.
        | NodeKind::OddString
        | NodeKind::Name
        | NodeKind::OddName => true,
    }
}

fn is_blank(text: &str) -> bool {
    // Nearly every key begins with a visible character.
    !matches!(text.as_bytes().first(), Some(b'!'..=b'~')) && text.trim().is_empty()
}
