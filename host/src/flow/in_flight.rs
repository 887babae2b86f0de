//! Knows which batches are in flight, and so the frontier: the instant before which everything that
//! arrived has been applied. And what no source saw.
//!
//! Long: the rule below holds by what sources, register and guards do together.
//!
//! The rule: if a frame's arrival stamp is before the frontier of its stream, the ledger has
//! applied the frame, or it was refused and counted. The rule holds because of an order:
//! 1. A source registers a batch when it stamps the batch's first frame. Only afterwards it moves
//!    its own progress past that stamp.
//! 2. The frontier reads the progress of all sources *first* and the registered batches *second*.
//!
//! So a batch whose first stamp is before the progress that was read is registered at that time, or
//! it is already finished.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use landfall_ledger::{Coverage, Hole, HoleCause, PerStream, Readings, Stream};

use super::{SequenceCounts, Sequences, UnreadFrames};

/// How far one source has read: every frame that came before this instant has been stamped and put
/// into a registered batch, or is in a hole. Milliseconds by Landfall's clock.
#[derive(Debug)]
pub struct SourceProgress {
    reached_ms: AtomicI64,
    /// A network may have held back what is read now, since then. `i64::MAX`: it does not.
    held_back_since_ms: AtomicI64,
    /// When the first source of the stream began.
    stream_start_ms: i64,
    /// The holes of all sources of the stream.
    coverage: Arc<Mutex<Coverage>>,
    delays: Arc<Mutex<Coverage>>,
    unread: Arc<Mutex<UnreadFrames>>,
}

impl SourceProgress {
    /// Everything that arrived before `instant_ms` is in registered batches or in holes that were reported. Never
    /// moves back.
    pub fn reach(&self, instant_ms: i64) {
        self.reached_ms.fetch_max(instant_ms, Ordering::AcqRel);
    }

    /// What may have come in this interval was not seen. It is reported before [`reach`](Self::reach) passes it:
    /// then whoever sees the frontier pass it also sees the hole.
    pub fn unseen(&self, hole: Hole) {
        lock(&self.coverage).add(hole);
    }

    /// So many frames that came at this instant could not be read. They may be any events.
    pub fn unread(&self, at_ms: i64, frames: u64) {
        lock(&self.unread).add(at_ms, frames);
    }

    /// When the first source of the stream began, in milliseconds: nobody saw the stream before.
    pub fn stream_start_ms(&self) -> i64 {
        self.stream_start_ms
    }

    /// What is stamped from `from_ms` to `to_ms` may have come as early as `from_ms`: it was read late.
    pub fn delayed(&self, from_ms: i64, to_ms: i64) {
        lock(&self.delays).add(Hole {
            from_ms,
            to_ms,
            cause: HoleCause::Paused,
        });
    }

    /// What is read from now on may have come to the publisher's end of the connection as early as this, because a
    /// network held it back. None: no longer.
    pub fn held_back(&self, since_ms: Option<i64>) {
        let since_ms = since_ms.unwrap_or(i64::MAX);
        self.held_back_since_ms.store(since_ms, Ordering::Release);
    }

    /// A frame that is read now came no earlier than this, in milliseconds.
    pub fn earliest_ms(&self) -> i64 {
        let held_back_since_ms = self.held_back_since_ms.load(Ordering::Acquire);
        self.get_ms().min(held_back_since_ms)
    }

    /// The source has ended, and nothing will come from it any more. It no longer holds the
    /// frontier.
    pub fn finish(&self) {
        self.reached_ms.store(i64::MAX, Ordering::Release);
    }

    /// The instant before which everything that arrived is in registered batches, in milliseconds.
    pub fn get_ms(&self) -> i64 {
        self.reached_ms.load(Ordering::Acquire)
    }
}

#[derive(Debug, Default)]
struct StreamRegister {
    sources: Mutex<Vec<Arc<SourceProgress>>>,
    coverage: Arc<Mutex<Coverage>>,
    delays: Arc<Mutex<Coverage>>,
    unread: Arc<Mutex<UnreadFrames>>,
    /// Its sources number what they send.
    sequences: OnceLock<Arc<Sequences>>,
    start_ms: OnceLock<i64>,
    /// The frontier that was computed last.
    last_frontier_ms: Mutex<Option<i64>>,
    /// First arrival and number of each unfinished batch.
    unfinished: Mutex<Unfinished>,
    /// Number of batches that are never applied, by reason. They stay unfinished.
    unapplied: Mutex<BTreeMap<Unapplied, u64>>,
}

