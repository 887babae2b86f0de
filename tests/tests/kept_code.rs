//! Compiled code is kept for the next start, and taken only from a place where nobody else could have put it.

mod support;

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use support::{Setup, Sidecar, guest, run_landfall, text};

fn limit(path: &Path) -> String {
    format!(
        "[[checks]]\nname = \"limit\"\npath = {path:?}\nstreams = [\"raw\"]\nconfig = {{ at = \"/x\", max = 9 }}\n"
    )
}

/// A directory with a configuration of one small check, and with kept code in `code`.
struct Kept(tempfile::TempDir);

impl Kept {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::create_dir(dir.path().join("schemas")).expect("a directory");
        let config = format!(
            "{}[streams.raw]\ncodec = \"json\"\n[compile]\ncache_dir = \"code\"\n",
            limit(&guest("example_check.wasm"))
        );
        std::fs::write(dir.path().join("landfall.toml"), config).expect("written");
        Self(dir)
    }

    fn code(&self) -> PathBuf {
        self.0.path().join("code")
    }

    /// The one file of code.
    fn file(&self) -> PathBuf {
        let entries = std::fs::read_dir(self.code()).expect("the directory");
        let files: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
        assert_eq!(files.len(), 1, "{files:?}");
        files[0].clone()
    }

    /// Loads the check; returns where its code came from, and the hints about it.
    fn load(&self) -> (String, String) {
        let output = run_landfall(self.0.path(), &["config", "check", "--json"]);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output));
        let answer: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let from = answer["checks"][0]["code"].as_str().expect("an origin");
        (from.to_owned(), answer["hints"].to_string())
    }

    fn expect(&self, from: &str, said: &str) {
        let (was, hints) = self.load();
        assert_eq!(was, from, "{hints}");
        let is_told = hints.contains("kept");
        assert_eq!(is_told, !said.is_empty(), "{hints}");
        assert!(hints.contains(said), "{hints}");
    }
}

#[test]
fn code_is_compiled_once_and_then_kept_for_every_command() {
    let kept = Kept::new();
    kept.expect("compiled", "");
    let mode = |path: &Path| path.metadata().expect("it is there").permissions().mode() & 0o777;
    assert_eq!((mode(&kept.code()), mode(&kept.file())), (0o700, 0o600));
    kept.expect("kept", "");
    let inode = kept.file().metadata().expect("it is there").ino();
    std::fs::write(kept.0.path().join("empty"), "").expect("written");
    std::fs::write(kept.0.path().join("nothing"), "").expect("written");
    let audit = ["audit", "--raw", "empty", "--written", "nothing"];
    let output = run_landfall(kept.0.path(), &audit);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert_eq!(kept.file().metadata().expect("it is there").ino(), inode);
    // Nothing is kept if there is no room for it.
    let config = kept.0.path().join("landfall.toml");
    let all = std::fs::read_to_string(&config).expect("the configuration");
    std::fs::write(&config, all + "cache_bytes_max = 0\n").expect("written");
    kept.expect("compiled", "");
}

#[test]
fn a_second_start_has_the_code_of_all_checks() {
    let mut sidecar = Sidecar::start(Setup {
        extra: "[compile]\ncache_dir = \"code\"\n".into(),
        ..Setup::default()
    });
    let loaded = |sidecar: &Sidecar, from: &str| {
        let metrics = sidecar.metrics();
        metrics.sum("landfall_check_code_total", &[("from", from)]) as u64
    };
    assert_eq!(
        [loaded(&sidecar, "compiled"), loaded(&sidecar, "kept")],
        [3, 0]
    );
    sidecar.stop();
    sidecar.restart();
    assert_eq!(
        [loaded(&sidecar, "compiled"), loaded(&sidecar, "kept")],
        [0, 3]
    );
    sidecar.stop();
}

#[test]
fn kept_code_that_is_damaged_or_not_our_own_is_reported_and_compiled_anew() {
    let kept = Kept::new();
    kept.expect("compiled", "");
    let whole = std::fs::read(kept.file()).expect("the code");
    let mut damaged = whole.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    for (bytes, said) in [
        (&damaged[..], "it is damaged"),
        (&whole[..middle], "it is cut off"),
        (&whole[..10], "it is cut off"),
        (&b""[..], "it is cut off"),
        (&vec![0; whole.len()], "the code of something else"),
        (&[&whole[..], b"x"].concat(), "longer than it says"),
    ] {
        std::fs::write(kept.file(), bytes).expect("written");
        kept.expect("compiled", said);
        kept.expect("kept", "");
        assert_eq!(std::fs::read(kept.file()).expect("the code"), whole);
    }
    // Code to which somebody else can write.
    let set_mode = |path: &Path, mode| {
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(path, permissions).expect("set");
    };
    set_mode(&kept.file(), 0o622);
    kept.expect("compiled", "others can write to it");
    kept.expect("kept", "");
    let file = kept.file();
    let elsewhere = kept.0.path().join("elsewhere");
    std::fs::rename(&file, &elsewhere).expect("moved");
    symlink(&elsewhere, &file).expect("a link");
    kept.expect("compiled", "it is a link");
    kept.expect("kept", "");
    std::fs::remove_file(&file).expect("removed");
    let made = Command::new("mkfifo").arg(&file).status();
    assert!(made.is_ok_and(|status| status.success()));
    kept.expect("compiled", "it is no regular file");
    kept.expect("kept", "");
    if rustix::process::geteuid().is_root() {
        std::os::unix::fs::chown(kept.file(), Some(1), None).expect("given away");
        kept.expect("compiled", "it belongs to user 1");
        kept.expect("kept", "");
    }
}

#[test]
fn a_directory_that_others_could_write_to_is_not_used_and_reported() {
    let kept = Kept::new();
    kept.expect("compiled", "");
    let set_mode = |mode| {
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(kept.code(), permissions).expect("set");
    };
    for mode in [0o777, 0o720, 0o702, 0o1777] {
        set_mode(mode);
        kept.expect("compiled", "others can write to it");
    }
    set_mode(0o755);
    kept.expect("kept", "");
    let elsewhere = kept.0.path().join("elsewhere");
    std::fs::rename(kept.code(), &elsewhere).expect("moved");
    symlink(&elsewhere, kept.code()).expect("a link");
    kept.expect("compiled", "it is a link");
    std::fs::remove_file(kept.code()).expect("removed");
    std::fs::write(kept.code(), "").expect("written");
    kept.expect("compiled", "it is no directory");
    std::fs::remove_file(kept.code()).expect("removed");
    std::fs::rename(&elsewhere, kept.code()).expect("moved back");
    kept.expect("kept", "");
    if rustix::process::geteuid().is_root() {
        std::os::unix::fs::chown(kept.code(), Some(1), None).expect("given away");
    } else {
        std::fs::remove_dir_all(kept.code()).expect("removed");
        let config = kept.0.path().join("landfall.toml");
        let all = std::fs::read_to_string(&config).expect("the configuration");
        std::fs::write(&config, all.replace("\"code\"", "\"/usr\"")).expect("written");
    }
    kept.expect("compiled", "it belongs to user");
}
