//! The tallies of windows: raw events as the judge counted them, verdicts as the ledger gave them.
//! Pure. When a window closes, the two must agree (the conservation law).

use std::collections::{BTreeMap, BTreeSet};

use landfall_ledger::{Counts, Generation, SchemaId};

/// A window that has closed, by schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClosedWindow {
    pub window: i64,
    pub schemas: Vec<(SchemaId, Counts)>,
}

impl ClosedWindow {
    /// The sum of the imbalances of its schemas, each as an absolute value. So two errors do not
    /// cancel out.
    pub fn imbalance(&self) -> u64 {
        self.schemas
            .iter()
            .map(|(_, counts)| counts.imbalance().unsigned_abs())
            .sum()
    }
}

/// Open windows, and which of their counts were not written yet.
#[derive(Debug, Default)]
pub struct OpenWindows {
    open: BTreeMap<(i64, SchemaId), Counts>,
    unwritten: BTreeMap<(i64, SchemaId), Counts>,
    /// Which checks gave verdicts that are counted in open windows.
    judges: BTreeSet<(i64, SchemaId, Generation)>,
    unwritten_judges: BTreeSet<(i64, SchemaId, Generation)>,
    /// Windows below this number have closed. What still comes for them is a revision.
    closed_below: Option<i64>,
}

impl OpenWindows {
    /// Adds counts to a window.
    pub fn add(&mut self, window: i64, schema: SchemaId, counts: &Counts) {
        self.unwritten
            .entry((window, schema))
            .or_default()
            .add(counts);
        if self.closed_below.is_none_or(|below| window >= below) {
            self.open.entry((window, schema)).or_default().add(counts);
        }
    }

    /// Records which checks gave a verdict that is counted in a window.
    pub fn judged_by(&mut self, window: i64, schema: SchemaId, generation: Generation) {
        let judge = (window, schema, generation);
        let is_open = self.closed_below.is_none_or(|below| window >= below);
        if !is_open || self.judges.insert(judge) {
            self.unwritten_judges.insert(judge);
        }
    }

    /// The windows' generations of checks that the store does not know yet. For closed windows the
    /// store may know them.
    pub fn take_unwritten_judges(&mut self) -> BTreeSet<(i64, SchemaId, Generation)> {
        std::mem::take(&mut self.unwritten_judges)
    }

    /// The counts to add to the store since the last call.
    pub fn take_unwritten(&mut self) -> Vec<((i64, SchemaId), Counts)> {
        let taken = std::mem::take(&mut self.unwritten);
        taken
            .into_iter()
            .filter(|(_, counts)| !counts.is_empty())
            .collect()
    }

    /// Closes the windows below `below`.
    pub fn close(&mut self, below: i64) -> Vec<ClosedWindow> {
        if self.closed_below.is_some_and(|closed| below <= closed) {
            return Vec::new();
        }
        self.closed_below = Some(below);
        self.judges = self.judges.split_off(&(below, SchemaId(0), Generation(0)));
        let still_open = self.open.split_off(&(below, SchemaId(0)));
        let mut closed: Vec<ClosedWindow> = Vec::new();
        for ((window, schema), counts) in std::mem::replace(&mut self.open, still_open) {
            match closed.last_mut() {
                Some(last) if last.window == window => last.schemas.push((schema, counts)),
                _ => closed.push(ClosedWindow {
                    window,
                    schemas: vec![(schema, counts)],
                }),
            }
        }
        closed
    }
}

#[cfg(test)]
mod tests {
    use landfall_ledger::Verdict;

    use super::*;

    fn counts(raw: i64, verdict: Verdict, n: i64, pending: i64) -> Counts {
        let mut counts = Counts {
            raw,
            pending,
            ..Counts::default()
        };
        counts.verdicts[verdict as usize] = n;
        counts
    }

    #[test]
    fn a_window_that_loses_an_event_is_out_of_balance_and_a_duplicate_does_not_hide_it() {
        let mut open_windows = OpenWindows::default();
        open_windows.add(1, SchemaId(2), &counts(10, Verdict::Delivered, 9, 0));
        open_windows.add(
            1,
            SchemaId(2),
            &Counts {
                duplicate: 1,
                ..Counts::default()
            },
        );
        open_windows.add(1, SchemaId(3), &counts(0, Verdict::Missing, 1, 0));
        let closed = open_windows.close(2);
        assert_eq!(closed.len(), 1);
        assert_eq!(closed[0].imbalance(), 2);
    }

    #[test]
    fn pending_events_balance_and_later_revisions_go_to_the_store_alone() {
        let mut open_windows = OpenWindows::default();
        open_windows.add(5, SchemaId(0), &counts(3, Verdict::Missing, 1, 2));
        assert_eq!(open_windows.close(5), []);
        let closed = open_windows.close(6);
        assert_eq!(closed[0].imbalance(), 0);
        assert_eq!(open_windows.take_unwritten().len(), 1);
        let mut revision = counts(0, Verdict::Missing, -1, 0);
        revision.verdicts[Verdict::Late as usize] = 1;
        open_windows.add(5, SchemaId(0), &revision);
        assert_eq!(open_windows.close(7), []);
        assert_eq!(
            open_windows.take_unwritten(),
            [((5, SchemaId(0)), revision)]
        );
    }

    #[test]
    fn the_checks_that_judged_a_window_are_given_once_while_it_is_open() {
        let mut open_windows = OpenWindows::default();
        let judge = |generation| (5, SchemaId(0), Generation(generation));
        for generation in [3, 3, 4, 3] {
            open_windows.judged_by(5, SchemaId(0), Generation(generation));
        }
        assert!(
            open_windows
                .take_unwritten_judges()
                .into_iter()
                .eq([judge(3), judge(4)])
        );
        open_windows.judged_by(5, SchemaId(0), Generation(4));
        assert!(open_windows.take_unwritten_judges().is_empty());
        open_windows.close(6);
        // A closed window is not in memory any more: the store adds the generation or has it
        // already.
        open_windows.judged_by(5, SchemaId(0), Generation(4));
        assert!(
            open_windows
                .take_unwritten_judges()
                .into_iter()
                .eq([judge(4)])
        );
        assert!(open_windows.judges.is_empty());
    }

    #[test]
    fn what_cancels_out_is_not_written() {
        let mut open_windows = OpenWindows::default();
        open_windows.add(
            1,
            SchemaId(0),
            &Counts {
                pending: 1,
                ..Counts::default()
            },
        );
        open_windows.add(
            1,
            SchemaId(0),
            &Counts {
                pending: -1,
                ..Counts::default()
            },
        );
        assert_eq!(open_windows.take_unwritten(), []);
    }
}
