//! What must hold of the store after every flush, read as an operator reads it.

use std::collections::{BTreeMap, BTreeSet};

use landfall_store::{IncidentRow, MissingEvent, MissingFilter, Reader, StoreError, WindowRow};

use super::Seen;
use super::world::Known;

pub(super) struct Laws {
    /// None before the first start.
    reader: Option<Reader>,
    /// Rows that are owed may be removed.
    prunes: bool,
    /// The first number of this run's incidents.
    first_incident: u64,
    /// The incidents of earlier runs: cause, and when they were reported.
    before: BTreeMap<u64, (String, i64)>,
    known: BTreeSet<u64>,
    /// Rows that show the writer's life.
    landed_ms: BTreeSet<i64>,
    owed_at_start: BTreeSet<String>,
    owed: BTreeMap<String, MissingEvent>,
    seen: Seen,
}

impl Laws {
    pub(super) fn new(prunes: bool) -> Self {
        Self {
            reader: None,
            prunes,
            first_incident: 0,
            before: BTreeMap::new(),
            known: BTreeSet::new(),
            landed_ms: BTreeSet::new(),
            owed_at_start: BTreeSet::new(),
            owed: BTreeMap::new(),
            seen: Seen::default(),
        }
    }

    /// A process starts.
    pub(super) fn begin(&mut self, reader: Reader, next_incident: u64) {
        let incidents = reader.incidents().expect("incidents");
        assert!(incidents.iter().all(|incident| incident.id < next_incident));
        self.first_incident = next_incident;
        self.before = incidents.iter().map(identity).collect();
        self.known = incidents.iter().map(|incident| incident.id).collect();
        self.reader = Some(reader);
        self.owed = self.owed();
        self.owed_at_start = self.owed.keys().cloned().collect();
        self.landed_ms.clear();
    }

    pub(super) fn landed(&mut self, landed_ms: i64) {
        self.landed_ms.insert(landed_ms);
    }

    fn reader(&self) -> &Reader {
        self.reader.as_ref().expect("a store")
    }

    fn owed(&self) -> BTreeMap<String, MissingEvent> {
        let mut owed = BTreeMap::new();
        self.reader()
            .missing_each(&MissingFilter::default(), None, |event| {
                let name = if event.key.is_empty() {
                    format!("(row {})", event.id)
                } else {
                    event.key.clone()
                };
                // Each schema that is named under a key is owed a row of its own.
                let name = match owed.get(&name) {
                    Some(_) => format!("{name} of {}", event.schema),
                    None => name,
                };
                let before = owed.insert(name, event);
                assert!(before.is_none(), "one row for each key: {before:?}");
                Ok::<(), StoreError>(())
            })
            .expect("missing events");
        owed
    }

    /// After a flush.
    pub(super) fn check(&mut self, stall_ms: i64) {
        self.seen.flushes += 1;
        let windows = self.reader().windows().expect("windows");
        let incidents = self.reader().incidents().expect("incidents");
        let owed = self.owed();
        for window in &windows {
            check_counts(window, self.prunes);
        }
        self.check_windows(&windows, &owed);
        self.check_incidents(&incidents, &owed);
        self.check_stalls(&incidents, &owed, stall_ms);
        for (key, event) in &owed {
            match self.owed.get(key) {
                None => self.seen.missing += 1,
                Some(before) if before.incident != event.incident => self.seen.lost_again += 1,
                Some(_) => {}
            }
        }
        for (key, event) in &self.owed {
            if !owed.contains_key(key) {
                self.seen.landed_late += 1;
                self.seen.landed_late_of_old += u64::from(event.incident < self.first_incident);
            }
        }
        self.known
            .extend(incidents.iter().map(|incident| incident.id));
        self.owed = owed;
    }