#[derive(Debug, Default)]
struct Unfinished {
    batches: BTreeSet<(i64, u64)>,
    next: u64,
}

/// Why a batch (or some of its frames) was received and is never applied. The frontier of its
/// stream stays before it. So no event is called missing while its other side may be among these
/// frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Unapplied {
    /// Its source was asked to end, and the queue stayed full.
    QueueFull = 1,
    /// Its codec did not read it before the run ended.
    Undecoded = 2,
    /// Judging was given up.
    Unjudged = 3,
    /// The thread that held it died.
    ThreadDied = 4,
    /// Its source failed before it handed the batch on.
    SourceFailed = 5,
}

impl Unapplied {
    const ALL: [Unapplied; 5] = [
        Unapplied::QueueFull,
        Unapplied::Undecoded,
        Unapplied::Unjudged,
        Unapplied::ThreadDied,
        Unapplied::SourceFailed,
    ];

    /// The reason as text, for the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Unapplied::QueueFull => "the queue stayed full",
            Unapplied::Undecoded => "the codec did not read them",
            Unapplied::Unjudged => "judging was given up",
            Unapplied::ThreadDied => "a thread died",
            Unapplied::SourceFailed => "their source failed",
        }
    }
}

/// The register of all batches in flight. A clone is the same register.
#[derive(Clone, Debug, Default)]
pub struct InFlight {
    streams: Arc<PerStream<StreamRegister>>,
    halted: Arc<AtomicBool>,
}

impl InFlight {
    /// Registers a source that begins at `start_ms`. The stream's frontier stays there until the
    /// source has read something or has seen its socket empty.
    pub fn add_source(&self, stream: Stream, start_ms: i64) -> Arc<SourceProgress> {
        let stream_start_ms = *self.streams[stream].start_ms.get_or_init(|| start_ms);
        let progress = Arc::new(SourceProgress {
            reached_ms: AtomicI64::new(start_ms),
            held_back_since_ms: AtomicI64::new(i64::MAX),
            stream_start_ms,
            coverage: Arc::clone(&self.streams[stream].coverage),
            delays: Arc::clone(&self.streams[stream].delays),
            unread: Arc::clone(&self.streams[stream].unread),
        });
        lock(&self.streams[stream].sources).push(Arc::clone(&progress));
        progress
    }

    /// Registers what an earlier run left of a stream, the oldest of which arrived at `oldest_ms`. The stream's frontier
    /// stays before it, until its progress moves on.
    pub fn add_restored(&self, stream: Stream, oldest_ms: i64) -> Arc<SourceProgress> {
        let progress = Arc::new(SourceProgress {
            reached_ms: AtomicI64::new(oldest_ms),
            held_back_since_ms: AtomicI64::new(i64::MAX),
            stream_start_ms: oldest_ms,
            coverage: Arc::clone(&self.streams[stream].coverage),
            delays: Arc::clone(&self.streams[stream].delays),
            unread: Arc::clone(&self.streams[stream].unread),
        });
        lock(&self.streams[stream].sources).push(Arc::clone(&progress));
        progress
    }

    /// What may have come in this interval was not seen. Before any source of the stream moves past it.
    pub fn unseen(&self, stream: Stream, hole: Hole) {
        lock(&self.streams[stream].coverage).add(hole);
    }

    /// Registers a batch whose first frame arrived at `arrived_ms`. The batch is finished when the
    /// last clone of the guard is dropped.
    pub fn begin(&self, stream: Stream, arrived_ms: i64) -> InFlightGuard {
        let mut unfinished = lock(&self.streams[stream].unfinished);
        let number = unfinished.next;
        unfinished.next += 1;
        unfinished.batches.insert((arrived_ms, number));
        drop(unfinished);
        InFlightGuard(Arc::new(InFlightBatch {
            in_flight: self.clone(),
            stream,
            entry: (arrived_ms, number),
            abandoned: AtomicU8::new(0),
        }))
    }

