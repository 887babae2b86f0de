//! Raw frames of EventLogging as its producers make them: valid, invalid, odd and malformed.

pub mod kinds;
pub mod line;
pub mod maker;
pub mod odd;

pub use kinds::Kind;
pub use line::Format;
pub use maker::{Made, Maker};
