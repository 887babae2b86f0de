//! A real Prometheus and a real Alertmanager beside Landfall, as an operator would run them: on free
//! ports, in a directory of their own, ended with the test.

mod alertmanager;
mod prometheus;
mod server;
mod webhook;

pub use alertmanager::Alertmanager;
pub use prometheus::{Prometheus, Query, Sample, Series};
pub use server::ServerError;
pub use webhook::{Notification, Webhook};
