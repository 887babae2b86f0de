//! `landfall reload`: has a running Landfall read its files again, and shows what came of it.

use std::process::ExitCode;

use clap::Args;

use super::{Global, exit, print};
use crate::control::{self, Command, Reloaded, Reply};

/// Options of `landfall reload`.
#[derive(Args)]
pub struct ReloadArgs {}

pub fn run(_: &ReloadArgs, global: &Global) -> anyhow::Result<ExitCode> {
    let store_dir = global.load()?.store_dir();
    let reloaded = match control::ask(&store_dir, Command::Reload {})? {
        Reply::Reloaded(reloaded) => reloaded,
        Reply::Refused { why } => anyhow::bail!("the running Landfall did not reload: {why}"),
        other => anyhow::bail!("the running Landfall gave another answer: {other:?}"),
    };
    if global.json {
        print::json(&serde_json::json!(reloaded))?;
    } else {
        for line in lines(&reloaded) {
            print::line(line)?;
        }
    }
    Ok(match reloaded.whole {
        true => exit::CLEAN.into(),
        false => exit::FINDINGS.into(),
    })
}

fn lines(reloaded: &Reloaded) -> Vec<String> {
    let generation = reloaded.generation;
    let mut lines = vec![match reloaded.whole {
        true => format!("generation {generation} is in force, with all of the files"),
        false => format!("generation {generation} is in force, and not all of the files:"),
    }];
    let loading = reloaded.loading.iter();
    lines.extend(loading.map(|check| format!("check {check} is still being loaded")));
    lines.extend(reloaded.problems.iter().cloned());
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_in_force_is_named() {
        let whole = Reloaded {
            generation: 4,
            whole: true,
            ..Reloaded::default()
        };
        assert_eq!(
            lines(&whole),
            ["generation 4 is in force, with all of the files"]
        );
        let part = Reloaded {
            generation: 4,
            whole: false,
            loading: vec!["slow".into()],
            problems: vec!["streams changed".into()],
        };
        assert_eq!(
            lines(&part),
            [
                "generation 4 is in force, and not all of the files:",
                "check slow is still being loaded",
                "streams changed",
            ]
        );
    }
}
