//! `landfall status`: which parts of the running sidecar are ready. `/readyz` shows the same by HTTP.

use std::process::ExitCode;

use clap::Args;

use super::Global;
use super::ask_running::{self, Answer};
use crate::control::{Command, Reply, Status};

/// Options of `landfall status`.
#[derive(Args)]
pub struct StatusArgs {}

pub fn run(_: &StatusArgs, global: &Global) -> anyhow::Result<ExitCode> {
    let answer = Answer {
        of: |reply| match reply {
            Reply::Status(status) => Some(status),
            _ => None,
        },
        lines,
        is_clean: |status| status.ready,
    };
    ask_running::run(global, Command::Status {}, &answer)
}

fn lines(status: &Status) -> Vec<String> {
    let ready = |is_ready| match is_ready {
        true => "ready",
        false => "not ready",
    };
    let version = &status.version;
    let mut lines = vec![format!("landfall {version}: {}", ready(status.ready))];
    let parts = status.parts.iter();
    lines
        .extend(parts.map(|part| format!("{}: {}, {}", part.name, ready(part.ready), part.detail)));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::PartStatus;

    #[test]
    fn each_part_is_a_line_with_its_details_or_the_reason_why_it_is_not_ready() {
        let part = |name: &str, ready, detail: &str| PartStatus {
            name: name.into(),
            ready,
            detail: detail.into(),
        };
        let status = Status {
            version: "1.2.3".into(),
            ready: false,
            parts: vec![
                part("engine", true, "store at data"),
                part("sources", false, "0 of 1 endpoints connected"),
            ],
        };
        assert_eq!(
            lines(&status),
            [
                "landfall 1.2.3: not ready",
                "engine: ready, store at data",
                "sources: not ready, 0 of 1 endpoints connected",
            ]
        );
    }
}
