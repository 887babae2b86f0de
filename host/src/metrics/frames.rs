//! Sources, queues, and how far each stream has been applied. Totals are kept by the sources and
//! queues themselves; the metrics follow them when they are read.

use std::sync::Arc;
use std::sync::{Mutex, PoisonError};

use prometheus::{CounterVec, GaugeVec, IntCounterVec, IntGaugeVec, Result};

use super::registrar::{Registrar, follow, follow_seconds};
use crate::clock::Clock;
use crate::flow::queue::LaneStats;
use crate::flow::{InFlight, Link, Refusal, SourceStatus};
use landfall_ledger::{HoleCause, Stream};

/// The sources and queues that the metrics follow.
#[derive(Debug, Default)]
struct Followed {
    sources: Vec<Arc<SourceStatus>>,
    queues: Vec<(Stream, Arc<LaneStats>)>,
    frontiers: Option<(InFlight, Clock)>,
}

#[derive(Debug)]
pub struct FrameMetrics {
    followed: Mutex<Followed>,
    frames: IntCounterVec,
    bytes: IntCounterVec,
    batches: IntCounterVec,
    refused: IntCounterVec,
    undecodable: IntCounterVec,
    connected: IntGaugeVec,
    seeing: IntGaugeVec,
    unseen: CounterVec,
    disconnects: IntCounterVec,
    protocol_errors: IntCounterVec,
    queue_bytes: IntGaugeVec,
    queue_limit: IntGaugeVec,
    queue_batches: IntGaugeVec,
    queue_waits: IntCounterVec,
    queue_wait: CounterVec,
    frontier_lag: GaugeVec,
    in_flight: IntGaugeVec,
}

const ENDPOINT: [&str; 2] = ["stream", "endpoint"];
const STREAM: [&str; 1] = ["stream"];

impl FrameMetrics {
    pub(super) fn new(r: &Registrar) -> Result<Self> {
        let metrics = Self {
            followed: Mutex::default(),
            frames: r.counters("frames_total", &ENDPOINT, "Frames read and handed on to be judged.")?,
            bytes: r.counters("frame_bytes_total", &ENDPOINT, "Bytes of the frames that were handed on.")?,
            batches: r.counters("frame_batches_total", &ENDPOINT, "Batches in which frames were handed on.")?,
            refused: r.counters(
                "frames_refused_total",
                &["stream", "endpoint", "kind"],
                "Frames refused by the source: larger than frame_bytes_max (oversize), or a message whose parts are not those of the stream's envelope (multipart, too_many_parts, no_payload).",
            )?,
            undecodable: r.counters(
                "undecodable_total",
                &["stream", "check", "reason"],
                "Frames from which no key could be read, by the check that refused them (landfall: Landfall itself) and its reason.",
            )?,
            connected: r.gauges("source_connected", &ENDPOINT, "Whether the endpoint is connected and speaks the protocol (1) or not (0).")?,
            seeing: r.gauges(
                "source_seeing",
                &ENDPOINT,
                "Whether all that the endpoint publishes now is seen (1), or not (0): it is not connected, the publisher may not know the subscription yet, or acknowledges nothing.",
            )?,
            unseen: r.seconds_by(
                "unseen_seconds_total",
                &["stream", "cause"],
                "Time of Landfall's clock in which nobody saw a stream: frames may have passed.",
            )?,
            disconnects: r.counters("source_disconnects_total", &ENDPOINT, "Connections that were lost.")?,
            protocol_errors: r.counters(
                "source_protocol_errors_total",
                &ENDPOINT,
                "Handshakes that failed, and connections that ended, because of what the peer sent.",
            )?,
            queue_bytes: r.gauges("queue_bytes", &STREAM, "Bytes that wait to be judged.")?,
            queue_limit: r.gauges(
                "queue_limit_bytes",
                &STREAM,
                "Maximum bytes that may wait to be judged (judge.queue_bytes_max): with more, the source stops reading.",
            )?,
            queue_batches: r.gauges("queue_batches", &STREAM, "Batches that wait to be judged.")?,
            queue_waits: r.counters("queue_waits_total", &STREAM, "Times that a source found the queue full and stopped reading.")?,
            queue_wait: r.seconds_by("queue_wait_seconds_total", &STREAM, "Real time that sources spent waiting for room in the queue.")?,
            frontier_lag: r.reals(
                "frontier_lag_seconds",
                &STREAM,
                "How far the engine is behind, by Landfall's clock: the time since the instant up to which everything that arrived has been applied.",
            )?,
            in_flight: r.gauges("batches_in_flight", &STREAM, "Batches that were read and are not applied yet.")?,
        };
        // The series exist before the first hole, because otherwise its beginning would never be seen.
        for stream in Stream::ALL {
            for cause in HoleCause::ALL {
                metrics.add_unseen(stream, cause, 0);
            }
        }
        Ok(metrics)
    }

