//! Signals that the process that starts Landfall ignores.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use landfall_tests::paths;
use landfall_tests::sidecar::Process;
use landfall_tests::wait::await_until;
use landfall_tests::wire::Publisher;
use rustix::process::Signal;

/// Landfall, started as a background command of a script, with `nohup`.
fn starter() -> String {
    let program = paths::landfall();
    format!(
        "#!/bin/sh\ntrap '' INT HUP\nexec {:?} \"$@\"\n",
        program.display().to_string()
    )
}

#[test]
fn what_the_starter_ignores_stays_ignored_but_for_the_reload() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = |name: &str| dir.path().join(name);
    fs::write(path("starter"), starter()).expect("written");
    fs::set_permissions(path("starter"), fs::Permissions::from_mode(0o755)).expect("executable");
    fs::create_dir(path("schemas")).expect("a directory");
    let context = zmq::Context::new();
    let raw = Publisher::bind(&context).expect("a publisher");
    let written = Publisher::bind(&context).expect("a publisher");
    let config = format!(
        "checks = []\n[schemas]\ndir = {:?}\n[http]\nlisten = \"127.0.0.1:0\"\n\
         [streams.raw]\nendpoints = [{:?}]\ncodec = \"json\"\n[streams.written]\nendpoints = [{:?}]\n",
        path("schemas"),
        raw.endpoint(),
        written.endpoint()
    );
    fs::write(path("landfall.toml"), config).expect("written");
    let mut landfall =
        Process::start(&path("starter"), &path("landfall.toml"), &path("log")).expect("it starts");
    let log = landfall.log_text();
    assert!(log.contains("SIGINT is ignored"), "{log}");
    assert!(!log.contains("SIGHUP is ignored"), "{log}");
    let reloads = |landfall: &Process| landfall.metrics().count("landfall_reloads_total", &[]);
    let before = reloads(&landfall);
    // They come in this order.
    landfall.signal(Signal::INT).expect("sent");
    landfall.signal(Signal::HUP).expect("sent");
    await_until("it has reloaded", || reloads(&landfall) > before);
    assert!(!landfall.log_text().contains("ending"), "it has ended");
    let ended = landfall.stop().expect("it ends");
    assert!(ended.success(), "{ended}");
}
