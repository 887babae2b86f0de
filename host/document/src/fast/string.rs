//! Reads strings of plain JSON: UTF-8 without control characters and without lone surrogates.

use std::ops::Range;

use super::FastRefused;
use crate::escape;
use crate::scan::{STRIDE, look};
use crate::tape::node::{Node, NodeKind};

/// A string that was read.
pub(super) struct ParsedString {
    pub node: Node,
    /// The byte behind the closing quote.
    pub behind: usize,
}

/// Reads the string whose opening quote is before byte `begin`, and unescapes it in place. Bytes from `end` on
/// are not changed.
#[inline]
pub(super) fn read(
    bytes: &mut [u8],
    begin: usize,
    end: usize,
) -> Result<ParsedString, FastRefused> {
    let mut is_ascii = true;
    let stop = special(bytes, begin..end, &mut is_ascii)?;
    if bytes.get(stop) == Some(&b'"') {
        return text(bytes, begin, stop, is_ascii, stop + 1);
    }
    unescaped(bytes, begin, stop, end, is_ascii)
}

/// The place of the first quote, backslash or control character from the beginning of the range on. It may lie
/// a little behind the end of the range.
#[inline]
fn special(
    bytes: &[u8],
    Range { start: mut at, end }: Range<usize>,
    is_ascii: &mut bool,
) -> Result<usize, FastRefused> {
    while at < end {
        let stride = bytes
            .get(at..)
            .and_then(|rest| rest.first_chunk::<STRIDE>());
        let Some(stride) = stride else {
            return Err(FastRefused);
        };
        let found = look(stride);
        *is_ascii &= found.is_ascii;
        if found.special != 0 {
            return Ok(at + found.special.trailing_zeros() as usize);
        }
        at += STRIDE;
    }
    Err(FastRefused)
}

#[inline]
fn text(
    bytes: &[u8],
    begin: usize,
    end: usize,
    is_ascii: bool,
    behind: usize,
) -> Result<ParsedString, FastRefused> {
    if !is_ascii {
        let written = bytes.get(begin..end).unwrap_or_default();
        std::str::from_utf8(written).map_err(|_| FastRefused)?;
    }
    // SAFETY: all bytes are ASCII, or `from_utf8` has just checked them.
    let node = unsafe { Node::text(NodeKind::String, begin as u32, (end - begin) as u32) };
    Ok(ParsedString { node, behind })
}

/// Reads the rest of a string, from its first special byte on, and unescapes it.
#[cold]
fn unescaped(
    bytes: &mut [u8],
    begin: usize,
    mut at: usize,
    end: usize,
    mut is_ascii: bool,
) -> Result<ParsedString, FastRefused> {
    // Unescaping never makes a text longer, so writing never overtakes reading.
    let mut written = at;
    loop {
        // Bytes beyond the document belong to the next one.
        let rest = bytes.get(at..end).ok_or(FastRefused)?;
        match rest.first() {
            Some(b'"') => return text(bytes, begin, written, is_ascii, at + 1),
            Some(b'\\') => {}
            _ => return Err(FastRefused),
        }
        let escape = escape::read(rest).map_err(|_| FastRefused)?;
        let mut buffer = [0; 4];
        // A lone surrogate is no `char`, and the document is refused.
        let encoded = char::from_u32(escape.code_point)
            .ok_or(FastRefused)?
            .encode_utf8(&mut buffer)
            .as_bytes();
        if let Some(place) = bytes.get_mut(written..written + encoded.len()) {
            place.copy_from_slice(encoded);
        }
        is_ascii &= encoded.is_ascii();
        written += encoded.len();
        let run = at + escape.bytes;
        at = special(bytes, run..end, &mut is_ascii)?;
        if at >= end {
            return Err(FastRefused);
        }
        bytes.copy_within(run..at, written);
        written += at - run;
    }
}
