//! Recording and alert rules.
//!
//! What they have in common:
//!
//! - Ranges are at least four scrapes of a minute long, and nothing is compared with a count of
//!   scrapes: scrapes of 15 s and of 60 s both do.
//! - Series of one target are matched by all labels except some that are named (`ignoring`), so that targets which
//!   an installation gives labels of its own stay apart.
//! - A rule keeps no state of its own beyond `for` and `keep_firing_for`: a restart of Prometheus, of
//!   Landfall or of both leads to the same alerts.

mod incidents;
mod itself;
mod objectives;
mod owners;
mod promql;
mod rule;
mod summary;
mod time;
mod yaml;

pub use itself::{EXPECTED_SERIES, ExpectedSeries};
pub use rule::{Alert, Component, DashboardLink, Group, Recording, Severity};
pub use time::{Scale, Span};

use crate::Parameters;

/// How often the counts of long windows are taken: they change slowly, and cost most. It is less than the five minutes
/// for which Prometheus uses a value as the present one.
const LONG_INTERVAL: Span = Span::minutes(2);

/// All rules.
pub fn groups(parameters: &Parameters) -> Vec<Group> {
    let scale = Scale::new(parameters.time_factor);
    let job = parameters.job.as_str();
    // Evaluated one after the other: an alert finds the owners and counts of its own evaluation.
    let mut recordings = owners::recordings(scale);
    recordings.extend(incidents::recordings(scale));
    recordings.extend(objectives::recordings(scale));
    recordings.extend(itself::recordings(job));
    let mut alerts = incidents::alerts(scale);
    alerts.extend(objectives::alerts(scale));
    alerts.extend(itself::alerts(job, scale));
    vec![
        Group {
            name: "landfall-long-windows",
            interval: Some(LONG_INTERVAL),
            recordings: [
                objectives::long_recordings(scale),
                incidents::long_recordings(scale),
            ]
            .concat(),
            alerts: Vec::new(),
        },
        Group {
            name: "landfall",
            interval: None,
            recordings,
            alerts,
        },
    ]
}

/// The file of rules.
pub fn rules(parameters: &Parameters) -> String {
    yaml::file(&groups(parameters), parameters)
}

/// The queries in annotations, with no label filled in.
pub(crate) fn template_queries() -> Vec<String> {
    incidents::summary_queries()
}
