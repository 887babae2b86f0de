//! The lenient reader: reads one document by the rules of Python's json, if the fast reader refused it.
//! Iterative: no document can overflow the stack.
//!
//! It writes the same nodes as the fast reader. Strings are unescaped to where they stood in the tape's bytes.

mod duplicate_names;
mod number;
mod string;

use crate::state::{Defect, Oddity};
use crate::tape::Tape;
use crate::tape::node::{Node, NodeKind};
use crate::{NESTING_MAX, tape::names::DuplicateName};
use duplicate_names::DuplicateNameFilter;

/// The reader's working memory, reused from document to document.
#[derive(Default)]
pub(crate) struct LenientReader {
    open: Vec<LenientFrame>,
    filter: DuplicateNameFilter,
}

/// A container whose end is not reached yet.
#[derive(Clone, Copy)]
struct LenientFrame {
    at: usize,
    entries: u32,
    is_object: bool,
}

/// What may come next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expect {
    Value,
    /// A value or `]`.
    FirstElement,
    Name,
    /// A name or `}`.
    FirstName,
    /// `,` or the end of the container; behind the outermost value nothing but white space.
    Next,
}

/// A document that was read.
#[derive(Debug)]
pub(crate) struct ReadDocument {
    /// The first thing in it that JSON does not have.
    pub oddity: Option<Oddity>,
    /// Levels of containers.
    pub depth: usize,
}

/// The text of one row and the position in it.
pub(crate) struct Cursor<'a> {
    text: &'a str,
    /// In bytes.
    at: usize,
}

impl<'a> Cursor<'a> {
    fn bytes(&self) -> &'a [u8] {
        self.text.as_bytes()
    }

    fn peek(&self) -> Option<u8> {
        self.bytes().get(self.at).copied()
    }

    /// What Python's json calls white space: four characters.
    fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn take(&mut self, word: &str) -> bool {
        let found = self.bytes()[self.at..].starts_with(word.as_bytes());
        if found {
            self.at += word.len();
        }
        found
    }

    fn syntax(&self) -> Defect {
        Defect::Syntax { at: self.at as u32 }
    }
}

