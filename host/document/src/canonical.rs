//! Canonical JSON text, as `column` in wit/check.wit defines it. Iterative: no document can
//! overflow the stack.

use crate::number::{self, Number};
use crate::tape::Tape;
use crate::tape::name_orders::NameOrders;
use crate::tape::node::{Node, NodeKind};

/// The text that stands for a redacted value.
const REDACTED: &[u8] = b"\"(redacted)\"";

/// Writes values as canonical text. Its memory is reused from value to value.
#[derive(Default)]
pub(crate) struct CanonicalWriter {
    open: Vec<OpenContainer>,
    /// Names of the open objects, each object's sorted.
    names: Vec<u32>,
    orders: NameOrders,
    /// Whether numbers are written by their exact decimal value.
    is_exact: bool,
    /// Whether there was a number whose exact value cannot be told.
    has_unknown_number: bool,
}

/// A container whose end is not written yet.
enum OpenContainer {
    Array {
        next: u32,
        left: usize,
        first: bool,
    },
    /// `names[start..]` are its names; `next` is the index of the next one to write.
    Object {
        start: usize,
        next: usize,
    },
}

impl CanonicalWriter {
    /// A writer that writes numbers by their exact decimal value, and not as the nearest double.
    pub fn exact() -> Self {
        Self {
            is_exact: true,
            ..Self::default()
        }
    }

    /// Appends the text of the value at `at`; false if it holds a number whose value cannot be told.
    pub fn write_exact(mut self, tape: &Tape, at: u32, out: &mut Vec<u8>) -> bool {
        self.write(tape, at, out);
        !self.has_unknown_number
    }

    /// Appends the text of the value at `at`.
    pub fn write(&mut self, tape: &Tape, at: u32, out: &mut Vec<u8>) {
        self.write_redacted(tape, at, &[], out);
    }

    /// Appends the text of the value at `at`, with the values at the places `redacted` redacted.
    pub fn write_redacted(&mut self, tape: &Tape, at: u32, redacted: &[u32], out: &mut Vec<u8>) {
        self.open.clear();
        self.names.clear();
        self.begin(tape, at, redacted, out);
        while let Some(open) = self.open.last_mut() {
            let value = match open {
                OpenContainer::Array { left: 0, .. } => {
                    out.push(b']');
                    self.open.pop();
                    continue;
                }
                OpenContainer::Array { next, left, first } => {
                    if !std::mem::take(first) {
                        out.push(b',');
                    }
                    let at = *next;
                    *next += tape.node(at).span();
                    *left -= 1;
                    at
                }
                OpenContainer::Object { start, next } => {
                    let Some(name) = self.names.get(*next).copied() else {
                        out.push(b'}');
                        self.names.truncate(*start);
                        self.open.pop();
                        continue;
                    };
                    if *next > *start {
                        out.push(b',');
                    }
                    *next += 1;
                    write_text(tape, tape.node(name), out);
                    out.push(b':');
                    name + 1
                }
            };
            self.begin(tape, value, redacted, out);
        }
    }

    /// Writes a scalar, or opens a container.
    fn begin(&mut self, tape: &Tape, at: u32, redacted: &[u32], out: &mut Vec<u8>) {
        if redacted.contains(&at) {
            out.extend_from_slice(REDACTED);
            return;
        }
        let node = tape.node(at);
        match node.kind() {
            NodeKind::Null => out.extend_from_slice(b"null"),
            NodeKind::False => out.extend_from_slice(b"false"),
            NodeKind::True => out.extend_from_slice(b"true"),
            NodeKind::Float | NodeKind::NotFinite if self.is_exact => {
                self.has_unknown_number |= !number::write_exact(tape, node, out);
            }
            NodeKind::Int
            | NodeKind::Uint
            | NodeKind::Float
            | NodeKind::NotFinite
            | NodeKind::Digits => {
                if let Some(number) = Number::of(tape, node) {
                    number.write(out);
                }
            }
            NodeKind::String | NodeKind::OddString | NodeKind::Name | NodeKind::OddName => {
                write_text(tape, node, out)
            }
            NodeKind::Array => {
                out.push(b'[');
                self.open.push(OpenContainer::Array {
                    next: at + 1,
                    left: node.entries(),
                    first: true,
                });
            }
            NodeKind::Object => {
                out.push(b'{');
                let start = self.names.len();
                names(tape, at, &mut self.names, &mut self.orders);
                self.open.push(OpenContainer::Object { start, next: start });
            }
        }
    }
}

