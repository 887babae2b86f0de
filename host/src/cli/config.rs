//! `landfall config`: prints the default with every setting explained, and checks a file.

use std::process::ExitCode;

use clap::Subcommand;
use landfall_escape::terminal::Page;
use landfall_runtime::{Check, CheckKind, CodeOrigin, Manifest};
use serde_json::json;

use super::{Global, compile, exit, print};
use crate::config::{Config, DEFAULT_TEXT, Environment, Hint, Inspected, matches_schema};
use crate::judge::plan::PlanError;
use crate::metrics;
use crate::planning::objectives::Objectives;
use crate::planning::planner::{CheckState, Patience, Planned, Planner, PlanningError};
use crate::sources::zmq::Envelope;
use landfall_ledger::Stream;

#[derive(Subcommand)]
pub enum ConfigCommand {
    /// Print the default configuration, with every setting explained.
    Default,
    /// Check the configuration, load its schemas, and start its checks as `run` would.
    Check,
}

pub fn run(command: &ConfigCommand, global: &Global) -> anyhow::Result<ExitCode> {
    match command {
        ConfigCommand::Default => {
            print::static_text(DEFAULT_TEXT)?;
            Ok(exit::CLEAN.into())
        }
        ConfigCommand::Check => check(global),
    }
}

/// What was found.
#[derive(Default)]
struct Checked {
    errors: Vec<String>,
    hints: Vec<String>,
    checks: Vec<CheckState>,
    first_minutes: Vec<String>,
}

fn check(global: &Global) -> anyhow::Result<ExitCode> {
    let checked = match Config::check(global.config.as_deref(), &Environment::of_process()) {
        Ok(inspected) => start_checks(&inspected)?,
        Err(errors) => Checked {
            errors: errors.lines(),
            ..Checked::default()
        },
    };
    let is_valid = checked.errors.is_empty();
    if global.json {
        let checks = checked.checks.iter().map(|check| {
            json!({
                "name": check.name,
                "kind": check.kind,
                "version": check.version,
                "digest": check.digest,
                "code": check.loaded_from.map(CodeOrigin::as_str),
            })
        });
        let checks: Vec<_> = checks.collect();
        print::json(&json!({
            "valid": is_valid,
            "errors": checked.errors,
            "hints": checked.hints,
            "checks": checks,
            "first_minutes": checked.first_minutes,
        }))?;
    } else {
        let mut page = Page::default();
        for check in &checked.checks {
            let CheckState {
                name,
                kind,
                version,
                digest,
                ..
            } = check;
            page.line(format_args!("check {name}: {kind} {version}, {digest}"));
        }
        for (what, all) in [("error", &checked.errors), ("hint", &checked.hints)] {
            all.iter()
                .for_each(|one| page.line(format_args!("{what}: {one}")));
        }
        if is_valid {
            page.line("the configuration is valid");
            page.line("in the first minutes of `landfall run`:");
            let lines = checked.first_minutes.iter();
            lines.for_each(|line| page.line(format_args!("  {line}")));
        }
        print::page(&page)?;
    }
    Ok(if is_valid {
        exit::CLEAN.into()
    } else {
        exit::FINDINGS.into()
    })
}

/// Loads schemas and checks as a start does; an error means that none could be loaded at all.
fn start_checks(inspected: &Inspected) -> anyhow::Result<Checked> {
    let config = &inspected.config;
    let mut checked = Checked {
        hints: inspected.hints.iter().map(ToString::to_string).collect(),
        first_minutes: first_minutes(config),
        ..Checked::default()
    };
    let mut planner = Planner::new(compile::loader()?);
    // The time is only shown for checks in force.
    match planner.plan(config, 0, Patience::Whole) {
        Ok(planned) => {
            let of_file = |problem: &String| {
                inspected
                    .hint("schemas.dir", problem, "correct the file, or remove it")
                    .to_string()
            };
            checked.errors.extend(planned.problems.iter().map(of_file));
            for (errors, hint) in findings(inspected, &planned) {
                let list = if errors {
                    &mut checked.errors
                } else {
                    &mut checked.hints
                };
                list.push(hint.to_string());
            }
            checked.hints.extend(planned.notes);
            checked.checks = planned.checks;
        }
        Err(PlanningError::Checks(refused)) => {
            for refused in refused {
                let field = field_of(config, &refused.name, "path");
                let hint = inspected.hint(
                    &field,
                    refused.to_string(),
                    "correct the file or the settings of the check, or leave it out",
                );
                checked.errors.push(hint.to_string());
            }
        }
        Err(PlanningError::Plan(error)) => {
            let field = match &error {
                PlanError::NoCodec { stream, .. } => format!("streams.{stream}.codec"),
                PlanError::OneSided { check } => field_of(config, check, "streams"),
            };
            let remedy = "`landfall run` does not start like this";
            let error = inspected.hint(&field, error.to_string(), remedy);
            checked.errors.push(error.to_string());
        }
        Err(error) => checked.errors.push(error.to_string()),
    }
    Ok(checked)
}

