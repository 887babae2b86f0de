//! An audit ends as soon as it is known that there will be no answer, even while it waits for a pipe to which
//! nobody writes: neither side waits for the other one, and nothing is left behind.

mod support;

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use landfall_tests::paths;
use landfall_tests::wait::{await_some, await_until};
use rustix::process::{Pid, Signal, kill_process};
use support::text;

const CONFIG: &str = "checks = []\n[event]\nkey = \"/id\"\ntime = [\"/ts\"]\n[streams.raw]\ncodec = \"json\"\n\
    [schemas]\ndir = \"schemas\"\n";

const EVENT: &[u8] = b"{\"id\": \"a\", \"ts\": 1700000000}\n";

/// Two pipes, and what is started within the directory.
struct Rig {
    dir: tempfile::TempDir,
    child: Option<Child>,
}

impl Rig {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        for name in ["schemas", "tmp"] {
            std::fs::create_dir(dir.path().join(name)).expect("a directory");
        }
        std::fs::write(dir.path().join("landfall.toml"), CONFIG).expect("written");
        let made = Command::new("mkfifo")
            .current_dir(dir.path())
            .args(["one", "other"])
            .status();
        assert!(made.is_ok_and(|status| status.success()));
        Self { dir, child: None }
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.path().join(name), bytes).expect("written");
    }

    fn start(&mut self, arguments: &[&str]) {
        // The process that starts the tests may ignore SIGHUP (nohup); the program would then ignore it too.
        let child = Command::new("env")
            .arg("--default-signal=HUP")
            .arg(paths::landfall())
            .current_dir(self.path())
            .env("TMPDIR", self.path().join("tmp"))
            .env_remove("RUST_LOG")
            .arg("audit")
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        self.child = Some(child.expect("landfall runs"));
    }

    fn scratch(&self) -> Option<std::path::PathBuf> {
        let mut entries = std::fs::read_dir(self.path().join("tmp")).expect("a directory");
        entries.next().map(|entry| entry.expect("an entry").path())
    }

    /// Its results are open: it reads.
    fn await_reading(&self) {
        await_until("it reads", || {
            self.scratch()
                .is_some_and(|dir| dir.join("landfall.sqlite").exists())
        });
    }

    /// A writer of a pipe that has a reader: opening waits for the reader.
    fn writer(&self, name: &str) -> File {
        let mut options = File::options();
        options
            .write(true)
            .open(self.path().join(name))
            .expect("opened")
    }

    /// A writer that is open with or without a reader: the audit may have ended by then.
    fn holder(&self, name: &str) -> File {
        let mut options = File::options();
        options
            .read(true)
            .write(true)
            .open(self.path().join(name))
            .expect("opened")
    }

    fn signal(&self, signal: Signal) {
        let id = self.child.as_ref().expect("it runs").id();
        let pid = Pid::from_raw(id as i32).expect("a number");
        kill_process(pid, signal).expect("told");
    }

    /// Its end, which comes by itself although the pipes stay open.
    fn await_end(&mut self) -> Output {
        let child = self.child.as_mut().expect("it runs");
        await_some("it ends", || child.try_wait().expect("its state"));
        let output = self.child.take().expect("it ran").wait_with_output();
        assert_eq!(self.scratch(), None, "nothing is left behind");
        output.expect("its output")
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A packed file that is cut off in the middle.
fn cut() -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(3);
    let lines: String = (0..20_000)
        .map(|_| format!("{{\"id\": \"{}\", \"ts\": 1700000000}}\n", random.u64(..)))
        .collect();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(lines.as_bytes()).expect("packed");
    let packed = gzip.finish().expect("packed");
    packed[..packed.len() / 2].to_vec()
}

#[test]
fn an_error_of_one_side_ends_the_audit_while_the_other_one_waits_on_a_silent_pipe() {
    let mut rig = Rig::new();
    rig.write("cut", &cut());
    rig.write("odd", b"[\n  {\"id\": 1}\n]\n");
    rig.write("endless", &[&b"[1,"[..], &b"1,".repeat(140 << 20)].concat());
    for (bad, told_of_it) in [
        ("cut", "failed to read cut at byte"),
        ("odd", "no line of odd could be read"),
        ("endless", "line 1 goes on for more than"),
    ] {
        for (raw, written) in [(bad, "one"), ("one", bad)] {
            // The pipe is not open; it is open without data; it is open with data.
            for said in [None, Some(&b""[..]), Some(EVENT)] {
                let _holder = said.map(|said| {
                    let mut holder = rig.holder("one");
                    holder.write_all(said).expect("written");
                    holder
                });
                rig.start(&["--raw", raw, "--written", written]);
                let output = rig.await_end();
                let told = text(&output);
                assert_eq!(output.status.code(), Some(2), "{said:?}: {told}");
                assert!(told.contains(told_of_it), "{said:?}: {told}");
                assert!(output.stdout.is_empty(), "{told}");
            }
        }
    }
}

