//! Codec: turns EventLogging's raw frames into event capsules with their uuid.
//!
//! It reads the client-side lines of both eras, the server-side lines, and frames that are already
//! capsules. The document is the frame's own JSON text with the missing members appended, and is never
//! serialised again. So the checks see exactly what the client wrote.
//!
//! It looks only at the top level of the JSON, for the names and places of members. The host decides
//! whether the rest is JSON, because it parses the document anyway.

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
