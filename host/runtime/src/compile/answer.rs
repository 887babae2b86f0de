//! What the compiling process answers its parent on its standard output: a mark, a kind, a length and
//! so many bytes. An answer that ends early is no answer.

use std::io::{self, Read, Write};

use super::CODE_BYTES_MAX;
use crate::error::LoadError;
use crate::fault::clip;

/// What an answer begins with.
const MARK: [u8; 8] = *b"lf-code1";

/// Longest text of an error, in bytes.
const ERROR_BYTES_MAX: usize = 4096;

/// What became of a file.
#[derive(Debug)]
pub(super) enum Answer {
    Code(Vec<u8>),
    NotWasm(String),
    NotComponentizable(String),
    ForbiddenImport(String),
    Invalid(String),
    /// The compiler itself reported that memory is short.
    Memory,
}

impl Answer {
    /// The answer for what became of a file.
    pub fn of(result: Result<Vec<u8>, LoadError>) -> Self {
        match result {
            Ok(code) => Answer::Code(code),
            Err(LoadError::NotWasm(text)) => Answer::NotWasm(text),
            Err(LoadError::NotComponentizable(text)) => Answer::NotComponentizable(text),
            Err(LoadError::ForbiddenImport(text)) => Answer::ForbiddenImport(text),
            Err(LoadError::CompileMemory { .. }) => Answer::Memory,
            Err(LoadError::Compile(text)) => Answer::Invalid(text),
            Err(other) => Answer::Invalid(other.to_string()),
        }
    }

    /// What became of the file. An answer about memory does not name the limit: it was `memory_bytes_max`.
    pub fn into_result(self, memory_bytes_max: u64) -> Result<Vec<u8>, LoadError> {
        match self {
            Answer::Code(code) => Ok(code),
            Answer::NotWasm(text) => Err(LoadError::NotWasm(text)),
            Answer::NotComponentizable(text) => Err(LoadError::NotComponentizable(text)),
            Answer::ForbiddenImport(text) => Err(LoadError::ForbiddenImport(text)),
            Answer::Invalid(text) => Err(LoadError::Compile(text)),
            Answer::Memory => Err(LoadError::CompileMemory { memory_bytes_max }),
        }
    }

    /// Writes the answer.
    pub fn write(self, to: &mut impl Write) -> io::Result<()> {
        let (kind, bytes) = match self {
            Answer::Code(code) => (0_u8, code),
            Answer::NotWasm(text) => (1, text_bytes(text)),
            Answer::NotComponentizable(text) => (2, text_bytes(text)),
            Answer::ForbiddenImport(text) => (3, text_bytes(text)),
            Answer::Invalid(text) => (4, text_bytes(text)),
            Answer::Memory => (5, Vec::new()),
        };
        to.write_all(&MARK)?;
        to.write_all(&[kind])?;
        to.write_all(&(bytes.len() as u64).to_le_bytes())?;
        to.write_all(&bytes)?;
        to.flush()
    }

    /// Reads one answer and the end of the stream behind it.
    pub fn read(from: &mut impl Read) -> io::Result<Self> {
        let broken = |text: &str| io::Error::new(io::ErrorKind::InvalidData, text.to_owned());
        let (mut mark, mut kind, mut length) = ([0; MARK.len()], [0], [0; 8]);
        from.read_exact(&mut mark)?;
        if mark != MARK {
            return Err(broken("it answered something else than a compiler does"));
        }
        from.read_exact(&mut kind)?;
        from.read_exact(&mut length)?;
        let length = u64::from_le_bytes(length);
        if length > CODE_BYTES_MAX {
            return Err(broken("its answer is too long"));
        }
        let mut bytes = Vec::new();
        from.take(length).read_to_end(&mut bytes)?;
        if bytes.len() as u64 != length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if from.read(&mut [0])? != 0 {
            return Err(broken("it sent more than its answer"));
        }
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ok(match kind[0] {
            0 => Answer::Code(bytes),
            1 => Answer::NotWasm(text(bytes)),
            2 => Answer::NotComponentizable(text(bytes)),
            3 => Answer::ForbiddenImport(text(bytes)),
            4 => Answer::Invalid(text(bytes)),
            5 => Answer::Memory,
            _ => return Err(broken("its answer is of no known kind")),
        })
    }
}

fn text_bytes(text: String) -> Vec<u8> {
    clip(text, ERROR_BYTES_MAX).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(answer: Answer) -> Vec<u8> {
        let mut bytes = Vec::new();
        answer.write(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn every_answer_is_read_as_it_was_written_and_none_that_is_torn_or_followed() {
        let text = || "an error\n".to_owned();
        let answers = [
            Answer::Code(vec![7; 1000]),
            Answer::Code(Vec::new()),
            Answer::NotWasm(text()),
            Answer::NotComponentizable(text()),
            Answer::ForbiddenImport(text()),
            Answer::Invalid(text()),
            Answer::Memory,
        ];
        for answer in answers {
            let shown = format!("{answer:?}");
            let mut bytes = written(answer);
            let read = Answer::read(&mut &bytes[..]).unwrap();
            assert_eq!(format!("{read:?}"), shown);
            for length in 0..bytes.len() {
                let torn = Answer::read(&mut &bytes[..length]);
                assert!(torn.is_err(), "{shown} cut to {length}: {torn:?}");
            }
            bytes.push(0);
            assert!(Answer::read(&mut &bytes[..]).is_err(), "{shown} and more");
        }
    }

    #[test]
    fn what_is_no_answer_is_refused_before_it_takes_memory() {
        let mut bytes = written(Answer::Memory);
        bytes[9..17].copy_from_slice(&u64::MAX.to_le_bytes());
        assert!(Answer::read(&mut &bytes[..]).is_err(), "its length");
        bytes[8] = 9;
        bytes[9..17].copy_from_slice(&0_u64.to_le_bytes());
        assert!(Answer::read(&mut &bytes[..]).is_err(), "its kind");
        assert!(Answer::read(&mut &b"usage: landfall"[..]).is_err());
    }

    #[test]
    fn a_long_error_is_cut() {
        let answer = Answer::Invalid("x".repeat(1 << 20));
        assert!(written(answer).len() < ERROR_BYTES_MAX + 100);
    }
}
