//! Makes a plan of the configuration, off the hot path: loads checks and schemas, and asks checks what they
//! state. Knows no thread that judges by it.

mod loading;
pub mod objectives;
mod origin;
pub mod planner;
