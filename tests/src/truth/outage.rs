//! Losses grouped into intervals of time.

use std::collections::BTreeMap;

/// One expected event that never landed.
#[derive(Clone, Debug)]
pub struct Loss {
    pub at_ms: i64,
    pub schema: String,
    /// The watcher must have seen it.
    pub is_certain: bool,
}

/// An interval in which events did not land, from the first to the last of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outage {
    pub first_ms: i64,
    pub last_ms: i64,
    pub events: u64,
    /// Those of them that the watcher must have seen.
    pub certain: u64,
    pub schemas: BTreeMap<String, u64>,
}

/// Joins losses that are no more than `gap_ms` apart.
pub fn group(losses: impl Iterator<Item = Loss>, gap_ms: i64) -> Vec<Outage> {
    let mut losses: Vec<Loss> = losses.collect();
    losses.sort_by_key(|loss| loss.at_ms);
    let mut outages: Vec<Outage> = Vec::new();
    for loss in losses {
        let fits = outages
            .last()
            .is_some_and(|last| loss.at_ms - last.last_ms <= gap_ms);
        if !fits {
            outages.push(Outage {
                first_ms: loss.at_ms,
                last_ms: loss.at_ms,
                events: 0,
                certain: 0,
                schemas: BTreeMap::new(),
            });
        }
        if let Some(outage) = outages.last_mut() {
            outage.last_ms = loss.at_ms;
            outage.events += 1;
            outage.certain += u64::from(loss.is_certain);
            *outage.schemas.entry(loss.schema).or_default() += 1;
        }
    }
    outages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_far_apart_are_two_outages() {
        let loss = |at_ms, schema: &str| Loss {
            at_ms,
            schema: schema.into(),
            is_certain: at_ms > 0,
        };
        let outages = group(
            [loss(0, "A/1"), loss(500, "B/2"), loss(90, "A/1")].into_iter(),
            100,
        );
        assert_eq!(outages.len(), 2);
        let first = &outages[0];
        assert_eq!((first.first_ms, first.last_ms), (0, 90));
        assert_eq!((first.events, first.certain), (2, 1));
        assert_eq!(outages[1].schemas["B/2"], 1);
    }
}
