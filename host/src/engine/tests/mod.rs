//! Tests of the threads together.

mod simulation;
