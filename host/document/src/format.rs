//! Formats of files that are not text in UTF-8: compressed, archived, in another encoding, or of a database.
//! They are recognized by their first bytes, so that a message can say what a file is. Knows no files.

/// How many of a file's first bytes [`Format::of`] needs.
pub const FORMAT_HEAD_BYTES: usize = 512;

/// The byte order mark that some programs put before a text in UTF-8. It is no part of the text.
pub const UTF8_MARK: &[u8] = &[0xef, 0xbb, 0xbf];

/// The format of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    /// Its usual name, for a message.
    pub name: &'static str,
    /// The command that writes the file's text to standard output; the file's name goes behind it. `None` if no
    /// usual tool does that.
    pub unpack: Option<&'static str>,
}

/// A format by its magic bytes: their offset, the bytes, the format's name, and the command.
type Magic = (usize, &'static [u8], &'static str, Option<&'static str>);

const MAGICS: [Magic; 34] = [
    (0, &[0xfd, b'7', b'z', b'X', b'Z', 0], "xz", Some("xz -dc")),
    (0, b"LZIP\x01", "lzip", Some("lzip -dc")),
    (
        4,
        &[0x31, 0x41, 0x59, 0x26, 0x53, 0x59],
        "bzip2",
        Some("bzip2 -dc"),
    ),
    (
        4,
        &[0x17, 0x72, 0x45, 0x38, 0x50, 0x90],
        "bzip2",
        Some("bzip2 -dc"),
    ),
    (0, &[0x1f, 0x8b], "gzip", Some("gzip -dc")),
    (0, &[0x1f, 0x9d], "compress (.Z)", Some("gzip -dc")),
    (0, &[0x1f, 0xa0], "compress (.Z)", Some("gzip -dc")),
    (0, &[0x28, 0xb5, 0x2f, 0xfd], "zstd", Some("zstd -dc")),
    (0, &[0x04, 0x22, 0x4d, 0x18], "lz4", Some("lz4 -dc")),
    (0, &[0x02, 0x21, 0x4c, 0x18], "lz4", Some("lz4 -dc")),
    (0, &[0x89, b'L', b'Z', b'O', 0], "lzop", Some("lzop -dc")),
    (0, b"\xff\x06\x00\x00sNaPpY", "snappy", Some("snzip -dc")),
    (0, &[0x78, 0x01], "zlib", Some("pigz -dc")),
    (0, &[0x78, 0x9c], "zlib", Some("pigz -dc")),
    (0, &[0x78, 0xda], "zlib", Some("pigz -dc")),
    (0, b"PK\x03\x04", "zip", Some("unzip -p")),
    (0, b"PK\x05\x06", "an empty zip", None),
    (0, b"7z\xbc\xaf\x27\x1c", "7z", Some("7z x -so")),
    (0, b"Rar!\x1a\x07", "rar", Some("unrar p -inul")),
    (
        0,
        &[0xff, 0xfe, 0, 0],
        "UTF-32",
        Some("iconv -f UTF-32 -t UTF-8"),
    ),
    (
        0,
        &[0, 0, 0xfe, 0xff],
        "UTF-32",
        Some("iconv -f UTF-32 -t UTF-8"),
    ),
    (0, &[0xff, 0xfe], "UTF-16", Some("iconv -f UTF-16 -t UTF-8")),
    (0, &[0xfe, 0xff], "UTF-16", Some("iconv -f UTF-16 -t UTF-8")),
    (0, b"PAR1\x15", "Parquet", None),
    (0, b"Obj\x01", "Avro", None),
    (0, b"ARROW1\0\0", "Arrow", None),
    (0, &[0xff, 0xff, 0xff, 0xff, 0x70, 0, 0, 0], "Arrow", None),
    (0, b"SQLite format 3\0", "an SQLite database", None),
    (0, &[0xd4, 0xc3, 0xb2, 0xa1], "pcap", None),
    (0, &[0xa1, 0xb2, 0xc3, 0xd4], "pcap", None),
    (8, &[0x4d, 0x3c, 0x2b, 0x1a], "pcapng", None),
    (8, &[0x1a, 0x2b, 0x3c, 0x4d], "pcapng", None),
    (0, b"\x7fELF", "a program", None),
    (0, b"\0asm", "WebAssembly", None),
];

/// Further conditions, where the magic bytes alone could belong to something else.
fn fits(name: &str, head: &[u8]) -> bool {
    match name {
        "bzip2" => head.starts_with(b"BZh") && matches!(head.get(3), Some(b'1'..=b'9')),
        "pcapng" => head.starts_with(&[0x0a, 0x0d, 0x0d, 0x0a]),
        _ => true,
    }
}

impl Format {
    /// The format of a file that begins with `head`. `None` if it may be a text in UTF-8, or if no known format
    /// begins like it. gzip and zstd are formats too.
    pub fn of(head: &[u8]) -> Option<Self> {
        let by_magic = MAGICS.iter().find(|(at, magic, name, _)| {
            head.get(*at..).is_some_and(|part| part.starts_with(magic)) && fits(name, head)
        });
        if let Some((_, _, name, unpack)) = by_magic {
            let (name, unpack) = (*name, *unpack);
            return Some(Self { name, unpack });
        }
        let known = |name, unpack| Some(Self { name, unpack });
        match () {
            () if is_zstd_skippable(head) => known("zstd", Some("zstd -dc")),
            () if is_lzma(head) => known("lzma", Some("xz --format=lzma -dc")),
            () if is_tar(head) => known("tar", Some("tar -xOf")),
            () if is_wide(head, 2, 0) => known("UTF-16LE", Some("iconv -f UTF-16LE -t UTF-8")),
            () if is_wide(head, 2, 1) => known("UTF-16BE", Some("iconv -f UTF-16BE -t UTF-8")),
            () if is_wide(head, 4, 0) => known("UTF-32LE", Some("iconv -f UTF-32LE -t UTF-8")),
            () if is_wide(head, 4, 3) => known("UTF-32BE", Some("iconv -f UTF-32BE -t UTF-8")),
            () => None,
        }
    }
}

/// Whether a file begins with a skippable frame of zstd (RFC 8878, 3.1.2): a zstd file may.
pub fn is_zstd_skippable(head: &[u8]) -> bool {
    matches!(head, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..])
}

