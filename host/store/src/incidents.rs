//! Writes incidents, and revises the counts of those that the ledger has forgotten.

use landfall_escape::file;
use rusqlite::{OptionalExtension as _, params};

use crate::error::StoreError;
use crate::flush::Flush;
use crate::rows::{IncidentRow, ShareRow};

/// The name of the share of unknown schemas in an incident.
const UNKNOWN_SCHEMA: &str = "(unknown)";

/// What is counted of an incident, or of a schema's share.
struct IncidentCounts<'a> {
    events: &'a mut u64,
    landed_late: &'a mut u64,
}

impl Flush<'_> {
    /// Writes an incident as it stands, in the place of its earlier state.
    ///
    /// # Errors
    ///
    /// If SQLite fails.
    pub fn incident(&self, row: &IncidentRow) -> Result<(), StoreError> {
        let failed = StoreError::sqlite("put an incident");
        let shares = serde_json::to_string(&row.shares).unwrap_or_else(|_| "[]".into());
        self.prepare(
            "INSERT OR REPLACE INTO incidents VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
            "put an incident",
        )?
            .execute(params![
                row.id,
                row.cause,
                row.scope,
                row.subject,
                row.start_ms,
                row.end_ms,
                row.opened_ms,
                row.resumed_ms,
                row.closed_ms,
                row.events,
                row.landed_late,
                shares,
                row.found.check_name,
                row.found.reason,
                file::escape(&row.found.help),
                row.found.severity,
                file::escape(&row.found.detail)
            ])
            .map_err(&failed)?;
        Ok(())
    }

    /// An event landed after all, of an incident that the ledger has forgotten.
    ///
    /// # Errors
    ///
    /// If SQLite fails.
    pub fn incident_landed_late(&self, id: u64, schema: &str) -> Result<(), StoreError> {
        self.revise_incident(id, schema, |counts| {
            *counts.landed_late = counts.landed_late.saturating_add(1);
        })
    }

    /// An event of the incident was lost once more, and belongs to another incident from now on.
    ///
    /// # Errors
    ///
    /// If SQLite fails.
    pub fn incident_lost_again(&self, id: u64, schema: &str) -> Result<(), StoreError> {
        self.revise_incident(id, schema, |counts| {
            *counts.events = counts.events.saturating_sub(1);
        })
    }

    /// Revises the counts of an incident and of a schema's share in it.
    fn revise_incident(
        &self,
        id: u64,
        schema: &str,
        revise: impl Fn(&mut IncidentCounts<'_>),
    ) -> Result<(), StoreError> {
        let failed = StoreError::sqlite("revise an incident");
        let found: Option<(u64, u64, String)> = self
            .prepare(
                "SELECT events, landed_late, shares FROM incidents WHERE id = ?1",
                "revise an incident",
            )?
            .query_row(params![id], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })
            .optional()
            .map_err(&failed)?;
        let Some((mut events, mut landed_late, shares)) = found else {
            return Ok(());
        };
        revise(&mut IncidentCounts {
            events: &mut events,
            landed_late: &mut landed_late,
        });
        let mut shares: Vec<ShareRow> = serde_json::from_str(&shares).unwrap_or_default();
        // The schema may have been unknown when the event was counted.
        let has = |name: &str| shares.iter().any(|share| share.schema == name);
        let name = if has(schema) { schema } else { UNKNOWN_SCHEMA };
        for share in shares.iter_mut().filter(|share| share.schema == name) {
            revise(&mut IncidentCounts {
                events: &mut share.events,
                landed_late: &mut share.landed_late,
            });
        }
        let shares = serde_json::to_string(&shares).unwrap_or_else(|_| "[]".into());
        self.prepare(
            "UPDATE incidents SET events = ?2, landed_late = ?3, shares = ?4 WHERE id = ?1",
            "revise an incident",
        )?
        .execute(params![id, events, landed_late, shares])
        .map_err(&failed)?;
        Ok(())
    }
}
