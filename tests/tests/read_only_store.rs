//! A store that cannot be written any more, because its files or their file system became read-only: readiness
//! names it, Landfall tries again less and less often, and when it can be written again everything goes on by
//! itself, with nothing lost. Permissions do not stop root, so the files are made immutable, which also works
//! for open files.

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use landfall_tests::paths;
use landfall_tests::wait::{await_some, await_until};
use support::{Event, Setup, Sidecar, event, text};

/// Files that nobody may change, as long as this lives. SQLite's shared memory is left out: a process that
/// writes to it would die, and on a read-only file system it is not on the disk.
struct Immutable(Vec<PathBuf>);

impl Immutable {
    /// The directory, and its contents. An error if this user or this file system cannot do that.
    fn make(dir: &Path) -> Result<Self, String> {
        let mut paths = vec![dir.to_owned(), dir.join("spool")];
        for place in [dir.to_owned(), dir.join("spool")] {
            let entries = std::fs::read_dir(place).expect("a directory");
            let files = entries.map(|entry| entry.expect("an entry").path());
            paths.extend(
                files.filter(|path| path.is_file() && !path.ends_with("landfall.sqlite-shm")),
            );
        }
        let made = Self(paths);
        made.set("+i").map(|()| made)
    }

    fn set(&self, change: &str) -> Result<(), String> {
        let output = Command::new("chattr").arg(change).args(&self.0).output();
        let output = output.map_err(|error| error.to_string())?;
        match output.status.success() {
            true => Ok(()),
            false => Err(text(&output)),
        }
    }
}

impl Drop for Immutable {
    fn drop(&mut self) {
        // Otherwise nobody can remove them.
        let _ = self.set("-i");
    }
}

fn readiness(sidecar: &Sidecar) -> Option<(u16, String)> {
    let answer = sidecar.get("/readyz")?;
    Some((answer.status, answer.body))
}

#[test]
fn a_store_that_becomes_read_only_is_reported_and_goes_on_by_itself_with_nothing_lost() {
    let events: Vec<Event> = (0..60).map(event).collect();
    let (first, rest) = events.split_at(20);
    let (lost, second) = rest.split_at(5);
    let mut sidecar = Sidecar::start(Setup::default());
    sidecar.send_raw(first);
    sidecar.land(first);
    sidecar.await_verdict("delivered", 20);
    let immutable = match Immutable::make(&sidecar.dir.path().join("data")) {
        Ok(immutable) => immutable,
        // As another user, permissions do what is needed; the start below shows that.
        Err(why) if !rustix::process::geteuid().is_root() => {
            eprintln!("files cannot be made immutable here: {why}");
            return;
        }
        Err(why) => panic!("files cannot be made immutable here: {why}"),
    };
    sidecar.send_raw(lost);
    sidecar.send_raw(second);
    sidecar.land(second);
    let why = await_some("it is not ready", || {
        readiness(&sidecar).and_then(|(status, body)| (status == 503).then_some(body))
    });
    assert!(
        why.contains("\"store\"") && why.contains("read-only"),
        "{why}"
    );
    assert_eq!(sidecar.metrics().sum("landfall_store_failing", &[]), 1.0);
    // It is tried again, and rarely logged: many tries give few lines in the log.
    let errors = || sidecar.metrics().count("landfall_store_errors_total", &[]);
    let before = errors();
    await_until("it is tried again", || errors() >= before + 5);
    let log = sidecar.log();
    let lines = log
        .lines()
        .filter(|line| line.contains("trying again, nothing is dropped"));
    assert!((1..=3).contains(&lines.count()), "{log}");
    assert_eq!(
        sidecar.verdict("delivered"),
        20,
        "nothing is shown before it is written"
    );

    drop(immutable);
    await_until("it is ready", || {
        readiness(&sidecar).is_some_and(|(status, _)| status == 200)
    });
    sidecar.await_verdict("delivered", 55);
    sidecar.await_verdict("missing", 5);
    assert_eq!(sidecar.metrics().sum("landfall_store_failing", &[]), 0.0);
    assert!(
        sidecar.log().contains("the store works again"),
        "{}",
        sidecar.log()
    );
    assert_eq!(sidecar.missing_keys(), support::keys(lost));
    sidecar.assert_balanced();
    sidecar.stop();
    assert_eq!(sidecar.query("SELECT sum(delivered) FROM windows"), 55);
    assert_eq!(
        sidecar.query("SELECT count(*) FROM missing WHERE frame IS NOT NULL"),
        5
    );
}

#[test]
fn a_start_with_a_store_on_a_file_system_that_is_read_only_says_so() {
    let dir = tempfile::tempdir().expect("a directory");
    let config = "checks = []\n[streams.raw]\nendpoints = [\"tcp://127.0.0.1:1\"]\ncodec = \"json\"\n\
        [streams.written]\nendpoints = [\"tcp://127.0.0.1:2\"]\n[store]\ndir = \"data\"\n[http]\nlisten = \"127.0.0.1:0\"\n";
    std::fs::write(dir.path().join("landfall.toml"), config).expect("written");
    std::fs::create_dir(dir.path().join("data")).expect("a directory");
    // Its own mounts, also for a user who is not root, so that nobody else sees them.
    let script = "mount --bind data data && mount -o remount,bind,ro data && exec \"$0\" run";
    let output = Command::new("unshare")
        .current_dir(dir.path())
        .args(["--mount", "--map-root-user", "sh", "-c", script])
        .arg(paths::landfall())
        .output()
        .expect("unshare runs");
    let told = text(&output);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(
        told.contains("Read-only file system") && told.contains("store.dir"),
        "{told}"
    );
}
