//! The dashboard for operators: does everything land?

mod cost;
mod events;
mod eyes;
mod incidents;
mod latency;
mod overview;

use super::layout::Section;

/// Its sections, from the overview to the details.
pub fn sections() -> Vec<Section> {
    vec![
        overview::section(),
        events::section(),
        events::overdue(),
        incidents::section(),
        latency::section(),
        eyes::section(),
        cost::section(),
    ]
}
