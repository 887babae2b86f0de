//! How much memory a part of the bench takes, besides its data.

use std::fs;

/// Does `work`, and returns by how many bytes memory grew at most meanwhile. None if the system does not
/// report it.
pub fn growth_bytes<T>(work: impl FnOnce() -> T) -> (T, Option<f64>) {
    // Linux: the peak is counted from here on (proc(5), clear_refs).
    let is_reset = fs::write("/proc/self/clear_refs", "5").is_ok();
    let before = bytes("VmRSS:");
    let done = work();
    let most = bytes("VmHWM:");
    let growth = before.zip(most).map(|(before, most)| most - before);
    (done, growth.filter(|_| is_reset))
}

/// One of the figures that the system keeps of this process.
fn bytes(name: &str) -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with(name))?;
    let kib: f64 = line.split_ascii_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024.0)
}
