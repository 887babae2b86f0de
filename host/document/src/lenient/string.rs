//! Reads strings as Python's json does in strict mode: no control characters. A lone surrogate is allowed, and
//! makes the string odd.

use super::{Cursor, put};
use crate::escape;
use crate::state::{Defect, Oddity};
use crate::tape::Tape;
use crate::tape::node::{Node, NodeKind};

/// Longest UTF-8 or WTF-8 sequence of a code point, in bytes.
const CODE_POINT_BYTES_MAX: usize = 4;

/// Reads the string at the cursor, which stands on the opening quote.
pub(super) fn read(
    cursor: &mut Cursor<'_>,
    tape: &mut Tape,
    start: usize,
) -> Result<(Node, Option<Oddity>), Defect> {
    cursor.at += 1;
    let begin = cursor.at;
    // Unescaping never makes a text longer: the shortest escape has two bytes for one, `\uXXXX` six for three.
    let mut length = 0;
    let mut odd = false;
    loop {
        let run = cursor.at;
        while cursor
            .peek()
            .is_some_and(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\')
        {
            cursor.at += 1;
        }
        let copied = &cursor.text.as_bytes()[run..cursor.at];
        write(tape, start + begin + length, copied);
        length += copied.len();
        match cursor.peek() {
            Some(b'"') => break,
            Some(b'\\') => {
                let mut buffer = [0; CODE_POINT_BYTES_MAX];
                let escape = escape::read(&cursor.bytes()[cursor.at..]).map_err(|place| {
                    cursor.at += place;
                    cursor.syntax()
                })?;
                cursor.at += escape.bytes;
                odd |= (0xD800..0xE000).contains(&escape.code_point);
                let encoded = encode(escape.code_point, &mut buffer);
                write(tape, start + begin + length, encoded);
                length += encoded.len();
            }
            // A control character, or the end of the row.
            _ => return Err(cursor.syntax()),
        }
    }
    cursor.at += 1;
    let kind = if odd {
        NodeKind::OddString
    } else {
        NodeKind::String
    };
    // SAFETY: the bytes written are runs of a `str` that end before an ASCII byte, and encoded code
    // points, which are UTF-8 unless one was a surrogate: then the kind is `OddString`.
    let node = unsafe { Node::text(kind, (start + begin) as u32, length as u32) };
    Ok((node, odd.then_some(Oddity::LoneSurrogate)))
}

fn write(tape: &mut Tape, at: usize, bytes: &[u8]) {
    // SAFETY: `OddString` promises nothing; the node is not kept.
    let _ = unsafe { put(tape, NodeKind::OddString, at, bytes) };
}

/// UTF-8 of a code point, WTF-8 of a surrogate.
fn encode(code_point: u32, buffer: &mut [u8; CODE_POINT_BYTES_MAX]) -> &[u8] {
    match char::from_u32(code_point) {
        Some(character) => character.encode_utf8(buffer).as_bytes(),
        None => {
            buffer[0] = 0xE0 | (code_point >> 12) as u8;
            buffer[1] = 0x80 | (code_point >> 6 & 0x3F) as u8;
            buffer[2] = 0x80 | (code_point & 0x3F) as u8;
            &buffer[..3]
        }
    }
}
