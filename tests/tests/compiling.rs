//! Files of checks are compiled in separate processes, under limits: no file delays another one, a rollback or
//! the end.

#[path = "support/modules.rs"]
mod modules;
mod support;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use landfall_tests::sidecar;
use landfall_tests::wait::{await_some, await_until};
use landfall_tests::{http, paths};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use support::{Setup, Sidecar, changed, deploy, event, guest};

/// An end by SIGTERM may take this long, whatever is compiled: far less than the compilation takes.
const END_MAX: Duration = Duration::from_secs(30);

fn limit(path: &Path) -> String {
    format!(
        "[[checks]]\nname = \"limit\"\npath = {path:?}\nstreams = [\"raw\"]\nconfig = {{ at = \"/x\", max = 9 }}\n"
    )
}

/// Two checks whose files the test may change, as a sidecar's configuration has them.
struct Files {
    dir: tempfile::TempDir,
    module: Vec<u8>,
}

impl Files {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let module = std::fs::read(guest("example_check.wasm")).expect("a check");
        for name in ["one", "two"] {
            std::fs::write(dir.path().join(name), &module).expect("written");
        }
        Self { dir, module }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn checks(&self) -> String {
        let check = |name: &str| limit(&self.path(name)).replace("\"limit\"", &format!("{name:?}"));
        format!(
            "{}{}{}[compile]\ntime_max = \"1h\"\n",
            support::pipeline_checks("schema_validity.wasm"),
            check("one"),
            check("two")
        )
    }

    fn sidecar(&self) -> Sidecar {
        Sidecar::start(Setup {
            checks: self.checks(),
            deadline: "60s",
            ..Setup::default()
        })
    }
}

/// The state of a check in `/readyz`.
fn check(sidecar: &Sidecar, name: &str) -> Value {
    let body = sidecar.get("/readyz").expect("an answer").body;
    let state: Value = serde_json::from_str(&body).expect("JSON");
    let checks = state["checks"].as_array().expect("checks").iter();
    let mut found = checks.filter(|entry| entry["name"] == name);
    found.next().expect("the check").clone()
}

fn gauge(sidecar: &Sidecar, metric: &str, name: &str) -> u64 {
    sidecar.metrics().count(metric, &[("check", name)])
}

fn is_loading(sidecar: &Sidecar, name: &str) -> bool {
    let loading = check(sidecar, name)["loading"] == true;
    loading && gauge(sidecar, "landfall_check_loading", name) == 1
}

/// Waits until a check is reported as stale, for this reason, everywhere.
fn await_stale(sidecar: &Sidecar, name: &str, why: &str) {
    await_until(&format!("{name} is stale: {why}"), || {
        let stale = check(sidecar, name)["stale"].clone();
        stale.as_str().is_some_and(|stale| stale.contains(why))
    });
    assert_eq!(gauge(sidecar, "landfall_check_stale", name), 1);
    let told = format!("check {name} stays at version");
    let log = sidecar.log();
    assert!(
        log.lines()
            .any(|line| line.contains(&told) && line.contains(why)),
        "{log}"
    );
}

fn await_current(sidecar: &Sidecar, name: &str) {
    await_until(&format!("{name} is as its file"), || {
        check(sidecar, name)["stale"].is_null()
            && !is_loading(sidecar, name)
            && gauge(sidecar, "landfall_check_stale", name) == 0
    });
}

/// The processes that a process has started and that have not ended.
fn children(of: u32) -> Vec<u32> {
    let all = std::fs::read_dir("/proc").expect("the processes");
    let ids = all
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.filter(|id: &u32| {
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        // After the name in brackets: state and parent.
        let mut rest = stat.rsplit(") ").next().unwrap_or_default().split(' ');
        let state = rest.next().unwrap_or("Z").to_owned();
        state != "Z" && rest.next() == Some(of.to_string().as_str())
    })
    .collect()
}

fn is_alive(id: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    let state = stat.rsplit(") ").next().unwrap_or_default();
    !state.is_empty() && !state.starts_with('Z')
}