    /// The windows count as missing what the table has, each where it arrived. Windows of two lengths may
    /// hold a time: together they count what arrived in them.
    fn check_windows(&mut self, windows: &[WindowRow], owed: &BTreeMap<String, MissingEvent>) {
        let mut by_schema: BTreeMap<&str, Vec<(i64, i64, i64)>> = BTreeMap::new();
        for window in windows {
            let stretches = by_schema.entry(&window.schema).or_default();
            let missing = window.counts.missing + window.counts.unconfirmed;
            match stretches.last_mut() {
                Some((_, end_ms, count)) if window.start_ms < *end_ms => {
                    *end_ms = window.end_ms.max(*end_ms);
                    *count += missing;
                }
                _ => stretches.push((window.start_ms, window.end_ms, missing)),
            }
        }
        if self.prunes {
            let counted: i64 = {
                let owed = |window: &WindowRow| window.counts.missing + window.counts.unconfirmed;
                windows.iter().map(owed).sum()
            };
            let removed = counted - owed.len() as i64;
            assert!(removed >= 0, "{counted} by the windows, {}", owed.len());
            self.seen.pruned += u64::from(removed > 0);
            return;
        }
        for event in owed.values() {
            let at_ms = event.arrived_ms;
            let stretch = by_schema.get_mut(&event.schema[..]).and_then(|stretches| {
                let mut stretches = stretches.iter_mut();
                stretches.find(|(start_ms, end_ms, _)| (*start_ms..*end_ms).contains(&at_ms))
            });
            match stretch {
                Some((.., count)) => *count -= 1,
                None => panic!("no window holds {event:?}: {windows:#?}"),
            }
        }
        for (schema, stretches) in by_schema {
            for (start_ms, end_ms, left) in stretches {
                assert_eq!(
                    left, 0,
                    "missing of {schema} in {start_ms}..{end_ms} beyond the table: {windows:#?} {owed:#?}"
                );
            }
        }
    }

    /// Each number is given once, and an incident of losses has as many events as the table puts down to
    /// it, beside those that landed.
    fn check_incidents(&self, incidents: &[IncidentRow], owed: &BTreeMap<String, MissingEvent>) {
        let mut rows: BTreeMap<(u64, &str), u64> = BTreeMap::new();
        for event in owed.values() {
            *rows.entry((event.incident, &event.schema)).or_default() += 1;
        }
        for incident in incidents {
            let id = incident.id;
            match self.before.get(&id) {
                Some(before) => assert_eq!(&identity(incident).1, before, "incident {id}"),
                None => assert!(
                    id >= self.first_incident,
                    "the number {id} was given before"
                ),
            }
            let sum = |of: fn(&landfall_store::ShareRow) -> u64| -> u64 {
                incident.shares.iter().map(of).sum()
            };
            assert_eq!(sum(|share| share.events), incident.events, "{incident:?}");
            assert_eq!(
                sum(|share| share.landed_late),
                incident.landed_late,
                "{incident:?}"
            );
            if !["stalled", "loss"].contains(&&incident.cause[..]) {
                continue;
            }
            let mut left = 0;
            let mut shares = incident.shares.iter();
            let has_unnamed = shares.any(|share| share.schema == "(unknown)");
            for share in &incident.shares {
                assert!(share.events >= share.landed_late, "{incident:?}");
                let share_left = share.events - share.landed_late;
                left += share_left;
                let of_share = rows.get(&(id, &share.schema[..])).copied().unwrap_or(0);
                // What had no name in some run is counted without one.
                let is_exact = !has_unnamed && !self.prunes;
                assert!(
                    (share_left >= of_share || has_unnamed)
                        && (!is_exact || share_left == of_share),
                    "{of_share} rows of {incident:#?}: {owed:#?}"
                );
            }
            let of_incident: u64 = rows
                .iter()
                .filter(|((incident, _), _)| *incident == id)
                .map(|(_, rows)| rows)
                .sum();
            assert!(
                left == of_incident || self.prunes && left > of_incident,
                "{of_incident} rows of {incident:#?}: {owed:#?}"
            );
        }
        for event in owed.values() {
            let has_incident = incidents.iter().any(|one| one.id == event.incident);
            assert!(has_incident, "{event:?}");
        }
    }

    /// A stall of the whole pipeline that opens: nothing that was applied landed for so long before the
    /// moment at which it was judged. That was when it was reported, or the deadline of one of its events.
    fn check_stalls(
        &mut self,
        incidents: &[IncidentRow],
        owed: &BTreeMap<String, MissingEvent>,
        stall_ms: i64,
    ) {
        let is_new = |incident: &&IncidentRow| {
            incident.cause == "stalled"
                && incident.scope == "pipeline"
                && !self.known.contains(&incident.id)
        };
        let mut stalls = 0;
        for incident in incidents.iter().filter(is_new) {
            stalls += 1;
            let of_it = owed.values().filter(|event| event.incident == incident.id);
            let mut judged = of_it
                .map(|event| event.deadline_ms)
                .chain([incident.opened_ms]);
            let is_sound = judged.any(|at_ms| {
                let mut landed = self.landed_ms.range(at_ms - stall_ms..=at_ms);
                landed.next().is_none()
            });
            assert!(
                is_sound,
                "rows landed at {:?}, and yet {incident:#?}",
                self.landed_ms
            );
        }
        self.seen.stalls += stalls;
    }