/// A setting of the check of that name.
fn field_of(config: &Config, name: &str, key: &str) -> String {
    let index = config.checks.iter().position(|check| check.name == name);
    index.map_or_else(
        || "checks".to_owned(),
        |index| format!("checks[{index}].{key}"),
    )
}

/// What loaded and proves nothing (true), or is perhaps not intended (false).
fn findings(inspected: &Inspected, planned: &Planned) -> Vec<(bool, Hint)> {
    let config = &inspected.config;
    let mut findings = Vec::new();
    let streams = [&config.streams.raw, &config.streams.written];
    for (index, placed) in planned.plan.checks.iter().enumerate() {
        let field = |key: &str| format!("checks[{index}].{key}");
        let name = &placed.name;
        let kind = placed.check.kind();
        if matches!(placed.check, Check::Parity(_)) && compares_nothing(placed.check.manifest()) {
            let found = format!("the parity check {name} asks for no field of either side");
            let remedy =
                "name the fields that it compares: without any, every event is equal to its row";
            findings.push((true, inspected.hint(&field("config"), found, remedy)));
        } else if matches!(placed.check, Check::Parity(_))
            && compares_the_key_alone(placed.check.manifest(), &config.event.key)
        {
            let found = format!(
                "the parity check {name} compares \"{}\" (event.key) and nothing else",
                config.event.key
            );
            let remedy = "an event and its row have the same key anyway, so none is ever altered; \
                          name the fields that it is to compare";
            findings.push((false, inspected.hint(&field("config"), found, remedy)));
        }
        if placed.decides && kind != CheckKind::Event {
            let found = format!(
                "{name} is a {}, and only an event check decides",
                kind.as_str()
            );
            let remedy = "remove it, and let an event check decide";
            findings.push((false, inspected.hint(&field("decides"), found, remedy)));
        }
        if kind == CheckKind::Codec && streams.iter().all(|stream| stream.codec != *name) {
            let found = format!("the codec {name} decodes no stream");
            let remedy = "name it as `codec` of a stream, or leave it out";
            findings.push((false, inspected.hint(&field("name"), found, remedy)));
        }
    }
    if config.checks.iter().any(|check| check.decides)
        && planned
            .plan
            .checks
            .iter()
            .all(|placed| !placed.decides || placed.check.kind() != CheckKind::Event)
    {
        let remedy = "every raw event with a key is then expected to land";
        let found = "no event check among them decides";
        findings.push((false, inspected.hint("checks", found, remedy)));
    }
    for problem in Objectives::of(&planned.plan, &planned.schemas, &|| true).problems {
        let remedy = "correct the check: see `objectives` in wit/check.wit";
        findings.push((false, inspected.hint("checks", problem, remedy)));
    }
    findings.extend(schemas(inspected, planned).map(|hint| (false, hint)));
    findings.extend(owners(inspected, planned).map(|hint| (false, hint)));
    findings
}

fn compares_nothing(manifest: &Manifest) -> bool {
    manifest.columns.is_empty() && manifest.written_columns.is_empty()
}

/// Whether it asks for the key of an event, on one side or both, and for nothing else.
fn compares_the_key_alone(manifest: &Manifest, key: &str) -> bool {
    let mut columns = manifest.columns.iter().chain(&manifest.written_columns);
    columns.all(|column| column.at.to_string() == key)
}

