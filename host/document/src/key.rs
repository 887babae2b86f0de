//! A value as the key of an event: whether it identifies one, and the text that it counts by.

use crate::canonical::CanonicalWriter;
use crate::number;
use crate::tape::Tape;
use crate::tape::node::{Node, NodeKind};
use crate::value::Value;

impl<'a> Value<'a> {
    /// Whether it can identify an event. These cannot: `null`, a boolean, an empty or blank string, an empty
    /// object or array, and `NaN` or an infinity. Nor can an object or array that holds one of these, except
    /// for a boolean: events that lack the same part would be taken for one another.
    pub fn is_key(self) -> bool {
        let (tape, at) = (self.tape(), self.place());
        let node = self.node();
        if !node.is_container() {
            return !matches!(node.kind(), NodeKind::True | NodeKind::False) && is_part(tape, node);
        }
        (at..at + node.span()).all(|at| is_part(tape, tape.node(at)))
    }

    /// Appends the text by which keys are compared: the characters of a string, the exact decimal value of a
    /// number (without an exponent if that is not too long), else the canonical text with such numbers. False
    /// if it holds a number whose value cannot be told.
    pub fn write_key(self, out: &mut Vec<u8>) -> bool {
        match self.as_str() {
            Some(text) => {
                out.extend_from_slice(text.as_bytes());
                true
            }
            None => CanonicalWriter::exact().write_exact(self.tape(), self.place(), out),
        }
    }

    /// Appends the exact decimal value of a number. `None` if it is no number, or its value cannot be told.
    pub fn exact_number(self, out: &mut Vec<u8>) -> Option<()> {
        self.number()?;
        number::write_exact(self.tape(), self.node(), out).then_some(())
    }
}

/// Whether a part of a key is something: not null, not empty and not blank.
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
        // A string with a lone surrogate is not blank.
        | NodeKind::OddString
        | NodeKind::Name
        | NodeKind::OddName => true,
    }
}

fn is_blank(text: &str) -> bool {
    // Nearly every key begins with a visible character.
    !matches!(text.as_bytes().first(), Some(b'!'..=b'~')) && text.trim().is_empty()
}
