//! Bounded values of the label `schema`.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Maximum number of schemas with their own series: each costs 28 series, and once events come in 46 with
/// the default buckets (docs/PERFORMANCE.md has bytes and times). The rest share the label `(other)`.
pub const SCHEMA_LABELS_MAX: usize = 500;

/// All schemas beyond the bound.
pub const OTHER: &str = "(other)";

/// These are no schemas, and always have their own series: events of schemas that are not loaded, events that
/// name none, and all schemas beyond the bound together.
pub const ALWAYS: [&str; 3] = ["(unknown)", "(none)", OTHER];

/// The schemas that have their own label. If there is room for all loaded schemas, all have one; otherwise
/// those have one of which events come in, in that order. A label once given stays: counters do not move.
#[derive(Debug, Default)]
pub struct SchemaLabelSet {
    known: Mutex<BTreeSet<String>>,
}

/// The label of a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label<'n> {
    pub name: &'n str,
    /// It was given just now: its series have to begin.
    pub is_new: bool,
}

impl SchemaLabelSet {
    /// The label of a schema for which something is counted. `name` comes from schemas and configuration,
    /// never from event text.
    pub fn of<'n>(&self, name: &'n str) -> Label<'n> {
        let old = |name| Label {
            name,
            is_new: false,
        };
        if ALWAYS.contains(&name) {
            return old(name);
        }
        let mut known = self.known();
        if known.contains(name) {
            return old(name);
        }
        if known.len() >= SCHEMA_LABELS_MAX {
            return old(OTHER);
        }
        known.insert(name.to_owned());
        Label { name, is_new: true }
    }

    /// Gives each of these schemas a label if there is room for all; returns the new ones. Without room none
    /// gets one: most loaded schemas may be old revisions that nobody sends any more.
    pub fn give<'n>(&self, names: &[&'n str]) -> Vec<&'n str> {
        let mut known = self.known();
        let is_new = |name: &&&str| !ALWAYS.contains(*name) && !known.contains(**name);
        let new: BTreeSet<&'n str> = names.iter().filter(is_new).copied().collect();
        if known.len() + new.len() > SCHEMA_LABELS_MAX {
            return Vec::new();
        }
        known.extend(new.iter().map(|&name| name.to_owned()));
        new.into_iter().collect()
    }

    /// Each of the names with its current label: its own, or `(other)`.
    pub fn look_up<'n>(&self, names: impl IntoIterator<Item = &'n str>) -> Vec<&'n str> {
        let known = self.known();
        let label = |name: &'n str| match ALWAYS.contains(&name) || known.contains(name) {
            true => name,
            false => OTHER,
        };
        names.into_iter().map(label).collect()
    }

    fn known(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(of: std::ops::Range<usize>) -> Vec<String> {
        of.map(|n| format!("S/{n}")).collect()
    }

    #[test]
    fn the_first_schemas_keep_their_labels_and_the_rest_share_one() {
        let labels = SchemaLabelSet::default();
        let names = names(0..SCHEMA_LABELS_MAX + 3);
        let given: Vec<&str> = names.iter().map(|name| labels.of(name).name).collect();
        assert_eq!(given.iter().filter(|label| **label == OTHER).count(), 3);
        assert_eq!(labels.of("S/0").name, "S/0");
    }

    #[test]
    fn what_is_no_schema_has_its_own_series_and_takes_the_place_of_none() {
        let labels = SchemaLabelSet::default();
        assert_eq!(ALWAYS.map(|name| labels.of(name).name), ALWAYS);
        assert_eq!(labels.give(&ALWAYS), [""; 0]);
        for name in names(0..SCHEMA_LABELS_MAX) {
            assert_eq!(labels.of(&name).name, name);
        }
        assert_eq!(labels.of("S/more").name, OTHER);
        assert_eq!(ALWAYS.map(|name| labels.of(name).name), ALWAYS);
        let judged = crate::judge::labels::SchemaLabels::default();
        assert_eq!(judged.names(), &ALWAYS[..2], "the same words as everywhere");
    }

    #[test]
    fn loaded_schemas_have_labels_at_once_if_all_can_and_else_those_that_events_come_in_of() {
        let labels = SchemaLabelSet::default();
        let all = names(0..SCHEMA_LABELS_MAX + 1);
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        assert_eq!(labels.give(&all), [""; 0], "one too many");
        assert_eq!(labels.look_up(["S/7", "(none)"]), [OTHER, "(none)"]);
        assert!(labels.of("S/7").is_new);
        assert!(!labels.of("S/7").is_new);
        assert_eq!(labels.look_up(["S/7", "S/8"]), ["S/7", OTHER]);
        assert_eq!(
            labels.give(&all[..SCHEMA_LABELS_MAX]).len(),
            SCHEMA_LABELS_MAX - 1
        );
        assert_eq!(labels.give(&all[..2]), [""; 0], "they have theirs");
        assert_eq!(labels.of(all[SCHEMA_LABELS_MAX]).name, OTHER);
    }
}
