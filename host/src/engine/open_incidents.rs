//! The incidents that were open when the last run ended, and that go on in this one: an outage that outlasts a restart is
//! one incident.
//!
//! Silence, findings and holes of coverage do not go on. This run sees anew whether they are there.

use landfall_ledger::{Cause, Incident, IncidentId, Scope, Share};
use landfall_store::IncidentRow;

use crate::judge::labels::{SchemaLabels, UNKNOWN_SCHEMA};

/// Those of these incidents that go on. The others are to be closed.
pub(super) fn ongoing(rows: &[IncidentRow], labels: &SchemaLabels) -> Vec<Incident> {
    let open = rows.iter().filter(|row| row.closed_ms.is_none());
    open.filter_map(|row| incident(row, labels)).collect()
}

/// None if it does not go on, or a schema of it has no name in this run.
fn incident(row: &IncidentRow, labels: &SchemaLabels) -> Option<Incident> {
    let cause = Cause::ALL
        .into_iter()
        .find(|cause| cause.as_str() == row.cause)?;
    match cause {
        Cause::Stalled
        | Cause::Loss
        | Cause::Altered
        | Cause::Leaked
        | Cause::Duplicate
        | Cause::Unexpected
        | Cause::Unjudged => {}
        Cause::Silent | Cause::Finding | Cause::Unwatched => return None,
    }
    let schema = |name: &str| {
        let schema = labels.find(name.as_bytes());
        (schema != UNKNOWN_SCHEMA || labels.name(UNKNOWN_SCHEMA) == name).then_some(schema)
    };
    let scope = match row.scope.as_str() {
        "pipeline" => Scope::Pipeline,
        // Nobody knows any more whose stalls they are.
        "others" if cause != Cause::Stalled => Scope::Others,
        "schema" => Scope::Schema(schema(&row.subject)?),
        _ => return None,
    };
    let shares = row.shares.iter().map(|share| {
        Some(Share {
            schema: schema(&share.schema)?,
            events: share.events,
            landed_late: share.landed_late,
            first_ms: share.first_ms,
            last_ms: share.last_ms,
        })
    });
    let mut shares = shares.collect::<Option<Vec<_>>>()?;
    shares.sort_unstable_by_key(|share| share.schema);
    Some(Incident {
        id: IncidentId(row.id),
        cause,
        scope,
        found: None,
        start_ms: row.start_ms,
        end_ms: row.end_ms,
        opened_ms: row.opened_ms,
        closed_ms: None,
        resumed_ms: row.resumed_ms,
        events: row.events,
        landed_late: row.landed_late,
        shares,
    })
}

#[cfg(test)]
mod tests {
    use landfall_store::ShareRow;

    use super::*;

    fn row(cause: &str, scope: &str, subject: &str, closed_ms: Option<i64>) -> IncidentRow {
        IncidentRow {
            id: 7,
            cause: cause.into(),
            scope: scope.into(),
            subject: subject.into(),
            start_ms: 10,
            end_ms: 20,
            opened_ms: 30,
            resumed_ms: None,
            closed_ms,
            events: 5,
            landed_late: 2,
            shares: vec![ShareRow {
                schema: "A/1".into(),
                events: 5,
                landed_late: 2,
                first_ms: 10,
                last_ms: 20,
            }],
            found: landfall_store::FindingRow::default(),
        }
    }

    #[test]
    fn what_went_on_goes_on_if_all_its_schemas_have_names() {
        let mut labels = SchemaLabels::default();
        labels.extend(["A/1"].into_iter());
        let goes_on = |row: IncidentRow| ongoing(&[row], &labels).into_iter().next();
        let schema = labels.find(b"A/1");
        for (cause, scope, subject, expected) in [
            ("stalled", "pipeline", "", Some(Scope::Pipeline)),
            ("loss", "schema", "A/1", Some(Scope::Schema(schema))),
            ("loss", "schema", "B/1", None),
            (
                "loss",
                "schema",
                "(unknown)",
                Some(Scope::Schema(UNKNOWN_SCHEMA)),
            ),
            ("altered", "others", "", Some(Scope::Others)),
            ("stalled", "others", "", None),
            ("silent", "stream", "raw", None),
            ("finding", "schema", "A/1", None),
            ("unwatched", "stream", "written", None),
            ("no such cause", "pipeline", "", None),
        ] {
            let found = goes_on(row(cause, scope, subject, None)).map(|incident| incident.scope);
            assert_eq!(found, expected, "{cause} {scope} {subject}");
            assert_eq!(
                goes_on(row(cause, scope, subject, Some(40))),
                None,
                "it is closed"
            );
        }
        let whole = goes_on(row("stalled", "pipeline", "", None)).expect("it goes on");
        assert_eq!(
            (whole.id, whole.opened_ms, whole.events),
            (IncidentId(7), 30, 5)
        );
        assert_eq!((whole.shares.len(), whole.shares[0].schema), (1, schema));
    }
}