    /// The process ended as it should: what came in has a verdict, or waits for the next run.
    pub(super) fn ended(&self) {
        for window in self.reader().windows().expect("windows") {
            assert_eq!(imbalance(&window), 0, "{window:?}");
        }
    }

    /// Everything is settled: each raw event that was put into the spool is counted once, however often the process
    /// died.
    pub(super) fn check_raw(&self, events: usize) {
        let windows = self.reader().windows().expect("windows");
        let raw: i64 = windows.iter().map(|window| window.counts.raw).sum();
        let pending: i64 = windows.iter().map(|window| window.counts.pending).sum();
        assert_eq!((raw, pending), (events as i64, 0), "{windows:#?}");
    }

    /// All deadlines have passed. What is owed is what was sent and did not land.
    pub(super) fn check_keys(&self, keys: &BTreeMap<u64, Known>, text_of: fn(u64) -> String) {
        if self.prunes {
            return;
        }
        for (key, known) in keys {
            let key = text_of(*key);
            if known.is_mixed {
                continue;
            }
            let is_owed = self.owed.contains_key(&key);
            // What is sent anew long after it landed is another event.
            if known.landed_last {
                assert!(!is_owed, "{key} landed, and is owed: {known:?}");
            }
            if known.remembered_ms.is_some() && known.is_plain {
                assert!(
                    !is_owed,
                    "{key} landed before a restart, and a copy is owed: {known:?}"
                );
            }
            if known.is_plain && known.copies == 1 && known.kept_rows > 0 {
                assert!(
                    !is_owed,
                    "{key} landed and its row was in the spool, and yet it is owed: {known:?}"
                );
            }
            if self.owed_at_start.contains(&key) && !known.landed_in_run {
                assert!(
                    is_owed,
                    "{key} is owed no more, and did not land: {known:?}"
                );
            }
            if known.is_plain && !known.is_doubtful && known.seen && !known.landed {
                assert!(is_owed, "{key} was lost, and is not owed: {known:?}");
            }
        }
    }

    pub(super) fn causes(&self) -> Vec<String> {
        let incidents = self.reader().incidents().expect("incidents");
        incidents.into_iter().map(|one| one.cause).collect()
    }

    pub(super) fn add_to(&self, seen: &mut Seen) {
        let own = &self.seen;
        seen.flushes += own.flushes;
        seen.missing += own.missing;
        seen.landed_late += own.landed_late;
        seen.landed_late_of_old += own.landed_late_of_old;
        seen.lost_again += own.lost_again;
        seen.stalls += own.stalls;
        seen.pruned += own.pruned;
    }
}

fn identity(incident: &IncidentRow) -> (u64, (String, i64)) {
    (incident.id, (incident.cause.clone(), incident.opened_ms))
}

fn imbalance(window: &WindowRow) -> i64 {
    let counts = &window.counts;
    counts.raw - counts.pending - verdicts(window).iter().sum::<i64>()
}

fn verdicts(window: &WindowRow) -> [i64; 9] {
    let counts = &window.counts;
    [
        counts.delivered,
        counts.late,
        counts.altered,
        counts.missing,
        counts.unconfirmed,
        counts.rejected,
        counts.leaked,
        counts.repeated,
        counts.unjudged,
    ]
}

/// No count is below zero, and no verdict is reported before its event. `prunes`: a row may have been removed of an
/// event that is lost once more, and with it where the event was counted, and as what.
fn check_counts(window: &WindowRow, prunes: bool) {
    assert!(imbalance(window) >= 0, "{window:?}");
    let mut window = window.clone();
    if prunes {
        (window.counts.missing, window.counts.unconfirmed) = (0, 0);
    }
    let counts = &window.counts;
    let others = [
        counts.raw,
        counts.pending,
        counts.duplicate,
        counts.unexpected,
        counts.doubtful,
        counts.rejected_unseen,
    ];
    let lowest = verdicts(&window).into_iter().chain(others).min();
    assert!(lowest >= Some(0), "{window:?}");
}
