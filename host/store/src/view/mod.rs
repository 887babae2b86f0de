//! Shows stored rows as text for people. Pure: rows in, text out.

mod incidents;
mod time;

pub use incidents::{TimelineEntry, timeline};
pub use time::{duration, utc_minute, utc_second};