/// `.lzma` has no magic bytes. It begins with properties, the size of a dictionary (2^n or 2^n + 2^(n-1)) and
/// the size of its content, which may be unknown. `xz` recognizes it in the same way.
fn is_lzma(head: &[u8]) -> bool {
    let Some((&[0x5d, d0, d1, d2, d3], rest)) = head.split_first_chunk::<5>() else {
        return false;
    };
    let Some((size, _)) = rest.split_first_chunk::<8>() else {
        return false;
    };
    let dictionary = u32::from_le_bytes([d0, d1, d2, d3]);
    let odd = dictionary >> dictionary.trailing_zeros().min(31);
    let size = u64::from_le_bytes(*size);
    dictionary >= 4096 && matches!(odd, 1 | 3) && (size == u64::MAX || size < 1 << 38)
}

/// The first header's checksum is right (POSIX ustar: the sum of its bytes, its own field as spaces).
fn is_tar(head: &[u8]) -> bool {
    const CHECKSUM: std::ops::Range<usize> = 148..156;
    let Some(header) = head.get(..512) else {
        return false;
    };
    let digits = header[CHECKSUM].iter().map(|byte| char::from(*byte));
    let digits: String = digits.filter(char::is_ascii_digit).collect();
    let sum: u32 = (header.iter().enumerate())
        .map(|(at, byte)| {
            if CHECKSUM.contains(&at) {
                32
            } else {
                u32::from(*byte)
            }
        })
        .sum();
    header[0] != 0 && u32::from_str_radix(&digits, 8) == Ok(sum)
}

