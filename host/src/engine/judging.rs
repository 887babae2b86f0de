//! A judge's thread: takes batches, spools raw frames, judges, hands each shard its share.

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::Sender;
use landfall_ledger::PayloadRef;
use landfall_store::spool::SpoolWriter;

use super::backlog::Backlog;
use super::messages::{Message, ShardWork};
use super::plan_cell::PlanCell;
use crate::board::Board;
use crate::judge::{Judge, Judged};
use crate::queue::{Receiver, RecvError};
use crate::sources::{FrameBatch, StreamId};

/// Between two tries to write to a spool that is full or failing.
const SPOOL_RETRY: Duration = Duration::from_millis(100);

/// How often an idle judge looks whether the ledger has room again, in real time.
const ROOM_LOOK: Duration = Duration::from_millis(50);

/// What a judge's thread works with.
pub struct Judging {
    pub judge: Judge,
    pub plan: Arc<PlanCell>,
    pub batches: Receiver<FrameBatch>,
    pub spool: SpoolWriter,
    pub shards: Vec<Sender<ShardWork>>,
    pub results: Sender<Message>,
    pub board: Board,
    pub backlog: Arc<Backlog>,
}

impl Judging {
    /// Runs until the queue is closed and empty.
    pub fn run(mut self) {
        let mut payloads = Vec::new();
        while let Some(batch) = self.next() {
            self.judge.follow(&self.plan.current());
            payloads.clear();
            if batch.stream == StreamId::RAW {
                self.spool(&batch, &mut payloads);
            }
            let flight = batch.flight.clone();
            let Judged {
                raw,
                written,
                unreferenced,
                report,
                hand,
                ..
            } = self.judge.judge(batch, &payloads);
            for payload in unreferenced {
                self.spool.spool().released(payload.segment(), 1);
            }
            // The results hear of the events before any verdict on them can reach them.
            if self.results.send(Message::Judged(report)).is_err() {
                return;
            }
            let hand = hand.map(Arc::new);
            for ((raw, written), shard) in raw.into_iter().zip(written).zip(&self.shards) {
                if raw.is_empty() && written.is_empty() {
                    continue;
                }
                let work = ShardWork {
                    raw,
                    written,
                    hand: hand.clone(),
                    flight: flight.clone(),
                };
                if shard.send(work).is_err() {
                    return;
                }
            }
        }
    }

    /// The next batch; raw ones only while the ledger has room.
    fn next(&self) -> Option<FrameBatch> {
        loop {
            self.batches
                .hold(StreamId::RAW.index(), self.backlog.is_full());
            match self.batches.recv_timeout(ROOM_LOOK) {
                Ok(batch) => return Some(batch),
                Err(RecvError::Timeout) => {}
                Err(RecvError::Closed) => return None,
            }
        }
    }

    /// Waits while the spool is full: the queue fills behind us, and the source is pushed back.
    fn spool(&mut self, batch: &FrameBatch, payloads: &mut Vec<PayloadRef>) {
        let mut said = false;
        let mut numbers = Vec::with_capacity(batch.rows());
        loop {
            match self.spool.append(&batch.bytes, &batch.ends, &mut numbers) {
                Ok(()) => {
                    payloads.extend(numbers.into_iter().map(PayloadRef));
                    return;
                }
                Err(error) => {
                    self.board.spool_waited();
                    if !said {
                        tracing::error!("{error}; judging waits until it succeeds");
                        said = true;
                    }
                    std::thread::sleep(SPOOL_RETRY);
                }
            }
        }
    }
}