    /// Every frame of the stream that arrived *before* this instant has been applied. Milliseconds
    /// by Landfall's clock. `i64::MAX` if no source of the stream can bring anything more and no
    /// batch is in flight.
    pub fn frontier(&self, stream: Stream) -> i64 {
        let in_flight = &self.streams[stream];
        let mut last_frontier_ms = lock(&in_flight.last_frontier_ms);
        if let Some(last_ms) = *last_frontier_ms
            && self.halted.load(Ordering::Acquire)
        {
            return last_ms;
        }
        // The result is true because of the order of these two reads; see the module's text.
        let read_ms = lock(&in_flight.sources)
            .iter()
            .map(|source| source.get_ms())
            .min();
        let oldest = lock(&in_flight.unfinished)
            .batches
            .first()
            .map(|&(arrived_ms, _)| arrived_ms);
        let frontier_ms = read_ms.unwrap_or(i64::MAX).min(oldest.unwrap_or(i64::MAX));
        // A dying thread calls `halt` before it drops its batches. So if a drop was seen above, the
        // halt is seen here.
        if self.halted.load(Ordering::Acquire) {
            return last_frontier_ms.unwrap_or(i64::MIN);
        }
        *last_frontier_ms = Some(frontier_ms);
        frontier_ms
    }

    /// What no source of a stream saw, up to any frontier that was computed before.
    pub fn coverage(&self) -> PerStream<Coverage> {
        PerStream::of(|stream| lock(&self.streams[stream].coverage).clone())
    }

    /// The same, and when raw frames were read late.
    pub fn readings(&self) -> Readings {
        Readings {
            coverage: self.coverage(),
            raw_delays: lock(&self.streams.raw.delays).clone(),
        }
    }

    /// Takes the counts of frames that could not be read.
    pub fn take_unread(&self) -> PerStream<UnreadFrames> {
        PerStream::of(|stream| std::mem::take(&mut *lock(&self.streams[stream].unread)))
    }

    /// The sources of a stream number what they send. Before any of them begins.
    pub fn set_sequences(&self, stream: Stream, sequences: Arc<Sequences>) {
        self.streams[stream].sequences.get_or_init(|| sequences);
    }

    /// The numbers of a stream, if its sources number what they send.
    pub fn sequences(&self, stream: Stream) -> Option<&Arc<Sequences>> {
        self.streams[stream].sequences.get()
    }

    /// Takes the counts of numbers that were left out. None of a stream without numbers.
    pub fn take_sequence_counts(&self) -> PerStream<Option<SequenceCounts>> {
        PerStream::of(|stream| self.sequences(stream).map(|numbers| numbers.take_counts()))
    }

    /// Forgets holes that ended before this instant, in milliseconds.
    pub fn forget_holes_before(&self, at_ms: i64) {
        for stream in Stream::ALL {
            lock(&self.streams[stream].coverage).forget_before(at_ms);
            lock(&self.streams[stream].delays).forget_before(at_ms);
        }
    }

    /// A thread that applies batches is dying, and drops its batches unapplied. From now on no
    /// frontier moves.
    pub fn halt(&self) {
        self.halted.store(true, Ordering::Release);
    }

    /// Number of batches of a stream that are never applied, by reason.
    pub fn unapplied(&self, stream: Stream) -> BTreeMap<Unapplied, u64> {
        lock(&self.streams[stream].unapplied).clone()
    }

