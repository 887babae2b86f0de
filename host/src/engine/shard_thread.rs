//! The thread of a shard: it paces how often time moves, waits for shares of batches, and hands on
//! what the stage gives.

use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use landfall_ledger::Deadlines;

use super::flush_pacer::FlushPacer;
use super::threads::Disconnected;
use crate::messages::{ShardAnswer, ShardOutput, ShardWork};
use crate::stages::sharding::{ShardInput, ShardStage};
use crate::thread_watch;

/// How often a shard moves time and reports its counts, in real time: usually, and in a steady
/// stream. It bounds how late a verdict is given.
const FLUSH: Duration = Duration::from_millis(100);
const FLUSH_IN_A_STREAM: Duration = Duration::from_millis(250);

/// Shares of batches that wait before a shard. Their rows are bounded by the batch, so they take 16 MiB at most.
pub(super) const SHARD_QUEUE: usize = 16;

/// If no more shares than this came between two flushes, a shard sleeps until the next flush and is
/// not woken for each share: waking costs more than applying. It is a quarter of what its queue
/// holds, so nobody has to wait for room meanwhile unless a flood begins.
const FEW_SHARES: usize = SHARD_QUEUE / 4;

/// How long the last answers may take at the end, in real time.
const ANSWERS_MAX: Duration = Duration::from_secs(10);

pub(super) struct ShardThread {
    pub stage: ShardStage,
    pub work: Receiver<ShardWork>,
    pub answers: Receiver<ShardAnswer>,
    pub deadlines: Receiver<Deadlines>,
    pub outputs: Sender<ShardOutput>,
}

impl ShardThread {
    /// Runs until all judges have ended.
    pub fn run(mut self) {
        // If the receiver is gone, it has ended or died, and the engine knows that.
        let _ = self.run_until_closed();
    }

    fn run_until_closed(&mut self) -> Result<(), Disconnected> {
        let mut pacer = FlushPacer::default();
        let mut shares = 0;
        loop {
            let pause = pacer.pause(FLUSH, FLUSH_IN_A_STREAM);
            let began = Instant::now();
            thread_watch::idle();
            if shares <= FEW_SHARES {
                std::thread::sleep(pause);
            }
            let round = self.take_until(began + pause)?;
            if round.has_ended {
                break;
            }
            shares = round.shares;
            pacer.round(round.observations, began.elapsed());
            self.give(ShardInput::Tick)?;
            self.give(ShardInput::MakeRoom)?;
        }
        self.give(ShardInput::LastTick)?;
        self.await_answers()?;
        self.give(ShardInput::LastTick)
    }

    /// Takes what comes until the next flush is due.
    fn take_until(&mut self, due: Instant) -> Result<ShardRound, Disconnected> {
        let mut round = ShardRound::default();
        let mut gathered = Vec::new();
        loop {
            thread_watch::idle();
            let work = self.work.recv_deadline(due);
            thread_watch::busy();
            while let Ok(deadlines) = self.deadlines.try_recv() {
                self.give(ShardInput::Deadlines(deadlines))?;
            }
            let answers: Vec<ShardAnswer> = self.answers.try_iter().collect();
            if !answers.is_empty() {
                self.give(ShardInput::Answers(answers))?;
            }
            match work {
                Ok(work) => {
                    gathered.push(work);
                    let room = SHARD_QUEUE - gathered.len();
                    gathered.extend(self.work.try_iter().take(room));
                    round.shares += gathered.len();
                    // Raw events first, so that fewer landings have to wait for theirs.
                    gathered.sort_by_key(|work| work.raw.is_empty());
                    for work in gathered.drain(..) {
                        round.observations += (work.raw.len() + work.written.len()) as u64;
                        self.give(ShardInput::Work(work))?;
                    }
                }
                Err(RecvTimeoutError::Timeout) => return Ok(round),
                Err(RecvTimeoutError::Disconnected) => {
                    round.has_ended = true;
                    return Ok(round);
                }
            }
            // Everything that came while it slept is taken; that is no more than the queue holds.
            if round.shares >= SHARD_QUEUE && Instant::now() >= due {
                return Ok(round);
            }
        }
    }

    /// Gives the stage an input, and hands on its outputs.
    fn give(&mut self, input: ShardInput) -> Result<(), Disconnected> {
        self.stage.step(input, Instant::now());
        while let Some(output) = self.stage.next_output() {
            self.outputs.send(output).map_err(|_| Disconnected)?;
        }
        Ok(())
    }

    /// At the end, answers are still on their way, and no copy will come any more that could
    /// explain a row. What continues because of that may ask again, so this repeats until no answer
    /// is awaited.
    fn await_answers(&mut self) -> Result<(), Disconnected> {
        let start = Instant::now();
        loop {
            let asks = self.stage.awaits_answers();
            let has_time = start.elapsed() < ANSWERS_MAX;
            if asks && has_time {
                if let Ok(answer) = self.answers.recv_timeout(FLUSH) {
                    self.give(ShardInput::Answers(vec![answer]))?;
                }
            } else {
                self.give(ShardInput::Conclude)?;
            }
            if !has_time || !asks && !self.stage.awaits_answers() {
                return Ok(());
            }
        }
    }
}

/// What came between two flushes.
#[derive(Default)]
struct ShardRound {
    shares: usize,
    observations: u64,
    /// All judges have ended.
    has_ended: bool,
}
