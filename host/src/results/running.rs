//! The results' thread: when it sleeps, when it takes, and when it writes. Decides nothing else.

use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};
use landfall_ledger::IncidentTrackerConfig;

use super::{Results, Totals};
use crate::flush_pacer::FlushPacer;
use crate::messages::Message;
use crate::thread_watch;

/// How often what gathered is written, in real time, in a steady stream that is no flood more seldom:
/// news of a loss is this old at most. Each time costs a transaction, however little there is.
const FLUSH: Duration = Duration::from_millis(200);
const FLUSH_IN_A_STREAM: Duration = Duration::from_millis(500);

/// With no more messages than this part of what their queue holds between two flushes, it sleeps until
/// the next one.
const FEW_OF_QUEUE: usize = 4;

impl Results {
    /// Runs until everybody upstream has ended; gives the totals of the run.
    pub fn run(
        mut self,
        messages: &Receiver<Message>,
        tracker_configs: &Receiver<IncidentTrackerConfig>,
    ) -> Totals {
        let few = messages.capacity().unwrap_or_default() / FEW_OF_QUEUE;
        let mut pacer = FlushPacer::default();
        let mut count = 0;
        loop {
            let pause = pacer.pause(FLUSH, FLUSH_IN_A_STREAM);
            let began = Instant::now();
            let due = began + pause;
            // Waking for each message costs more than taking it.
            thread_watch::idle();
            if count <= few {
                std::thread::sleep(pause);
            }
            count = 0;
            let mut events = 0;
            let ended = loop {
                while let Ok(config) = tracker_configs.try_recv() {
                    self.reconfigure(config);
                }
                thread_watch::idle();
                let message = messages.recv_deadline(due);
                thread_watch::busy();
                match message {
                    Ok(message) => {
                        // Shards tell of themselves in any case; a batch of landings brings work too.
                        if let Message::Judged(report) = &message {
                            events += report.raw_events().max(1);
                        }
                        self.take(message);
                    }
                    Err(RecvTimeoutError::Timeout) => break false,
                    Err(RecvTimeoutError::Disconnected) => break true,
                }
                count += 1;
                if self.is_full() || count > few && Instant::now() >= due {
                    break false;
                }
            };
            pacer.round(events, began.elapsed());
            self.flush_until_done(ended);
            self.faults.look(Instant::now());
            if ended {
                self.faults.end();
                return self.totals;
            }
        }
    }
}
