//! Event check: is the event valid by the schemas that it names?
//!
//! Two schemas may apply: one fixed schema for the whole document (EventLogging's capsule), and the
//! one that the event names for its payload. The host validates natively, a whole batch per call;
//! this check only selects the schemas and turns the answers into reasons.
//!
//! It cannot see the payloads, and it holds nothing from one batch to the next.

mod check;
mod config;
mod filter;
mod names;

pub use check::SchemaValidity;
pub use config::{Bots, Capsule, Config};

landfall_guest::export_event_check!(SchemaValidity);
