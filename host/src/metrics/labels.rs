//! Bounded values of the label `schema`.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// Most schemas with series of their own; with 9 verdicts and a histogram each costs some 30 series.
/// The rest share the label `(other)`.
pub const SCHEMA_LABELS_MAX: usize = 500;

/// These are no schemas, and always have series of their own: what is not loaded, and what names none.
pub const ALWAYS: [&str; 2] = ["(unknown)", "(none)"];

/// All schemas beyond the bound.
pub const OTHER: &str = "(other)";

/// Which schemas have a label of their own: the first that were seen.
#[derive(Debug, Default)]
pub struct SchemaLabels {
    known: Mutex<BTreeSet<String>>,
}

impl SchemaLabels {
    /// The label of a schema. `name` comes from schemas and configuration, never from event text.
    pub fn of<'n>(&self, name: &'n str) -> &'n str {
        if ALWAYS.contains(&name) {
            return name;
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.contains(name) {
            return name;
        }
        if known.len() >= SCHEMA_LABELS_MAX {
            return OTHER;
        }
        known.insert(name.to_owned());
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_schemas_keep_their_labels_and_the_rest_share_one() {
        let labels = SchemaLabels::default();
        let names: Vec<String> = (0..SCHEMA_LABELS_MAX + 3)
            .map(|n| format!("S/{n}"))
            .collect();
        let given: Vec<&str> = names.iter().map(|name| labels.of(name)).collect();
        assert_eq!(given.iter().filter(|label| **label == OTHER).count(), 3);
        assert_eq!(labels.of("S/0"), "S/0");
    }

    #[test]
    fn what_is_no_schema_has_its_own_series_and_takes_the_place_of_none() {
        let labels = SchemaLabels::default();
        assert_eq!(ALWAYS.map(|name| labels.of(name)), ALWAYS);
        for n in 0..SCHEMA_LABELS_MAX {
            let name = format!("S/{n}");
            assert_eq!(labels.of(&name), name);
        }
        assert_eq!(labels.of("S/more"), OTHER);
        assert_eq!(ALWAYS.map(|name| labels.of(name)), ALWAYS);
        let judged = crate::judge::labels::SchemaLabels::default();
        assert_eq!(judged.names(), ALWAYS, "the same words as everywhere");
    }
}
