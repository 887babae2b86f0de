//! What may be said of each event, and whether it was.

use std::collections::{BTreeMap, BTreeSet};

use landfall_ledger::STAMPS_APART_MS;
use landfall_store::{MissingFilter, Reader};

use super::super::process::DEADLINE_MS;
use super::super::run::verdicts;
use super::{BlindWorld, Fate, GRACE_MS, START_MS};

/// Verdicts of events that did not land, as far as was seen.
const UNLANDED: [&str; 2] = ["missing", "unconfirmed"];

impl Fate {
    /// Its row was read, and its event, longer ago than any deadline, was not.
    fn is_unwatched_long_before(&self) -> bool {
        let is_late = |row_ms: i64| row_ms > self.sent.arrived_ms + DEADLINE_MS;
        self.is_row_accepted && !self.is_accepted && self.row_ms.is_some_and(is_late)
    }
}

impl BlindWorld {
    /// Holds what the store says against what happened.
    pub(super) fn check(&mut self, reader: &Reader) {
        let mut counts = verdicts(reader);
        let mut unlanded = unlanded(reader);
        let mut least: BTreeMap<&'static str, i64> = BTreeMap::new();
        let mut most: BTreeMap<&'static str, i64> = BTreeMap::new();
        let accepted = self.fates.iter().filter(|fate| fate.is_accepted).count();
        for fate in self.fates.iter().filter(|fate| fate.is_accepted) {
            let may_be = self.may_be(fate);
            if let [only] = may_be.iter().collect::<Vec<_>>()[..] {
                *least.entry(only).or_default() += 1;
            }
            for verdict in &may_be {
                *most.entry(verdict).or_default() += 1;
            }
            let said = match unlanded.remove(&fate.sent.key) {
                None => None,
                Some(false) => Some("missing"),
                Some(true) => Some("unconfirmed"),
            };
            let is_right = match said {
                Some(said) => may_be.contains(said),
                None => may_be.iter().any(|verdict| !UNLANDED.contains(verdict)),
            };
            assert!(
                is_right,
                "seed {}: {said:?}, not one of {may_be:?}: {}; holes {:?}",
                self.seed,
                self.about(fate),
                holes(reader),
            );
        }
        assert!(
            unlanded.is_empty(),
            "seed {}: nobody sent {unlanded:?}",
            self.seed
        );
        assert_eq!(
            counts.remove("duplicate"),
            None,
            "seed {}: each has one row",
            self.seed
        );
        let unexpected = counts.remove("unexpected").unwrap_or(0);
        let strays = self
            .fates
            .iter()
            .filter(|fate| fate.is_unwatched_long_before());
        let strays = strays.count() as i64;
        assert!(
            unexpected <= strays,
            "seed {}: {unexpected} unexpected, not {strays}",
            self.seed
        );
        let total: i64 = counts.values().sum();
        assert_eq!(total, accepted as i64, "seed {}: {counts:?}", self.seed);
        for (verdict, events) in &counts {
            let bounds =
                least.get(verdict).copied().unwrap_or(0)..=most.get(verdict).copied().unwrap_or(0);
            assert!(
                bounds.contains(events),
                "seed {}: {events} {verdict}, not {bounds:?}: {counts:?}, at least {least:?}",
                self.seed
            );
            *self.seen.entry(verdict).or_default() += events.unsigned_abs();
        }
        for (verdict, events) in &least {
            assert!(
                counts.get(verdict) >= Some(events),
                "seed {}: {verdict}: {counts:?} {least:?}",
                self.seed
            );
        }
    }

    /// What may be said of an event that was accepted.
    fn may_be(&self, fate: &Fate) -> BTreeSet<&'static str> {
        let arrived_ms = fate.raw_read_ms.expect("it was read");
        let deadline_ms = arrived_ms + DEADLINE_MS;
        let (sent, content) = (&fate.sent, fate.sent.lands.map(|(_, content)| content));
        if fate.is_row_accepted {
            let (earliest_ms, latest_ms) = fate.row_read_ms.expect("it was read");
            let is_changed = content != Some(sent.content);
            // The row was given up before its event was read, and what was in it is forgotten.
            let is_forgotten = latest_ms + GRACE_MS < arrived_ms;
            let forgotten = is_forgotten.then_some("unjudged");
            let known = match (sent.is_valid, is_changed) {
                (false, _) => vec!["leaked"],
                // A late row is compared when it comes, and stays late.
                (true, true) if latest_ms > deadline_ms => vec!["altered", "late"],
                (true, true) => vec!["altered"],
                (true, false) if latest_ms <= deadline_ms => vec!["delivered"],
                (true, false) if earliest_ms > deadline_ms => vec!["late"],
                (true, false) => vec!["delivered", "late"],
            };
            return known.into_iter().chain(forgotten).collect();
        }
        if !sent.is_valid {
            return BTreeSet::from(["rejected"]);
        }
        let landed = fate.row_ms.is_some_and(|row_ms| row_ms <= deadline_ms);
        let near = (sent.arrived_ms - STAMPS_APART_MS)..=deadline_ms;
        let has_fault = self
            .faults_ms
            .iter()
            .any(|(from_ms, to_ms)| *from_ms <= *near.end() && *to_ms >= *near.start());
        BTreeSet::from_iter(match (landed, has_fault || fate.is_doubtful) {
            (true, _) => vec!["unconfirmed"],
            (false, true) => vec!["missing", "unconfirmed"],
            (false, false) => vec!["missing"],
        })
    }

    fn about(&self, fate: &Fate) -> String {
        let since = |ms: i64| ms - START_MS;
        format!(
            "{:?} sent at {}, read at {:?}, row at {:?}, read within {:?} and {}; faults {:?}",
            fate.sent,
            since(fate.sent.arrived_ms),
            fate.raw_read_ms.map(since),
            fate.row_ms.map(since),
            fate.row_read_ms.map(|(from, to)| (since(from), since(to))),
            if fate.is_row_accepted {
                "accepted"
            } else {
                "not accepted"
            },
            self.faults_ms
                .iter()
                .map(|(from, to)| (since(*from), since(*to)))
                .collect::<Vec<_>>(),
        )
    }
}

/// The keys of events that the store calls missing (false) or unconfirmed (true).
pub(super) fn unlanded(reader: &Reader) -> BTreeMap<u64, bool> {
    let mut unlanded = BTreeMap::new();
    reader
        .missing_each(&MissingFilter::default(), None, |event| {
            let number = event.key[1..].parse().expect("a number");
            unlanded.insert(number, !event.hole.is_empty());
            Ok::<(), landfall_store::StoreError>(())
        })
        .expect("missing events");
    unlanded
}

/// The holes of each stream, with their causes.
fn holes(reader: &Reader) -> Vec<String> {
    let holes = reader.coverage().expect("holes");
    let line = |hole: &landfall_store::CoverageRow| {
        format!(
            "{} {} to {}: {}",
            hole.stream,
            hole.from_ms - START_MS,
            hole.to_ms - START_MS,
            hole.cause
        )
    };
    holes.iter().map(line).collect()
}
