//! `[windows]` and `[incidents]`: the length of the windows for counts, and when an incident opens.

use std::time::Duration;

use crate::settings::reader::Section;
use crate::settings::units::DURATION_MAX;

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(86_400);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WindowsConfig {
    pub length: Duration,
}

impl Default for WindowsConfig {
    fn default() -> Self {
        Self {
            length: Duration::from_secs(300),
        }
    }
}

impl WindowsConfig {
    pub(in crate::config) fn read(&mut self, section: &mut Section<'_>) {
        section.duration("length", &mut self.length, SECOND..=DAY);
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncidentsConfig {
    /// Nothing landed for this long while expected events came in.
    pub stall: Duration,
    /// The same for one schema; 0: no incident for one schema alone.
    pub stall_schema: Duration,
    /// An incident closes after this long without anything new.
    pub clear: Duration,
}

impl Default for IncidentsConfig {
    fn default() -> Self {
        Self {
            stall: Duration::from_secs(120),
            stall_schema: Duration::from_secs(900),
            clear: Duration::from_secs(300),
        }
    }
}

impl IncidentsConfig {
    pub(in crate::config) fn read(&mut self, section: &mut Section<'_>) {
        section.duration("stall", &mut self.stall, SECOND..=DURATION_MAX);
        section.duration_or_never(
            "stall_schema",
            &mut self.stall_schema,
            SECOND..=DURATION_MAX,
        );
        section.duration("clear", &mut self.clear, SECOND..=DURATION_MAX);
    }
}
