//! Titles of panels that are referred to elsewhere.

pub const INCIDENTS_OPEN_NOW: &str = "Open incidents";
pub const RAW: &str = "Raw events by schema";
pub const VERDICTS: &str = "Verdicts";
pub const BY_SCHEMA: &str = "By schema, over the chosen time";
pub const ACCOUNTED: &str = "Every event is accounted for";
pub const MISSING: &str = "Missing now, by schema";
pub const WAITING: &str = "Waiting for a verdict";
pub const INCIDENTS: &str = "Incidents open, by cause";
pub const LATENCY: &str = "Delivery latency";
pub const HEAT: &str = "Delivery latency, as a heat map";
pub const ENDPOINTS: &str = "Endpoints";
pub const FRONTIER: &str = "Frontier lag";
pub const DISK: &str = "Store and spool";
