//! Reads what the store has kept for the next run.

use landfall_ledger::{Fingerprint, Shard};
use landfall_store::{Store, StoreError};

use crate::judge::identity::Secret;

pub(super) struct Stored {
    pub secret: Secret,
    pub next_incident: u64,
    pub first_generation: u64,
    /// Up to when the store knows what happened, by the system's clock.
    pub known_ms: Option<i64>,
}

impl Stored {
    /// Closes what an ended run left open, and logs what was done.
    ///
    /// # Errors
    /// The store cannot be read or written.
    pub fn open(store: &mut Store) -> Result<Self, StoreError> {
        match store.take_rewrite_result() {
            None => {}
            Some(Ok(())) => tracing::info!(
                "the store's file was rewritten, because deleted data could still be read in it"
            ),
            Some(Err(error)) => tracing::warn!(
                "{error}; what was deleted from the store until now can still be read in its file, and the next \
                 start tries again"
            ),
        }
        let left = store.close_leftovers()?;
        if left.incidents > 0 {
            tracing::info!(
                incidents = left.incidents,
                "incidents that were open when the last run ended are closed as of then"
            );
        }
        Ok(Self {
            secret: Secret::new(store.secret()?),
            next_incident: store.next_incident()?,
            first_generation: store.next_generation()?,
            known_ms: store.system_known_ms()?,
        })
    }
}

/// Adds to the shards the events that an earlier run reported as missing and that are still owed.
pub(super) fn add_unlanded(store: &Store, shards: &mut [Shard]) -> Result<(), StoreError> {
    let count = shards.len();
    store.unlanded(|fingerprint| {
        let key = Fingerprint::from_bytes(fingerprint);
        shards[key.shard(count)].add_unlanded(key);
    })
}
