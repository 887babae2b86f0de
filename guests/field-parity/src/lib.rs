//! Parity check: was the event written as it came in?
//!
//! Both sides are flattened to names and values. Each value has a normal form that removes only the
//! changes that the writer is declared to make (truncation, 32-bit floats, seconds, booleans as 0 and
//! 1). Equal normal forms mean unchanged. `eventlogging.json` beside this crate lists the default
//! configuration; `eventlogging-2019.json` is that of the later pipeline.
//!
//! It never has both sides of an event at once, except to explain two forms that differ.

mod arrays;
mod check;
mod config;
mod defaults;
mod explain;
mod flatten;
mod form;
mod name;
mod normal;
mod plan;
mod timestamp;

pub use check::FieldParity;
pub use config::{ArrayText, As, Config, Field, Flatten, Float, Pointers};

landfall_guest::export_parity_check!(FieldParity);
