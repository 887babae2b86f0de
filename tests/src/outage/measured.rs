//! What an outage cost.

use std::path::Path;
use std::time::Duration;

/// The figures of an outage.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    /// That did not land in time.
    pub events: u64,
    /// Of them: nobody knows, because Landfall was killed meanwhile.
    pub unconfirmed: u64,
    pub rss_bytes_max: u64,
    pub disk_bytes_max: u64,
    /// From the start after a kill until all was judged again that waited.
    pub recovery_max: Duration,
    /// Real time of the outage, and of the landing and settling of its events.
    pub outage_took: Duration,
    pub landing_took: Duration,
}

/// The most memory that a process has had resident; 0 if it is gone.
pub fn peak_rss_bytes(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) << 10
}

/// What the files below a directory take on disk.
pub fn disk_bytes(dir: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    let Ok(entries) = std::fs::read_dir(dir) else {
        return 0;
    };
    let bytes = entries.flatten().map(|entry| match entry.metadata() {
        Ok(about) if about.is_dir() => disk_bytes(&entry.path()),
        Ok(about) => about.blocks() * 512,
        // It was removed meanwhile.
        Err(_) => 0,
    });
    bytes.sum()
}
