//! The fast reader: reads one document of plain JSON, once from left to right, straight onto the tape. If it
//! refuses a document, that proves nothing: the lenient reader then decides.
//!
//! It remembers what stood between two values (`gaps`), so that a name that comes where it came before is
//! compared and not read again. Events of one schema have the same names in the same order, and half of their
//! bytes are names.

mod gaps;
mod number;
mod string;

use crate::NESTING_MAX;
use crate::tape::Tape;
use crate::tape::names::{self, SORTED_FROM, SeenNames};
use crate::tape::node::Node;
use gaps::{GAP_BYTES_MAX, Gap, GapId, Gaps};

/// Bytes that must follow the text of a batch: gaps, strings and numbers are read some bytes at a time, and
/// never more than these.
pub(crate) const PADDING_BYTES: usize = GAP_BYTES_MAX;

/// The reader's working memory, reused from document to document.
#[derive(Default)]
pub(crate) struct FastReader {
    open: Vec<FastFrame>,
    seen: Vec<SeenNames>,
    gaps: Gaps,
}

/// The fast reader refuses a document.
#[derive(Debug)]
pub(crate) struct FastRefused;

/// A container whose end is not reached yet, or the root around all of them.
#[derive(Clone, Copy)]
struct FastFrame {
    holds: FrameKind,
    /// The node of the container, and that of its last name.
    at: usize,
    name: usize,
    entries: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum FrameKind {
    /// The one value of the document.
    Root,
    Array,
    Object,
}

impl FastFrame {
    fn new(holds: FrameKind, at: usize) -> Self {
        Self {
            holds,
            at,
            name: 0,
            entries: 0,
        }
    }
}

impl FastReader {
    /// Reads `tape.bytes[start..start + len]`, behind which at least `PADDING_BYTES` lie, and puts its nodes at
    /// the end of the tape. `tape.objects` gets the objects that have yet to be sealed. Strings are unescaped
    /// in place, even if the document is refused in the end. Answers its levels of containers.
    pub fn read(
        &mut self,
        tape: &mut Tape,
        start: usize,
        len: usize,
    ) -> Result<usize, FastRefused> {
        self.open.clear();
        tape.objects.clear();
        let end = start + len;
        let mut reading = DocumentParser {
            bytes: &mut tape.bytes,
            nodes: &mut tape.nodes,
            large: &mut tape.objects,
            gaps: &mut self.gaps,
            open: &mut self.open,
            seen: &mut self.seen,
            top: FastFrame::new(FrameKind::Root, 0),
            last: Gaps::FIRST,
            levels: 0,
            at: start,
            end,
        };
        reading.skip_space();
        loop {
            if reading.begin_value()? {
                continue;
            }
            while reading.top.holds != FrameKind::Root && reading.ends_container()? {}
            if reading.top.holds == FrameKind::Root {
                break;
            }
        }
        reading.skip_space();
        // The last value may have been read on into the next document.
        if reading.at == end {
            Ok(reading.levels)
        } else {
            Err(FastRefused)
        }
    }

    pub fn memory_bytes(&self) -> usize {
        self.open.capacity() * size_of::<FastFrame>()
            + self.seen.capacity() * size_of::<SeenNames>()
            + self.gaps.memory_bytes()
    }
}

/// The state of reading one document.
struct DocumentParser<'a> {
    bytes: &'a mut [u8],
    nodes: &'a mut Vec<Node>,
    /// Nodes of objects that have too many members for `seen`.
    large: &'a mut Vec<u32>,
    gaps: &'a mut Gaps,
    /// The containers around `top`, the outermost first.
    open: &'a mut Vec<FastFrame>,
    top: FastFrame,
    /// The names of each open object, by its level.
    seen: &'a mut Vec<SeenNames>,
    /// The gap that was read last.
    last: GapId,
    levels: usize,
    at: usize,
    end: usize,
}

