//! The place from which the file of a check, or the directory of schemas, is taken.
//!
//! A running check or schema belongs to the place that it came from, and takes new versions from there only,
//! until the configuration names other places. A file of the same name elsewhere on the search path may be
//! another program: Landfall reports it, and the next start takes it.

use std::path::{Path, PathBuf};

/// The chosen place, among those that were searched, first to last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchOrigin {
    pub place: PathBuf,
    among: Vec<PathBuf>,
}

/// What has changed on the search path since then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Drift {
    /// The next start would take the same.
    None,
    /// Another one comes before it now: the next start would take that one.
    Preceded { other: PathBuf },
    /// It is gone; if there is another one, the next start would take that one.
    Gone { other: Option<PathBuf> },
}

impl SearchOrigin {
    pub fn new(place: PathBuf, among: Vec<PathBuf>) -> Self {
        Self { place, among }
    }

    /// What has changed if the same places are searched; None if the operator chose other places: then the
    /// file is searched again.
    pub fn drift(&self, among: &[PathBuf], is_there: impl Fn(&Path) -> bool) -> Option<Drift> {
        if self.among != among {
            return None;
        }
        let first = among.iter().find(|place| is_there(place)).cloned();
        Some(if !is_there(&self.place) {
            Drift::Gone { other: first }
        } else {
            match first {
                Some(other) if other != self.place => Drift::Preceded { other },
                _ => Drift::None,
            }
        })
    }
}

impl Drift {
    /// The text to report; None if there is nothing.
    pub fn problem(&self, place: &Path) -> Option<String> {
        let place = place.display();
        match self {
            Drift::None => None,
            Drift::Gone { other: None } => Some(format!("{place} is gone; put it back")),
            Drift::Gone { other: Some(other) } => Some(format!(
                "{place} is gone, and {} is not taken in its place while this runs; put it back, or name the other one by its whole path",
                other.display()
            )),
            Drift::Preceded { other } => Some(format!(
                "{} now comes before {place} on the search path, and is not taken in its place while this runs; restart, or name the intended one by its whole path",
                other.display()
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_keeps_its_place_and_the_file_that_the_next_start_would_take_is_reported() {
        let among = ["a", "b", "c"].map(PathBuf::from).to_vec();
        let of = |there: &[&str], among: &[PathBuf]| {
            let origin = SearchOrigin::new("b".into(), ["a", "b", "c"].map(PathBuf::from).to_vec());
            origin.drift(among, |path| {
                there.iter().any(|name| Path::new(name) == path)
            })
        };
        let other = |name: &str| PathBuf::from(name);
        for (there, drift) in [
            (&["b"][..], Drift::None),
            (&["b", "c"], Drift::None),
            (&["a", "b"], Drift::Preceded { other: other("a") }),
            (
                &["c"],
                Drift::Gone {
                    other: Some(other("c")),
                },
            ),
            (
                &["a", "c"],
                Drift::Gone {
                    other: Some(other("a")),
                },
            ),
            (&[], Drift::Gone { other: None }),
        ] {
            let problem = drift.problem(Path::new("b"));
            assert_eq!(problem.is_none(), drift == Drift::None, "{there:?}");
            assert_eq!(of(there, &among), Some(drift), "{there:?}");
        }
        assert_eq!(of(&["a", "b"], &among[..2]), None, "other places are named");
    }
}