    /// Number of batches of the stream that are in flight.
    pub fn unfinished(&self, stream: Stream) -> usize {
        lock(&self.streams[stream].unfinished).batches.len()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that can panic runs while one of these locks is held.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps a batch unfinished as long as any clone lives. It travels with the batch and with
/// everything made of it, until the effects have been applied.
#[derive(Clone, Debug)]
pub struct InFlightGuard(Arc<InFlightBatch>);

impl InFlightGuard {
    /// What may have come in this interval on the stream of the batch was not seen. The frontier does not pass the
    /// batch before this is known.
    pub fn unseen(&self, hole: Hole) {
        self.0.in_flight.unseen(self.0.stream, hole);
    }

    /// So many frames of the batch, which came at this instant, could not be read.
    pub fn unread(&self, at_ms: i64, frames: u64) {
        lock(&self.0.in_flight.streams[self.0.stream].unread).add(at_ms, frames);
    }

    /// Marks the batch as never applied. The frontier of its stream stays before it for good, even
    /// after all clones are dropped. Only the first reason counts.
    pub fn abandon(&self, reason: Unapplied) {
        // Nothing else depends on the order of two reasons.
        let _ =
            self.0
                .abandoned
                .compare_exchange(0, reason as u8, Ordering::AcqRel, Ordering::Acquire);
    }
}

#[derive(Debug)]
struct InFlightBatch {
    in_flight: InFlight,
    stream: Stream,
    entry: (i64, u64),
    /// 0, or the number of a reason of [`Unapplied`].
    abandoned: AtomicU8,
}

impl InFlightBatch {
    fn unapplied(&self) -> Option<Unapplied> {
        if std::thread::panicking() {
            return Some(Unapplied::ThreadDied);
        }
        let abandoned = self.abandoned.load(Ordering::Acquire);
        Unapplied::ALL
            .into_iter()
            .find(|reason| *reason as u8 == abandoned)
    }
}

impl Drop for InFlightBatch {
    fn drop(&mut self) {
        let register = &self.in_flight.streams[self.stream];
        match self.unapplied() {
            None => {
                lock(&register.unfinished).batches.remove(&self.entry);
            }
            Some(reason) => {
                if reason == Unapplied::ThreadDied {
                    self.in_flight.halt();
                }
                *lock(&register.unapplied).entry(reason).or_default() += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    const RAW: Stream = Stream::Raw;

    #[test]
    fn the_frontier_is_the_slowest_source_or_the_oldest_batch() {
        let in_flight = InFlight::default();
        let (a, b) = (
            in_flight.add_source(RAW, 100),
            in_flight.add_source(RAW, 100),
        );
        assert_eq!(in_flight.frontier(RAW), 100);
        a.reach(200);
        assert_eq!(
            in_flight.frontier(RAW),
            100,
            "the other source has not read so far"
        );
        b.reach(300);
        assert_eq!(in_flight.frontier(RAW), 200);
        let young = in_flight.begin(RAW, 180);
        let old = in_flight.begin(RAW, 150);
        assert_eq!(in_flight.frontier(RAW), 150);
        drop(old);
        assert_eq!(in_flight.frontier(RAW), 180);
        drop(young);
        assert_eq!(in_flight.frontier(RAW), 200);
        assert_eq!(
            in_flight.frontier(Stream::Written),
            i64::MAX,
            "streams do not hold each other"
        );
    }

    #[test]
    fn what_one_source_did_not_see_is_a_hole_of_its_stream() {
        let in_flight = InFlight::default();
        let (a, b) = (in_flight.add_source(RAW, 0), in_flight.add_source(RAW, 0));
        let hole = |from_ms, to_ms| Hole {
            from_ms,
            to_ms,
            cause: HoleCause::Disconnected,
        };
        a.unseen(hole(10, 20));
        b.unseen(hole(15, 30));
        b.unseen(hole(50, 60));
        let PerStream { raw, written } = in_flight.coverage();
        assert_eq!(
            (raw.holes(), written.holes()),
            (&[hole(10, 30), hole(50, 60)][..], &[][..])
        );
        in_flight.forget_holes_before(31);
        assert_eq!(in_flight.coverage().raw.holes(), [hole(50, 60)]);
    }

    #[test]
    fn frames_that_nobody_could_read_are_counted_by_second_until_they_are_taken() {
        let in_flight = InFlight::default();
        let source = in_flight.add_source(RAW, 0);
        let guard = in_flight.begin(RAW, 0);
        source.unread(1_999, 1);
        guard.unread(1_000, 2);
        guard.unread(-1, 4);
        let taken = in_flight.take_unread();
        assert_eq!(
            taken.raw.iter().collect::<Vec<_>>(),
            [(-1_000, 4), (1_000, 3)]
        );
        assert_eq!(taken.written, UnreadFrames::default());
        assert_eq!(in_flight.take_unread().raw, UnreadFrames::default());
    }

    #[test]
    fn a_batch_is_finished_with_its_last_clone() {
        let in_flight = InFlight::default();
        in_flight.add_source(RAW, 0).reach(1000);
        let shards: Vec<_> = vec![in_flight.begin(RAW, 10); 3];
        for shard in shards {
            assert_eq!(in_flight.frontier(RAW), 10);
            drop(shard);
        }
        assert_eq!(in_flight.frontier(RAW), 1000);
        assert_eq!(in_flight.unfinished(RAW), 0);
    }

    #[test]
    fn a_thread_that_dies_with_a_batch_in_hand_stops_all_frontiers() {
        let in_flight = InFlight::default();
        let source = in_flight.add_source(RAW, 0);
        let written = in_flight.add_source(Stream::Written, 0);
        source.reach(1000);
        written.reach(500);
        let guard = in_flight.begin(RAW, 10);
        assert_eq!(
            (in_flight.frontier(RAW), in_flight.frontier(Stream::Written)),
            (10, 500)
        );
        let died = thread::spawn(move || {
            let _in_hand = guard;
            panic!("as a bug would");
        });
        assert!(died.join().is_err());
        source.reach(2000);
        written.reach(2000);
        assert_eq!(
            (in_flight.frontier(RAW), in_flight.frontier(Stream::Written)),
            (10, 500)
        );
    }

    #[test]
    fn no_frontier_passes_what_is_abandoned_and_its_first_reason_is_known() {
        let in_flight = InFlight::default();
        in_flight.add_source(RAW, 0).reach(1000);
        // A thread that died stops all frontiers: see above.
        let reasons = Unapplied::ALL.into_iter();
        for reason in reasons.filter(|reason| *reason != Unapplied::ThreadDied) {
            let guard = in_flight.begin(RAW, 10 + reason as i64);
            let clone = guard.clone();
            clone.abandon(reason);
            guard.abandon(Unapplied::QueueFull);
            drop((guard, clone));
            assert_eq!(
                in_flight.unapplied(RAW).get(&reason),
                Some(&1),
                "{reason:?}"
            );
        }
        assert_eq!(in_flight.frontier(RAW), 11);
        assert_eq!(in_flight.unapplied(Stream::Written), BTreeMap::new());
    }

    #[test]
    fn two_batches_of_the_same_instant_are_two() {
        let in_flight = InFlight::default();
        let first = in_flight.begin(RAW, 5);
        let _second = in_flight.begin(RAW, 5);
        drop(first);
        assert_eq!(in_flight.frontier(RAW), 5);
    }

    #[test]
    fn progress_never_moves_back_and_an_ended_source_holds_nothing() {
        let in_flight = InFlight::default();
        let source = in_flight.add_source(RAW, 50);
        source.reach(40);
        assert_eq!(in_flight.frontier(RAW), 50);
        source.finish();
        assert_eq!(in_flight.frontier(RAW), i64::MAX);
    }

    /// Sources stamp and hand on, workers apply in any order; an observer checks that no frame
    /// below a frontier that it read is unapplied.
    #[test]
    fn no_frame_below_the_frontier_is_ever_unapplied() {
        const FRAMES: i64 = 20_000;
        let in_flight = InFlight::default();
        let applied: Vec<AtomicBool> = (0..FRAMES).map(|_| AtomicBool::new(false)).collect();
        let (sender, receiver) = crossbeam_channel::bounded::<(i64, InFlightGuard)>(64);
        let progress = in_flight.add_source(RAW, 0);
        thread::scope(|scope| {
            scope.spawn(|| {
                let sender = sender;
                for now in 0..FRAMES {
                    let guard = in_flight.begin(RAW, now);
                    if sender.send((now, guard)).is_err() {
                        return;
                    }
                    progress.reach(now + 1);
                }
            });
            for _ in 0..3 {
                let (receiver, applied) = (receiver.clone(), &applied);
                scope.spawn(move || {
                    for (arrived, guard) in receiver {
                        if arrived % 7 == 0 {
                            thread::yield_now();
                        }
                        applied[arrived as usize].store(true, Ordering::Release);
                        drop(guard);
                    }
                });
            }
            drop(receiver);
            let mut seen = 0;
            while seen < FRAMES {
                let frontier = in_flight.frontier(RAW);
                assert!(
                    frontier >= seen,
                    "the frontier went back from {seen} to {frontier}"
                );
                for arrived in seen..frontier {
                    assert!(
                        applied[arrived as usize].load(Ordering::Acquire),
                        "{arrived} < {frontier}"
                    );
                }
                seen = frontier;
            }
        });
    }
}
