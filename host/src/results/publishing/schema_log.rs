//! Log lines about schemas that take too many steps: one a minute for each schema, however many
//! events there are.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use landfall_runtime::SchemaFaults;

/// The time between two lines about one schema.
const PAUSE: Duration = Duration::from_secs(60);

/// What was logged, and what came since.
#[derive(Debug, Default)]
pub(super) struct SchemaLog {
    by_schema: HashMap<String, LoggedSchema>,
}

#[derive(Debug)]
struct LoggedSchema {
    at: Instant,
    rows: u64,
    unexplained: u64,
}

impl SchemaLog {
    /// Logs what is due about the faults of a schema, and keeps back the rest.
    pub fn take(&mut self, check: &str, faults: &SchemaFaults, now: Instant) {
        let schema = &faults.schema;
        if faults.suspensions > 0 {
            tracing::error!(
                schema,
                check,
                "the schema is suspended for a while: validation by it took too many steps, or too long, again and again; \
                 its events are unjudged, or their violations are not reported, meanwhile"
            );
        }
        if let Some((rows, unexplained)) = self.due(faults, now) {
            tracing::warn!(
                schema,
                check,
                unjudged = rows,
                unexplained,
                "validation by the schema takes too many steps, as alternatives that lead back to their own \
                 schema do; `landfall schema validate` tries an event"
            );
        }
    }

    /// What to log now of `faults` and of what was kept back; None while it is too early for a
    /// line.
    fn due(&mut self, faults: &SchemaFaults, now: Instant) -> Option<(u64, u64)> {
        let Some(logged) = self.by_schema.get_mut(&faults.schema) else {
            if faults.rows + faults.unexplained == 0 {
                // The validation took long, but it gave an answer.
                return None;
            }
            let logged = LoggedSchema {
                at: now,
                rows: 0,
                unexplained: 0,
            };
            self.by_schema.insert(faults.schema.clone(), logged);
            return Some((faults.rows, faults.unexplained));
        };
        logged.rows += faults.rows;
        logged.unexplained += faults.unexplained;
        if now.saturating_duration_since(logged.at) < PAUSE || logged.rows + logged.unexplained == 0
        {
            return None;
        }
        logged.at = now;
        Some((
            std::mem::take(&mut logged.rows),
            std::mem::take(&mut logged.unexplained),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_is_logged_once_a_minute_with_all_that_came_since() {
        let mut log = SchemaLog::default();
        let faults = |schema: &str, rows| SchemaFaults {
            schema: schema.to_owned(),
            rows,
            ..SchemaFaults::default()
        };
        let now = Instant::now();
        assert_eq!(log.due(&faults("A/1", 0), now), None);
        assert_eq!(log.due(&faults("A/1", 1), now), Some((1, 0)));
        assert_eq!(log.due(&faults("A/1", 2), now), None);
        assert_eq!(log.due(&faults("B/1", 3), now), Some((3, 0)));
        assert_eq!(log.due(&faults("A/1", 4), now + PAUSE), Some((6, 0)));
        assert_eq!(log.due(&faults("A/1", 0), now + PAUSE * 2), None);
    }
}
