//! `landfall reload`: makes a running Landfall reload its files, and shows the result.

use std::process::ExitCode;

use clap::Args;

use super::Global;
use super::ask_running::{self, Answer};
use crate::control::{Command, Reloaded, Reply};

/// Options of `landfall reload`.
#[derive(Args)]
pub struct ReloadArgs {}

pub fn run(_: &ReloadArgs, global: &Global) -> anyhow::Result<ExitCode> {
    let answer = Answer {
        of: |reply| match reply {
            Reply::Reloaded(reloaded) => Some(reloaded),
            _ => None,
        },
        lines,
        is_clean: |reloaded| reloaded.complete,
    };
    ask_running::run(global, Command::Reload {}, &answer)
}

fn lines(reloaded: &Reloaded) -> Vec<String> {
    let generation = reloaded.generation;
    let mut lines = vec![match reloaded.complete {
        true => format!("generation {generation} is in force, complete"),
        false => format!("generation {generation} is in force, but not complete:"),
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
        let complete = Reloaded {
            generation: 4,
            complete: true,
            ..Reloaded::default()
        };
        assert_eq!(lines(&complete), ["generation 4 is in force, complete"]);
        let part = Reloaded {
            generation: 4,
            complete: false,
            loading: vec!["slow".into()],
            problems: vec!["streams changed".into()],
        };
        assert_eq!(
            lines(&part),
            [
                "generation 4 is in force, but not complete:",
                "check slow is still being loaded",
                "streams changed",
            ]
        );
    }
}
