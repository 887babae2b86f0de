//! What is done to Landfall itself on this day: once it is killed in an outage and started again, and once its
//! connection to the writer is cut.

use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, bail};
use landfall_tests::clock::{Clock, parse_time, table_time};
use landfall_tests::recording::relay::Relay;
use landfall_tests::replay::Launcher;
use landfall_tests::sidecar::{Readings, Sidecar};
use landfall_tests::truth::{BlindSpot, Truth};
use landfall_tests::wait;

use crate::screen::{Screen, Tone};

/// In the longest outage.
const KILL: &str = "2014-11-18T09:00";

/// When nothing else is wrong.
const CUT: &str = "2014-11-18T21:45";

/// How long the connection is cut, in real time.
const CUT_FOR: Duration = Duration::from_millis(1_500);

/// What was sent or written so long before, in real time, may not have been stored when Landfall was killed.
const NOT_STORED: Duration = Duration::from_secs(1);

/// What was sent so long before or after, in real time, may be on its way when the connection ends or is there again.
const ON_THE_WAY: Duration = Duration::from_millis(300);

/// How long the connection may take to be there again.
const CONNECT_MAX: Duration = Duration::from_secs(30);

/// Landfall, and what is needed to strike it.
pub struct Target<'a> {
    pub sidecar: &'a Mutex<Sidecar>,
    pub launcher: &'a Launcher,
    pub writer: &'a Relay,
    pub truth: &'a Truth,
    pub clock: &'a Clock,
    pub screen: &'a Screen,
}

/// What was done.
pub struct Struck {
    /// What the killed process had counted.
    pub killed: Readings,
    /// A moment at which it was dead or cut off, and what it may not have seen therefore.
    pub kill: (i64, BlindSpot),
    pub cut: (i64, BlindSpot),
}

/// When both are due, in order, by the pipeline's clock.
pub fn due_ms() -> anyhow::Result<[i64; 2]> {
    let [Some(kill_ms), Some(cut_ms)] = [KILL, CUT].map(parse_time) else {
        bail!("{KILL} or {CUT} is no time");
    };
    Ok([kill_ms, cut_ms])
}

impl Target<'_> {
    /// Waits until each is due, and does it.
    ///
    /// # Errors
    /// Landfall could not be killed, did not start again, or did not connect again.
    pub fn strike(&self) -> anyhow::Result<Struck> {
        let [kill_ms, cut_ms] = due_ms()?;
        thread::sleep(self.clock.until(kill_ms));
        let (killed, kill) = self.kill()?;
        thread::sleep(self.clock.until(cut_ms));
        let cut = self.cut()?;
        Ok(Struck { killed, kill, cut })
    }

    fn kill(&self) -> anyhow::Result<(Readings, (i64, BlindSpot))> {
        let mut sidecar = self.sidecar.lock().unwrap_or_else(PoisonError::into_inner);
        let killed = Readings::of(&sidecar.metrics());
        let from_ms = self.clock.now_ms();
        sidecar.kill().context("failed to kill Landfall")?;
        let dead_ms = self.clock.now_ms();
        self.tell(from_ms, "Landfall is killed with SIGKILL");
        *sidecar = self
            .launcher
            .launch()
            .context("Landfall did not start again")?;
        let to_ms = self.clock.now_ms();
        self.tell(to_ms, "Landfall runs and sees both streams again");
        let margin_ms = self.clock.stretch_ms(NOT_STORED);
        let spot = BlindSpot {
            from_ms: from_ms - margin_ms,
            to_ms: to_ms + margin_ms,
            // How soon the next process sees something is its own matter.
            certain_ms: (dead_ms, dead_ms),
            is_raw: true,
        };
        self.truth.blinded(spot);
        Ok((killed, (dead_ms, spot)))
    }

    fn cut(&self) -> anyhow::Result<(i64, BlindSpot)> {
        let from_ms = self.clock.now_ms();
        self.writer.cut();
        // What it had sent is read by then.
        let on_the_way_ms = self.clock.stretch_ms(ON_THE_WAY);
        let cut_ms = self.clock.now_ms() + on_the_way_ms;
        self.tell(from_ms, "Landfall is cut off from the writer");
        thread::sleep(CUT_FOR / 2);
        let apart_ms = self.clock.now_ms();
        thread::sleep(CUT_FOR / 2);
        let fixed_ms = self.clock.now_ms();
        self.writer.fix();
        wait::until(CONNECT_MAX, || {
            let sidecar = self.sidecar.lock().unwrap_or_else(PoisonError::into_inner);
            let labels = [("stream", "written")];
            let seeing = sidecar.metrics().count("landfall_source_seeing", &labels);
            (seeing > 0).then_some(())
        })
        .context("Landfall did not connect to the writer again")?;
        let to_ms = self.clock.now_ms();
        self.tell(to_ms, "Landfall sees what the writer publishes again");
        let margin_ms = self.clock.stretch_ms(ON_THE_WAY);
        let spot = BlindSpot {
            from_ms: from_ms - margin_ms,
            to_ms: to_ms + margin_ms,
            certain_ms: (cut_ms, fixed_ms),
            is_raw: false,
        };
        self.truth.blinded(spot);
        Ok((apart_ms, spot))
    }

    fn tell(&self, at_ms: i64, text: &str) {
        let text = self.screen.paint(Tone::Strong, text);
        self.screen
            .print_line(&format!("{}  {text}", table_time(at_ms)));
    }
}
