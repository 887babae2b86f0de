//! Alerts for Landfall itself: if it does not see everything, it cannot report what is missing.

mod capacity;
mod engine;
mod judging;
mod presence;

use super::rule::Alert;
use super::time::Scale;

pub use presence::{EXPECTED_SERIES, ExpectedSeries, recordings};

pub fn alerts(job: &str, scale: Scale) -> Vec<Alert> {
    let mut alerts = presence::alerts(job, scale);
    alerts.extend(capacity::alerts(job, scale));
    alerts.extend(engine::alerts(scale));
    alerts.extend(judging::alerts(job, scale));
    alerts
}
