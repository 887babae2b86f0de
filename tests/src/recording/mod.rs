//! Scrapes of Landfall over a day, kept as files, so that rules are tested on metrics that Landfall really
//! exported and not on invented ones.
//!
//! Landfall's clock is sped up while it is recorded, and each scrape is stamped by that clock: a
//! recording has one sample a minute, as a Prometheus of that day would have it.

mod alerts;
mod case;
mod file;
mod perform;
mod promtool;
pub mod relay;
mod scraper;

pub use alerts::{Alert, Span, Timeline};
pub use case::{Act, Case};
pub use file::{FileError, Happening, Point, Recording, Series};
pub use perform::{PerformError, perform};
pub use promtool::{CheckError, alerts_of, check, inputs};

/// Between two samples, by Landfall's clock.
pub const STEP_MS: i64 = 60_000;

/// The name that Prometheus would give it.
pub const JOB: &str = "landfall";
pub const INSTANCE: &str = "landfall:9470";
