//! `landfall config`: the default with every setting explained, and a close look at a file.

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::json;

use super::{Global, exit};
use crate::config::{Config, DEFAULT_TEXT, Environment};
use crate::sources::StreamId;
use crate::sources::zmq::Envelope;

#[derive(Subcommand)]
pub enum ConfigCommand {
    /// Print the default configuration; every setting is explained.
    Default,
    /// Check the configuration, and whether the files that it names are there.
    Check,
}

pub fn run(command: &ConfigCommand, global: &Global) -> anyhow::Result<ExitCode> {
    match command {
        ConfigCommand::Default => {
            print!("{DEFAULT_TEXT}");
            Ok(exit::CLEAN.into())
        }
        ConfigCommand::Check => Ok(check(global)),
    }
}

fn check(global: &Global) -> ExitCode {
    let result = Config::check(global.config.as_deref(), &Environment::of_process());
    let (errors, hints): (Vec<String>, Vec<String>) = match &result {
        Ok(inspected) => (
            Vec::new(),
            inspected.hints.iter().map(ToString::to_string).collect(),
        ),
        Err(errors) => (
            errors.to_string().lines().map(str::to_owned).collect(),
            Vec::new(),
        ),
    };
    let first_minutes = result
        .as_ref()
        .map_or_else(|_| Vec::new(), |inspected| first_minutes(&inspected.config));
    if global.json {
        println!(
            "{}",
            json!({
                "valid": errors.is_empty(), "errors": errors, "hints": hints,
                "first_minutes": first_minutes,
            })
        );
    } else {
        errors.iter().for_each(|error| println!("error: {error}"));
        hints.iter().for_each(|hint| println!("hint: {hint}"));
        if errors.is_empty() {
            println!("the configuration is valid");
            println!("in the first minutes of `landfall run`:");
            first_minutes.iter().for_each(|line| println!("  {line}"));
        }
    }
    if errors.is_empty() {
        exit::CLEAN.into()
    } else {
        exit::FINDINGS.into()
    }
}

/// What shows in the first minutes whether this configuration fits the pipeline: no file can say that.
fn first_minutes(config: &Config) -> Vec<String> {
    let mut lines =
        vec!["/readyz says ready, with every endpoint connected and nothing refused".to_owned()];
    for stream in StreamId::ALL {
        let settings = config.streams.of(stream);
        let message = match settings.envelope {
            Envelope::None => "of one part, the frame",
            Envelope::Topic => "[topic, payload], of which the payload is the frame",
        };
        lines.push(format!(
            "landfall_frames_total{{stream=\"{0}\"}} grows, and landfall_frames_refused_total stands \
             still: streams.{0}.envelope says that messages are {message}",
            stream.as_str()
        ));
    }
    lines.push(format!(
        "landfall_undecodable_total stands still: the codecs are {:?} and {:?}",
        config.streams.raw.codec, config.streams.written.codec
    ));
    lines
}
