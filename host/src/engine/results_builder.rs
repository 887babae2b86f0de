//! What the results are built from.

use std::sync::Arc;
use std::time::Instant;

use landfall_document::Pointer;
use landfall_store::spool::Spool;

use super::settings::{retention, tracker_config_of};
use super::stored::Stored;
use super::{BuildParts, EngineParts};
use crate::flow::InFlight;
use crate::judge::plan_cell::PlanCell;
use crate::results::{KeyMemory, Results, ResultsParts};
use crate::shutdown::Shutdown;

/// What the results share with other stages.
pub(super) struct ResultsBuilder {
    plan: Arc<PlanCell>,
    spool: Arc<Spool>,
    in_flight: InFlight,
    shutdown: Arc<Shutdown>,
    redact: Arc<Vec<Pointer>>,
    window_ms: i64,
    shards: usize,
}

impl ResultsBuilder {
    pub(super) fn build(
        self,
        parts: EngineParts<'_>,
        stored: Stored,
        key_memory: Option<KeyMemory>,
    ) -> Results {
        let parts = ResultsParts {
            window_ms: self.window_ms,
            redact: self.redact,
            retention: retention(parts.config),
            first_generation: stored.first_generation,
            incidents: tracker_config_of(parts.config, parts.planned, &parts.time),
            time: parts.time,
            shutdown: self.shutdown,
            plan: self.plan,
            store: parts.store,
            spool: self.spool,
            next_incident: stored.next_incident,
            telemetry: parts.telemetry.clone(),
            shards: self.shards,
            in_flight: self.in_flight,
            known_ms: stored.known_ms,
            open_incidents: stored.open_incidents,
            key_memory,
        };
        Results::new(parts, Instant::now())
    }
}

impl BuildParts<'_> {
    pub(super) fn results_builder(&self) -> ResultsBuilder {
        ResultsBuilder {
            plan: Arc::clone(&self.plan),
            spool: Arc::clone(&self.spool),
            in_flight: self.in_flight.clone(),
            shutdown: Arc::clone(&self.shutdown),
            redact: Arc::clone(&self.redact),
            window_ms: self.window_ms,
            shards: self.shards,
        }
    }
}
