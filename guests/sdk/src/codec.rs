//! Codecs: turn the bytes of each frame into one JSON document.

use serde::de::DeserializeOwned;

use crate::bindings::codec::{Column, Decoded, Manifest};
use crate::column::{Packed, Writer};
use crate::config;
use crate::reason::{Details, Reason, code};

/// Documents are usually at most this much longer than their frames: a first guess for a buffer's size.
const GROWTH_BYTES: usize = 128;

/// Why a frame has no document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// The id of one of the codec's `REASONS`.
    pub reason: &'static str,
    /// For people; may be empty. Not the frame's text, because the host keeps samples of frames. Of one
    /// batch 64 are kept, with 1,024 bytes each.
    pub detail: String,
}

impl From<&'static str> for Malformed {
    fn from(reason: &'static str) -> Self {
        let detail = String::new();
        Self { reason, detail }
    }
}

/// Decodes frames, each on its own.
pub trait Codec: Sized {
    /// Lower-case letters, digits and dashes, at most 48 bytes.
    const NAME: &'static str;
    /// Semantic version, at most 32 bytes.
    const VERSION: &'static str;
    /// Why a frame can be malformed; at most 64. Their outcome is not used.
    const REASONS: &'static [Reason];
    /// The operator's settings. Unknown members are refused.
    type Config: DeserializeOwned;

    /// Called once per instance. An error refuses the configuration.
    fn new(config: Self::Config) -> Result<Self, String>;

    /// Appends the frame's document, JSON text in UTF-8, to `document` and touches nothing before
    /// it. What was appended before an error is dropped.
    fn decode(&mut self, frame: &[u8], document: &mut Vec<u8>) -> Result<(), Malformed>;
}

/// A configured codec, with the functions of the contract.
#[doc(hidden)]
pub struct Configured<C> {
    codec: C,
}

impl<C: Codec> Configured<C> {
    pub fn configure(config: &str) -> Result<Self, String> {
        let codec = C::new(config::from_text(config)?)?;
        Ok(Self { codec })
    }

    pub fn describe(&self) -> Manifest {
        Manifest {
            name: C::NAME.into(),
            version: C::VERSION.into(),
            columns: Vec::new(),
            reasons: C::REASONS.iter().map(|reason| reason.to_wit()).collect(),
        }
    }

    pub fn decode(&mut self, frames: &Column) -> Result<Decoded, String> {
        let packed = Packed::new(frames)?;
        let bytes = frames.text.len() + packed.len() * GROWTH_BYTES;
        let mut documents = Writer::with_capacity(packed.len(), bytes);
        let mut codes = Vec::with_capacity(packed.len());
        let mut details = Details::default();
        for (row, frame) in packed.iter().enumerate() {
            match documents.row(|document| self.codec.decode(frame, document)) {
                Ok(()) => codes.push(0),
                Err(malformed) => {
                    codes.push(code(C::REASONS, malformed.reason)?);
                    if !malformed.detail.is_empty() {
                        details.push(row as u32, malformed.detail);
                    }
                }
            }
        }
        let documents = documents.finish();
        Ok(Decoded {
            documents,
            codes,
            details: details.into_inner(),
        })
    }
}

/// Makes `$codec`, a [`Codec`](crate::Codec), the component's. Expands to nothing natively.
#[macro_export]
macro_rules! export_codec {
    ($codec:ty) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            use $crate::bindings::codec as world;
            $crate::__configured!($crate::codec::Configured<$codec>);
            impl world::Guest for Glue {
                fn configure(config: String) -> Result<(), String> {
                    configure(&config)
                }
                fn describe() -> world::Manifest {
                    with_configured(|configured| configured.describe())
                }
                fn decode(frames: world::Column) -> Result<world::Decoded, String> {
                    with_configured(|configured| configured.decode(&frames))
                }
            }
    world::export!(Glue with_types_in $crate::bindings::codec);
        };
    };
}
