//! Log lines about schemas that take too many steps: one a minute for each, however many events there are.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use landfall_runtime::SchemaFaults;

/// Between two lines of one schema.
const PAUSE: Duration = Duration::from_secs(60);

/// What was told, and what came since.
#[derive(Debug, Default)]
pub(super) struct SchemaLog {
    by_schema: HashMap<String, Logged>,
}

#[derive(Debug)]
struct Logged {
    at: Instant,
    rows: u64,
    untold: u64,
}

impl SchemaLog {
    pub fn take(&mut self, check: &str, faults: &SchemaFaults, now: Instant) {
        let schema = &faults.schema;
        if faults.suspensions > 0 {
            tracing::error!(
                schema,
                check,
                "the schema is left alone for a while: validation by it took too many steps, or too long, again and again; \
                 its events are unjudged, or their violations are not told, meanwhile"
            );
        }
        if let Some((rows, untold)) = self.due(faults, now) {
            tracing::warn!(
                schema,
                check,
                unjudged = rows,
                unexplained = untold,
                "validation by the schema takes too many steps, as alternatives that lead back to their own \
                 schema do; `landfall schema validate` tries an event"
            );
        }
    }

    /// What is to be told now, of this and of what was kept back.
    fn due(&mut self, faults: &SchemaFaults, now: Instant) -> Option<(u64, u64)> {
        let Some(told) = self.by_schema.get_mut(&faults.schema) else {
            if faults.rows + faults.untold == 0 {
                // It took long, and answered.
                return None;
            }
            let told = Logged {
                at: now,
                rows: 0,
                untold: 0,
            };
            self.by_schema.insert(faults.schema.clone(), told);
            return Some((faults.rows, faults.untold));
        };
        told.rows += faults.rows;
        told.untold += faults.untold;
        if now.saturating_duration_since(told.at) < PAUSE || told.rows + told.untold == 0 {
            return None;
        }
        told.at = now;
        Some((
            std::mem::take(&mut told.rows),
            std::mem::take(&mut told.untold),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_is_told_once_a_minute_with_all_that_came_since() {
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