#[test]
fn a_file_that_compiles_for_minutes_holds_up_no_other_one_and_the_rollback_wins() {
    let files = Files::new();
    let mut sidecar = files.sidecar();
    let before = check(&sidecar, "two")["digest"].clone();
    deploy(files.path("one"), &modules::slow());
    await_until("it is reported as being loaded", || {
        is_loading(&sidecar, "one")
    });
    assert_eq!(children(sidecar.id()).len(), 1, "one process compiles it");
    let ready = sidecar.get("/readyz").expect("an answer");
    assert_eq!(ready.status, 200);
    assert!(ready.body.contains("being loaded: one"), "{}", ready.body);
    assert!(
        sidecar
            .log()
            .contains("check one: its file is being loaded"),
        "{}",
        sidecar.log()
    );

    deploy(files.path("two"), &changed(&files.module));
    await_until("the other one is in force", || {
        check(&sidecar, "two")["digest"] != before
    });
    sidecar.reconfigure("default = \"60s\"", "default = \"1s\"");
    await_until("the deadline is in force", || {
        sidecar.log().matches("a new plan is in force").count() == 2
    });
    sidecar.send_raw(&[event(1)]);
    sidecar.await_verdict("missing", 1);
    assert!(
        is_loading(&sidecar, "one"),
        "all that while it was compiled"
    );

    // A newer file takes its place: one process at a time.
    let slow = children(sidecar.id());
    deploy(files.path("one"), &changed(&modules::slow()));
    await_until("the newer one is compiled", || {
        let now = children(sidecar.id());
        now.len() == 1 && now != slow
    });
    deploy(files.path("one"), &files.module);
    await_current(&sidecar, "one");
    await_until("nothing is compiled any more", || {
        children(sidecar.id()).is_empty()
    });
    sidecar.stop();
}

#[test]
fn a_file_that_takes_more_time_or_memory_than_it_may_is_refused_by_name() {
    let files = Files::new();
    let mut sidecar = files.sidecar();
    deploy(files.path("one"), &modules::slow());
    await_until("it is compiled", || is_loading(&sidecar, "one"));
    // A shorter limit also applies to a compilation that runs.
    sidecar.reconfigure("time_max = \"1h\"", "time_max = \"2s\"");
    await_stale(&sidecar, "one", "compiling it took longer than 2 s");
    deploy(files.path("one"), &files.module);
    await_current(&sidecar, "one");
    sidecar.reconfigure("time_max = \"2s\"", "memory_max = \"64MiB\"");
    deploy(files.path("one"), &modules::hungry());
    await_stale(&sidecar, "one", "needed more than 64 MiB of memory");
    deploy(files.path("one"), &files.module);
    await_current(&sidecar, "one");
    assert!(children(sidecar.id()).is_empty());
    sidecar.stop();
}

#[test]
fn a_compiling_process_that_dies_is_reported_and_sighup_tries_again() {
    let files = Files::new();
    let mut sidecar = files.sidecar();
    deploy(files.path("one"), &modules::slow());
    let compiling = || {
        let found = children(sidecar.id());
        found
            .first()
            .copied()
            .filter(|_| is_loading(&sidecar, "one"))
    };
    let id = await_some("it is compiled", compiling);
    let pid = Pid::from_raw(id.cast_signed()).expect("a number");
    kill_process(pid, Signal::KILL).expect("killed");
    await_stale(
        &sidecar,
        "one",
        "the process that compiled it ended by signal 9",
    );
    // Another change does not try it again.
    deploy(files.path("two"), &changed(&files.module));
    await_until("the other one is in force", || {
        check(&sidecar, "two")["digest"] != check(&sidecar, "one")["digest"]
    });
    assert!(children(sidecar.id()).is_empty());
    sidecar.hang_up();
    await_until("it is tried again", || is_loading(&sidecar, "one"));
    sidecar.stop();
}

#[test]
fn sigterm_ends_it_while_a_file_is_compiled_and_nothing_is_left_behind() {
    let files = Files::new();
    let mut sidecar = files.sidecar();
    deploy(files.path("one"), &modules::slow());
    await_until("it is compiled", || is_loading(&sidecar, "one"));
    let compiling = children(sidecar.id());
    assert_eq!(compiling.len(), 1);
    let began = Instant::now();
    assert_eq!(sidecar.end(), Some(0), "{}", sidecar.log());
    assert!(began.elapsed() < END_MAX, "{:?}", began.elapsed());
    await_until("its process is gone", || !is_alive(compiling[0]));
}

