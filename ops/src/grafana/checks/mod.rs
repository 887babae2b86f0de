//! The dashboard for authors of checks: what each check answered, where it failed, what it costs.

mod cost;
mod faults;
mod rows;
mod versions;

use super::layout::Section;

/// Its sections, from which checks judge to what they cost.
pub fn sections() -> Vec<Section> {
    vec![
        versions::section(),
        rows::section(),
        faults::section(),
        cost::section(),
    ]
}
