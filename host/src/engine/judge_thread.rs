//! The thread of a judge: it waits for batches, and hands on what the stage gives.

use std::time::Instant;

use crossbeam_channel::Sender;
use landfall_ledger::Stream;

use super::restored_lane;
use super::threads::Disconnected;
use crate::flow::FrameBatch;
use crate::flow::queue::{Receiver, RecvError};
use crate::messages::{Message, ShardWork};
use crate::stages::judging::{JudgeInput, JudgeOutput, JudgeStage};
use crate::thread_watch;

pub(super) struct JudgeThread {
    pub stage: JudgeStage,
    pub batches: Receiver<FrameBatch>,
    pub shards: Vec<Sender<ShardWork>>,
    pub results: Sender<Message>,
}

impl JudgeThread {
    /// Runs until the queue is closed and empty.
    pub fn run(mut self) {
        while let Ok(true) = self.round() {}
    }

    /// Judges one batch, if one comes. False if everything is done.
    fn round(&mut self) -> Result<bool, Disconnected> {
        // Frames that a codec failed on are tried again here; at the end for the last time.
        let is_last = self.batches.is_ending();
        while let Some(output) = self
            .stage
            .step(JudgeInput::Waiting { is_last }, Instant::now())
        {
            self.hand_on(output)?;
        }
        let intake = self.stage.intake(Instant::now());
        for (stream, held) in intake.held.iter() {
            self.batches.hold(stream.index(), *held);
            self.batches.hold(restored_lane(stream), *held);
        }
        thread_watch::idle();
        let next = self.batches.recv_timeout_from(intake.wait, |lane| {
            Stream::ALL.into_iter().any(|stream| {
                lane == stream.index() && intake.takes[stream]
                    || lane == restored_lane(stream) && intake.takes_restored[stream]
            })
        });
        thread_watch::busy();
        let waits_in = |lane: usize| self.batches.stats()[lane].items() > 0;
        let raw_waits = waits_in(Stream::Raw.index()) || waits_in(restored_lane(Stream::Raw));
        let input = match next {
            Ok(batch) => JudgeInput::Batch { batch, raw_waits },
            Err(RecvError::Timeout) => JudgeInput::Nothing { raw_waits },
            Err(RecvError::Closed) => {
                if self.stage.has_waiting() {
                    thread_watch::idle();
                    std::thread::sleep(intake.wait);
                    return Ok(true);
                }
                // What was given back after `is_last` was read still has to be judged.
                return Ok(!is_last);
            }
        };
        if let Some(output) = self.stage.step(input, Instant::now()) {
            self.hand_on(output)?;
        }
        Ok(true)
    }

    /// Reports to the results, and then hands each shard its share.
    fn hand_on(&self, output: JudgeOutput) -> Result<(), Disconnected> {
        let JudgeOutput {
            report,
            shares,
            guard,
        } = output;
        self.results
            .send(Message::Judged(report))
            .map_err(|_| Disconnected)?;
        for (number, work) in shares {
            self.shards[number].send(work).map_err(|_| Disconnected)?;
        }
        drop(guard);
        Ok(())
    }
}