#[test]
fn a_pipe_that_turns_out_to_be_unreadable_ends_the_audit_while_the_other_one_is_silent() {
    let mut rig = Rig::new();
    rig.start(&["--raw", "one", "--written", "other"]);
    let mut one = rig.writer("one");
    let _silent = rig.writer("other");
    one.write_all(b"\xff\xfe garbage\n").expect("written");
    rig.await_reading();
    let child = rig.child.as_mut().expect("it runs");
    assert!(
        child.try_wait().expect("its state").is_none(),
        "more may come"
    );
    drop(one);
    let output = rig.await_end();
    let told = text(&output);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(
        told.contains("one is UTF-16") || told.contains("no line of one could be read"),
        "{told}"
    );
}

#[test]
fn a_signal_ends_an_audit_that_waits_on_both_sides_and_leaves_nothing_behind() {
    for (signal, name) in [
        (Signal::INT, "SIGINT"),
        (Signal::TERM, "SIGTERM"),
        (Signal::HUP, "SIGHUP"),
    ] {
        for said in [None, Some(&b""[..]), Some(EVENT)] {
            let mut rig = Rig::new();
            rig.start(&["--raw", "one", "--written", "other"]);
            let _writers = said.map(|said| {
                ["one", "other"].map(|name| {
                    let mut writer = rig.writer(name);
                    writer.write_all(said).expect("written");
                    writer
                })
            });
            rig.await_reading();
            rig.signal(signal);
            let output = rig.await_end();
            let told = text(&output);
            assert_eq!(output.status.code(), Some(2), "{name} {said:?}: {told}");
            let expected = format!("ended by {name} before it was done: there is no answer");
            assert!(told.contains(&expected), "{told}");
            assert!(output.stdout.is_empty(), "{told}");
        }
    }
}

#[test]
fn a_store_that_fails_ends_an_audit_that_waits_on_both_sides() {
    let mut rig = Rig::new();
    let kept = rig.path().join("kept");
    rig.start(&["--raw", "one", "--written", "other", "--store", "kept"]);
    let mut one = rig.writer("one");
    let mut other = rig.writer("other");
    await_until("it reads", || kept.join("landfall.sqlite").exists());
    std::fs::rename(&kept, rig.path().join("away")).expect("moved");
    let line = |number: u64| format!("{{\"id\": {number}, \"ts\": 1700000000}}\n");
    // A batch is judged when it is full, and what landed is written then.
    let lines: String = (0..20_000).map(line).collect();
    for writer in [&mut one, &mut other] {
        // It may end before it has read all.
        let _ = writer.write_all(lines.as_bytes());
    }
    let output = rig.await_end();
    let told = text(&output);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("moved, removed or replaced"), "{told}");
}

#[test]
fn what_an_audit_without_an_answer_leaves_in_a_kept_store_is_reported() {
    let mut rig = Rig::new();
    rig.write("odd", b"garbage\n");
    rig.write("plain", EVENT);
    rig.start(&["--raw", "odd", "--written", "plain", "--store", "kept"]);
    let output = rig.await_end();
    let told = text(&output);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(
        told.contains("kept has the results of what was read until then"),
        "{told}"
    );
    assert!(told.contains("no line of odd could be read"), "{told}");
}

#[test]
fn a_signal_that_whoever_started_it_ignores_does_not_end_an_audit() {
    let mut rig = Rig::new();
    let script = "trap '' HUP INT; exec \"$0\" audit --raw one --written other";
    let child = Command::new("sh")
        .current_dir(rig.path())
        .env("TMPDIR", rig.path().join("tmp"))
        .args(["-c", script])
        .arg(paths::landfall())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    rig.child = Some(child.expect("sh runs"));
    let writers = ["one", "other"].map(|name| rig.writer(name));
    rig.await_reading();
    rig.signal(Signal::HUP);
    rig.signal(Signal::INT);
    for mut writer in writers {
        writer.write_all(EVENT).expect("written");
    }
    let output = rig.await_end();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
}
