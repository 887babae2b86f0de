//! Alertmanager: sends notifications about alerts.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use super::server::{Server, ServerError};

/// A running Alertmanager.
pub struct Alertmanager {
    server: Server,
}

impl Alertmanager {
    /// Starts it with `config`, and all its files below `dir`.
    pub fn start(program: &Path, dir: &Path, config: &str) -> Result<Self, ServerError> {
        let path = dir.join("alertmanager.yml");
        fs::write(&path, config).map_err(ServerError::io("writing a file for Alertmanager"))?;
        let args = [
            format!("--config.file={}", path.display()),
            format!("--storage.path={}", dir.join("alertmanager").display()),
            "--web.listen-address=127.0.0.1:0".to_owned(),
            // It is alone.
            "--cluster.listen-address=".to_owned(),
        ];
        let log = dir.join("alertmanager.log");
        Ok(Self {
            server: Server::start(program, &args, &log, "/-/ready")?,
        })
    }

    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    pub fn log_text(&self) -> String {
        self.server.log_text()
    }
}
