//! Who has to be notified: series with which rules join an alarm's labels.

use std::sync::{Mutex, PoisonError};

use prometheus::Result;

use super::labels::{ALWAYS, OTHER, SchemaLabelSet};
use super::registrar::Registrar;
use super::table::MetricTable;

/// All owners.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Owners {
    /// The owner of Landfall itself.
    pub landfall: String,
    /// By schema: all known schemas, and the labels that are no schema ([`ALWAYS`]).
    pub schemas: Vec<(String, String)>,
    pub checks: Vec<(String, String)>,
}

#[derive(Debug)]
pub struct OwnerMetrics {
    owners: Mutex<Owners>,
    landfall: MetricTable,
    schemas: MetricTable,
    checks: MetricTable,
}

impl OwnerMetrics {
    pub(super) fn new(r: &Registrar) -> Result<Self> {
        Ok(Self {
            owners: Mutex::default(),
            landfall: MetricTable::new(
                r,
                "owner_info",
                &["owner"],
                "1 for the owner of Landfall itself, by [owners] of the configuration; (nobody) if none is named.",
            )?,
            schemas: MetricTable::new(
                r,
                "schema_owner_info",
                &["schema", "owner"],
                "1 for the owner of each schema that has series, by [owners] of the configuration; (nobody) if none is named.",
            )?,
            checks: MetricTable::new(
                r,
                "check_owner_info",
                &["check", "owner"],
                "1 for the owner of each check in force, by [owners] of the configuration; (nobody) if none is named.",
            )?,
        })
    }

    /// Sets the owners from now on.
    pub fn set(&self, owners: Owners) {
        *self.owners.lock().unwrap_or_else(PoisonError::into_inner) = owners;
    }

    /// Shows the owners of the schemas that have series now.
    pub(super) fn refresh(&self, labels: &SchemaLabelSet) {
        let owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        let landfall = Some(&owners.landfall).filter(|owner| !owner.is_empty());
        self.landfall
            .set(landfall.map(|owner| ([owner.clone()], 1.0)));
        let names = owners.schemas.iter().map(|(schema, _)| schema.as_str());
        let own = labels.look_up(names);
        let with_series = owners
            .schemas
            .iter()
            .zip(own)
            .filter(|((schema, _), label)| *label != OTHER || ALWAYS.contains(&schema.as_str()));
        let one = |(name, owner): &(String, String)| ([name.clone(), owner.clone()], 1.0);
        self.schemas.set(with_series.map(|(pair, _)| one(pair)));
        self.checks.set(owners.checks.iter().map(one));
    }
}