impl DocumentParser<'_> {
    #[inline]
    fn peek(&self) -> u8 {
        self.bytes.get(self.at).copied().unwrap_or_default()
    }

    #[inline]
    fn skip_space(&mut self) {
        // Mostly there is no white space.
        if self.peek() <= b' ' {
            self.skip_spaces();
        }
    }

    #[inline(never)]
    fn skip_spaces(&mut self) {
        while self.at < self.end && matches!(self.peek(), b' ' | b'\t' | b'\n' | b'\r') {
            self.at += 1;
        }
    }

    /// Reads a scalar or an empty container and answers false; or enters a container, goes to its first value
    /// and answers true.
    #[inline]
    fn begin_value(&mut self) -> Result<bool, FastRefused> {
        if self.at >= self.end {
            return Err(FastRefused);
        }
        let node = match self.peek() {
            b'"' => {
                let text = string::read(self.bytes, self.at + 1, self.end)?;
                self.at = text.behind;
                text.node
            }
            b'-' | b'0'..=b'9' => {
                let (node, behind) = number::read(self.bytes, self.at, self.end)?;
                self.at = behind;
                node
            }
            b'{' => {
                self.enter(FrameKind::Object)?;
                self.skip_space();
                match self.peek() {
                    b'}' => {
                        self.leave();
                        return Ok(false);
                    }
                    b'"' => self.take_first_name()?,
                    _ => return Err(FastRefused),
                }
                return Ok(true);
            }
            b'[' => {
                self.enter(FrameKind::Array)?;
                self.skip_space();
                if self.peek() == b']' {
                    self.leave();
                    return Ok(false);
                }
                return Ok(true);
            }
            b't' => self.word(*b"true", Node::boolean(true))?,
            b'n' => self.word(*b"null", Node::NULL)?,
            b'f' => {
                self.at += 1;
                self.word(*b"alse", Node::boolean(false))?
            }
            _ => return Err(FastRefused),
        };
        self.nodes.push(node);
        Ok(false)
    }

    #[inline]
    fn word(&mut self, word: [u8; 4], node: Node) -> Result<Node, FastRefused> {
        let here = self
            .bytes
            .get(self.at..)
            .and_then(|rest| rest.first_chunk());
        if here != Some(&word) {
            return Err(FastRefused);
        }
        self.at += word.len();
        Ok(node)
    }

    /// Behind an entry of `top`: goes to the next entry and answers false, or leaves the container and answers
    /// true.
    #[inline]
    fn ends_container(&mut self) -> Result<bool, FastRefused> {
        self.top.entries += 1;
        self.skip_space();
        match (self.peek(), self.top.holds) {
            (b',', FrameKind::Object) => self.take_name()?,
            (b',', _) => {
                self.at += 1;
                self.skip_space();
            }
            (b'}', FrameKind::Object) | (b']', FrameKind::Array) => {
                self.leave();
                return Ok(true);
            }
            _ => return Err(FastRefused),
        }
        Ok(false)
    }

    fn enter(&mut self, holds: FrameKind) -> Result<(), FastRefused> {
        if self.open.len() == NESTING_MAX {
            return Err(FastRefused);
        }
        let top = FastFrame::new(holds, self.nodes.len());
        self.open.push(std::mem::replace(&mut self.top, top));
        self.levels = self.levels.max(self.open.len());
        if holds == FrameKind::Object {
            if self.seen.len() <= self.open.len() {
                self.seen.resize(self.open.len() + 1, SeenNames::default());
            }
            if let Some(seen) = self.seen.get_mut(self.open.len()) {
                *seen = SeenNames::default();
            }
        }
        self.nodes.push(Node::NULL);
        self.at += 1;
        Ok(())
    }

    /// Leaves `top`, at the bracket that ends it.
    fn leave(&mut self) {
        let Some(around) = self.open.pop() else {
            return;
        };
        let ended = std::mem::replace(&mut self.top, around);
        let span = self.nodes.len() - ended.at;
        let node = match ended.holds {
            FrameKind::Object => {
                if ended.entries >= SORTED_FROM {
                    self.large.push(ended.at as u32);
                }
                Node::object(ended.entries as u32, span as u32)
            }
            _ => Node::array(ended.entries as u32, span as u32),
        };
        if let Some(place) = self.nodes.get_mut(ended.at) {
            *place = node;
        }
        if self.top.holds == FrameKind::Object
            && let Some(name) = self.nodes.get_mut(self.top.name)
        {
            *name = name.with_next_name(1 + span as u32);
        }
        self.at += 1;
    }

    /// Reads a gap: a name and what is around it, up to the value. It begins with the quote of an object's
    /// first name, or with the comma before any other name, so that the two are never confused.
    #[inline(always)]
    fn take_name(&mut self) -> Result<(), FastRefused> {
        if let Some(found) = self.gaps.find(self.last, self.bytes, self.at) {
            self.last = found.id;
            self.at = found.behind;
            self.push_name(found.name)?;
        } else {
            self.read_name()?;
        }
        self.skip_space();
        Ok(())
    }

    /// The same, not inlined: an object has one first name, and many others.
    #[inline(never)]
    fn take_first_name(&mut self) -> Result<(), FastRefused> {
        self.take_name()
    }

    /// Reads a gap that is not known, and remembers it.
    #[inline(never)]
    fn read_name(&mut self) -> Result<(), FastRefused> {
        let begin = self.at;
        if self.peek() == b',' {
            self.at += 1;
            self.skip_space();
        }
        if self.peek() != b'"' {
            return Err(FastRefused);
        }
        let quote = self.at;
        let text = string::read(self.bytes, quote + 1, self.end)?;
        self.at = text.behind;
        self.skip_space();
        if self.peek() != b':' {
            return Err(FastRefused);
        }
        self.at += 1;
        self.skip_space();
        let range = text.node.range();
        let hash = names::hash_within(self.bytes, range.clone());
        let name = text.node.into_name(hash, 2);
        self.push_name(name)?;
        // A name with escapes was unescaped in place, so its bytes are no longer those that were written.
        let is_plain = range.len() + 2 == text.behind - quote;
        if is_plain
            && let Some(whole) = self.bytes.get(begin..self.at)
            && let Some(gap) = Gap::new(whole, range.start - begin, name)
        {
            self.last = self.gaps.learn(self.last, gap);
        }
        Ok(())
    }

    /// Puts a name onto the tape, unless `top` has the name already.
    #[inline]
    fn push_name(&mut self, name: Node) -> Result<(), FastRefused> {
        self.top.name = self.nodes.len();
        if self.top.entries < SORTED_FROM
            && let Some(seen) = self.seen.get_mut(self.open.len())
            && seen.insert(name.name_hash())
            && names::is_among(self.nodes, self.bytes, self.top.at + 1, name)
        {
            return Err(FastRefused);
        }
        self.nodes.push(name);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
