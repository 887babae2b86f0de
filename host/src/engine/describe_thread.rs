//! The thread of the describer: it waits for what shards report, and hands on what the stage gives.

use std::time::Instant;

use crossbeam_channel::{Receiver, Sender};

use crate::messages::{Message, ShardAnswer, ShardOutput};
use crate::stages::describing::{DescribeOutput, DescribeStage};
use crate::thread_watch;

pub(super) struct DescribeThread {
    pub stage: DescribeStage,
    pub outputs: Receiver<ShardOutput>,
    /// The way back to each shard.
    pub answers: Vec<Sender<ShardAnswer>>,
    pub results: Sender<Message>,
}

impl DescribeThread {
    /// Runs until all shards have ended.
    pub fn run(mut self) {
        loop {
            thread_watch::idle();
            let Ok(output) = self.outputs.recv() else {
                return;
            };
            thread_watch::busy();
            let DescribeOutput { answers, message } = self.stage.step(output, Instant::now());
            for (shard, answer) in answers {
                // A shard that has ended does not wait for the answer any more.
                let _ = self.answers[shard].send(answer);
            }
            if self.results.send(message).is_err() {
                return;
            }
        }
    }
}
