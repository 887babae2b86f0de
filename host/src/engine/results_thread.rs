//! The thread of the results: it paces how often they are written, waits for messages, and pauses while the store fails.

use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use landfall_ledger::IncidentTrackerConfig;

use super::flush_pacer::FlushPacer;
use crate::messages::{Message, ShardAnswer};
use crate::results::{FlushStep, Results, Totals};
use crate::thread_watch;

/// How often what waits is written, in real time: usually, and in a steady stream. A loss is
/// reported this late at most. Each write costs a transaction, however little there is.
const FLUSH: Duration = Duration::from_millis(200);
const FLUSH_IN_A_STREAM: Duration = Duration::from_millis(500);

/// If no more messages came between two flushes than this part of the queue's capacity, it sleeps
/// until the next flush.
const FEW_OF_QUEUE: usize = 4;

pub(super) struct ResultsThread {
    pub results: Results,
    pub messages: Receiver<Message>,
    pub trackers: Receiver<IncidentTrackerConfig>,
    /// The way back to each shard.
    pub answers: Vec<Sender<ShardAnswer>>,
}

impl ResultsThread {
    /// Runs until everybody upstream has ended; gives the totals of the run.
    pub fn run(mut self) -> Totals {
        let few = self.messages.capacity().unwrap_or_default() / FEW_OF_QUEUE;
        let mut pacer = FlushPacer::default();
        let mut count = 0;
        loop {
            let pause = pacer.pause(FLUSH, FLUSH_IN_A_STREAM);
            let began = Instant::now();
            // Waking for each message costs more than taking it.
            thread_watch::idle();
            if count <= few {
                std::thread::sleep(pause);
            }
            let round = self.take_until(began + pause, few);
            count = round.messages;
            pacer.round(round.events, began.elapsed());
            self.flush(round.has_ended);
            self.results.tick(Instant::now());
            if round.has_ended {
                return self.results.end();
            }
        }
    }

    /// Takes what comes until the next flush is due.
    fn take_until(&mut self, due: Instant, few: usize) -> ResultsRound {
        let mut round = ResultsRound::default();
        loop {
            while let Ok(config) = self.trackers.try_recv() {
                self.results.reconfigure(config);
            }
            thread_watch::idle();
            let message = self.messages.recv_deadline(due);
            thread_watch::busy();
            match message {
                Ok(message) => {
                    // Shards report about themselves even without work. A batch of landings brings
                    // work too.
                    if let Message::Judged(report) = &message {
                        round.events += report.raw_events().max(1);
                    }
                    self.results.step(message, Instant::now());
                }
                Err(RecvTimeoutError::Timeout) => return round,
                Err(RecvTimeoutError::Disconnected) => {
                    round.has_ended = true;
                    return round;
                }
            }
            round.messages += 1;
            if self.results.is_full() || round.messages > few && Instant::now() >= due {
                return round;
            }
        }
    }

    /// Writes what waits, and tries as often as needed.
    fn flush(&mut self, has_ended: bool) {
        loop {
            match self.results.flush(has_ended, Instant::now()) {
                FlushStep::Done(answers) => {
                    for (shard, answer) in answers {
                        // A shard that has ended does not wait for the answer any more.
                        let _ = self.answers[shard].send(answer);
                    }
                    return;
                }
                FlushStep::Wait(pause) => {
                    // The store is reported as failing; this thread does not stand still.
                    thread_watch::idle();
                    std::thread::sleep(pause);
                    thread_watch::busy();
                }
            }
        }
    }
}

/// What came between two flushes.
#[derive(Default)]
struct ResultsRound {
    messages: usize,
    events: u64,
    /// Everybody upstream has ended.
    has_ended: bool,
}
