//! Walks the fields of an object, hashes those that are written in one way only, and packs the others.
//! Iterative: no document can overflow the stack.

use super::digest::{FieldHasher, FieldsDigest};
use super::known_names::{FieldHandling, KnownNames, NameScopeId};
use super::{Fields, NAME_BYTES_MAX};
use crate::members::{EntryWriter, RowWriter, UnfinishedValue};
use crate::tape::Tape;
use crate::tape::node::{Node, NodeKind};
use crate::value::Value;

/// Writes rows of a column of fields. Its memory is reused from row to row.
#[derive(Default)]
pub(crate) struct FieldsWriter {
    open: Vec<OpenFields>,
    /// What stands before the names of the current object in their flattened form.
    base: Vec<u8>,
    /// The first bytes are `base`, if it is short; behind them a name is put to be hashed.
    name: NameBuffer,
    known: KnownNames,
    values: EntryWriter,
}

/// An object whose end is not reached yet.
struct OpenFields {
    /// The node of the next name, and how many names are left, that one included.
    next: u32,
    left: usize,
    scope: NameScopeId,
    /// Bytes of `base` in the object around it.
    base_bytes: usize,
    /// The byte of the row where its entry begins, and the value of that entry.
    start: usize,
    value: UnfinishedValue,
}

/// A flattened name that is being put together, if it is short.
struct NameBuffer([u8; NAME_BYTES_MAX]);

impl Default for NameBuffer {
    fn default() -> Self {
        Self([0; NAME_BYTES_MAX])
    }
}

impl FieldsWriter {
    /// Appends the row of `value`: an entry without a name, and in it the fields that were not hashed (all,
    /// without a hasher). Answers the sum of those that were hashed.
    pub fn write(
        &mut self,
        value: Value<'_>,
        fields: &Fields,
        hasher: Option<&FieldHasher>,
        out: &mut Vec<u8>,
    ) -> FieldsDigest {
        let tape = value.tape();
        let mut taken = FieldsDigest::default();
        let mut row = RowWriter::behind(out);
        let root = tape.node(value.place());
        if root.kind() != NodeKind::Object {
            self.values.write(tape, 0..0, value.place(), &mut row);
            row.end();
            return taken;
        }
        self.open.clear();
        self.base.clear();
        self.push(fields.prefix.as_bytes());
        let start = row.bytes();
        let mut object = OpenFields {
            next: value.place() + 1,
            left: root.entries(),
            scope: self.scope(fields, hasher),
            base_bytes: 0,
            start,
            value: row.begin(b'o', &tape.bytes, 0..0, 0),
        };
        loop {
            if object.left == 0 {
                self.base.truncate(object.base_bytes);
                let Some(outer) = self.open.pop() else {
                    row.finish(object.value);
                    row.end();
                    return taken;
                };
                if row.is_empty(object.value) {
                    row.back_to(object.start);
                } else {
                    row.finish(object.value);
                }
                object = outer;
                continue;
            }
            let (name, at) = (tape.node(object.next), object.next + 1);
            object.next += name.next_name();
            object.left -= 1;
            let node = tape.node(at);
            if let Some(hasher) = hasher {
                let handling = match self.known.handling(object.scope, tape, name) {
                    Some(handling) => handling,
                    None => self.find_handling(fields, hasher, object.scope, tape, name),
                };
                match handling {
                    FieldHandling::Excluded => continue,
                    FieldHandling::NotHashed => {}
                    FieldHandling::Hashed(name) => {
                        let mut integer = [0; size_of::<i64>()];
                        if let Some((kind, bytes)) =
                            hashable_value(tape, node, fields, &mut integer)
                        {
                            taken.add(hasher.field(name, kind, bytes));
                            continue;
                        }
                    }
                }
            } else if fields.without.contains(&self.base, tape.raw(name)) {
                continue;
            }
            if node.kind() != NodeKind::Object {
                self.values.write(tape, name.range(), at, &mut row);
                continue;
            }
            let base_bytes = self.base.len();
            self.push(tape.raw(name));
            self.push(fields.separator.as_bytes());
            let start = row.bytes();
            let inner = OpenFields {
                next: at + 1,
                left: node.entries(),
                scope: self.scope(fields, hasher),
                base_bytes,
                start,
                value: row.begin(b'o', &tape.bytes, name.range(), 0),
            };
            self.open.push(std::mem::replace(&mut object, inner));
        }
    }

    pub fn memory_bytes(&self) -> usize {
        self.open.capacity() * size_of::<OpenFields>()
            + self.base.capacity()
            + self.known.memory_bytes()
    }

    /// Appends to `base`.
    fn push(&mut self, part: &[u8]) {
        self.base.extend_from_slice(part);
        if let Some(whole) = self.name.0.get_mut(..self.base.len()) {
            whole.copy_from_slice(&self.base);
        }
    }

    /// What is done with fields of a name that the cache does not have.
    #[inline(never)]
    fn find_handling(
        &mut self,
        fields: &Fields,
        hasher: &FieldHasher,
        scope: NameScopeId,
        tape: &Tape,
        name: Node,
    ) -> FieldHandling {
        let base_bytes = self.base.len();
        let handling = if fields.without.contains(&self.base, tape.raw(name)) {
            FieldHandling::Excluded
        } else if base_bytes + name.range().len() > NAME_BYTES_MAX {
            FieldHandling::NotHashed
        } else {
            FieldHandling::Hashed(self.name.hash(base_bytes, hasher, tape, name))
        };
        self.known.learn(scope, tape, name, handling);
        handling
    }

    /// The scope of the names that follow.
    fn scope(&mut self, fields: &Fields, hasher: Option<&FieldHasher>) -> NameScopeId {
        hasher.map_or(KnownNames::NO_SCOPE, |hasher| {
            self.known.scope(fields, hasher, &self.base)
        })
    }
}

impl NameBuffer {
    /// The seed of a flattened name that is short: of `base_bytes` that are there, and of the name.
    fn hash(&mut self, base_bytes: usize, hasher: &FieldHasher, tape: &Tape, name: Node) -> u64 {
        let name = tape.raw(name);
        let whole = self
            .0
            .get_mut(..base_bytes + name.len())
            .unwrap_or_default();
        if let Some(to) = whole.get_mut(base_bytes..) {
            to.copy_from_slice(name);
        }
        hasher.name(whole)
    }
}

/// Kind and bytes of a value that is written in one way only. Not 0 and 1, which may be written for booleans,
/// and not a string that begins like an array, which may be one.
#[inline]
fn hashable_value<'a>(
    tape: &'a Tape,
    node: Node,
    fields: &Fields,
    integer: &'a mut [u8; 8],
) -> Option<(u8, &'a [u8])> {
    match node.kind() {
        NodeKind::False => Some((b'f', &[])),
        NodeKind::True => Some((b't', &[])),
        NodeKind::Int if node.number_bits() > 1 => {
            *integer = node.number_bits().to_le_bytes();
            Some((b'i', integer))
        }
        NodeKind::String => {
            let text = tape.raw(node);
            (text.len() < fields.text_bytes && text.first() != Some(&b'[')).then_some((b's', text))
        }
        _ => None,
    }
}
