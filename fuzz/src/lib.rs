//! One function for each part of Landfall that reads bytes which somebody else wrote. It takes any bytes
//! and panics if a property of that part does not hold for them.
//!
//! Uses the parts' public functions, and for guest answers `landfall_runtime::fuzzing`. It knows nothing of
//! engines that make up inputs.
//! `tests/corpus.rs` replays the kept inputs and mutations of them; `engine` looks for new ones.

mod codec_line;
mod config;
mod guest_answer;
mod input;
mod json;
mod pattern;
mod schema;

/// A part that is held to its properties.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name on command lines, and that of its directory in `corpus`.
    pub name: &'static str,
    /// Panics if a property does not hold for the input.
    pub run: fn(&[u8]),
}

/// All parts.
pub const TARGETS: [Target; 6] = [
    target("json", json::json),
    target("schema", schema::schema),
    target("codec_line", codec_line::codec_line),
    target("guest_answer", guest_answer::guest_answer),
    target("config", config::config),
    target("pattern", pattern::pattern),
];

const fn target(name: &'static str, run: fn(&[u8])) -> Target {
    Target { name, run }
}

impl Target {
    /// The target of that name.
    pub fn of_name(name: &str) -> Option<Self> {
        TARGETS.into_iter().find(|target| target.name == name)
    }
}
