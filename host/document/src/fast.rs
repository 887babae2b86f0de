//! The fast reader: simd-json's tape of one document, copied to our nodes. The only file that knows
//! simd-json. What it refuses proves nothing: the lenient reader decides then.

use simd_json::{Buffers, Node as SimdNode, StaticNode, Tape as SimdTape};

use crate::NESTING_MAX;
use crate::tape::Tape;
use crate::tape::node::{Kind, Node};

/// Bytes that must follow the text of a batch: simd-json reads in strides of this many.
pub(crate) const PADDING_BYTES: usize = simd_json::INPUT_PADDING;

/// simd-json's working memory, reused from document to document.
pub(crate) struct FastReader {
    buffers: Buffers,
    scratch: SimdTape<'static>,
}

impl Default for FastReader {
    fn default() -> Self {
        Self {
            buffers: Buffers::with_max_depth(0, NESTING_MAX),
            scratch: SimdTape(Vec::new()),
        }
    }
}

/// The fast reader did not take a document.
#[derive(Debug)]
pub(crate) struct Refused;

impl FastReader {
    /// Reads `tape.bytes[start..start + len]`, behind which at least `PADDING_BYTES` lie, and puts
    /// its nodes at the end of the tape. Strings are unescaped in place, also of a document that is
    /// refused in the end. Answers the number of containers, a bound of the depth.
    pub fn read(&mut self, tape: &mut Tape, start: usize, len: usize) -> Result<usize, Refused> {
        let base = tape.bytes.as_ptr() as usize;
        let input = tape.bytes.get_mut(start..).ok_or(Refused)?;
        let mut document = std::mem::replace(&mut self.scratch, SimdTape(Vec::new())).reset();
        let read = simd_json::fill_tape_padded(input, len, &mut self.buffers, &mut document);
        let mut arrays = 0;
        tape.objects.clear();
        if read.is_ok() {
            let root = tape.nodes.len() as u32;
            let (nodes, objects) = (&mut tape.nodes, &mut tape.objects);
            nodes.extend(document.0.iter().zip(root..).map(|(node, at)| {
                match node {
                    SimdNode::Object { .. } => objects.push(at),
                    SimdNode::Array { .. } => arrays += 1,
                    _ => {}
                }
                convert(node, base)
            }));
        }
        self.scratch = document.reset();
        read.map(|()| arrays + tape.objects.len())
            .map_err(|_| Refused)
    }

    pub fn memory_bytes(&self) -> usize {
        // simd-json tells only one of its buffers; the string buffer is as long as one document.
        self.scratch.0.capacity() * size_of::<SimdNode<'static>>()
            + std::mem::size_of_val(self.buffers.structural_indexes())
    }
}

#[inline]
fn convert(node: &SimdNode<'_>, base: usize) -> Node {
    match node {
        SimdNode::String(text) => {
            let offset = (text.as_ptr() as usize - base) as u32;
            // SAFETY: simd-json answers a `&str` into the bytes of the tape, at this offset.
            unsafe { Node::text(Kind::String, offset, text.len() as u32) }
        }
        SimdNode::Object { len, count } => Node::object(*len as u32, *count as u32 + 1),
        SimdNode::Array { len, count } => Node::array(*len as u32, *count as u32 + 1),
        SimdNode::Static(StaticNode::I64(value)) => Node::int(*value),
        SimdNode::Static(StaticNode::U64(value)) => Node::uint(*value),
        SimdNode::Static(StaticNode::F64(value)) => Node::float(*value),
        SimdNode::Static(StaticNode::Bool(value)) => Node::boolean(*value),
        SimdNode::Static(StaticNode::Null) => Node::NULL,
    }
}
