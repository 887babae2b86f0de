//! Memory that short texts are copied to fast.
//!
//! Copying in WebAssembly is a call of the host, which takes longer than the copy where a text has
//! ten bytes. So memory is kept ahead of what is written, and texts are copied sixteen bytes at a
//! time, with what follows them: it is overwritten, or not looked at.

/// Bytes of one copy.
pub const STRIDE: usize = 16;

/// From so many bytes on a call of the host is faster.
const STRIDES_BYTES_MAX: usize = 256;

/// A part of a text, and so of memory that goes on behind it.
#[derive(Clone, Copy)]
pub struct Piece<'a> {
    pub whole: &'a [u8],
    pub start: usize,
    pub len: usize,
}

impl<'a> Piece<'a> {
    /// Its bytes.
    pub fn bytes(&self) -> &'a [u8] {
        let end = self.start + self.len;
        self.whole.get(self.start..end).unwrap_or_default()
    }
}

/// What is written, one event after the other.
#[derive(Default)]
pub struct Out {
    /// What was written, and room.
    bytes: Vec<u8>,
    at: usize,
}

impl Out {
    /// Bytes written.
    pub fn len(&self) -> usize {
        self.at
    }

    /// Forgets what was written from here on.
    pub fn truncate(&mut self, len: usize) {
        self.at = self.at.min(len);
    }

    /// What was written.
    pub fn written(&self) -> &[u8] {
        self.bytes.get(..self.at).unwrap_or_default()
    }

    /// A part of what was written.
    pub fn part(&self, from: usize, to: usize) -> &[u8] {
        self.written().get(from..to).unwrap_or_default()
    }

    /// All memory, to write behind what was written.
    pub fn all(&mut self) -> &mut [u8] {
        &mut self.bytes
    }

    /// What was written now goes so far.
    pub fn go_on_at(&mut self, at: usize) {
        self.at = at.min(self.bytes.len());
    }

    /// Makes room for so many bytes and one copy.
    #[inline(always)]
    pub fn room(&mut self, bytes: usize) {
        let wanted = self.at + bytes + STRIDE;
        if wanted > self.bytes.len() {
            self.grow(wanted);
        }
    }

    #[cold]
    fn grow(&mut self, wanted: usize) {
        self.bytes.resize(wanted.next_power_of_two(), 0);
    }

    /// Appends bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.room(bytes.len());
        if let Some(place) = self.bytes.get_mut(self.at..self.at + bytes.len()) {
            place.copy_from_slice(bytes);
        }
        self.at += bytes.len();
    }

    /// Appends four bytes, as all lengths have, little endian.
    #[inline(always)]
    pub fn push_u32(&mut self, number: u32) {
        self.room(size_of::<u32>());
        self.put_u32(self.at, number);
        self.at += size_of::<u32>();
    }

    /// Overwrites four bytes.
    #[inline(always)]
    pub fn put_u32(&mut self, at: usize, number: u32) {
        let place = self.bytes.get_mut(at..);
        if let Some(place) = place.and_then(|rest| rest.first_chunk_mut::<4>()) {
            *place = number.to_le_bytes();
        }
    }

    /// Appends one byte.
    #[inline(always)]
    pub fn push_byte(&mut self, byte: u8) {
        self.room(1);
        if let Some(place) = self.bytes.get_mut(self.at) {
            *place = byte;
        }
        self.at += 1;
    }

    /// Overwrites one byte.
    pub fn put_byte(&mut self, at: usize, byte: u8) {
        if let Some(place) = self.bytes.get_mut(at) {
            *place = byte;
        }
    }

    /// Appends a piece.
    #[inline(always)]
    pub fn push_piece(&mut self, piece: Piece<'_>) {
        self.room(piece.len);
        if piece.len <= STRIDES_BYTES_MAX && copied(&mut self.bytes, self.at, piece).is_some() {
            self.at += piece.len;
        } else {
            // Long, or at the very end of its text.
            self.push(piece.bytes());
        }
    }
}

/// Copies a piece in strides; None if less than the last stride is left of its text.
#[inline(always)]
fn copied(to: &mut [u8], at: usize, piece: Piece<'_>) -> Option<()> {
    let mut done = 0;
    loop {
        let from = piece.whole.get(piece.start + done..)?;
        let to = to.get_mut(at + done..)?;
        *to.first_chunk_mut::<STRIDE>()? = *from.first_chunk::<STRIDE>()?;
        done += STRIDE;
        if done >= piece.len {
            return Some(());
        }
    }
}

impl std::io::Write for Out {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.push(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Out, Piece};

    proptest::proptest! {
        #[test]
        fn pieces_come_out_as_they_are_wherever_they_lie(
            whole in proptest::collection::vec(proptest::num::u8::ANY, 0..80),
            parts in proptest::collection::vec((0usize..80, 0usize..80), 0..12),
        ) {
            let (mut out, mut expected) = (Out::default(), Vec::new());
            for (start, len) in parts {
                let start = start.min(whole.len());
                let len = len.min(whole.len() - start);
                let piece = Piece { whole: &whole, start, len };
                out.push_piece(piece);
                out.push_u32(len as u32);
                out.push(piece.bytes());
                out.push_byte(7);
                expected.extend_from_slice(piece.bytes());
                expected.extend_from_slice(&(len as u32).to_le_bytes());
                expected.extend_from_slice(piece.bytes());
                expected.push(7);
                proptest::prop_assert_eq!(out.written(), &expected);
            }
            out.truncate(3);
            expected.truncate(3);
            proptest::prop_assert_eq!(out.written(), expected);
        }
    }
}
