//! One schema file: read within limits, its draft told, draft-03 translated.

use std::path::Path;

use serde_json::Value;

use super::draft03::{self, Places};
use super::{draft, error::Problem, integers};

/// A schema with every fragment in line is some 100 kB; more is a mistake, or an attack on memory.
const SCHEMA_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// A schema document as the rest of this folder uses it: it declares a draft from 4 on.
pub(super) struct Source {
    /// What other schemas refer to.
    pub shared: Value,
    /// What events are validated against, where that differs: draft-03 closes its top level.
    closed: Option<Value>,
    /// Where what was translated stands in the file.
    pub places: Places,
    /// The identifier that the file gives itself.
    pub id: Option<String>,
    /// Digest of the file's bytes.
    pub digest: u64,
}

impl Source {
    pub fn read(path: &Path) -> Result<Self, Problem> {
        let bytes = std::fs::metadata(path)?.len();
        if bytes > SCHEMA_BYTES_MAX {
            return Err(Problem::TooLarge {
                bytes,
                max: SCHEMA_BYTES_MAX,
            });
        }
        Self::parse(&std::fs::read(path)?)
    }

    /// `serde_json` refuses more than 128 levels of nesting, so recursion over a schema is bounded.
    pub fn parse(text: &[u8]) -> Result<Self, Problem> {
        let document: Value = serde_json::from_slice(text)?;
        let id = ["$id", "id"]
            .iter()
            .find_map(|key| document.get(key)?.as_str())
            .map(str::to_owned);
        let digest = digest(DIGEST_BEGIN, text);
        if !document.is_object() {
            return Err(Problem::NotAnObject);
        }
        integers::check(text)?;
        match draft::of(&document)? {
            draft::Draft::Third => {
                let (shared, places) = draft03::translate(&document)?;
                let closed = Some(draft03::closed(&shared));
                Ok(Self {
                    shared,
                    closed,
                    places,
                    id,
                    digest,
                })
            }
            draft::Draft::Later(declared) => {
                let mut shared = document;
                shared["$schema"] = declared.into();
                Ok(Self {
                    shared,
                    closed: None,
                    places: Places::default(),
                    id,
                    digest,
                })
            }
        }
    }

    /// What events are validated against.
    pub fn document(&self) -> &Value {
        self.closed.as_ref().unwrap_or(&self.shared)
    }
}

/// Start of a digest (the offset of FNV-1a, 64 bits).
pub(super) const DIGEST_BEGIN: u64 = 0xCBF2_9CE4_8422_2325;

/// FNV-1a over `bytes`, going on from `digest`: the same in every build, and only for telling a
/// changed file from an unchanged one.
pub(super) fn digest(digest: u64, bytes: &[u8]) -> u64 {
    const PRIME: u64 = 0x0000_0100_0000_01B3;
    bytes.iter().fold(digest, |digest, byte| {
        (digest ^ u64::from(*byte)).wrapping_mul(PRIME)
    })
}
