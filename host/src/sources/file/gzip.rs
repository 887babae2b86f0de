//! Reads gzip as gzip(1) does: members one after the other, and zeros after the last one, as tapes
//! and `tar` pad their contents. Knows nothing of lines.
//!
//! | behind a member | gzip(1) | here |
//! |---|---|---|
//! | another member | is read | is read |
//! | zeros up to the end | are ignored | are ignored |
//! | zeros, and then another member | warns, and drops it | is read: nothing is lost |
//! | anything else | warns, and drops it | an error: it may be a damaged member with events |

use std::io::{self, BufRead, Read};

use flate2::bufread::GzDecoder;

/// The first bytes of a member (RFC 1952).
pub(super) const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// What follows a member is neither a member nor padding.
#[derive(Debug, thiserror::Error)]
#[error(
    "after the gzip data there is something else, which may be a damaged part of it; `gzip -dc` \
     gives what is before it, if that is all that you need"
)]
pub(super) struct Garbage;

/// The members of a file, unpacked.
pub(super) struct Members<R> {
    state: MemberState<R>,
}

enum MemberState<R> {
    Within(Box<GzDecoder<R>>),
    /// Between two members, or at the end of the file.
    Between(R),
    /// Nothing more can be read.
    Over,
}

impl<R: BufRead> Members<R> {
    /// Reads a file that begins with a member.
    pub fn new(packed: R) -> Self {
        Self {
            state: MemberState::Within(Box::new(GzDecoder::new(packed))),
        }
    }
}

impl<R: BufRead> Read for Members<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            self.state = match std::mem::replace(&mut self.state, MemberState::Over) {
                MemberState::Within(mut member) => {
                    let read = member.read(buffer);
                    if !matches!(read, Ok(0)) {
                        self.state = MemberState::Within(member);
                        return read;
                    }
                    MemberState::Between(member.into_inner())
                }
                MemberState::Between(mut packed) => match next_byte(&mut packed) {
                    Ok(None) => return Ok(0),
                    Ok(Some(first)) if first == MAGIC[0] => {
                        MemberState::Within(Box::new(GzDecoder::new(packed)))
                    }
                    Ok(Some(_)) => return Err(io::Error::other(Garbage)),
                    Err(error) => {
                        self.state = MemberState::Between(packed);
                        return Err(error);
                    }
                },
                MemberState::Over => return Ok(0),
            };
        }
    }
}

/// The first byte that is not 0, without consuming it; None at the end.
fn next_byte(packed: &mut impl BufRead) -> io::Result<Option<u8>> {
    loop {
        let buffer = match packed.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            buffer => buffer?,
        };
        let zeros = buffer.iter().take_while(|byte| **byte == 0).count();
        let next = buffer.get(zeros).copied();
        let is_end = buffer.is_empty();
        packed.consume(zeros);
        if next.is_some() || is_end {
            return Ok(next);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufReader, Write as _};

    use flate2::{Compression, GzBuilder};

    use super::*;

    fn member(text: &[u8], builder: GzBuilder) -> Vec<u8> {
        let mut encoder = builder.write(Vec::new(), Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn plain(text: &[u8]) -> Vec<u8> {
        member(text, GzBuilder::new())
    }

    /// Reads with buffers of each of these sizes, so that every boundary is met.
    fn read(packed: &[u8]) -> io::Result<Vec<u8>> {
        let mut answers = [1, 2, 7, 1 << 16].map(|bytes| {
            let mut all = Vec::new();
            let packed = BufReader::with_capacity(bytes, packed);
            let read = Members::new(packed).read_to_end(&mut all);
            read.map(|_| all)
        });
        let last = answers
            .last_mut()
            .map(|last| std::mem::replace(last, Ok(Vec::new())));
        let last = last.unwrap();
        for answer in answers.into_iter().take(3) {
            match (&answer, &last) {
                (Ok(one), Ok(other)) => assert_eq!(one, other),
                (Err(one), Err(other)) => assert_eq!(one.to_string(), other.to_string()),
                (one, other) => panic!("{one:?} {other:?}"),
            }
        }
        last
    }

    /// A header with the checksum of its own (RFC 1952, FHCRC), and all other parts that it may have.
    fn with_header_checksum(text: &[u8]) -> Vec<u8> {
        let mut packed = member(
            text,
            GzBuilder::new()
                .extra(*b"AB\x02\0xy")
                .filename("raw.log")
                .comment("of a day"),
        );
        let header = 10 + 2 + 6 + b"raw.log\0of a day\0".len();
        packed[3] |= 0x02;
        let mut crc = flate2::Crc::new();
        crc.update(&packed[..header]);
        let checksum = (crc.sum() as u16).to_le_bytes();
        packed.splice(header..header, checksum);
        packed
    }

    #[test]
    fn members_one_after_the_other_are_one_text_whatever_their_headers_hold() {
        let (one, two) = (plain(b"one\n"), with_header_checksum(b"two\n"));
        let empty = plain(b"");
        for (packed, text) in [
            (one.clone(), &b"one\n"[..]),
            (empty.clone(), b""),
            ([&one[..], &two].concat(), b"one\ntwo\n"),
            (
                [&empty[..], &one, &empty, &two, &empty].concat(),
                b"one\ntwo\n",
            ),
        ] {
            assert_eq!(read(&packed).unwrap(), text);
        }
        let mut wrong = two.clone();
        let extra = 14;
        wrong[extra] ^= 1;
        assert!(read(&wrong).is_err(), "the header's checksum is looked at");
    }

    #[test]
    fn zeros_behind_a_member_are_padding() {
        let one = plain(b"one\n");
        for zeros in [1, 2, 511, 10_240, 300_000] {
            let padded = [&one[..], &vec![0; zeros]].concat();
            assert_eq!(read(&padded).unwrap(), b"one\n", "{zeros}");
            let twice = [&padded[..], &padded].concat();
            assert_eq!(read(&twice).unwrap(), b"one\none\n", "{zeros}");
        }
    }

    #[test]
    fn anything_else_behind_a_member_is_an_error_after_what_was_before_it() {
        let one = plain(b"one\n");
        for garbage in [
            &b"x"[..],
            b"\0\0x",
            b"{\"id\":1}\n",
            b"\x28\xb5\x2f\xfd",
            b"\x8b\x1f",
        ] {
            let packed = [&one[..], garbage].concat();
            assert!(
                read(&packed)
                    .unwrap_err()
                    .to_string()
                    .contains("something else")
            );
            let mut all = Vec::new();
            let _ = Members::new(&packed[..]).read_to_end(&mut all);
            assert_eq!(all, b"one\n");
        }
    }

    #[test]
    fn a_member_that_is_cut_off_anywhere_is_an_error() {
        let last = with_header_checksum(b"two\n");
        for end in 1..last.len() {
            let packed = [&plain(b"one\n")[..], &last[..end]].concat();
            let error = read(&packed).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{end}");
        }
        let mut wrong = last.clone();
        let length = wrong.len() - 1;
        wrong[length] ^= 1;
        assert!(read(&wrong).is_err(), "the length is looked at");
    }
}
