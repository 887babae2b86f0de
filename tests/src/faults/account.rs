//! Landfall's account of a trial, held against the truth.

use std::collections::HashMap;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::ensure;
use rusqlite::{Connection, OpenFlags};

use super::DEADLINE;
use super::load::Sent;
use crate::outage::Events;

/// The counts of a trial.
#[derive(Clone, Debug, Default)]
pub struct Account {
    pub sent: u64,
    /// Of them: they did not land.
    pub lost: u64,
    /// Events that Landfall read.
    pub raw: u64,
    pub delivered: u64,
    pub late: u64,
    pub missing: u64,
    pub unconfirmed: u64,
    /// Of the unconfirmed: they landed.
    pub unconfirmed_landed: u64,
    /// Events that were counted, and whose frames a power cut took: they stay without a verdict.
    pub frames_lost: u64,
    /// Rows of events that Landfall had not read.
    pub unwatched: u64,
    /// Events that certainly had no fault near.
    pub alone: u64,
    /// Events that landed and are called missing.
    pub false_alarms: Wrong,
    /// Events that did not land, were sent while Landfall could see them, and are not named.
    pub missed_losses: Wrong,
    /// Events that are unconfirmed although nothing happened that could have hidden their rows.
    pub unfounded: Wrong,
    /// Any other wrong word.
    pub wrong: Wrong,
}

/// Wrong words: how many, and the first few.
#[derive(Clone, Debug, Default)]
pub struct Wrong {
    pub count: u64,
    pub first: Vec<String>,
}

impl Wrong {
    fn push(&mut self, word: String) {
        self.count += 1;
        if self.first.len() < WRONG_NAMED_MAX {
            self.first.push(word);
        }
    }
}

/// So many are enough to look for them in the store that is left.
const WRONG_NAMED_MAX: usize = 5;

/// What is known from outside.
pub(super) struct Known<'a> {
    pub events: &'a Events,
    pub sent: &'a [Sent],
    /// What was sent then may not have been read.
    pub blind: &'a [(Instant, Instant)],
    /// What was written then may not have been seen.
    pub doubt: &'a [(Instant, Instant)],
}

impl Known<'_> {
    fn is_read(&self, sent: &Sent) -> bool {
        let mut blind = self.blind.iter();
        !blind.any(|(from, to)| (*from..=*to).contains(&sent.at))
    }

    /// Whether a row of it may have passed unseen in time.
    fn is_doubtful(&self, sent: &Sent) -> bool {
        let deadline = sent.at + DEADLINE;
        let mut doubt = self.doubt.iter();
        doubt.any(|(from, to)| *from <= deadline && *to >= sent.at)
    }
}

/// How far an instant is from the nearest of these intervals, for a person.
fn nearest(intervals: &[(Instant, Instant)], at: Instant) -> String {
    let distances = intervals.iter().map(|(from, to)| {
        let (before, after) = (
            from.saturating_duration_since(at),
            at.saturating_duration_since(*to),
        );
        (before.max(after), !after.is_zero())
    });
    match distances.min() {
        None => "without any fault".to_owned(),
        Some((distance, false)) => format!("{distance:.3?} before a fault's time"),
        Some((distance, true)) => format!("{distance:.3?} after a fault's time"),
    }
}

/// Verdicts and counts that no event of these has.
const NONE_OF: [&str; 7] = [
    "altered",
    "rejected",
    "leaked",
    "repeated",
    "unjudged",
    "unexpected",
    "duplicate",
];

