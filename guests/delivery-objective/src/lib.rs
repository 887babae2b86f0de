//! Window check: does each schema's share of confirmed events meet its objective?
//!
//! For a window and a schema:
//!
//! - expected = delivered + late + altered + missing + unconfirmed;
//! - confirmed = delivered, and late too where `late_counts` says so;
//! - doubtful = unconfirmed + unjudged: nobody knows whether they landed, or had to;
//! - the share is known to lie between confirmed / (expected + unjudged), if all that is doubtful
//!   failed, and (confirmed + doubtful) / (expected + unjudged), if none of it did.
//!
//! Even the upper bound under the target: `below_target`. Only the lower one: `unproven`, because
//! what was not seen is neither a failure nor a success. Rejected, leaked and repeated events were
//! not expected, duplicates and unexpected rows confirm nothing: none of them counts, so that no
//! surplus makes up for a loss. The objective of each schema is stated, so that it stands beside the
//! measurements.

mod check;
mod config;

pub use check::DeliveryObjective;
pub use config::{Config, Level, Override};

landfall_guest::export_window_check!(DeliveryObjective, objectives);
