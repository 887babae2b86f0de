//! Configures, starts, queries and stops Landfall, as an operator does.

mod answers;
mod command;
mod process;
mod readings;
mod settings;
mod store;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

pub use answers::Incident;
pub use command::{Answer, landfall};
pub use process::{Process, SidecarError, address};
pub use readings::Readings;
pub use settings::{CheckSettings, Settings};
pub use store::{StoreReader, WindowTotals};

use rustix::process::Signal;

use crate::metrics::Metrics;

/// The log's name, beside the configuration.
const LOG: &str = "landfall.log";

/// The running sidecar, with its configuration, log and store in one directory.
pub struct Sidecar {
    process: Process,
    dir: PathBuf,
    config: PathBuf,
}

impl Sidecar {
    /// Writes the configuration into `dir`, starts `program` and waits until it is ready.
    pub fn start(program: &Path, dir: &Path, settings: &Settings) -> Result<Self, SidecarError> {
        Self::start_watched(program, dir, settings, &|_| ())
    }

    /// The same; `serving` gets the address of its HTTP server, before it is ready.
    pub fn start_watched(
        program: &Path,
        dir: &Path,
        settings: &Settings,
        serving: &dyn Fn(SocketAddr),
    ) -> Result<Self, SidecarError> {
        let config = dir.join("landfall.toml");
        settings.write(&config).map_err(|cause| SidecarError::Io {
            what: "writing the configuration",
            cause,
        })?;
        let log = dir.join(LOG);
        Ok(Self {
            process: Process::start_watched(program, &config, &log, serving)?,
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

    /// Its answer over HTTP.
    pub fn get(&self, path: &str) -> std::io::Result<crate::http::Answer> {
        self.process.get(path)
    }

    pub fn log_text(&self) -> String {
        self.process.log_text()
    }

    /// Where it serves HTTP.
    pub fn http(&self) -> SocketAddr {
        self.process.http()
    }

    /// Changes the text of its configuration, and makes it read the file again.
    pub fn reload(&self, change: impl FnOnce(String) -> String) -> Result<(), SidecarError> {
        let text = fs::read_to_string(&self.config).map_err(|cause| SidecarError::Io {
            what: "reading the configuration",
            cause,
        })?;
        fs::write(&self.config, change(text)).map_err(|cause| SidecarError::Io {
            what: "writing the configuration",
            cause,
        })?;
        self.process.signal(Signal::HUP)
    }

    /// SIGKILL, and waits until it is gone. The log of what it was stays beside that of the next run.
    pub fn kill(&mut self) -> Result<(), SidecarError> {
        self.process.signal(Signal::KILL)?;
        self.process.await_end()?;
        let log = self.dir.join(LOG);
        fs::rename(&log, self.dir.join("landfall-killed.log")).map_err(|cause| SidecarError::Io {
            what: "keeping the log",
            cause,
        })
    }

    /// SIGTERM, and waits until it has drained and ended.
    pub fn stop(&mut self) -> Result<ExitStatus, SidecarError> {
        self.process.stop()
    }
}
