//! Tests of the stages together.

mod simulation;
mod whole;
