//! The contents of the ledger, its windows and its incidents.

use std::time::Duration;

use prometheus::{Gauge, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Result};

use super::registrar::Registrar;

/// What all shards hold together.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LedgerGauges {
    /// Entries that wait: raw events, and landings that came before theirs.
    pub pending: usize,
    /// How long the oldest expected event waits; None if none does.
    pub oldest_age: Option<Duration>,
    pub settled: usize,
    /// How far back all settled keys are remembered: the shortest of the shards.
    pub horizon: Duration,
    pub memory_bytes: usize,
}

#[derive(Debug)]
pub struct LedgerMetrics {
    entries: IntGauge,
    entries_limit: IntGauge,
    oldest: Gauge,
    settled: IntGauge,
    horizon: Gauge,
    memory: IntGauge,
    imbalance: IntCounter,
    windows: IntCounter,
    open: IntGaugeVec,
    incidents: IntCounterVec,
}

impl LedgerMetrics {
    pub(super) fn new(r: &Registrar) -> Result<Self> {
        Ok(Self {
            entries: r.gauge("ledger_entries", "Entries that wait in memory: raw events, and landings that came before their raw event.")?,
            entries_limit: r.gauge(
                "ledger_entries_limit",
                "Maximum number of raw events that may wait in memory (ledger.pending_max): with more, no raw batch is taken. Landings that came before their raw event have a separate bound of the same number.",
            )?,
            oldest: r.real("oldest_pending_age_seconds", "How long, by Landfall's clock, the oldest expected event has been waiting.")?,
            settled: r.gauge("ledger_settled_keys", "Keys of settled events that are remembered.")?,
            horizon: r.real(
                "ledger_horizon_seconds",
                "How far back all settled keys are remembered; repeated and duplicate are exact within this time.",
            )?,
            memory: r.gauge("ledger_memory_bytes", "Memory of the ledger's tables.")?,
            imbalance: r.counter(
                "conservation_imbalance_events_total",
                "Events by which closed windows were out of balance. Always 0, unless Landfall itself is wrong.",
            )?,
            windows: r.counter("windows_closed_total", "Windows that have closed.")?,
            open: r.gauges("incidents_open", &["cause"], "Incidents that are open now.")?,
            incidents: r.counters("incidents_total", &["cause"], "Incidents that were opened.")?,
        })
    }

    pub fn set(&self, gauges: &LedgerGauges) {
        let whole = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        self.entries.set(whole(gauges.pending));
        self.oldest
            .set(gauges.oldest_age.unwrap_or_default().as_secs_f64());
        self.settled.set(whole(gauges.settled));
        self.horizon.set(gauges.horizon.as_secs_f64());
        self.memory.set(whole(gauges.memory_bytes));
    }

    /// The maximum number that may wait.
    pub fn set_limit(&self, entries: usize) {
        self.entries_limit
            .set(i64::try_from(entries).unwrap_or(i64::MAX));
    }

    /// A window has closed; `imbalance` is 0 unless Landfall is wrong.
    pub fn window_closed(&self, imbalance: u64) {
        self.windows.inc();
        self.imbalance.inc_by(imbalance);
    }

    /// All causes, so that their series exist before the first incident.
    pub fn causes(&self, causes: impl IntoIterator<Item = &'static str>) {
        for cause in causes {
            self.open.with_label_values(&[cause]).add(0);
            self.incidents.with_label_values(&[cause]).inc_by(0);
        }
    }

    pub fn incident_opened(&self, cause: &str) {
        self.incidents.with_label_values(&[cause]).inc();
    }

    /// How many incidents of a cause are open now.
    pub fn set_incidents_open(&self, cause: &str, open: usize) {
        let open = i64::try_from(open).unwrap_or(i64::MAX);
        self.open.with_label_values(&[cause]).set(open);
    }
}
