//! A running check or schema keeps its place on the search path, until that place has a new version.

mod support;

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use landfall_tests::wait::{await_some, await_until};
use landfall_tests::{http, paths};
use rustix::process::{Pid, Signal, kill_process};
use support::{Setup, Sidecar, changed, deploy, event};

fn digest(sidecar: &Sidecar, check: &str) -> String {
    let body = sidecar.get("/readyz").expect("an answer").body;
    let state: serde_json::Value = serde_json::from_str(&body).expect("JSON");
    let checks = state["checks"].as_array().expect("checks");
    let found = checks
        .iter()
        .find(|entry| entry["name"] == check)
        .expect("the check");
    found["digest"].as_str().expect("a digest").to_owned()
}

/// A check whose file is searched in several places, the first of which is this one.
const SEARCHED: &str = r#"
[[checks]]
name = "limit"
path = "example_check.wasm"
streams = ["raw"]
config = { at = "/x", max = 9 }
# end
"#;

fn stale(sidecar: &Sidecar, check: &str) -> u64 {
    sidecar
        .metrics()
        .count("landfall_check_stale", &[("check", check)])
}

fn is_reported(sidecar: &Sidecar, text: &str) -> bool {
    sidecar
        .get("/readyz")
        .is_some_and(|answer| answer.status == 200 && answer.body.contains(text))
}

#[test]
fn a_check_whose_file_is_gone_is_not_replaced_by_another_one_of_its_name() {
    let mut sidecar = Sidecar::start(Setup {
        extra: "# further checks".into(),
        ..Setup::default()
    });
    // Beside the configuration, before the directory of checks, which has one of the same name.
    let module = std::fs::read(support::guest("example_check.wasm")).expect("the module");
    let own = sidecar.dir.path().join("example_check.wasm");
    let versions = [changed(&module), changed(&changed(&module))];
    deploy(&own, &versions[0]);
    sidecar.reconfigure("# further checks", SEARCHED);
    await_until("it judges", || sidecar.checks().contains(&"limit".into()));
    let first = digest(&sidecar, "limit");

    std::fs::remove_file(&own).expect("removed");
    await_until("it is stale", || stale(&sidecar, "limit") == 1);
    assert!(
        is_reported(&sidecar, "is gone, and ")
            && is_reported(&sidecar, "is not taken in its place")
    );
    assert_eq!(digest(&sidecar, "limit"), first);
    // Not with another change either.
    let before = sidecar.plans();
    sidecar.reconfigure("default = \"2s\"", "default = \"3s\"");
    await_until("the other change is in force", || sidecar.plans() > before);
    assert_eq!(digest(&sidecar, "limit"), first);
    deploy(&own, &versions[0]);
    await_until("it is back", || stale(&sidecar, "limit") == 0);
    assert_eq!(digest(&sidecar, "limit"), first);

    // Removed, and put back as another version: the file at the place is taken.
    std::fs::remove_file(&own).expect("removed");
    await_until("it is stale", || stale(&sidecar, "limit") == 1);
    deploy(&own, &versions[1]);
    await_until("the new version is in force", || {
        digest(&sidecar, "limit") != first && stale(&sidecar, "limit") == 0
    });
    let second = digest(&sidecar, "limit");

    // The configuration names other places after it, and it still is not replaced.
    let others = sidecar.dir.path().join("others");
    std::fs::create_dir(&others).expect("a directory");
    for entry in std::fs::read_dir(landfall_tests::paths::guests()).expect("guests") {
        let path = entry.expect("an entry").path();
        if path.is_file() {
            let to = others.join(path.file_name().expect("a name"));
            std::fs::copy(&path, to).expect("a copy");
        }
    }
    let guests = landfall_tests::paths::guests();
    let before = sidecar.plans();
    sidecar.reconfigure(
        &format!("dir = \"{}\"", guests.display()),
        &format!("dir = {others:?}"),
    );
    await_until("the others are loaded from there", || {
        sidecar.plans() > before
    });

    // A link that leads nowhere counts as a file that is gone.
    std::fs::remove_file(&own).expect("removed");
    std::os::unix::fs::symlink("no-such-file", &own).expect("a link");
    await_until("it is stale", || stale(&sidecar, "limit") == 1);
    assert_eq!(digest(&sidecar, "limit"), second);
    std::fs::remove_file(&own).expect("removed");

    // Once the other one is named by its whole path, it is taken.
    let other = support::guest("example_check.wasm");
    sidecar.reconfigure(
        "path = \"example_check.wasm\"",
        &format!("path = {other:?}"),
    );
    await_until("the other one is in force", || {
        digest(&sidecar, "limit") != second && stale(&sidecar, "limit") == 0
    });
    sidecar.stop();
}

