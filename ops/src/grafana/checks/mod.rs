//! The dashboard for authors of checks: what each check said, where it failed, what it costs.

mod cost;
mod faults;
mod rows;
mod versions;

use super::layout::Section;

/// From what judges to what it costs.
pub fn sections() -> Vec<Section> {
    vec![
        versions::section(),
        rows::section(),
        faults::section(),
        cost::section(),
    ]
}
