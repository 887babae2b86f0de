//! `landfall config`: the default with every setting explained, and a close look at a file.

use std::process::ExitCode;

use clap::Subcommand;
use landfall_escape::terminal::Page;
use serde_json::json;

use super::{Global, exit, print};
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
            print::own(DEFAULT_TEXT)?;
            Ok(exit::CLEAN.into())
        }
        ConfigCommand::Check => check(global),
    }
}

fn check(global: &Global) -> anyhow::Result<ExitCode> {
    let result = Config::check(global.config.as_deref(), &Environment::of_process());
    let (errors, hints): (Vec<String>, Vec<String>) = match &result {
        Ok(inspected) => (
            Vec::new(),
            inspected.hints.iter().map(ToString::to_string).collect(),
        ),
        Err(errors) => (errors.lines(), Vec::new()),
    };
    if global.json {
        print::json(&json!({"valid": errors.is_empty(), "errors": errors, "hints": hints}))?;
    } else {
        let mut page = Page::default();
        errors
            .iter()
            .for_each(|error| page.line(format_args!("error: {error}")));
        hints
            .iter()
            .for_each(|hint| page.line(format_args!("hint: {hint}")));
        if errors.is_empty() {
            page.line("the configuration is valid");
        }
        print::page(&page)?;
    }
    Ok(if errors.is_empty() {
        exit::CLEAN.into()
    } else {
        exit::FINDINGS.into()
    })
}