/// Settings about schemas that do not exist.
fn schemas<'a>(
    inspected: &'a Inspected,
    planned: &'a Planned,
) -> impl Iterator<Item = Hint> + use<'a> {
    let config = &inspected.config;
    let names = planned.plan.schemas.names();
    let none = names.is_empty().then(|| {
        let found = format!("there is no schema in {}", config.schemas_dir().display());
        let remedy = "put schemas there as <name>/<revision>.json: without them, a check that asks for one judges nothing";
        inspected.hint("schemas.dir", found, remedy)
    });
    let is_there = move |name: &str| {
        names
            .iter()
            .any(|label| *label == name || label.rsplit_once('/').is_some_and(|(of, _)| of == name))
    };
    let absent = config.deadlines.schemas.keys();
    let absent = absent.filter(move |name| !is_there(name));
    none.into_iter().chain(absent.map(|name| {
        let found = format!("there is no schema \"{name}\"");
        let remedy = "the deadline counts all the same for events that name it; correct it if it is misspelt";
        inspected.hint("deadlines.schemas", found, remedy)
    }))
}

/// Patterns of owners that match nothing.
fn owners<'a>(
    inspected: &'a Inspected,
    planned: &'a Planned,
) -> impl Iterator<Item = Hint> + use<'a> {
    let owners = &inspected.config.owners;
    let is_idle = |pattern: &&String| {
        let names = planned.schemas.iter().map(String::as_str);
        !names
            .chain([metrics::OTHER])
            .any(|name| matches_schema(pattern, name))
    };
    owners.schemas.keys().filter(is_idle).map(|pattern| {
        let found = format!("\"{pattern}\" is the name of no schema that is loaded");
        let remedy =
            "correct it if it is misspelt: the schema that it should match has another owner, or none";
        inspected.hint(&format!("owners.schemas.\"{pattern}\""), found, remedy)
    })
}

/// What to look at in the first minutes, to see whether this configuration fits the pipeline: no file can show that.
fn first_minutes(config: &Config) -> Vec<String> {
    let mut lines =
        vec!["/readyz shows ready, with every endpoint connected and nothing refused".to_owned()];
    for stream in Stream::ALL {
        let Some(settings) = config.streams.of(stream).source.zmq() else {
            continue;
        };
        let message = match settings.envelope {
            Envelope::None => "of one part, the frame",
            Envelope::Topic => "[topic, payload], where the payload is the frame",
        };
        lines.push(format!(
            "landfall_frames_total{{stream=\"{0}\"}} grows, and landfall_frames_refused_total stands \
             still: by streams.{0}.envelope, messages are {message}",
            stream.as_str()
        ));
    }
    lines.push(format!(
        "landfall_undecodable_total stands still: the codecs are \"{}\" and \"{}\"",
        config.streams.raw.codec, config.streams.written.codec
    ));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parity_check_without_fields_compares_nothing() {
        let column = |text: &str| landfall_document::Column::parse(text).unwrap();
        let manifest = |raw: &[&str], written: &[&str]| Manifest {
            name: "parity".into(),
            version: "1".into(),
            columns: raw.iter().copied().map(column).collect(),
            written_columns: written.iter().copied().map(column).collect(),
            reasons: Vec::new(),
        };
        assert!(compares_nothing(&manifest(&[], &[])));
        for (raw, written) in [(&["/a"][..], &["/a"][..]), (&[], &["/a"]), (&["/a"], &[])] {
            assert!(!compares_nothing(&manifest(raw, written)));
        }
        for (raw, written, key_alone) in [
            (&["/uuid"][..], &["/uuid"][..], true),
            (&["/uuid"], &[], true),
            (&["/uuid"], &["/uuid", "/a"], false),
            (&[""], &[""], false),
            (&["members:/event"], &["/uuid"], false),
            (&["/a"], &["/a"], false),
        ] {
            let manifest = manifest(raw, written);
            let found = compares_the_key_alone(&manifest, "/uuid");
            assert_eq!(found, key_alone, "{raw:?} {written:?}");
        }
    }
}
