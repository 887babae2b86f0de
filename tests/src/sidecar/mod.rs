//! Landfall configured, started, asked and stopped, as an operator does it.

mod answers;
mod command;
mod process;
mod readings;
mod settings;
mod store;

use std::path::{Path, PathBuf};
use std::process::ExitStatus;

pub use answers::Incident;
pub use command::{Answer, landfall};
pub use process::{Process, SidecarError, address};
pub use readings::Readings;
pub use settings::{CheckSettings, Settings};
pub use store::{StoreReader, WindowTotals};

use crate::metrics::Metrics;

/// The running sidecar, with its configuration, log and store in one directory.
pub struct Sidecar {
    process: Process,
    dir: PathBuf,
    config: PathBuf,
}

impl Sidecar {
    /// Writes the configuration into `dir`, starts `program` and waits until it is ready.
    pub fn start(program: &Path, dir: &Path, settings: &Settings) -> Result<Self, SidecarError> {
        let config = dir.join("landfall.toml");
        settings.write(&config).map_err(|cause| SidecarError::Io {
            what: "writing the configuration",
            cause,
        })?;
        Ok(Self {
            process: Process::start(program, &config, &dir.join("landfall.log"))?,
            dir: dir.to_owned(),
            config,
        })
    }

    pub fn config(&self) -> &Path {
        &self.config
    }

    pub fn store(&self) -> StoreReader {
        StoreReader::new(&self.dir.join(settings::STORE))
    }

    pub fn metrics(&self) -> Metrics {
        self.process.metrics()
    }

    /// What it answers over HTTP.
    pub fn get(&self, path: &str) -> std::io::Result<crate::http::Answer> {
        self.process.get(path)
    }

    pub fn log_text(&self) -> String {
        self.process.log_text()
    }

    /// SIGTERM, and waits until it has drained and ended.
    pub fn stop(&mut self) -> Result<ExitStatus, SidecarError> {
        self.process.stop()
    }
}
