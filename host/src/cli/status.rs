//! `landfall status`: how the sidecar is that runs with this store; what `/readyz` shows, also without HTTP.

use std::process::ExitCode;

use clap::Args;

use super::{Global, exit, print};
use crate::control::{self, Command, Reply, Status};

/// Options of `landfall status`.
#[derive(Args)]
pub struct StatusArgs {}

pub fn run(_: &StatusArgs, global: &Global) -> anyhow::Result<ExitCode> {
    let store_dir = global.load()?.store_dir();
    let status = match control::ask(&store_dir, Command::Status {})? {
        Reply::Status(status) => status,
        Reply::Refused { why } => anyhow::bail!("the running Landfall did not answer: {why}"),
        other => anyhow::bail!("the running Landfall gave another answer: {other:?}"),
    };
    if global.json {
        print::json(&serde_json::json!(status))?;
    } else {
        for line in lines(&status) {
            print::line(line)?;
        }
    }
    Ok(match status.ready {
        true => exit::CLEAN.into(),
        false => exit::FINDINGS.into(),
    })
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
