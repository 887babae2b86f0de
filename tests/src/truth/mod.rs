//! What really happened: every event that was produced, what the pipeline should do with it, and
//! when it landed. Landfall's answers are compared with this record, which knows nothing about them.

mod blind;
mod event;
mod judge;
mod outage;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use blind::BlindSpot;
pub use event::{Event, Fate, Landing, Nature};
pub use judge::{Expected, Margins, Verdict};
pub use outage::{Loss, Outage};

/// The record, shared by all parts of the pipeline.
#[derive(Clone, Default)]
pub struct Truth {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    events: HashMap<String, Event>,
    /// Uuids in the order of production.
    order: Vec<String>,
    /// When frames were sent that no codec can decode.
    malformed_ms: Vec<i64>,
    /// What the watcher did not see.
    blind: Vec<BlindSpot>,
    /// Frames sent, of any kind.
    frames: u64,
    /// Published rows without an event, by their uuid.
    invented: Vec<String>,
}

/// Counts by verdict; events for which the truth allows several verdicts are counted separately.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub verdicts: BTreeMap<Verdict, u64>,
    /// Events for which several verdicts are right: they landed so near their deadline, or the watcher may not have
    /// seen all.
    pub either: u64,
    /// How many of them may have which verdict.
    pub open: BTreeMap<Verdict, u64>,
    /// Events, with all their copies, that the watcher may not have read.
    pub unread: u64,
    /// The same of malformed frames.
    pub malformed_unread: u64,
    /// Landings beyond the first of an event that came in once.
    pub duplicate: u64,
    /// Landings of no event.
    pub unexpected: u64,
    pub malformed: u64,
    pub frames: u64,
}

impl Tally {
    pub fn count(&self, verdict: Verdict) -> u64 {
        self.verdicts.get(&verdict).copied().unwrap_or(0)
    }

    /// How many events may have a verdict beyond those that must have it.
    pub fn open(&self, verdict: Verdict) -> u64 {
        self.open.get(&verdict).copied().unwrap_or(0)
    }

    /// Counts an event, with all its copies and landings.
    fn add(&mut self, event: &Event, margins: Margins, blind: &[BlindSpot]) {
        let allowed = blind::allowed(event, margins, blind);
        let copies = event.copies.saturating_sub(1);
        match allowed.verdicts[..] {
            [verdict] if !allowed.may_be_unread => {
                *self.verdicts.entry(verdict).or_default() += 1;
            }
            _ => {
                self.either += 1;
                for verdict in allowed.verdicts {
                    *self.open.entry(verdict).or_default() += 1;
                }
            }
        }
        if allowed.may_be_unread {
            self.unread += event.copies;
            self.either += copies;
            *self.open.entry(Verdict::Repeated).or_default() += copies;
        } else if copies > 0 {
            *self.verdicts.entry(Verdict::Repeated).or_default() += copies;
        }
        self.duplicate += (event.landings.len() as u64).saturating_sub(event.copies);
        self.frames += event.copies;
    }
}

impl Truth {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records an event that is sent, for the first time or again.
    pub fn produced(&self, uuid: &str, event: impl FnOnce() -> Event) {
        let mut inner = self.lock();
        inner.frames += 1;
        if let Some(known) = inner.events.get_mut(uuid) {
            known.copies += 1;
            return;
        }
        inner.order.push(uuid.to_owned());
        inner.events.insert(uuid.to_owned(), event());
    }

    /// Records a frame that is sent and cannot be decoded.
    pub fn produced_malformed(&self, at_ms: i64) {
        let mut inner = self.lock();
        inner.frames += 1;
        inner.malformed_ms.push(at_ms);
    }

    /// Records that the watcher did not see all for a while.
    pub fn blinded(&self, spot: BlindSpot) {
        self.lock().blind.push(spot);
    }

    /// A row has been committed and is about to be published.
    pub fn landed(&self, uuid: &str, landing: Landing) {
        let mut inner = self.lock();
        match inner.events.get_mut(uuid) {
            Some(event) => event.landings.push(landing),
            None => inner.invented.push(uuid.to_owned()),
        }
    }

