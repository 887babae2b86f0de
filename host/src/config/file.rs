//! The file of a configuration: a text in UTF-8 of bounded size, and nothing that could block the reader.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use landfall_document::{Format, UTF8_MARK};

/// A configuration with deadlines for thousands of schemas has some 100 kB. A much larger file is no
/// configuration.
const CONFIG_BYTES_MAX: u64 = 4 << 20;

/// Why there is no text.
#[derive(Debug, thiserror::Error)]
pub(super) enum FileError {
    #[error("failed to read it: {0}")]
    Read(#[from] io::Error),
    #[error("it is {0} and not a text in UTF-8")]
    Foreign(&'static str),
    #[error("it has more than {CONFIG_BYTES_MAX} bytes, so it is no configuration")]
    TooLarge,
    #[error("it is not UTF-8 from byte {0} on")]
    NotUtf8(usize),
    #[error("it is a device, which may have no end")]
    Device,
    #[error("it is a pipe, which can be read once, and a sidecar reads its configuration again")]
    Pipe,
}

/// The text without its byte order mark. A pipe is read to its end, because it may be a program's output.
/// If the file will be read `again`, a pipe is refused.
pub(super) fn read(path: &Path, again: bool) -> Result<String, FileError> {
    use std::os::unix::fs::FileTypeExt as _;
    let kind = std::fs::metadata(path)?.file_type();
    if kind.is_char_device() && path != Path::new("/dev/null") {
        return Err(FileError::Device);
    }
    if kind.is_fifo() && again {
        return Err(FileError::Pipe);
    }
    let mut bytes = Vec::new();
    File::open(path)?
        .take(CONFIG_BYTES_MAX + 1)
        .read_to_end(&mut bytes)?;
    if let Some(format) = Format::of(&bytes) {
        return Err(FileError::Foreign(format.name));
    }
    if bytes.len() as u64 > CONFIG_BYTES_MAX {
        return Err(FileError::TooLarge);
    }
    if bytes.starts_with(UTF8_MARK) {
        bytes.drain(..UTF8_MARK.len());
    }
    String::from_utf8(bytes).map_err(|error| FileError::NotUtf8(error.utf8_error().valid_up_to()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_what_a_file_is_that_is_no_configuration() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("landfall.toml");
        let read_bytes = |bytes: &[u8]| {
            std::fs::write(&path, bytes).expect("written");
            read(&path, true).map_err(|error| error.to_string())
        };
        assert_eq!(read_bytes(b"\xef\xbb\xbf[log]\n"), Ok("[log]\n".to_owned()));
        assert_eq!(read_bytes(b""), Ok(String::new()));
        for (bytes, expected) in [
            (&b"\x1f\x8b\x08\0"[..], "it is gzip and not a text in UTF-8"),
            (b"\xff\xfe[\0", "it is UTF-16 and not a text in UTF-8"),
            (b"[\0l\0o\0g\0", "it is UTF-16LE and not a text in UTF-8"),
            (b"a = '\xff'", "it is not UTF-8 from byte 5 on"),
            (
                &b"#".repeat(5 << 20),
                "it has more than 4194304 bytes, so it is no configuration",
            ),
        ] {
            assert_eq!(read_bytes(bytes), Err(expected.to_owned()));
        }
        let device = read(Path::new("/dev/zero"), true).map_err(|error| error.to_string());
        assert_eq!(
            device,
            Err("it is a device, which may have no end".to_owned())
        );
        let directory = read(dir.path(), true).map_err(|error| error.to_string());
        assert!(directory.is_err_and(|error| error.contains("directory")));
    }
}
