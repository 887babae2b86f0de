//! `[http]`: metrics and health.

use std::net::{Ipv4Addr, SocketAddr};

use crate::settings::reader::Section;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpConfig {
    /// None: no HTTP at all.
    pub listen: Option<SocketAddr>,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            listen: Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 9470))),
        }
    }
}

impl HttpConfig {
    pub(in crate::config) fn read(&mut self, section: &mut Section<'_>) {
        let remedy = "write an address and port such as \"127.0.0.1:9470\" or \"[::1]:9470\", or \"\" for none";
        section.parsed("listen", &mut self.listen, remedy, |text| {
            if text.is_empty() {
                Some(None)
            } else {
                text.parse().ok().map(Some)
            }
        });
    }
}