impl Account {
    /// Reads the store.
    pub(super) fn read(store: &Path, known: &Known<'_>) -> anyhow::Result<Self> {
        let Known { events, sent, .. } = *known;
        let connection = open(store)?;
        let sum = |column: &str| -> rusqlite::Result<u64> {
            let sql = format!("SELECT coalesce(sum({column}), 0) FROM windows");
            connection.query_row(&sql, [], |row| row.get::<_, i64>(0).map(i64::unsigned_abs))
        };
        let mut account = Self {
            sent: sent.len() as u64,
            lost: sent.iter().filter(|sent| !sent.landed).count() as u64,
            raw: sum("raw")?,
            delivered: sum("delivered")?,
            late: sum("late")?,
            missing: sum("missing")?,
            unconfirmed: sum("unconfirmed")?,
            frames_lost: sum("lost")?,
            unwatched: sum("unwatched")?,
            ..Self::default()
        };
        for none in NONE_OF {
            let events = sum(none)?;
            if events > 0 {
                account.wrong.push(format!("{events} {none}"));
            }
        }
        let balance = "SELECT count(*) FROM windows WHERE raw <> delivered + late + missing + unconfirmed + lost";
        let unbalanced: i64 = connection.query_row(balance, [], |row| row.get(0))?;
        if unbalanced > 0 {
            account
                .wrong
                .push(format!("{unbalanced} windows do not add up"));
        }

        let mut numbers: HashMap<String, usize> = HashMap::new();
        for number in 0..sent.len() {
            numbers.insert(events.uuid(number as u64), number);
        }
        let mut named = vec![false; sent.len()];
        let mut rows =
            connection.prepare("SELECT key, hole, landed_ms IS NOT NULL FROM missing")?;
        let mut rows = rows.query([])?;
        while let Some(row) = rows.next()? {
            let (key, hole): (String, String) = (row.get(0)?, row.get(1)?);
            let has_landed: bool = row.get(2)?;
            let Some(&number) = numbers.get(&key) else {
                account.wrong.push(format!("{key} was never sent"));
                continue;
            };
            named[number] = true;
            let landed = sent[number].landed;
            match (has_landed, landed, hole.is_empty()) {
                (false, true, true) => account.false_alarms.push(key),
                (false, true, false) => account.unconfirmed_landed += 1,
                (true, false, _) => account
                    .wrong
                    .push(format!("{key} never landed, and is late")),
                _ => {}
            }
            if !hole.is_empty() && !known.is_doubtful(&sent[number]) {
                let uuid = events.uuid(number as u64);
                let near = nearest(known.doubt, sent[number].at);
                account
                    .unfounded
                    .push(format!("{uuid} ({hole}; sent {near})"));
            }
        }
        for (number, event) in sent.iter().enumerate() {
            if !event.landed && !named[number] && known.is_read(event) {
                let uuid = events.uuid(number as u64);
                let near = nearest(known.blind, event.at);
                account.missed_losses.push(format!("{uuid} (sent {near})"));
            }
        }
        let is_alone = |sent: &&Sent| known.is_read(sent) && !known.is_doubtful(sent);
        account.alone = sent.iter().filter(is_alone).count() as u64;
        let landed = sent.iter().filter(|sent| sent.landed);
        let most = landed.clone().count() as u64;
        let least = landed.filter(|sent| known.is_read(sent)).count() as u64;
        let seen = account.delivered + account.late + account.unconfirmed_landed;
        // Frames that a power cut took have no verdict.
        if seen > most || seen + account.frames_lost < least {
            let text = format!("{seen} landed by its account, and in truth {least} to {most}");
            account.wrong.push(text);
        }
        Ok(account)
    }

    /// # Errors
    /// A word of Landfall was wrong.
    pub(super) fn check(&self, frames_lost_max: u64) -> anyhow::Result<()> {
        ensure!(self.frames_lost <= frames_lost_max, "{self:?}");
        for (wrong, what) in [
            (&self.false_alarms, "events landed and are called missing"),
            (&self.missed_losses, "lost events are not named"),
            (&self.unfounded, "events are unconfirmed without a reason"),
            (&self.wrong, "other words are wrong"),
        ] {
            let (count, first) = (wrong.count, &wrong.first);
            ensure!(count == 0, "{count} {what}, as {first:?}: {self:?}");
        }
        let verdicts = self.delivered + self.late + self.missing + self.unconfirmed;
        let counted = verdicts + self.frames_lost;
        ensure!(self.raw == counted && self.raw <= self.sent, "{self:?}");
        // Otherwise nothing was tried.
        ensure!(self.missing > 0 && self.delivered > 0, "{self:?}");
        ensure!(self.alone > 0, "{self:?}");
        Ok(())
    }
}

/// Events that have no verdict yet.
pub(super) fn pending(store: &Path) -> anyhow::Result<u64> {
    let sql = "SELECT coalesce(sum(pending - lost), 0) FROM windows";
    let pending: i64 = open(store)?.query_row(sql, [], |row| row.get(0))?;
    Ok(pending.unsigned_abs())
}

/// Until when the store knows what happened.
pub(super) fn known_ms(store: &Path) -> anyhow::Result<i64> {
    let sql = "SELECT value FROM meta WHERE name = 'known_ms'";
    Ok(open(store)?.query_row(sql, [], |row| row.get(0))?)
}

fn open(store: &Path) -> anyhow::Result<Connection> {
    let connection = Connection::open_with_flags(store, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection.busy_timeout(Duration::from_secs(30))?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_named_by_the_nearest_interval() {
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let intervals = [(at(10), at(20)), (at(40), at(50))];
        for (seconds, expected) in [
            (7, "3.000s before a fault's time"),
            (22, "2.000s after a fault's time"),
            (38, "2.000s before a fault's time"),
            (60, "10.000s after a fault's time"),
        ] {
            assert_eq!(nearest(&intervals, at(seconds)), expected);
        }
        assert_eq!(nearest(&[], start), "without any fault");
    }
}
