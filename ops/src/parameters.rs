//! What differs between installations.

/// What the generated texts are made for.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameters {
    /// Where docs/OPERATIONS.md is published, without an anchor: what an alert links to.
    pub runbook_url: String,
    /// Where Grafana is, without a path: what an alert links to.
    pub dashboard_url: String,
    /// The job under which Prometheus scrapes Landfall.
    pub job: String,
    /// How many times faster than real time Landfall's clock runs: every duration of a rule is
    /// divided by it. 1, but in a replay.
    pub time_factor: f64,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            runbook_url: "https://landfall.example/docs/OPERATIONS.md".into(),
            dashboard_url: "https://grafana.example".into(),
            job: "landfall".into(),
            time_factor: 1.0,
        }
    }
}
