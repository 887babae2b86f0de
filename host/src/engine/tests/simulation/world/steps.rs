//! Each part's next piece of work.

use std::sync::Arc;

use fastrand::Rng;
use landfall_ledger::{
    Generation, Judgement, PayloadRef, RawObservation, ReasonId, Stream, WrittenObservation,
};

use super::sent::{Batch, fingerprint, form, number, schema, text};
use super::{DEADLINES_MS, World};
use crate::judge::{JudgeReport, SchemaCount, WrittenFrames};
use crate::messages::{Message, ShardWork};
use crate::sources::FrameBatch;

impl World<'_> {
    /// A batch is judged: its frames are in the spool, its counts are told, its shares handed on.
    pub(in super::super) fn judge(&mut self, rng: &mut Rng) {
        let shards = self.settings.shards;
        let run = self.run();
        if run.batches.is_empty() {
            return;
        }
        let batch = run.batches.remove(rng.usize(..run.batches.len().min(3)));
        let Batch {
            guard,
            raw,
            written,
        } = batch;
        let stream = match raw.is_empty() {
            true => Stream::Written,
            false => Stream::Raw,
        };
        let mut report = JudgeReport::new(stream, Generation(0));
        let mut shares: Vec<(Vec<RawObservation>, Vec<WrittenObservation>)> =
            vec![Default::default(); shards];
        let (mut frames, mut ends, mut references) = (Vec::new(), Vec::new(), Vec::new());
        for sent in &raw {
            frames.extend_from_slice(text(sent.key).as_bytes());
            ends.push(frames.len() as u32);
        }
        run.writer
            .append(&frames, &ends, run.place, &mut references)
            .expect("room in the spool");
        run.place += raw.len() as u64;
        for (sent, reference) in raw.iter().zip(references) {
            let schema = schema(&run.plan, sent.schema);
            report.seen_ms = Some(sent.arrived_ms);
            report.raw.push(SchemaCount {
                window: sent.arrived_ms.div_euclid(run.window_ms),
                schema,
                events: 1,
            });
            let key = fingerprint(sent.key);
            shares[key.shard(shards)].0.push(RawObservation {
                key,
                form: form(sent.content),
                arrived_ms: sent.arrived_ms,
                payload: PayloadRef(reference),
                schema,
                judgement: sent.judgement,
                reason: ReasonId(0),
                generation: Generation(0),
            });
        }
        let mut written_frames = FrameBatch::detached(Stream::Written);
        for (row, place) in written.iter().zip(0..) {
            written_frames.push(text(row.key).as_bytes(), row.landed_ms);
            report.seen_ms = Some(row.landed_ms);
            let key = fingerprint(row.key);
            shares[key.shard(shards)].1.push(WrittenObservation {
                key,
                form: form(row.content),
                earliest_ms: row.landed_ms,
                arrived_ms: row.landed_ms,
                schema: schema(&run.plan, row.schema),
                row: place,
                // Now and then by checks that were reloaded.
                generation: Generation(u16::from(rng.u8(..20) == 0)),
            });
        }
        let written_frames = Arc::new(WrittenFrames { frames: written_frames });
        run.results.take(Message::Judged(report));
        for (instance, (raw, written)) in run.instances.iter_mut().zip(shares) {
            instance.work.push_back(ShardWork {
                raw,
                written,
                written_frames: Some(Arc::clone(&written_frames)),
                guard: guard.clone(),
            });
        }
    }

    /// A shard applies a share.
    pub(in super::super) fn apply(&mut self, rng: &mut Rng) {
        let number = rng.usize(..self.settings.shards);
        self.apply_to(number);
    }

    pub(super) fn apply_to(&mut self, number: usize) {
        let Some(work) = self.run().instances[number].work.pop_front() else {
            return;
        };
        self.note(&work);
        let mut effects = Vec::new();
        let instance = &mut self.run().instances[number];
        assert!(instance.sharding.apply(&work, &mut effects));
    }

    /// What is known from outside of keys that are applied, and of the writer's life.
    fn note(&mut self, work: &ShardWork) {
        let run = self.run.as_ref().expect("it runs");
        let life_until_ms = run.watched_since_ms + DEADLINES_MS[0];
        for event in &work.raw {
            let known = self.keys.entry(number(event.key)).or_default();
            (known.seen, known.landed_last) = (true, false);
            if event.judgement == Judgement::Expected {
                known.expected_ms.get_or_insert(event.arrived_ms);
            }
        }
        for row in &work.written {
            let key = number(row.key);
            let known = self.keys.entry(key).or_default();
            let is_remembered = known
                .expected_ms
                .is_some_and(|arrived_ms| row.arrived_ms - arrived_ms < self.settings.horizon_ms);
            let is_new = !known.seen && row.arrived_ms <= life_until_ms;
            if (is_remembered || is_new) && !known.landed {
                self.laws.landed(row.arrived_ms);
            }
            (known.seen, known.landed, known.landed_in_run) = (true, true, true);
            known.landed_last = true;
        }
    }

    /// A shard hears answers, moves time, and tells its counts.
    pub(in super::super) fn advance(&mut self, rng: &mut Rng) {
        let number = rng.usize(..self.settings.shards);
        self.advance_shard(number);
    }

    pub(super) fn advance_shard(&mut self, number: usize) {
        let instance = &mut self.run().instances[number];
        instance.sharding.take_answers();
        let frontier = instance.sharding.frontier();
        assert!(instance.sharding.flush(frontier, &mut Vec::new()));
    }

    /// The describer hands on what some shard told; of one shard in its order, of several in any.
    pub(in super::super) fn describe(&mut self, rng: &mut Rng) {
        let number = rng.usize(..self.settings.shards);
        self.describe_of(number);
    }

    pub(super) fn describe_of(&mut self, number: usize) {
        let run = self.run();
        let waiting = run
            .instances
            .iter()
            .filter(|instance| !instance.told.is_empty())
            .count();
        if let Ok(told) = run.instances[number].told.try_recv() {
            assert!(run.describing.hand_on(told));
            while let Ok(message) = run.described.try_recv() {
                run.results.take(message);
            }
            self.out_of_step += u64::from(waiting > 1);
        }
    }

    pub(in super::super) fn flush(&mut self) {
        self.flush_as(false);
    }

    /// The commit is done, and seems to have failed.
    pub(in super::super) fn flush_and_lose_the_answer(&mut self) {
        self.run().results.lose_answer();
        self.flush();
    }

    pub(super) fn flush_as(&mut self, ended: bool) {
        self.run().results.flush_until_done(ended);
        let stall_ms = self.settings.stall_ms;
        self.laws.check(stall_ms);
    }
}