    /// What the pipeline should do with an event.
    pub fn fate(&self, uuid: &str) -> Option<(Nature, Fate)> {
        self.lock()
            .events
            .get(uuid)
            .map(|event| (event.nature, event.fate))
    }

    pub fn event(&self, uuid: &str) -> Option<Event> {
        self.lock().events.get(uuid).cloned()
    }

    /// Events so far, each counted once.
    pub fn events(&self) -> u64 {
        self.lock().order.len() as u64
    }

    /// Frames so far, of any kind.
    pub fn frames(&self) -> u64 {
        self.lock().frames
    }

    /// Events that have landed at least once.
    pub fn landed_events(&self) -> u64 {
        self.lock()
            .events
            .values()
            .filter(|event| !event.landings.is_empty())
            .count() as u64
    }

    /// The uuids whose verdict is `verdict`, in the order of production; those with two possible
    /// verdicts are left out.
    pub fn keys(&self, verdict: Verdict, margins: Margins) -> Vec<String> {
        self.select(|event| event.verdict(margins) == Expected::One(verdict))
    }

    /// The uuids of events that satisfy `wanted`, in the order of production.
    pub fn select(&self, mut wanted: impl FnMut(&Event) -> bool) -> Vec<String> {
        let inner = self.lock();
        inner
            .order
            .iter()
            .filter(|uuid| inner.events.get(*uuid).is_some_and(&mut wanted))
            .cloned()
            .collect()
    }

    /// How often events that satisfy `wanted` were sent.
    pub fn copies(&self, wanted: impl Fn(&Event) -> bool) -> u64 {
        let inner = self.lock();
        let all = inner.events.values().filter(|event| wanted(event));
        all.map(|event| event.copies).sum()
    }

    /// Every verdict's count, over all schemas.
    pub fn tally(&self, margins: Margins) -> Tally {
        let inner = self.lock();
        let is_unread = |at_ms: i64| {
            let mut raw = inner.blind.iter().filter(|spot| spot.is_raw);
            raw.any(|spot| spot.holds(at_ms))
        };
        let unread = inner.malformed_ms.iter().filter(|at_ms| is_unread(**at_ms));
        let mut tally = Tally {
            unexpected: inner.invented.len() as u64,
            malformed: inner.malformed_ms.len() as u64,
            malformed_unread: unread.count() as u64,
            ..Tally::default()
        };
        for event in inner.events.values() {
            tally.add(event, margins, &inner.blind);
        }
        tally.frames = inner.frames;
        tally
    }

    /// The same by schema, as `name/revision`. Frames are those of events: a malformed frame has no schema.
    pub fn tallies(&self, margins: Margins) -> BTreeMap<String, Tally> {
        let inner = self.lock();
        let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
        for event in inner.events.values() {
            tallies
                .entry(event.schema.clone())
                .or_default()
                .add(event, margins, &inner.blind);
        }
        tallies
    }

    /// What the watcher may say of an event, if it read it, and whether it may not have read it.
    pub fn allowed(&self, uuid: &str, margins: Margins) -> Option<(Vec<Verdict>, bool)> {
        let inner = self.lock();
        let allowed = blind::allowed(inner.events.get(uuid)?, margins, &inner.blind);
        Some((allowed.verdicts, allowed.may_be_unread))
    }

    /// The intervals in which expected events did not land. Losses closer together than `gap_ms`
    /// belong to one interval.
    pub fn outages(&self, gap_ms: i64, margins: Margins) -> Vec<Outage> {
        let inner = self.lock();
        let losses = inner.order.iter().filter_map(|uuid| {
            let event = inner.events.get(uuid)?;
            let lost = event.nature == Nature::Valid && event.landings.is_empty();
            lost.then(|| {
                let allowed = blind::allowed(event, margins, &inner.blind);
                Loss {
                    at_ms: event.sent_ms,
                    schema: event.schema.clone(),
                    is_certain: allowed.verdicts == [Verdict::Missing] && !allowed.may_be_unread,
                }
            })
        });
        outage::group(losses, gap_ms)
    }
}
