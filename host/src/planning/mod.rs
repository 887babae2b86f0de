//! Makes a plan of the configuration, off the hot path: loads checks and schemas, and asks checks for their
//! objectives. Does not know the threads that judge by the plan.

mod error;
mod loading;
pub mod objectives;
mod origin;
mod planned;
pub mod planner;
