//! Why there is no plan.

use std::path::{Path, PathBuf};

use landfall_document::PointerError;

use crate::judge::plan::PlanError;

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanningError {
    #[error("{field}: {error}")]
    Pointer {
        field: &'static str,
        error: PointerError,
    },
    /// Checks of which there is no version to use.
    #[error("{}", lines(.0))]
    Checks(Vec<RefusedCheck>),
    /// Checks of which there is no version to use yet.
    #[error("these checks are still being loaded: {}", .0.join(", "))]
    Loading(Vec<String>),
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// Nobody wants a plan any more.
    #[error("Landfall ends")]
    Ended,
    #[error(
        "this process has made {} plans, as many as it can number; restart it: the numbers in the store continue",
        1 + u32::from(u16::MAX)
    )]
    Generations,
}

/// A check that does not load.
#[derive(Clone, Debug, thiserror::Error)]
#[error("failed to load check {name}{}: {why}", from(.path.as_deref()))]
pub struct RefusedCheck {
    pub name: String,
    /// None if no file was found.
    pub path: Option<PathBuf>,
    pub why: String,
}

fn from(path: Option<&Path>) -> String {
    path.map_or_else(String::new, |path| format!(" from {}", path.display()))
}

fn lines(refused: &[RefusedCheck]) -> String {
    let lines: Vec<String> = refused.iter().map(ToString::to_string).collect();
    lines.join("\n")
}