/// Appends the places of the names of the object at `object`, sorted by their bytes.
pub(crate) fn names(tape: &Tape, object: u32, names: &mut Vec<u32>, orders: &mut NameOrders) {
    let node = tape.node(object);
    if let Some(sorted) = tape.sorted_names(node) {
        names.extend_from_slice(sorted);
        return;
    }
    let start = names.len();
    let mut name = object + 1;
    for _ in 0..node.entries() {
        names.push(name);
        name += tape.node(name).next_name();
    }
    if let Some(unsorted) = names.get_mut(start..) {
        let bytes = |name| tape.raw(tape.node(name));
        orders.sort(unsorted, |name| tape.node(name).name_hash(), bytes);
    }
}

/// A string with the shortest escapes; a lone surrogate as `\uXXXX`, as Python writes it.
fn write_text(tape: &Tape, node: Node, out: &mut Vec<u8>) {
    let bytes = tape.raw(node);
    let odd = matches!(node.kind(), NodeKind::OddString | NodeKind::OddName);
    out.reserve(bytes.len() + 2);
    out.push(b'"');
    if !odd && is_plain(bytes) {
        out.extend_from_slice(bytes);
        out.push(b'"');
        return;
    }
    let mut run = 0;
    let mut at = 0;
    while let Some(byte) = bytes.get(at).copied() {
        let taken = match byte {
            0..0x20 | b'"' | b'\\' => 1,
            // WTF-8 of a surrogate: ED, then A0 or more. UTF-8 has no such sequence.
            0xED if odd && bytes.get(at + 1).is_some_and(|second| *second >= 0xA0) => 3,
            _ => {
                at += 1;
                continue;
            }
        };
        out.extend_from_slice(&bytes[run..at]);
        let sequence = &bytes[at..bytes.len().min(at + taken)];
        write_escape(sequence, out);
        at += taken;
        run = at;
    }
    out.extend_from_slice(bytes.get(run..).unwrap_or_default());
    out.push(b'"');
}

/// Whether nothing is to be escaped. Reads eight bytes at a time; the last eight may overlap those before
/// them.
fn is_plain(bytes: &[u8]) -> bool {
    if let Some(last) = bytes.last_chunk::<8>() {
        let (eights, _) = bytes.as_chunks::<8>();
        return eights
            .iter()
            .chain([last])
            .all(|eight| are_plain(u64::from_le_bytes(*eight)));
    }
    match (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        (Some(first), Some(last)) => {
            let (first, last) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
            are_plain(u64::from(first) | u64::from(last) << 32)
        }
        _ => bytes
            .iter()
            .all(|byte| !matches!(byte, 0..0x20 | b'"' | b'\\')),
    }
}

/// Whether none of eight bytes is a control character, a quote or a backslash. Bytes from 0x80 on are plain.
/// The borrow of a byte that is found may mark the byte above it too; that changes no answer.
fn are_plain(eight: u64) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word;
    let below_space = eight.wrapping_sub(ONES * 0x20) & !eight;
    let quote = zeros(eight ^ (ONES * u64::from(b'"')));
    let backslash = zeros(eight ^ (ONES * u64::from(b'\\')));
    (below_space | quote | backslash) & HIGH == 0
}

fn write_escape(sequence: &[u8], out: &mut Vec<u8>) {
    let simple = match sequence {
        [0x08] => b'b',
        [b'\t'] => b't',
        [b'\n'] => b'n',
        [0x0C] => b'f',
        [b'\r'] => b'r',
        [byte @ (b'"' | b'\\')] => *byte,
        [byte] => return write_code(u32::from(*byte), out),
        [_, second, third, ..] => {
            return write_code(
                0xD000 | u32::from(second & 0x3F) << 6 | u32::from(third & 0x3F),
                out,
            );
        }
        _ => return,
    };
    out.extend_from_slice(&[b'\\', simple]);
}

fn write_code(code: u32, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.extend_from_slice(b"\\u");
    out.extend([12, 8, 4, 0].map(|shift| HEX[(code >> shift & 0xF) as usize]));
}
