//! Days of a pipeline, played many times as fast as they were, with Landfall beside them: what the
//! demo shows, what recordings for rules are made of, and what a real Prometheus watches in a test.
//!
//! A day says when what goes wrong; a stage has the pipeline and Landfall by one clock; the player
//! sends the events.

mod day;
mod play;
mod stage;

pub use day::{Day, Fault, Rare, Stretch, Trouble};
pub use play::{HELD_MS, Played, play};
pub use stage::{
    CLEAR, DEADLINE, DEADLINE_MS, GRACE, HORIZON, Launcher, STALL, Stage, StageError, StageOptions,
    WINDOW, WINDOW_MS,
};
