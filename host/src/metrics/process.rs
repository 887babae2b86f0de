//! The process itself, read from Linux' /proc when the metrics are read, and its clock. On other systems
//! than Linux the process' own values stay 0. A callback reports whether its parts are ready.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use prometheus::{Counter, Gauge, IntGauge, IntGaugeVec, Result};

use super::registrar::{Registrar, follow_seconds};
use crate::clock::{self, Clock};

/// Names the parts, and whether each is ready.
type AskReady = Box<dyn Fn() -> Vec<(String, bool)> + Send + Sync>;

pub struct ProcessMetrics {
    clock: Mutex<Option<Clock>>,
    ask_ready: Mutex<Option<AskReady>>,
    build: IntGaugeVec,
    started: Gauge,
    ready: IntGaugeVec,
    resident: IntGauge,
    cpu: Counter,
    threads: IntGauge,
    thread_watch: IntGaugeVec,
    time: Gauge,
    speed: Gauge,
    offset: Gauge,
}

impl std::fmt::Debug for ProcessMetrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ProcessMetrics")
    }
}

impl ProcessMetrics {
    pub(super) fn new(r: &Registrar) -> Result<Self> {
        let process = Self {
            clock: Mutex::default(),
            ask_ready: Mutex::default(),
            started: r.real(
                "process_start_time_seconds",
                "When the process started, by the system's time, in seconds since the epoch. Read once: a later step of that time does not move it.",
            )?,
            ready: r.gauges("ready", &["part"], "Whether the part is ready (1) or not (0); /readyz shows the reason.")?,
            build: r.gauges("build_info", &["version"], "1 for the version of Landfall that runs.")?,
            resident: r.gauge("process_resident_memory_bytes", "Resident memory of the process.")?,
            cpu: r.seconds("process_cpu_seconds_total", "Processor time of the process, in user and system mode.")?,
            threads: r.gauge("process_threads", "Threads of the process.")?,
            thread_watch: r.gauges(
                "thread_standing_seconds",
                &["thread"],
                "How long a thread of the engine has worked on one thing, from 10 s on; 0 when it goes on.",
            )?,
            time: r.real("clock_seconds", "The time of Landfall's clock, in seconds since the epoch: times of events, windows and incidents are by it.")?,
            speed: r.real("clock_speed_ratio", "How many times faster than real time Landfall's clock runs.")?,
            offset: r.real(
                "clock_offset_seconds",
                "By how much the system's time is ahead of Landfall's clock: the sum of the steps of the system clock since the start. 0 in a replay.",
            )?,
        };
        process
            .build
            .with_label_values(&[env!("CARGO_PKG_VERSION")])
            .set(1);
        process.started.set(clock::system_ms() as f64 / 1000.0);
        Ok(process)
    }

    /// Asks from now on which parts are ready.
    pub fn follow_readiness(&self, ask: impl Fn() -> Vec<(String, bool)> + Send + Sync + 'static) {
        *self
            .ask_ready
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(Box::new(ask));
    }

    /// Shows this clock from now on.
    pub fn follow_clock(&self, clock: Clock) {
        *self.clock.lock().unwrap_or_else(PoisonError::into_inner) = Some(clock);
    }

    pub fn set_standing(&self, thread: &str, at_it: Duration) {
        let seconds = i64::try_from(at_it.as_secs()).unwrap_or(i64::MAX);
        self.thread_watch.with_label_values(&[thread]).set(seconds);
    }

    pub(super) fn refresh(&self) {
        if let Some(clock) = &*self.clock.lock().unwrap_or_else(PoisonError::into_inner) {
            self.time.set(clock.now_ms() as f64 / 1000.0);
            self.speed.set(clock.speed());
            self.offset
                .set(clock.system_offset_ms().unwrap_or(0) as f64 / 1000.0);
        }
        if let Some(ask) = &*self
            .ask_ready
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
        {
            for (part, ready) in ask() {
                self.ready.with_label_values(&[&part]).set(ready.into());
            }
        }
        let Some(stat) = std::fs::read_to_string("/proc/self/stat")
            .ok()
            .as_deref()
            .and_then(Stat::parse)
        else {
            return;
        };
        self.resident.set(
            stat.resident_pages
                .saturating_mul(system(libc::_SC_PAGESIZE, 4096)),
        );
        self.threads.set(stat.threads);
        let ticks_per_second = system(libc::_SC_CLK_TCK, 100).unsigned_abs();
        follow_seconds(
            &self.cpu,
            Duration::from_secs_f64(stat.cpu_ticks as f64 / ticks_per_second as f64),
        );
    }
}

/// A value that the system reports about itself; `usual` if it does not.
fn system(name: libc::c_int, usual: i64) -> i64 {
    // SAFETY: sysconf takes any number and only answers.
    let value = unsafe { libc::sysconf(name) };
    if value > 0 { value } else { usual }
}

/// The fields of /proc/self/stat that are used; see proc(5).
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    cpu_ticks: u64,
    threads: i64,
    resident_pages: i64,
}

impl Stat {
    fn parse(text: &str) -> Option<Self> {
        // The second field is the program's name in brackets, and may hold anything, also brackets.
        let (_, rest) = text.rsplit_once(") ")?;
        // `fields[0]` is field 3.
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        let number = |field: usize| fields.get(field - 3)?.parse::<i64>().ok();
        let (user, kernel) = (number(14)?, number(15)?);
        Some(Self {
            cpu_ticks: user.unsigned_abs() + kernel.unsigned_abs(),
            threads: number(20)?,
            resident_pages: number(24)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_name_with_brackets_does_not_confuse() {
        let text = "7 (a) b) c) S 1 7 7 0 -1 4194560 1 0 0 0 150 50 0 0 20 0 9 0 1 1000 321 18446744073709551615 1";
        let expected = Stat {
            cpu_ticks: 200,
            threads: 9,
            resident_pages: 321,
        };
        assert_eq!(Stat::parse(text), Some(expected));
        assert_eq!(Stat::parse("7 (a) S 1"), None);
    }

    #[test]
    fn this_process_has_memory_and_threads() {
        let registrar = Registrar::new().unwrap();
        let process = ProcessMetrics::new(&registrar).unwrap();
        process.refresh();
        assert!(process.resident.get() > 1 << 20);
        assert!(process.threads.get() >= 1);
    }
}
