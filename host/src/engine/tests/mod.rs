//! Tests of the stages together.

mod shard_in_run;
mod simulation;
mod whole;
