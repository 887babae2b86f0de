//! Rules for Prometheus, an example for Alertmanager and dashboards for Grafana, generated from one
//! source.
//!
//! Parameters in, text out: it reads no clock, file or socket, and does not know the registry of metrics. A test
//! of the program checks that each metric that is queried here is in the registry.

pub mod parameters;

pub mod alertmanager;
pub mod evaluations;
pub mod grafana;
pub mod prometheus;
pub mod queries;
mod query;
mod yaml;

pub use parameters::{ParameterError, Parameters};
