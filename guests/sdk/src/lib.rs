//! The crate for authors of Landfall checks.
//!
//! A check is a type that implements one of [`EventCheck`], [`Codec`], [`ParityCheck`] and
//! [`WindowCheck`], with one `export_*!` line that makes it a component. The logic builds natively,
//! so that `cargo test` with the harnesses in [`mod@test`] runs it without a host. `docs/CHECKS.md` is
//! the guide.
//!
//! The crate may not import anything but the interfaces of `wit/`: no WASI, no clock, no randomness.

#![warn(clippy::missing_errors_doc)]

#[doc(hidden)]
pub mod bindings;
mod canonical;
#[doc(hidden)]
pub mod codec;
mod column;
mod config;
#[doc(hidden)]
pub mod event;
mod fields;
pub mod log;
mod members;
mod number;
#[doc(hidden)]
pub mod parity;
pub mod python;
mod reason;
mod row;
pub mod schemas;
#[cfg(not(target_arch = "wasm32"))]
pub mod test;
pub mod time;
mod value;
#[doc(hidden)]
pub mod window;

pub use canonical::canonical;
pub use codec::{Codec, Malformed};
pub use event::EventCheck;
pub use fields::{Fields, write_field};
pub use members::{Member, MemberKind, Members};
pub use parity::{Difference, ParityCheck, Unprojectable};
pub use reason::{Outcome, Reason, Verdict, Verdicts};
pub use row::{ColumnRef, Row, Rows, Side};
pub use value::{Value, unquote};
pub use window::{
    Finding, Objective, Severity, StatesObjectives, Tally, WindowCheck, WindowReason,
};
