//! The cases of all alerts, and days on which none may fire.

mod burns;
mod capacity;
mod engine;
mod incidents;
mod judging;
mod owners;
mod presence;
mod quiet;

use super::case::Case;
use super::world::Labels;

pub use burns::cases as burns;
pub use capacity::cases as capacity;
pub use engine::cases as engine;
pub use incidents::cases as incidents;
pub use judging::cases as judging;
pub use owners::cases as owners;
pub use presence::cases as presence;
pub use quiet::cases as quiet;

pub fn all() -> Vec<Case> {
    [
        incidents(),
        burns(),
        presence(),
        capacity(),
        engine(),
        judging(),
        owners(),
        quiet(),
    ]
    .concat()
}

/// 1 within these minutes, else 0.
fn within(from: f64, to: f64) -> impl Fn(f64) -> f64 {
    move |minute| {
        if (from..to).contains(&minute) {
            1.0
        } else {
            0.0
        }
    }
}

/// A value from a minute on, another one before.
fn from(at: f64, before: f64, after: f64) -> impl Fn(f64) -> f64 {
    move |minute| if minute < at { before } else { after }
}

/// A counter that grows by so many each minute from a minute on.
fn growing(at: f64, per_minute: f64) -> impl Fn(f64) -> f64 {
    move |minute| (minute - at).max(0.0) * per_minute
}

const fn verdict<'a>(verdict: &'a str, schema: &'a str) -> [(&'a str, &'a str); 2] {
    [("verdict", verdict), ("schema", schema)]
}

const EVENTS: &str = "landfall_events_total";
const OPEN: &str = "landfall_incidents_open";

const fn cause(cause: &str) -> [(&str, &str); 1] {
    [("cause", cause)]
}

/// Begins with a series of labels as `Labels`.
const NONE: Labels<'static> = &[];