#[test]
fn a_file_that_comes_to_stand_before_the_one_that_runs_is_reported_and_taken_at_the_next_start() {
    let mut sidecar = Sidecar::start(Setup {
        extra: SEARCHED.into(),
        ..Setup::default()
    });
    let first = digest(&sidecar, "limit");
    let module = std::fs::read(support::guest("example_check.wasm")).expect("the module");
    let before = sidecar.dir.path().join("example_check.wasm");
    deploy(&before, &changed(&module));
    await_until("it is reported", || stale(&sidecar, "limit") == 1);
    assert!(is_reported(
        &sidecar,
        "example_check.wasm now comes before "
    ));
    assert_eq!(digest(&sidecar, "limit"), first);
    sidecar.stop();
    sidecar.restart();
    assert_ne!(digest(&sidecar, "limit"), first);
    assert!(is_reported(&sidecar, "as configured"));
    sidecar.stop();
}

#[test]
fn schemas_whose_directory_is_gone_stay_and_are_not_replaced_by_those_beside_the_program() {
    let mut sidecar = Sidecar::start(Setup {
        deadline: "60s",
        // As by default: searched beside the configuration, then beside the program.
        schemas: "schemas".into(),
        extra: "# further checks".into(),
        ..Setup::default()
    });
    // Beside the program, if it is where it is built; the schema's own rules show which one judges.
    let own = sidecar.dir.path().join("schemas");
    let stays = || is_reported(&sidecar, "schemas stay as they were: ");
    let had = landfall_tests::paths::schemas();
    let copy = |to: &Path| {
        for schema in ["EventCapsule/2014.json", "AppTap/12.json"] {
            let place = to.join(schema);
            std::fs::create_dir_all(place.parent().expect("a parent")).expect("a directory");
            std::fs::copy(had.join(schema), place).expect("a copy");
        }
    };
    copy(&own);
    // Those that run are the program's, or none: the next start takes those of its own.
    await_until("the other directory is reported", stays);
    sidecar.stop();
    sidecar.restart();
    let aside = sidecar.dir.path().join("aside");
    std::fs::rename(&own, &aside).expect("moved");
    await_until("it is reported that they are gone", || {
        is_reported(&sidecar, "schemas is gone")
    });
    let stale = || sidecar.metrics().count("landfall_schemas_stale", &[]);
    assert_eq!(stale(), 2, "both stay");
    let one = event(1);
    sidecar.send_raw(std::slice::from_ref(&one));
    sidecar.land(std::slice::from_ref(&one));
    sidecar.await_verdict("delivered", 1);
    std::fs::rename(&aside, &own).expect("moved back");
    await_until("they are back", || {
        stale() == 0 && is_reported(&sidecar, "as configured")
    });
    sidecar.stop();
}

/// Landfall in a separate directory, started without a named file.
struct Unnamed {
    dir: tempfile::TempDir,
    child: Child,
    http: SocketAddr,
}

impl Unnamed {
    fn start(dir: tempfile::TempDir) -> Self {
        let log = File::create(dir.path().join("log")).expect("a log");
        let child = Command::new(paths::landfall())
            .current_dir(dir.path())
            .env("LANDFALL_GUESTS", paths::guests())
            .env("XDG_CACHE_HOME", paths::caches())
            .env("LANDFALL__HTTP__LISTEN", "127.0.0.1:0")
            .env_remove("LANDFALL_CONFIG")
            .arg("run")
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("shared"))
            .stderr(log)
            .spawn()
            .expect("landfall runs");
        let path = dir.path().join("log");
        let http = await_some("it serves HTTP", || address(&path));
        Self { dir, child, http }
    }

    fn file(&self) -> PathBuf {
        self.dir.path().join("landfall.toml")
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).expect("the log")
    }

    /// The part of `/readyz` about checks and configuration.
    fn await_answer(&self, what: &str, told: impl Fn(&str) -> bool) -> String {
        await_some(what, || {
            let answer = http::get(self.http, "/readyz").ok()?;
            told(&answer.body).then_some(answer.body)
        })
    }

    fn stop(mut self) -> tempfile::TempDir {
        kill_process(Pid::from_child(&self.child), Signal::TERM).expect("told");
        let status = self.child.wait().expect("it ends");
        assert_eq!(status.code(), Some(0), "{}", self.log());
        self.dir
    }
}

