//! A shard in a simulation, and what is on its way to it and from it.

use std::collections::VecDeque;
use std::time::Instant;

use crate::messages::{ShardAnswer, ShardOutput, ShardWork};
use crate::stages::sharding::{ShardInput, ShardParts, ShardStage};

pub(super) struct ShardInRun {
    pub stage: ShardStage,
    pub work: VecDeque<ShardWork>,
    pub answers: VecDeque<ShardAnswer>,
    pub outputs: VecDeque<ShardOutput>,
}

impl ShardInRun {
    /// A shard that has nothing to do.
    pub fn new(parts: ShardParts) -> Self {
        Self {
            stage: ShardStage::new(parts),
            work: VecDeque::new(),
            answers: VecDeque::new(),
            outputs: VecDeque::new(),
        }
    }

    /// Gives the stage an input, and keeps what came of it.
    pub fn give(&mut self, input: ShardInput, now: Instant) {
        self.stage.step(input, now);
        while let Some(output) = self.stage.next_output() {
            self.outputs.push_back(output);
        }
    }
}
