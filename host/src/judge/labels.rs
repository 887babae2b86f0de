//! Small numbers for the names that travel with every event: schemas and reasons. Names come from
//! schemas, manifests and configuration, never from event text. Once a number is assigned, it
//! stays.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use landfall_ledger::{ReasonId, SchemaId};

/// The schema is not among the loaded and configured ones.
pub const UNKNOWN_SCHEMA: SchemaId = SchemaId(0);
/// The event names no schema.
pub const NO_SCHEMA: SchemaId = SchemaId(1);

/// No reason.
pub const NO_REASON: ReasonId = ReasonId(0);

/// Schema labels in one process, over all reloads. Beyond this number a schema is `(unknown)`.
/// 4,096 labels are twice what the largest known directory of schemas holds.
pub const SCHEMAS_MAX: usize = 4096;

/// In place of a check's name: the reason comes from Landfall itself.
pub const HOST: &str = "landfall";

/// Reasons in one process: 64 a check, 256 checks and their versions.
const REASONS_MAX: usize = 16_384;

/// The labels of schemas, fixed for one plan. A reload makes an extended copy.
#[derive(Clone, Debug)]
pub struct SchemaLabels {
    names: Vec<String>,
    by_name: HashMap<Vec<u8>, SchemaId>,
}

impl Default for SchemaLabels {
    fn default() -> Self {
        let mut labels = Self {
            names: Vec::new(),
            by_name: HashMap::new(),
        };
        for (name, id) in [("(unknown)", UNKNOWN_SCHEMA), ("(none)", NO_SCHEMA)] {
            labels.names.push(name.into());
            // The store knows them by these names. An event may name its schema like this as well,
            // and gets the same label.
            labels.by_name.insert(name.into(), id);
        }
        labels
    }
}

impl SchemaLabels {
    /// Adds the names that are not there yet; false if there was no room for all.
    pub fn extend<'a>(&mut self, names: impl Iterator<Item = &'a str>) -> bool {
        for name in names {
            if self.by_name.contains_key(name.as_bytes()) {
                continue;
            }
            if self.names.len() >= SCHEMAS_MAX {
                return false;
            }
            let id = SchemaId(self.names.len() as u16);
            self.by_name.insert(name.as_bytes().to_vec(), id);
            self.names.push(name.to_owned());
        }
        true
    }

    /// The number of `name/revision` as an event has it.
    pub fn find(&self, name: &[u8]) -> SchemaId {
        self.by_name.get(name).copied().unwrap_or(UNKNOWN_SCHEMA)
    }

    /// The name of a schema, as `name/revision`.
    pub fn name(&self, id: SchemaId) -> &str {
        self.names
            .get(usize::from(id.0))
            .map_or("(unknown)", String::as_str)
    }

    /// All names, by number.
    pub fn names(&self) -> &[String] {
        &self.names
    }
}

/// Why an event was judged as it was: a check (or `landfall` itself) and its reason.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reason {
    pub check: String,
    pub id: String,
}

/// The reasons of a process. Written when a plan is built, read when something is shown to people.
#[derive(Debug)]
pub struct Reasons {
    inner: Mutex<ReasonsInner>,
}

#[derive(Debug, Default)]
struct ReasonsInner {
    list: Vec<Reason>,
    by_reason: HashMap<Reason, ReasonId>,
}

impl Default for Reasons {
    fn default() -> Self {
        let mut inner = ReasonsInner::default();
        inner.list.push(Reason {
            check: String::new(),
            id: String::new(),
        });
        Self {
            inner: Mutex::new(inner),
        }
    }
}

impl Reasons {
    fn lock(&self) -> MutexGuard<'_, ReasonsInner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of a reason, new or known. `NO_REASON` once there are too many reasons.
    pub fn intern(&self, check: &str, id: &str) -> ReasonId {
        let reason = Reason {
            check: check.to_owned(),
            id: id.to_owned(),
        };
        let mut inner = self.lock();
        if let Some(&known) = inner.by_reason.get(&reason) {
            return known;
        }
        // Landfall's own reasons are few and fixed. They always get a number, whatever the checks
        // use up.
        if inner.list.len() >= REASONS_MAX && check != HOST {
            return NO_REASON;
        }
        let number = ReasonId(inner.list.len() as u16);
        inner.list.push(reason.clone());
        inner.by_reason.insert(reason, number);
        number
    }

    /// The reason of a number; None if the number was never assigned.
    pub fn get(&self, id: ReasonId) -> Option<Reason> {
        if id == NO_REASON {
            return None;
        }
        self.lock().list.get(usize::from(id.0)).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_once_given_stays_over_reloads() {
        let mut labels = SchemaLabels::default();
        assert!(labels.extend(["A/1", "B/2"].into_iter()));
        let a = labels.find(b"A/1");
        let mut longer = labels.clone();
        assert!(longer.extend(["C/1", "A/1"].into_iter()));
        assert_eq!(longer.find(b"A/1"), a);
        assert_eq!(longer.name(a), "A/1");
        assert_eq!(labels.find(b"C/1"), UNKNOWN_SCHEMA);
        assert_eq!(labels.name(NO_SCHEMA), "(none)");
        assert_eq!(labels.find(b"(none)"), NO_SCHEMA);
    }

    #[test]
    fn schemas_beyond_the_bound_are_unknown() {
        let mut labels = SchemaLabels::default();
        let names: Vec<String> = (0..SCHEMAS_MAX).map(|n| format!("S/{n}")).collect();
        assert!(!labels.extend(names.iter().map(String::as_str)));
        assert_eq!(labels.names().len(), SCHEMAS_MAX);
        assert_eq!(
            labels.find(names.last().map_or(&b""[..], |name| name.as_bytes())),
            UNKNOWN_SCHEMA
        );
    }

    #[test]
    fn reasons_are_interned_once() {
        let reasons = Reasons::default();
        let first = reasons.intern("validity", "invalid_event");
        assert_eq!(reasons.intern("validity", "invalid_event"), first);
        assert_ne!(reasons.intern("other", "invalid_event"), first);
        assert_eq!(
            reasons.get(first).map(|r| r.id),
            Some("invalid_event".into())
        );
        assert_eq!(reasons.get(NO_REASON), None);
    }

    #[test]
    fn a_reason_of_landfall_itself_has_its_name_however_many_the_checks_have() {
        let reasons = Reasons::default();
        for n in 0..REASONS_MAX {
            reasons.intern("check", &n.to_string());
        }
        assert_eq!(reasons.intern("check", "one more"), NO_REASON);
        let own = reasons.intern(HOST, "no_key");
        assert_eq!(
            reasons.get(own).map(|reason| reason.id),
            Some("no_key".into())
        );
    }
}
