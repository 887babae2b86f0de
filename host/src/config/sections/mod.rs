//! The settings, one file for each table of the configuration. Each file has the defaults and reads its
//! table; `semantics.rs` checks the rules between tables.

mod checks;
mod clock;
mod compile;
mod deadlines;
mod event;
mod http;
mod incidents;
mod judge;
mod ledger;
mod log;
mod metrics;
mod owners;
mod places;
mod sequence;
mod store;
mod streams;

pub use checks::{CheckConfig, CheckLimits, default_checks};
pub use clock::ClockConfig;
pub use compile::CompileConfig;
pub use deadlines::DeadlinesConfig;
pub use event::EventConfig;
pub use http::HttpConfig;
pub use incidents::{IncidentsConfig, WindowsConfig};
pub use judge::JudgeConfig;
pub use ledger::LedgerConfig;
pub use log::{LogConfig, LogFormat, LogLevel};
pub use metrics::MetricsConfig;
pub use owners::{NOBODY, OwnersConfig, matches, matches_schema};
pub use places::{GuestsConfig, RedactConfig, SchemasConfig};
pub use sequence::SequenceConfig;
pub use store::StoreConfig;
pub use streams::{StreamConfig, StreamsConfig};
