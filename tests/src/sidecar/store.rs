//! Reads Landfall's store with SQLite, which is a supported interface.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use crate::truth::Verdict;

/// The sums of all windows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WindowTotals {
    pub raw: u64,
    pub pending: u64,
    pub duplicate: u64,
    pub unexpected: u64,
    /// In the order of [`Verdict::ALL`].
    pub verdicts: Vec<u64>,
}

impl WindowTotals {
    pub fn count(&self, verdict: Verdict) -> u64 {
        let place = Verdict::ALL.iter().position(|one| *one == verdict);
        place
            .and_then(|place| self.verdicts.get(place))
            .copied()
            .unwrap_or(0)
    }

    pub fn judged(&self) -> u64 {
        self.verdicts.iter().sum()
    }
}

/// Opens the file again for each query, because a sidecar may be writing to it.
pub struct StoreReader {
    file: PathBuf,
}

impl StoreReader {
    pub fn new(dir: &Path) -> Self {
        Self {
            file: dir.join("landfall.sqlite"),
        }
    }

    pub fn file(&self) -> &Path {
        &self.file
    }

    fn open(&self) -> rusqlite::Result<Connection> {
        Connection::open_with_flags(&self.file, OpenFlags::SQLITE_OPEN_READ_ONLY)
    }

    pub fn totals(&self) -> rusqlite::Result<WindowTotals> {
        let counts = ["raw", "pending", "duplicate", "unexpected"];
        let columns: Vec<String> = counts
            .into_iter()
            .chain(Verdict::ALL.map(Verdict::as_str))
            .map(|column| format!("COALESCE(SUM({column}), 0)"))
            .collect();
        let sql = format!("SELECT {} FROM windows", columns.join(", "));
        self.open()?.query_row(&sql, [], |row| {
            let count = |place: usize| row.get::<_, i64>(place).map(|count| count as u64);
            let verdicts = (counts.len()..counts.len() + Verdict::ALL.len())
                .map(count)
                .collect::<rusqlite::Result<_>>()?;
            Ok(WindowTotals {
                raw: count(0)?,
                pending: count(1)?,
                duplicate: count(2)?,
                unexpected: count(3)?,
                verdicts,
            })
        })
    }

    /// Windows in which the verdicts and the pending events do not add up to the events that came in.
    pub fn unbalanced_windows(&self) -> rusqlite::Result<u64> {
        let sum = Verdict::ALL.map(Verdict::as_str).join(" + ");
        let sql = format!("SELECT COUNT(*) FROM windows WHERE raw <> pending + {sum}");
        self.open()?
            .query_row(&sql, [], |row| row.get::<_, i64>(0))
            .map(|count| count as u64)
    }
}
