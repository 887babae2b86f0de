//! Codec: EventLogging's raw frames to event capsules with their uuid.
//!
//! Knows the client-side lines of both eras, the server-side lines, and frames that are capsules
//! already. The document is the frame's own JSON text with the missing members appended, never a
//! re-serialisation: what the client wrote is what the checks see.
//!
//! It looks only at the top level of the JSON, for the names and places of members. Whether the
//! rest is JSON is the host's to say, which parses the document anyway.

mod capsule;
mod codec;
mod config;
mod identity;
mod line;
mod percent;
mod scan;
mod word;

pub use codec::EventLoggingCodec;
pub use config::{Config, Era, Formula, UuidEra};

landfall_guest::export_codec!(EventLoggingCodec);
