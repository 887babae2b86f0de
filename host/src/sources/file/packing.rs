//! How the bytes of a file are packed, detected by its first bytes.

use landfall_document::{Format, UTF8_MARK, is_zstd_skippable};

use super::gzip;

/// Zstd frames begin with this (RFC 8878).
const ZSTD_MAGIC: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

/// How the bytes are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    Plain,
    Gzip,
    Zstd,
}

impl Packing {
    /// The packing of a file that begins like this.
    pub(super) fn of(head: &[u8]) -> Self {
        match head {
            head if head.starts_with(&gzip::MAGIC) => Packing::Gzip,
            head if head.starts_with(ZSTD_MAGIC) || is_zstd_skippable(head) => Packing::Zstd,
            _ => Packing::Plain,
        }
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Packing::Plain => "plain",
            Packing::Gzip => "gzip",
            Packing::Zstd => "zstd",
        }
    }

    /// Whether Landfall unpacks this format.
    pub(super) fn is_read(format: Format) -> bool {
        [Packing::Gzip, Packing::Zstd]
            .iter()
            .any(|packing| packing.as_str() == format.name)
    }
}

/// Whether a plain file that begins like this would be read as another format.
pub(super) fn is_taken_for_other(head: &[u8]) -> bool {
    Packing::of(head) != Packing::Plain || Format::of(head).is_some() || head.starts_with(UTF8_MARK)
}
