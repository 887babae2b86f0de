//! What happens to frames, stage by stage: judging, joining in shards, describing. Each stage is a
//! state machine: it takes an input and the time, and gives its output.
//!
//! No stage sleeps, reads a clock, or knows a channel: its thread in `engine` does that. So all
//! stages can run in one thread, with a clock that a test sets. The results are a stage as well
//! (`results`).

pub(crate) mod backlog;
pub(crate) mod describing;
pub mod judging;
pub(crate) mod sharding;
