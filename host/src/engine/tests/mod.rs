//! Tests of the stages together.

mod seeds;
mod shard_in_run;
mod simulation;
mod whole;