impl LenientReader {
    /// Reads `row`, which stands at `start` of `tape.bytes`. Its nodes go to the end of the tape, unsealed.
    /// After an error the tape may have some nodes of it, which the caller has to cut off.
    pub fn read(
        &mut self,
        tape: &mut Tape,
        start: usize,
        row: &[u8],
    ) -> Result<ReadDocument, Defect> {
        if row
            .iter()
            .all(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'))
        {
            return Err(Defect::Empty);
        }
        let text = std::str::from_utf8(row).map_err(|_| Defect::InvalidUtf8)?;
        // Whatever is written stays within the row's own bytes.
        if tape.bytes.len() < start + row.len() {
            tape.bytes.resize(start + row.len(), 0);
        }
        let mut cursor = Cursor { text, at: 0 };
        let mut read = ReadDocument {
            oddity: None,
            depth: 0,
        };
        self.open.clear();
        self.filter.begin();
        let root = tape.nodes.len();
        let mut expect = Expect::Value;
        loop {
            cursor.skip_space();
            if expect == Expect::Next && self.open.is_empty() {
                if cursor.peek().is_some() {
                    return Err(cursor.syntax());
                }
                self.filter.compact(tape, root);
                return Ok(read);
            }
            expect = match (expect, cursor.peek()) {
                (Expect::Value | Expect::FirstElement, Some(byte @ (b'{' | b'['))) => {
                    self.enter(tape, byte == b'{')?;
                    cursor.at += 1;
                    read.depth = read.depth.max(self.open.len());
                    if byte == b'{' {
                        Expect::FirstName
                    } else {
                        Expect::FirstElement
                    }
                }
                (Expect::FirstElement, Some(b']')) | (Expect::FirstName, Some(b'}')) => {
                    cursor.at += 1;
                    self.leave(tape);
                    Expect::Next
                }
                (Expect::Value | Expect::FirstElement, Some(byte)) => {
                    let (node, oddity) = scalar(&mut cursor, byte, tape, start)?;
                    tape.nodes.push(node);
                    read.oddity = read.oddity.or(oddity);
                    Expect::Next
                }
                (Expect::Name | Expect::FirstName, Some(b'"')) => {
                    let (node, oddity) = string::read(&mut cursor, tape, start)?;
                    tape.nodes.push(node);
                    read.oddity = read.oddity.or(oddity);
                    cursor.skip_space();
                    if !cursor.take(":") {
                        return Err(cursor.syntax());
                    }
                    Expect::Value
                }
                (Expect::Next, Some(byte)) => self.next(&mut cursor, byte, tape)?,
                _ => return Err(cursor.syntax()),
            };
        }
    }

    fn enter(&mut self, tape: &mut Tape, is_object: bool) -> Result<(), Defect> {
        if self.open.len() == NESTING_MAX {
            return Err(Defect::TooDeep);
        }
        self.open.push(LenientFrame {
            at: tape.nodes.len(),
            entries: 0,
            is_object,
        });
        tape.nodes.push(Node::NULL);
        Ok(())
    }

    fn next(
        &mut self,
        cursor: &mut Cursor<'_>,
        byte: u8,
        tape: &mut Tape,
    ) -> Result<Expect, Defect> {
        let Some(open) = self.open.last_mut() else {
            return Err(cursor.syntax());
        };
        match (byte, open.is_object) {
            (b',', is_object) => {
                open.entries += 1;
                cursor.at += 1;
                Ok(if is_object {
                    Expect::Name
                } else {
                    Expect::Value
                })
            }
            (b'}', true) | (b']', false) => {
                open.entries += 1;
                cursor.at += 1;
                self.leave(tape);
                Ok(Expect::Next)
            }
            _ => Err(cursor.syntax()),
        }
    }

    fn leave(&mut self, tape: &mut Tape) {
        let Some(open) = self.open.pop() else { return };
        let entries = if open.is_object {
            self.filter.keep_last(tape, open.at + 1, open.entries)
        } else {
            open.entries
        };
        let span = (tape.nodes.len() - open.at) as u32;
        tape.nodes[open.at] = if open.is_object {
            Node::object(entries, span)
        } else {
            Node::array(entries, span)
        };
    }

    /// As `read`, and seals the document. After an error the tape has none of its nodes.
    pub fn read_sealed(
        &mut self,
        tape: &mut Tape,
        start: usize,
        row: &[u8],
    ) -> Result<ReadDocument, Defect> {
        let root = tape.nodes.len();
        let mut read = self
            .read(tape, start, row)
            .inspect_err(|_| tape.nodes.truncate(root))?;
        // There are no duplicate names any more: the filter has dropped them.
        let sealed: Result<(), DuplicateName> = tape.seal_from(root);
        debug_assert_eq!(sealed, Ok(()));
        // The oddity may have been in a member that was dropped.
        read.oddity = read.oddity.filter(|_| tape.is_odd(root as u32));
        Ok(read)
    }

    pub fn memory_bytes(&self) -> usize {
        self.open.capacity() * size_of::<LenientFrame>() + self.filter.memory_bytes()
    }
}

/// Reads a document onto a tape of its own, where it begins at node 0.
pub(crate) fn read_alone(json: &[u8]) -> Result<Tape, Defect> {
    let mut tape = Tape::default();
    LenientReader::default().read_sealed(&mut tape, 0, json)?;
    Ok(tape)
}

fn scalar(
    cursor: &mut Cursor<'_>,
    byte: u8,
    tape: &mut Tape,
    start: usize,
) -> Result<(Node, Option<Oddity>), Defect> {
    let infinite = |value: f64| Ok((Node::float(value), Some(Oddity::Infinity)));
    match byte {
        b'"' => string::read(cursor, tape, start),
        b't' if cursor.take("true") => Ok((Node::boolean(true), None)),
        b'f' if cursor.take("false") => Ok((Node::boolean(false), None)),
        b'n' if cursor.take("null") => Ok((Node::NULL, None)),
        b'N' if cursor.take("NaN") => Ok((Node::float(f64::NAN), Some(Oddity::NotANumber))),
        b'I' if cursor.take("Infinity") => infinite(f64::INFINITY),
        b'-' if cursor.take("-Infinity") => infinite(f64::NEG_INFINITY),
        b'-' | b'0'..=b'9' => number::read(cursor, tape, start),
        _ => Err(cursor.syntax()),
    }
}

/// Writes `written` at `at` of the tape's bytes, and answers the node over it.
///
/// # Safety
/// `written` must be UTF-8 unless `kind` is `OddString`.
unsafe fn put(tape: &mut Tape, kind: NodeKind, at: usize, written: &[u8]) -> Node {
    if let Some(place) = tape.bytes.get_mut(at..at + written.len()) {
        place.copy_from_slice(written);
        // SAFETY: the caller's promise, for exactly these bytes.
        return unsafe { Node::text(kind, at as u32, written.len() as u32) };
    }
    Node::NULL
}