/// The address of the HTTP server in the log.
fn address(log: &Path) -> Option<SocketAddr> {
    let log = std::fs::read_to_string(log).ok()?;
    let (_, rest) = log.split_once("address=")?;
    rest.split_whitespace().next()?.parse().ok()
}

/// A configuration that differs from the built-in default by its one check.
const OWN: &str = "[[checks]]\nname = \"own\"\npath = \"example_check.wasm\"\nstreams = [\"raw\"]\n\
    config = { at = \"/x\", max = 9 }\n[streams.raw]\ncodec = \"json\"\nendpoints = [\"tcp://127.0.0.1:1\"]\n\
    [streams.written]\nendpoints = [\"tcp://127.0.0.1:2\"]\n";

#[test]
fn a_configuration_that_appears_beside_the_built_in_default_is_reported_and_taken_at_the_next_start()
 {
    let unnamed = Unnamed::start(tempfile::tempdir().expect("a directory"));
    let is_default = |body: &str| body.contains("\"schema-validity\"") && !body.contains("\"own\"");
    unnamed.await_answer("the default runs", is_default);
    std::fs::write(unnamed.file(), OWN).expect("written");
    let told = |body: &str| body.contains("landfall.toml is there now, and is not taken");
    let body = unnamed.await_answer("it is reported", told);
    assert!(is_default(&body), "{body}");
    // Nor at a change of something else, nor at SIGHUP.
    let reloads = unnamed.log().matches("landfall.toml is there now").count();
    kill_process(Pid::from_child(&unnamed.child), Signal::HUP).expect("told");
    await_until("it is reported again", || {
        unnamed.log().matches("landfall.toml is there now").count() > reloads
    });
    let body = unnamed.await_answer("it is still told", told);
    assert!(is_default(&body), "{body}");
    std::fs::remove_file(unnamed.file()).expect("removed");
    let body = unnamed.await_answer("it is well again", |body| !told(body));
    assert!(is_default(&body), "{body}");

    std::fs::write(unnamed.file(), OWN).expect("written");
    unnamed.await_answer("it is reported", told);
    let unnamed = Unnamed::start(unnamed.stop());
    unnamed.await_answer("the file runs", |body| body.contains("\"own\""));
    unnamed.stop();
}

#[test]
fn a_configuration_that_vanishes_stays_in_force_and_is_reported_until_it_is_back() {
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::write(dir.path().join("landfall.toml"), OWN).expect("written");
    let unnamed = Unnamed::start(dir);
    let is_own = |body: &str| body.contains("\"own\"") && !body.contains("\"schema-validity\"");
    unnamed.await_answer("the file runs", is_own);
    let aside = unnamed.dir.path().join("aside");
    std::fs::rename(unnamed.file(), &aside).expect("moved");
    let told = |body: &str| body.contains("the configuration is not reloaded: landfall.toml");
    let body = unnamed.await_answer("it is reported", told);
    assert!(is_own(&body), "{body}");
    assert!(
        body.contains("the next start would take the built-in default"),
        "{body}"
    );
    assert!(
        unnamed
            .log()
            .contains("the next start would take the built-in default")
    );
    // Another file at the same place is taken.
    let changed = OWN.replace("\"own\"", "\"owner\"");
    std::fs::write(unnamed.file(), changed).expect("written");
    unnamed.await_answer("it is in force", |body| {
        body.contains("\"owner\"") && !told(body)
    });
    std::fs::rename(&aside, unnamed.file()).expect("moved back");
    unnamed.await_answer("the first is back", is_own);
    unnamed.stop();
}
