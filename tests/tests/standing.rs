//! A thread that stands still is reported by metric, `/readyz` and log until it goes on.

mod support;

use std::fs::File;
use std::io::{PipeReader, Read as _, Write as _, pipe};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex};

use landfall_tests::wait::await_until;
use support::{Event, Setup, Sidecar, event};

/// Bytes that a pipe holds while nobody reads it, minus a page.
const ALMOST_FULL_BYTES: usize = (64 << 10) - (4 << 10);

/// Copies a log from a pipe to a file, and can be paused.
#[derive(Default)]
struct Reader {
    pauses: Mutex<bool>,
    told: Condvar,
}

impl Reader {
    fn pause(&self, pauses: bool) {
        *self.pauses.lock().expect("a lock") = pauses;
        self.told.notify_all();
    }

    fn run(&self, mut from: PipeReader, to: PathBuf) {
        let mut file = File::create(to).expect("a log");
        // Less than what is written at once, so that there is always more.
        let mut bytes = [0; 256];
        loop {
            let mut pauses = self.pauses.lock().expect("a lock");
            while *pauses {
                pauses = self.told.wait(pauses).expect("a lock");
            }
            drop(pauses);
            match from.read(&mut bytes).expect("read") {
                0 => return,
                read => file.write_all(&bytes[..read]).expect("written"),
            }
        }
    }
}

/// How long the thread of reloads has stood still, and the answer of `/readyz`.
fn standing(sidecar: &Sidecar) -> (f64, u16, String) {
    let labels = [("thread", "reload")];
    let seconds = sidecar
        .metrics()
        .sum("landfall_thread_standing_seconds", &labels);
    let ready = sidecar.get("/readyz").expect("an answer");
    (seconds, ready.status, ready.body)
}

#[test]
fn a_thread_that_cannot_write_its_log_is_reported_as_standing_still_until_it_goes_on() {
    let mut sidecar = Sidecar::start(Setup::default());
    sidecar.stop();
    let (read, write) = pipe().expect("a pipe");
    let mut also_write = write.try_clone().expect("its second end");
    let reader = Arc::new(Reader::default());
    {
        // It ends with the writer, and nobody waits for it: a test that fails must not wait for it.
        let (log, reader) = (sidecar.log_path(), Arc::clone(&reader));
        std::thread::spawn(move || reader.run(read, log));
    }
    sidecar.restart_into(write.into());

    // A configuration with longer messages than the pipe has room for.
    reader.pause(true);
    also_write
        .write_all(&[b'\n'; ALMOST_FULL_BYTES])
        .expect("written");
    drop(also_write);
    let mistakes =
        (0..60).map(|number| format!("no_such_setting_of_this_rather_long_name_{number} = 1\n"));
    let mistakes: String = mistakes.collect();
    sidecar.reconfigure("[schemas]\n", &format!("[schemas]\n{mistakes}"));
    await_until("it is reported by the metric and by /readyz", || {
        let (seconds, status, body) = standing(&sidecar);
        seconds >= 10.0 && status == 503 && body.contains("these stand still: reload")
    });
    // A thread that logs nothing goes on, and is reported.
    let (before, ..) = standing(&sidecar);
    let events: Vec<Event> = (0..20).map(event).collect();
    sidecar.send_raw(&events);
    sidecar.land(&events);
    sidecar.await_verdict("delivered", 20);
    await_until("it is reported how long", || standing(&sidecar).0 > before);
    assert!(!sidecar.log().contains("stands still"), "nobody reads it");

    reader.pause(false);
    sidecar.reconfigure(&mistakes, "");
    await_until("it is taken back", || {
        let (seconds, status, body) = standing(&sidecar);
        seconds == 0.0 && status == 200 && body.contains("none stands still")
    });
    await_until("the log has both", || {
        let log = sidecar.log();
        let mut lines = log.lines();
        let stands = lines.find(|line| line.contains("a thread stands still"));
        stands.is_some_and(|line| line.contains("reload"))
            && log.contains("the thread that stood still goes on")
    });
    sidecar.stop();
}