/// Starts a command over a check that compiles for minutes.
fn start_slow(dir: &Path, args: &[&str]) -> Child {
    std::fs::write(dir.join("slow.wasm"), modules::slow()).expect("written");
    std::fs::create_dir(dir.join("schemas")).expect("a directory");
    let config = format!(
        "{}[streams.raw]\ncodec = \"json\"\n[http]\nlisten = \"127.0.0.1:0\"\n",
        limit(Path::new("slow.wasm"))
    );
    std::fs::write(dir.join("landfall.toml"), config).expect("written");
    let log = std::fs::File::create(dir.join("log")).expect("a log");
    Command::new(paths::landfall())
        .current_dir(dir)
        .args(args)
        .env("XDG_CACHE_HOME", paths::caches())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .expect("landfall starts")
}

#[test]
fn whoever_dies_while_a_file_is_compiled_leaves_no_process_behind() {
    for (args, signal) in [
        (&["run"][..], Signal::TERM),
        (&["run"], Signal::KILL),
        (&["config", "check"], Signal::INT),
    ] {
        let dir = tempfile::tempdir().expect("a directory");
        let mut landfall = start_slow(dir.path(), args);
        let id = await_some("it is compiled", || {
            children(landfall.id()).first().copied()
        });
        let began = Instant::now();
        kill_process(Pid::from_child(&landfall), signal).expect("sent");
        landfall.wait().expect("it ends");
        assert!(began.elapsed() < END_MAX, "{args:?}: {:?}", began.elapsed());
        await_until("its process is gone", || !is_alive(id));
    }
}

/// Asks a process for a path as soon as its log has the address of its HTTP server.
fn ask(dir: &Path, path: &str) -> http::Answer {
    let address = await_some("it serves HTTP", || {
        sidecar::address(&std::fs::read_to_string(dir.join("log")).ok()?)
    });
    http::get(address, path).expect("an answer")
}

#[test]
fn a_start_answers_probes_and_tells_what_it_waits_for() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut landfall = start_slow(dir.path(), &["run"]);
    assert_eq!(ask(dir.path(), "/healthz").status, 200);
    await_until("/readyz names the check", || {
        let ready = ask(dir.path(), "/readyz");
        ready.status == 503 && ready.body.contains("being loaded: limit")
    });
    let metrics = ask(dir.path(), "/metrics");
    assert_eq!(metrics.status, 200);
    assert!(
        metrics.body.contains("landfall_build_info"),
        "{}",
        metrics.body
    );
    await_until("the log names it", || {
        let log = std::fs::read_to_string(dir.path().join("log")).unwrap_or_default();
        log.contains("still being compiled or started: limit")
    });
    // A better file is taken at once, without another start.
    let good = std::fs::read(guest("example_check.wasm")).expect("a check");
    deploy(dir.path().join("slow.wasm"), &good);
    await_until("the checks are loaded", || {
        let body = ask(dir.path(), "/readyz").body;
        body.contains("as configured") && !body.contains("being loaded")
    });
    kill_process(Pid::from_child(&landfall), Signal::TERM).expect("sent");
    assert_eq!(landfall.wait().expect("it ends").code(), Some(0));
}

#[test]
fn sigterm_ends_a_start_and_sighup_does_not() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut landfall = start_slow(dir.path(), &["run"]);
    assert_eq!(ask(dir.path(), "/healthz").status, 200);
    let pid = Pid::from_child(&landfall);
    let compiling = await_some("it is compiled", || {
        children(landfall.id()).first().copied()
    });
    kill_process(pid, Signal::HUP).expect("sent");
    assert_eq!(ask(dir.path(), "/healthz").status, 200);
    assert_eq!(
        children(landfall.id()),
        [compiling],
        "it is compiled all that while"
    );
    kill_process(pid, Signal::TERM).expect("sent");
    let ended = landfall.wait().expect("it ends");
    let log = std::fs::read_to_string(dir.path().join("log")).expect("a log");
    assert_eq!(ended.code(), Some(0), "{log}");
    assert!(log.contains("nothing was received"), "{log}");
    await_until("its process is gone", || !is_alive(compiling));
}