    /// Takes the totals of these sources from now on.
    pub fn follow_sources(&self, sources: impl IntoIterator<Item = Arc<SourceStatus>>) {
        self.followed().sources.extend(sources);
    }

    /// Takes the depth and waits of a stream's queue from now on.
    pub fn follow_queue(&self, stream: Stream, stats: &Arc<LaneStats>) {
        self.followed().queues.push((stream, Arc::clone(stats)));
    }

    /// The limit of a stream's queue.
    pub fn set_queue_limit(&self, stream: Stream, bytes: usize) {
        self.queue_limit
            .with_label_values(&[stream.as_str()])
            .set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    /// Shows from now on how far the streams have been applied.
    pub fn follow_frontiers(&self, in_flight: InFlight, clock: Clock) {
        self.followed().frontiers = Some((in_flight, clock));
    }

    /// Frames of a batch that had no readable key.
    pub fn add_undecodable(&self, stream: Stream, check: &str, reason: &str, frames: u64) {
        self.undecodable
            .with_label_values(&[stream.as_str(), check, reason])
            .inc_by(frames);
    }

    /// Time in which nobody saw a stream, in milliseconds.
    pub fn add_unseen(&self, stream: Stream, cause: HoleCause, ms: i64) {
        self.unseen
            .with_label_values(&[stream.as_str(), cause.as_str()])
            .inc_by(ms.max(0) as f64 / 1000.0);
    }

    fn followed(&self) -> std::sync::MutexGuard<'_, Followed> {
        self.followed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn refresh(&self) {
        let followed = self.followed();
        for source in &followed.sources {
            let stream = source.stream().as_str();
            let endpoint = [stream, source.endpoint()];
            follow(&self.frames.with_label_values(&endpoint), source.frames());
            follow(&self.bytes.with_label_values(&endpoint), source.bytes());
            follow(&self.batches.with_label_values(&endpoint), source.batches());
            follow(
                &self.disconnects.with_label_values(&endpoint),
                source.disconnects(),
            );
            follow(
                &self.protocol_errors.with_label_values(&endpoint),
                source.protocol_errors(),
            );
            for refusal in Refusal::ALL {
                let label = [stream, source.endpoint(), refusal.as_str()];
                follow(
                    &self.refused.with_label_values(&label),
                    source.refused(refusal),
                );
            }
            self.connected
                .with_label_values(&endpoint)
                .set(i64::from(source.link() == Link::Connected));
            let is_seeing = source.link() == Link::Connected && source.is_seeing();
            self.seeing
                .with_label_values(&endpoint)
                .set(i64::from(is_seeing));
        }
        for (stream, queue) in &followed.queues {
            let stream = [stream.as_str()];
            self.queue_bytes
                .with_label_values(&stream)
                .set(queue.bytes() as i64);
            self.queue_batches
                .with_label_values(&stream)
                .set(queue.items() as i64);
            follow(&self.queue_waits.with_label_values(&stream), queue.waits());
            follow_seconds(&self.queue_wait.with_label_values(&stream), queue.waited());
        }
        if let Some((in_flight, clock)) = &followed.frontiers {
            for stream in Stream::ALL {
                let lag_ms = clock
                    .now_ms()
                    .saturating_sub(in_flight.frontier(stream))
                    .max(0);
                let label = [stream.as_str()];
                self.frontier_lag
                    .with_label_values(&label)
                    .set(lag_ms as f64 / 1000.0);
                self.in_flight
                    .with_label_values(&label)
                    .set(in_flight.unfinished(stream) as i64);
            }
        }
    }
}
