//! Window check: does each schema's share of confirmed events meet its objective?
//!
//! For a window and a schema:
//!
//! - expected = delivered + late + altered + missing + unconfirmed;
//! - confirmed = delivered, and late too if `late_counts` is set;
//! - doubtful = unconfirmed + unjudged: nobody knows whether they landed, or had to land;
//! - the share lies between confirmed / (expected + unjudged), if all doubtful events failed, and
//!   (confirmed + doubtful) / (expected + unjudged), if none of them failed.
//!
//! If even the upper bound is below the target, the finding is `below_target`. If only the lower bound
//! is, it is `unproven`, because an event that was not seen is neither a failure nor a success.
//! Rejected, leaked and repeated events were not expected; duplicates and unexpected rows confirm
//! nothing. None of these counts, so no surplus hides a loss. The check states the objective of each
//! schema, so that it is shown beside the measurements.

mod check;
mod config;

pub use check::DeliveryObjective;
pub use config::{Config, Level, Override};

landfall_guest::export_window_check!(DeliveryObjective, objectives);
