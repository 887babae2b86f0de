//! How frames follow each other in a file: as lines, or each after its length. Recorded streams are
//! read like this, and backfills are written like this.

use super::packing::is_taken_for_other;

/// The first bytes of a file of frames with lengths. No text begins like this, because the first
/// byte is not valid UTF-8.
const MAGIC: [u8; 4] = [0x8c, b'L', b'F', b'1'];

/// Bytes of a frame's length: little-endian u32.
pub(super) const LENGTH_BYTES: usize = size_of::<u32>();

/// Number of bytes at the beginning of a file that decide how it is read.
pub(super) const HEAD_BYTES: usize = MAGIC.len();

/// How the end of a frame is found in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// A frame is a line with its newline; the last one may lack it.
    Lines,
    /// After `MAGIC`, each frame is its length followed by its bytes, whatever they are.
    Lengths,
}

impl Framing {
    /// The framing of a file that begins like this.
    pub(super) fn of(head: &[u8]) -> Self {
        if head == MAGIC {
            Framing::Lengths
        } else {
            Framing::Lines
        }
    }

    /// The first bytes of a file with this framing.
    pub fn head(self) -> &'static [u8] {
        match self {
            Framing::Lines => &[],
            Framing::Lengths => &MAGIC,
        }
    }

    /// The bytes to write before a frame.
    ///
    /// # Errors
    /// The frame would not read back as it is.
    pub fn before(self, frame: &[u8]) -> Result<Option<[u8; LENGTH_BYTES]>, Unfit> {
        match self {
            Framing::Lines => Ok(None),
            Framing::Lengths => u32::try_from(frame.len())
                .map(|length| Some(length.to_le_bytes()))
                .map_err(|_| Unfit::TooLong),
        }
    }
}

/// Why a frame would not read back as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    #[error("it has a newline before its end, and would read back as several frames")]
    Newline,
    #[error(
        "it does not end with a newline, and would read back with one, or as one with the next"
    )]
    NoNewline,
    #[error("it is empty, and would not read back at all")]
    Empty,
    #[error(
        "it would be the first frame, and looks like the beginning of a file of another format"
    )]
    Packed,
    #[error("it is longer than 4 GiB")]
    TooLong,
}

/// Whether a frame reads back as it is from a file of lines; `is_first` if it is the first in the
/// file.
///
/// # Errors
/// The reason why it would not read back.
pub fn fits_line(frame: &[u8], is_first: bool) -> Result<(), Unfit> {
    match memchr::memchr(b'\n', frame) {
        _ if frame.is_empty() => Err(Unfit::Empty),
        _ if is_first && is_taken_for_packed(frame) => Err(Unfit::Packed),
        None => Err(Unfit::NoNewline),
        Some(at) if at + 1 < frame.len() => Err(Unfit::Newline),
        Some(_) => Ok(()),
    }
}

/// Whether a file of lines that begins like this would be read as another format.
fn is_taken_for_packed(frame: &[u8]) -> bool {
    let head = &frame[..frame.len().min(HEAD_BYTES)];
    Framing::of(head) != Framing::Lines || is_taken_for_other(frame)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_fits_a_line_only_if_it_is_one() {
        for (frame, is_first, fits) in [
            (&b"{}\n"[..], true, Ok(())),
            (b"\n", true, Ok(())),
            (b"{}\r\n", true, Ok(())),
            (b"\0\xff\0\n", true, Ok(())),
            (b"", true, Err(Unfit::Empty)),
            (b"{}", true, Err(Unfit::NoNewline)),
            (b"{\n}", false, Err(Unfit::Newline)),
            (b"{\n}\n", false, Err(Unfit::Newline)),
            (b"{}\n\n", false, Err(Unfit::Newline)),
            (b"\x8cLF1\n", false, Ok(())),
            (b"\x8cLF1\n", true, Err(Unfit::Packed)),
            (b"\x1f\x8b", true, Err(Unfit::Packed)),
            (b"\x1f\x8b\n", true, Err(Unfit::Packed)),
            (b"\x28\xb5\x2f\xfd\n", true, Err(Unfit::Packed)),
            (b"\xff\xfe\n", true, Err(Unfit::Packed)),
            (b"\xff\xfe\n", false, Ok(())),
            (b"\xef\xbb\xbf{}\n", true, Err(Unfit::Packed)),
            (b"PK\x03\x04\n", true, Err(Unfit::Packed)),
            (b"BZh9 is a name\n", true, Ok(())),
        ] {
            assert_eq!(fits_line(frame, is_first), fits, "{frame:?} {is_first}");
        }
    }
}
