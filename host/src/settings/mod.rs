//! Reads settings from TOML and from the environment, and collects all that is wrong with them, each with file,
//! line, field and remedy.
//!
//! Knows no setting: the sections of the configuration, and each kind of source, read their own.

pub(crate) mod environment;
pub(crate) mod errors;
pub(crate) mod node;
pub(crate) mod origin;
pub(crate) mod reader;
pub mod units;

pub use environment::Environment;
pub use errors::{ConfigError, ConfigErrors, Hint};
pub use reader::{Findings, Section};
