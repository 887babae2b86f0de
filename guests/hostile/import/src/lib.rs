//! An event check that imports a clock, which no check may: the host must refuse it by the import's
//! name.

use landfall_guest::{EventCheck, Row, Verdict};

#[allow(clippy::all, reason = "generated code")]
mod clock {
    wit_bindgen::generate!({
        inline: "
            package wasi:clocks@0.2.0;
            interface monotonic-clock { now: func() -> u64; }
            world imports { import monotonic-clock; }
        ",
    });
}

/// Fails every event that is judged at an odd time.
pub struct Clockwork;

/// No settings.
#[derive(serde::Deserialize)]
pub struct Config {}

impl EventCheck for Clockwork {
    const NAME: &'static str = "hostile-import";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const REASONS: &'static [landfall_guest::Reason] = &[landfall_guest::Reason::violation(
        "odd_time",
        "judged at an odd time",
    )];
    type Config = Config;

    fn new(_config: Config) -> Result<Self, String> {
        Ok(Self)
    }

    fn columns(&self) -> Vec<String> {
        Vec::new()
    }

    fn judge(&mut self, _row: &Row<'_>) -> Result<Verdict, String> {
        Ok(if clock::wasi::clocks::monotonic_clock::now() % 2 == 1 {
            Verdict::fail("odd_time")
        } else {
            Verdict::Pass
        })
    }
}

landfall_guest::export_event_check!(Clockwork);
