//! Dashboards: one for operators, one for authors of checks.
//!
//! `operators` and `checks` have the panels of each. They use `build` (how panels look), `expr` (how queries are
//! written) and `colours`. `frame` is what both dashboards have around their panels, `layout` places the panels, and
//! `model` is Grafana's format.

mod build;
mod checks;
mod colours;
mod expr;
mod frame;
mod layout;
mod model;
mod operators;
mod provisioning;
mod questions;
mod story;
mod titles;
mod unshown;

pub use colours::{CAUSES, VERDICTS};
pub use model::SCHEMA_VERSION;
pub use questions::{Values, queries};
pub use story::{Line, Scene, story};
pub use unshown::UNSHOWN;

use crate::Parameters;
use model::{Dashboard, Entry, Panel};

/// The names of Landfall's alerts, as a regular expression.
const ALERTNAMES: &str = "Landfall.+";

/// A file to be written, by its path below `ops/grafana/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    pub path: &'static str,
    pub text: String,
}

/// All that Grafana is given: both dashboards, and where it finds them and Prometheus.
pub fn files(parameters: &Parameters) -> Vec<File> {
    let paths = ["landfall-operators.json", "landfall-checks.json"];
    let dashboards = paths.into_iter().zip(dashboards(parameters));
    let mut files: Vec<_> = dashboards
        .map(|(path, dashboard)| File {
            path,
            text: text(&dashboard),
        })
        .collect();
    files.extend(provisioning::files());
    files
}

fn dashboards(parameters: &Parameters) -> [Dashboard; 2] {
    [
        frame::operators(parameters, operators::sections()),
        frame::checks(parameters, checks::sections()),
    ]
}

fn text(dashboard: &Dashboard) -> String {
    // It has only what JSON can express: writing it does not fail.
    let mut text = serde_json::to_string_pretty(dashboard).unwrap_or_default();
    text.push('\n');
    text
}

impl Dashboard {
    fn panels(&self) -> impl Iterator<Item = &Panel> {
        self.panels.iter().filter_map(|entry| match entry {
            Entry::Panel(panel) => Some(&**panel),
            Entry::Row(_) => None,
        })
    }
}

#[cfg(test)]
mod tests;
