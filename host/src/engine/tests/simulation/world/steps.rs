//! Each part's next piece of work.

use std::sync::Arc;

use fastrand::Rng;
use landfall_ledger::{
    Generation, Judgement, PayloadRef, RawObservation, ReasonId, Stream, WrittenObservation,
};

use landfall_store::spool::{FrameKind, SpooledFrames};

use super::sent::{Batch, Row, fingerprint, form, number, schema, text};
use super::{DEADLINES_MS, World};
use crate::flow::FrameBatch;
use crate::judge::{JudgeReport, SchemaCount, WrittenFrames};
use crate::messages::{Message, ShardWork};
use crate::results::FlushStep;
use crate::stages::sharding::ShardInput;

impl World<'_> {
    /// A batch is judged: its frames are in the spool, its counts are reported, its shares handed on.
    pub(in super::super) fn judge(&mut self, rng: &mut Rng) {
        let (shards, now) = (self.settings.shards, self.now());
        if self.run().batches.is_empty() {
            return;
        }
        let first_place = self.accepted.len() as u64;
        let run = self.run.as_mut().expect("it runs");
        let batch = run.batches.remove(rng.usize(..run.batches.len().min(3)));
        let Batch {
            guard,
            raw,
            written,
            spooled,
        } = batch;
        let stream = match raw.is_empty() {
            true => Stream::Written,
            false => Stream::Raw,
        };
        let (events, rows) = (raw.len(), written.len());
        self.tell(|| format!("a batch of {stream} is judged: {events} events, {rows} rows"));
        let run = self.run.as_mut().expect("it runs");
        let mut report = JudgeReport::new(stream, Generation(0));
        let mut shares: Vec<(Vec<RawObservation>, Vec<WrittenObservation>)> =
            vec![Default::default(); shards];
        let (mut frames, mut ends, mut references) = (Vec::new(), Vec::new(), spooled);
        for sent in &raw {
            frames.extend_from_slice(text(sent.key).as_bytes());
            ends.push(frames.len() as u32);
        }
        if !raw.is_empty() && references.is_empty() {
            let arrived_ms: Vec<i64> = raw.iter().map(|sent| sent.arrived_ms).collect();
            let frames = SpooledFrames {
                bytes: &frames,
                ends: &ends,
                first_place,
                arrived_ms: &arrived_ms,
                source: 0,
                earliest_ms: &[],
                kind: FrameKind::Raw,
            };
            run.writer
                .append_frames(&frames, &mut references)
                .expect("room in the spool");
            self.accepted.extend(&raw);
        }
        let written_frames = self.keep_rows(&written, &mut references, rng);
        let run = self.run.as_mut().expect("it runs");
        for (sent, reference) in raw.iter().zip(&references) {
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
                payload: PayloadRef(*reference),
                schema,
                judgement: sent.judgement,
                reason: ReasonId(0),
                generation: Generation(0),
            });
        }
        for (row, place) in written.iter().zip(0_u32..) {
            report.seen_ms = Some(row.landed_ms);
            let key = fingerprint(row.key);
            shares[key.shard(shards)].1.push(WrittenObservation {
                key,
                form: form(row.content),
                earliest_ms: row.landed_ms,
                arrived_ms: row.landed_ms,
                schema: schema(&run.plan, row.schema),
                row: place,
                payload: references
                    .get(place as usize)
                    .map_or(PayloadRef::NONE, |reference| PayloadRef(*reference)),
                // Now and then by checks that were reloaded.
                generation: Generation(u16::from(rng.u8(..20) == 0)),
            });
        }
        let written_frames = Arc::new(WrittenFrames {
            frames: written_frames,
        });
        run.results.step(Message::Judged(report), now);
        for (shard, (raw, written)) in run.shards.iter_mut().zip(shares) {
            shard.work.push_back(ShardWork {
                raw,
                written,
                written_frames: Some(Arc::clone(&written_frames)),
                guard: guard.clone(),
            });
        }
    }

    /// The frames of rows, which are put into the spool unless they are there.
    fn keep_rows(
        &mut self,
        written: &[Row],
        references: &mut Vec<u64>,
        rng: &mut Rng,
    ) -> FrameBatch {
        let mut frames = FrameBatch::detached(Stream::Written);
        for row in written {
            frames.push(text(row.key).as_bytes(), row.landed_ms);
        }
        // Now and then the spool has no room for rows.
        if written.is_empty() || !references.is_empty() || rng.u8(..8) == 0 {
            return frames;
        }
        let spooled = SpooledFrames {
            bytes: &frames.bytes,
            ends: &frames.ends,
            first_place: 0,
            arrived_ms: &frames.arrived_ms,
            earliest_ms: &frames.earliest_ms,
            source: 0,
            kind: FrameKind::Row,
        };
        let run = self.run.as_mut().expect("it runs");
        run.writer
            .append_frames(&spooled, references)
            .expect("room in the spool");
        for (row, reference) in written.iter().zip(references) {
            self.kept_rows.insert(*reference, *row);
            self.keys.entry(row.key).or_default().kept_rows += 1;
        }
        frames
    }

    /// A shard applies a share.
    pub(in super::super) fn apply(&mut self, rng: &mut Rng) {
        let number = rng.usize(..self.settings.shards);
        self.apply_to(number);
    }

    pub(super) fn apply_to(&mut self, number: usize) {
        let Some(work) = self.run().shards[number].work.pop_front() else {
            return;
        };
        let (events, rows) = (work.raw.len(), work.written.len());
        self.tell(|| format!("shard {number} applies {events} events, {rows} rows"));
        self.note(&work);
        let now = self.now();
        self.run().shards[number].give(ShardInput::Work(work), now);
    }

    /// What is known from outside of keys that are applied, and of the writer's life.
    fn note(&mut self, work: &ShardWork) {
        let run = self.run.as_ref().expect("it runs");
        let life_until_ms = run.watched_since_ms + DEADLINES_MS[0];
        for event in &work.raw {
            let known = self.keys.entry(number(event.key)).or_default();
            (known.seen, known.landed_last) = (true, false);
            let is_forgotten = |until_ms: &i64| *until_ms < event.arrived_ms;
            if known.remembered_ms.as_ref().is_some_and(is_forgotten) {
                known.remembered_ms = None;
            }
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
            known.row_ms = run.applied_ms[row.key.shard(self.settings.shards)];
        }
    }

    /// A shard gets answers, moves time, and reports its counts.
    pub(in super::super) fn advance(&mut self, rng: &mut Rng) {
        let number = rng.usize(..self.settings.shards);
        self.advance_shard(number);
    }

    pub(super) fn advance_shard(&mut self, number: usize) {
        let now = self.now();
        let run = self.run();
        let frontiers = Stream::ALL.map(|stream| run.in_flight.frontier(stream));
        let shard = &mut run.shards[number];
        let answers = shard.answers.drain(..).collect();
        shard.give(ShardInput::Answers(answers), now);
        shard.give(ShardInput::Tick, now);
        run.applied_ms[number] = frontiers.into_iter().min().unwrap_or(i64::MIN);
        let [raw, written] = frontiers.map(|at_ms| at_ms.saturating_sub(super::START_MS));
        self.tell(|| format!("shard {number}: raw time is {raw} ms, written time {written} ms"));
    }

    /// The describer hands on what a shard reported: the reports of one shard in their order, those of several shards in any order.
    pub(in super::super) fn describe(&mut self, rng: &mut Rng) {
        let number = rng.usize(..self.settings.shards);
        self.describe_of(number);
    }

    pub(super) fn describe_of(&mut self, number: usize) {
        let now = self.now();
        let run = self.run();
        let shards = run.shards.iter();
        let waiting = shards.filter(|shard| !shard.outputs.is_empty()).count();
        let Some(output) = run.shards[number].outputs.pop_front() else {
            return;
        };
        let described = run.describing.step(output, now);
        let answers = described.answers.len();
        for (shard, answer) in described.answers {
            run.shards[shard].answers.push_back(answer);
        }
        run.results.step(described.message, now);
        self.out_of_step += u64::from(waiting > 1);
        self.tell(|| format!("a report of shard {number} is described, answers: {answers}"));
    }

    pub(in super::super) fn flush(&mut self) {
        self.flush_as(false);
    }

    /// The commit is done, and seems to have failed.
    pub(in super::super) fn flush_and_lose_the_answer(&mut self) {
        self.tell(|| "the next commit is done, and seems to have failed".into());
        self.run().results.lose_answer();
        self.flush();
    }

    pub(super) fn flush_as(&mut self, ended: bool) {
        self.tell(|| {
            format!(
                "results are stored{}",
                if ended { ", and all is over" } else { "" }
            )
        });
        let now = self.now();
        let run = self.run();
        let mut tries = 0..3;
        let answers = loop {
            match run.results.flush(ended, now) {
                FlushStep::Done(answers) => break answers,
                FlushStep::Wait(_) => assert!(tries.next().is_some(), "the store works"),
            }
        };
        for (shard, answer) in answers {
            run.shards[shard].answers.push_back(answer);
        }
        let stall_ms = self.settings.stall_ms;
        self.laws.check(stall_ms);
    }
}
