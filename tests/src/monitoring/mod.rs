//! A real Prometheus and a real Alertmanager beside Landfall, as an operator would run them: on free
//! ports, in a directory of their own, ended with the test.

mod alertmanager;
mod exposition;
mod prometheus;
mod server;
mod webhook;

pub use alertmanager::Alertmanager;
pub use exposition::Exposition;
pub use prometheus::{Prometheus, PrometheusOptions, Sample, Series};
pub use server::ServerError;
pub use webhook::{Notification, Webhook};