#[test]
fn a_new_check_that_is_compiled_for_long_holds_back_its_configuration_and_no_file() {
    let files = Files::new();
    let mut sidecar = files.sidecar();
    std::fs::write(files.path("three"), modules::slow()).expect("written");
    let three = limit(&files.path("three")).replace("\"limit\"", "\"three\"");
    sidecar.reconfigure("[compile]\n", &format!("{three}[compile]\n"));
    await_until("it is reported", || {
        sidecar.get("/readyz").is_some_and(|answer| {
            answer
                .body
                .contains("waits until its new checks are loaded: three")
        })
    });
    let before = check(&sidecar, "two")["digest"].clone();
    deploy(files.path("two"), &changed(&files.module));
    await_until("the other one is in force", || {
        check(&sidecar, "two")["digest"] != before
    });
    assert_eq!(
        children(sidecar.id()).len(),
        1,
        "it is compiled all that while"
    );
    deploy(files.path("three"), &files.module);
    await_until("the configuration is taken", || {
        let body = sidecar.get("/readyz").expect("an answer").body;
        body.contains("\"three\"") && body.contains("\"as configured\"")
    });
    // A refused configuration holds back no file either.
    let broken = limit(&files.path("none")).replace("\"limit\"", "\"four\"");
    sidecar.reconfigure("[compile]\n", &format!("{broken}[compile]\n"));
    await_until("it is refused", || {
        sidecar
            .get("/readyz")
            .is_some_and(|answer| answer.body.contains("failed to load check four"))
    });
    let before = check(&sidecar, "two")["digest"].clone();
    deploy(files.path("two"), &files.module);
    await_until("the other one is in force", || {
        check(&sidecar, "two")["digest"] != before
    });
    sidecar.stop();
}

#[test]
fn a_refused_configuration_with_a_changed_check_is_read_once_and_not_again_and_again() {
    let files = Files::new();
    let mut sidecar = files.sidecar();
    // `one` is not taken with other settings, because `four` does not exist.
    let broken = limit(&files.path("none")).replace("\"limit\"", "\"four\"");
    let config = std::fs::read_to_string(sidecar.config_path()).expect("the configuration");
    let other_settings = config.replacen("max = 9", "max = 10", 1);
    let refused = other_settings.replace("[compile]\n", &format!("{broken}[compile]\n"));
    sidecar.reconfigure(&config, &refused);
    let refusals = || {
        let log = sidecar.log();
        log.matches("failed to load check four").count()
    };
    await_until("it is refused", || refusals() > 0);
    let clock = || sidecar.metrics().sum("landfall_clock_seconds", &[]);
    let began = clock();
    await_until("there was time for many more reloads", || {
        clock() > began + 10.0
    });
    // Once for the file, and once more for each load that ended.
    assert!(refusals() <= 4, "{}", sidecar.log());
    // It is taken as soon as it can be.
    sidecar.reconfigure(&broken, "");
    await_until("the fixed one is in force", || {
        let body = sidecar.get("/readyz").expect("an answer").body;
        body.contains("\"as configured\"")
    });
    sidecar.stop();
}

#[test]
fn a_check_that_does_not_come_to_the_end_of_its_start_holds_up_no_other_one() {
    const LOOPS: &str = r#"config = { do = "loop", when = "configure" }
limits = { start_time = "1m" }"#;
    let files = Files::new();
    let hostile = "[[checks]]\nname = \"odd\"\npath = \"hostile_check.wasm\"\n# its settings\n";
    let mut sidecar = Sidecar::start(Setup {
        checks: hostile.to_owned() + &files.checks(),
        ..Setup::default()
    });
    sidecar.reconfigure("# its settings", LOOPS);
    await_until("it starts", || is_loading(&sidecar, "odd"));
    let before = check(&sidecar, "two")["digest"].clone();
    deploy(files.path("two"), &changed(&files.module));
    await_until("the other one is in force", || {
        check(&sidecar, "two")["digest"] != before
    });
    assert!(is_loading(&sidecar, "odd"));
    let began = Instant::now();
    sidecar.reconfigure(LOOPS, "config = {}");
    await_current(&sidecar, "odd");
    sidecar.reconfigure("config = {}", LOOPS);
    await_until("it starts", || is_loading(&sidecar, "odd"));
    assert_eq!(sidecar.end(), Some(0), "{}", sidecar.log());
    assert!(began.elapsed() < END_MAX, "{:?}", began.elapsed());
}