/// Whether the first four characters are ASCII with `bytes` bytes each, all of them 0 but the one at `place`.
fn is_wide(head: &[u8], bytes: usize, place: usize) -> bool {
    let mut chars = head.chunks_exact(bytes).take(4);
    chars.len() == 4
        && chars.all(|char| {
            let is_ascii = matches!(char[place], b' '..=b'~');
            is_ascii
                && char
                    .iter()
                    .enumerate()
                    .all(|(at, byte)| at == place || *byte == 0)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(head: &[u8]) -> Option<&'static str> {
        Format::of(head).map(|format| format.name)
    }

    #[test]
    fn formats_are_told_by_how_they_begin() {
        let mut tar = vec![0; 512];
        tar[..5].copy_from_slice(b"a.log");
        tar[148..156].fill(b' ');
        let sum: u32 = tar.iter().map(|byte| u32::from(*byte)).sum();
        tar[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        let wide = |text: &str, little: bool| -> Vec<u8> {
            let units = text.encode_utf16();
            units
                .flat_map(|unit| {
                    if little {
                        unit.to_le_bytes()
                    } else {
                        unit.to_be_bytes()
                    }
                })
                .collect()
        };
        let marked = [&[0xff, 0xfe][..], &wide("{}", true)].concat();
        for (head, expected) in [
            (&b"\xfd7zXZ\0\0\x04"[..], Some("xz")),
            (b"BZh91AY&SY\x00", Some("bzip2")),
            (b"BZh9\x17\x72\x45\x38\x50\x90", Some("bzip2")),
            (b"\x1f\x8b\x08", Some("gzip")),
            (b"\x1f\x9d\x90", Some("compress (.Z)")),
            (b"\x28\xb5\x2f\xfd", Some("zstd")),
            (b"\x50\x2a\x4d\x18\x04", Some("zstd")),
            (b"\x04\x22\x4d\x18", Some("lz4")),
            (b"LZIP\x01", Some("lzip")),
            (b"\x89LZO\0\r\n", Some("lzop")),
            (
                b"]\0\0\x80\0\xff\xff\xff\xff\xff\xff\xff\xff\0",
                Some("lzma"),
            ),
            (b"]\0\0\x80\0\x10\0\0\0\0\0\0\0\0", Some("lzma")),
            (b"x\x9c\x4b", Some("zlib")),
            (b"PK\x03\x04", Some("zip")),
            (b"7z\xbc\xaf\x27\x1c", Some("7z")),
            (b"Rar!\x1a\x07\x00", Some("rar")),
            (b"PAR1\x15\x04", Some("Parquet")),
            (b"Obj\x01\x04", Some("Avro")),
            (b"ARROW1\0\0", Some("Arrow")),
            (b"SQLite format 3\0", Some("an SQLite database")),
            (b"\xd4\xc3\xb2\xa1", Some("pcap")),
            (
                b"\x0a\x0d\x0d\x0a\x1c\0\0\0\x4d\x3c\x2b\x1a",
                Some("pcapng"),
            ),
            (&tar, Some("tar")),
            (&marked, Some("UTF-16")),
            (b"\xff\xfe\0\0{\0\0\0", Some("UTF-32")),
            (&wide("{\"id\":1}", true), Some("UTF-16LE")),
            (&wide("{\"id\":1}", false), Some("UTF-16BE")),
            (b"{\0\0\0\"\0\0\0i\0\0\0d\0\0\0", Some("UTF-32LE")),
            (b"\0\0\0{\0\0\0\"\0\0\0i\0\0\0d", Some("UTF-32BE")),
            (b"", None),
            (b"\n", None),
            (b"{\"id\":1}\n", None),
            (b"\xef\xbb\xbf{}", None),
            (b"[1,2,3]", None),
            (b"PAR1 of 7", None),
            (b"BZh9 is a name", None),
            (b"PKG 1.0", None),
            (b"]\0\0\x81\0\xff\xff\xff\xff\xff\xff\xff\xff", None),
            (b"x^2 + y", None),
            (b"\0\n\0\n\0\n\0\n", None),
            (b"\x08\x96\x01\x12\x07testing", None),
        ] {
            assert_eq!(name(head), expected, "{:?}", String::from_utf8_lossy(head));
        }
        tar[0] += 1;
        assert_eq!(name(&tar), None, "a wrong checksum");
    }
}
