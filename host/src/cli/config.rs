//! `landfall config`: the default with every setting explained, and a close look at a file.

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::json;

use super::{Global, exit};
use crate::config::{Config, DEFAULT_TEXT, Environment};

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
    if global.json {
        println!(
            "{}",
            json!({"valid": errors.is_empty(), "errors": errors, "hints": hints})
        );
    } else {
        errors.iter().for_each(|error| println!("error: {error}"));
        hints.iter().for_each(|hint| println!("hint: {hint}"));
        if errors.is_empty() {
            println!("the configuration is valid");
        }
    }
    if errors.is_empty() {
        exit::CLEAN.into()
    } else {
        exit::FINDINGS.into()
    }
}
