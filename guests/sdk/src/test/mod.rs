//! Runs a check natively, as the host would call it, under plain `cargo test`.
//!
//! A harness uses the same packing and checks as the component. It panics if a test should fail: when a
//! configuration is refused, a manifest breaks the contract's limits, or a batch as a whole cannot be
//! judged.

mod canonical;
mod codec;
mod double;
mod event;
mod fields;
mod manifest;
mod parity;
mod window;

pub use canonical::with_member;
pub use codec::CodecHarness;
pub(crate) use double::{explain, record_log, validate};
pub use event::{EventHarness, Judged};
pub use parity::{Parity, ParityHarness};
pub use window::{WindowHarness, empty_tally};
