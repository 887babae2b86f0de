//! `[deadlines]`: how long after its arrival an event may land.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::settings::reader::Section;
use crate::settings::units::DURATION_MAX;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadlinesConfig {
    pub default: Duration,
    /// By `name` or `name/revision`.
    pub schemas: BTreeMap<String, Duration>,
}

impl Default for DeadlinesConfig {
    fn default() -> Self {
        Self {
            default: Duration::from_secs(600),
            schemas: BTreeMap::new(),
        }
    }
}

/// The shortest deadline: the wait of a lone frame is far below it.
const DEADLINE_MIN: Duration = Duration::from_millis(100);

impl DeadlinesConfig {
    pub(in crate::config) fn read(&mut self, section: &mut Section<'_>) {
        section.duration("default", &mut self.default, DEADLINE_MIN..=DURATION_MAX);
        section.durations("schemas", &mut self.schemas, DEADLINE_MIN..=DURATION_MAX);
    }

    /// The deadline of `name/revision`: its own, or else that of its name, or else the default.
    pub fn of(&self, schema: &str) -> Duration {
        let by_name = || self.schemas.get(schema.rsplit_once('/')?.0);
        self.schemas
            .get(schema)
            .or_else(by_name)
            .copied()
            .unwrap_or(self.default)
    }

    /// The longest of all.
    pub fn longest(&self) -> Duration {
        self.schemas
            .values()
            .copied()
            .fold(self.default, Duration::max)
    }

    /// The shortest of all.
    pub fn shortest(&self) -> Duration {
        self.schemas
            .values()
            .copied()
            .fold(self.default, Duration::min)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_more_exact_name_wins() {
        let minutes = |n: u64| Duration::from_secs(60 * n);
        let schemas = [("Edit", 1), ("Edit/11", 2), ("page/move", 3), ("page", 4)];
        let schemas = schemas
            .into_iter()
            .map(|(name, n)| (name.to_owned(), minutes(n)))
            .collect();
        let deadlines = DeadlinesConfig {
            default: minutes(10),
            schemas,
        };
        for (schema, expected) in [
            ("Edit/11", 2),
            ("Edit/12", 1),
            ("page/move/1.0.0", 3),
            ("page/7", 4),
            ("Other/1", 10),
            ("(unknown)", 10),
        ] {
            assert_eq!(deadlines.of(schema), minutes(expected), "{schema}");
        }
        assert_eq!(
            (deadlines.shortest(), deadlines.longest()),
            (minutes(1), minutes(10))
        );
    }
}
