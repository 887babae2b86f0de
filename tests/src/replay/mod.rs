//! Days of a pipeline, played many times as fast as they were, with Landfall beside them. The demo, the
//! recordings for rules and the test with a real Prometheus use them.
//!
//! A day defines when what goes wrong; a stage runs the pipeline and Landfall by one clock; the player
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
