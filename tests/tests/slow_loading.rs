//! A schema that would take long to compile is refused by name; the others load, and nothing waits.

mod support;

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};

use landfall_tests::paths;
use landfall_tests::sidecar::address;
use landfall_tests::wait::await_until;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Map, Value, json};
use support::{Event, Setup, Sidecar, event};

const DRAFT: &str = "http://json-schema.org/draft-07/schema#";

fn write(dir: &Path, label: &str, schema: &Value) {
    let path = dir.join(format!("{label}.json"));
    std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
    let aside = dir.join(".new");
    std::fs::write(&aside, schema.to_string()).expect("written");
    std::fs::rename(aside, path).expect("renamed");
}

/// This many patterns, each with another text.
fn patterns(count: usize, pattern: impl Fn(usize) -> String) -> Value {
    let members = (0..count).map(|number| {
        let name = format!("p{number}");
        (name, json!({ "pattern": pattern(number) }))
    });
    json!({ "$schema": DRAFT, "properties": members.collect::<Map<_, _>>() })
}

/// Long names around many others: the pointers to them take the square of the file.
fn long_pointers() -> Value {
    let leaves: Map<String, Value> = (0..30_000).map(|n| (format!("n{n}"), json!({}))).collect();
    let name = "n".repeat(1 << 20);
    json!({ "$schema": DRAFT, "properties": { name: { "properties": leaves } } })
}

/// Schemas that would take minutes to hours, and gigabytes; and the error of each.
fn slow() -> Vec<(&'static str, Value, &'static str)> {
    const PARTS: &str = "of those that the patterns of one file may have";
    vec![
        (
            "Words/1",
            patterns(2_000, |number| format!(r"^\w{{1,1000}}x{number}$")),
            PARTS,
        ),
        (
            "Small/1",
            patterns(100_000, |number| format!("^[a-z]x{number}$")),
            PARTS,
        ),
        (
            "Backtracking/1",
            patterns(2_000, |number| {
                format!(r"(?=a)\w{{1,900}}(?!b{number})\w{{1,900}}$")
            }),
            PARTS,
        ),
        (
            "Deep/1",
            patterns(1, |_| {
                "(?:(?:(?:a{1,999}){1,999}){1,999}){1,999}(?!b)".into()
            }),
            PARTS,
        ),
        (
            "Many/1",
            patterns(1, |_| r"(?=\w{1,900})".repeat(5_000)),
            PARTS,
        ),
        (
            "Pointers/1",
            long_pointers(),
            "have more than 134217728 bytes together",
        ),
    ]
}

fn start(schemas: &Path) -> Sidecar {
    Sidecar::start(Setup {
        schemas: schemas.to_owned(),
        ..Setup::default()
    })
}

fn says(sidecar: &Sidecar, what: &str) -> bool {
    let ready = sidecar.get("/readyz").expect("an answer");
    ready.body.contains(what)
}

#[test]
fn schemas_that_would_compile_for_hours_are_refused_by_name_and_a_reload_goes_on_without_them() {
    let schemas = support::schemas(&[]);
    let mut sidecar = start(schemas.path());
    for (number, (label, schema, why)) in slow().into_iter().enumerate() {
        let plans = sidecar.plans();
        write(schemas.path(), label, &schema);
        // Another change at the same time is taken.
        let good = json!({ "$schema": DRAFT });
        write(schemas.path(), &format!("Good{number}/1"), &good);
        await_until(
            &format!("{label} is refused, and the other one in force"),
            || {
                let is_refused = says(&sidecar, &format!("{label}.json")) && says(&sidecar, why);
                is_refused && sidecar.plans() > plans
            },
        );
        std::fs::remove_file(schemas.path().join(format!("{label}.json"))).expect("removed");
        await_until("all is as configured", || says(&sidecar, "as configured"));
    }
    let events: Vec<Event> = (0..20).map(event).collect();
    sidecar.send_raw(&events);
    sidecar.land(&events);
    sidecar.await_verdict("delivered", 20);
    sidecar.stop();
}

#[test]
fn an_end_is_heard_while_a_start_compiles_schemas() {
    let schemas = support::schemas(&[]);
    let large = patterns(4, |number| format!(r"^\w{{1,999}}x{number}$"));
    for number in 0..4 {
        write(schemas.path(), &format!("Large{number}/1"), &large);
    }
    let dir = tempfile::tempdir().expect("a directory");
    let config = format!(
        "[schemas]\ndir = {:?}\n[http]\nlisten = \"127.0.0.1:0\"\n[streams.raw]\ncodec = \"json\"\n",
        schemas.path()
    );
    std::fs::write(
        dir.path().join("landfall.toml"),
        format!("checks = []\n{config}"),
    )
    .expect("written");
    let log = dir.path().join("log");
    let mut landfall = Command::new(paths::landfall())
        .current_dir(dir.path())
        .arg("run")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(File::create(&log).expect("a log"))
        .spawn()
        .expect("landfall starts");
    let said = || std::fs::read_to_string(&log).unwrap_or_default();
    await_until("it serves HTTP", || address(&said()).is_some());
    kill_process(Pid::from_child(&landfall), Signal::TERM).expect("sent");
    let ended = landfall.wait().expect("it ends");
    assert_eq!(ended.code(), Some(0), "{}", said());
    // It did not go on to its work first.
    assert!(said().contains("nothing was received"), "{}", said());
    assert!(!said().contains("connected"), "{}", said());
}
