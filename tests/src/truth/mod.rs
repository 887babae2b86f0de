//! What really happened: every event that was produced, what the pipeline should do with it, and
//! when it landed. Landfall's answers are compared with this record, which knows nothing about them.

mod event;
mod judge;
mod outage;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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
    /// Frames that no codec can decode.
    malformed: u64,
    /// Frames sent, of any kind.
    frames: u64,
    /// Published rows without an event, by their uuid.
    invented: Vec<String>,
}

/// Counts by verdict; events for which the truth allows two verdicts are counted separately.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub verdicts: BTreeMap<Verdict, u64>,
    /// Landed so near their deadline that either verdict is right.
    pub either: u64,
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

    /// Counts an event, with all its copies and landings.
    fn add(&mut self, event: &Event, margins: Margins) {
        match event.verdict(margins) {
            Expected::One(verdict) => *self.verdicts.entry(verdict).or_default() += 1,
            Expected::Either(_, _) => self.either += 1,
        }
        if event.copies > 1 {
            *self.verdicts.entry(Verdict::Repeated).or_default() += event.copies - 1;
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
    pub fn produced_malformed(&self) {
        let mut inner = self.lock();
        inner.frames += 1;
        inner.malformed += 1;
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
        let mut tally = Tally {
            unexpected: inner.invented.len() as u64,
            malformed: inner.malformed,
            ..Tally::default()
        };
        for event in inner.events.values() {
            tally.add(event, margins);
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
                .add(event, margins);
        }
        tallies
    }

    /// The intervals in which expected events did not land. Losses closer together than `gap_ms`
    /// belong to one interval.
    pub fn outages(&self, gap_ms: i64) -> Vec<Outage> {
        let inner = self.lock();
        let losses = inner.order.iter().filter_map(|uuid| {
            let event = inner.events.get(uuid)?;
            let lost = event.nature == Nature::Valid && event.landings.is_empty();
            lost.then(|| Loss {
                at_ms: event.sent_ms,
                schema: event.schema.clone(),
            })
        });
        outage::group(losses, gap_ms)
    }
}
