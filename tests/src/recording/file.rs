//! A recording as a file: lines of text, compressed.
//!
//! The first lines begin with `# ` and describe the recording. Every further line is a series and its
//! values, with a tab between, in the notation of `promtool test rules`: `3+1x5` is 3 4 5 6 7 8, `_x2` is
//! two scrapes that were not made, `stale` is a scrape that failed or no longer had the series. Series are
//! in the order of their text, so that the same scrapes give the same bytes.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use flate2::{Compression, GzBuilder, read::GzDecoder};

use super::STEP_MS;
use crate::clock::{log_time, parse_time};

/// The first line.
const FORMAT: &str = "# a recording of Landfall, 1";

/// Why a file could not be read.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error("failed to read the recording: {0}")]
    Io(#[from] io::Error),
    #[error("line {line} of the recording: {what}")]
    Line { line: usize, what: String },
}

/// One minute of a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Point {
    /// No scrape.
    NotAsked,
    /// A scrape without the series, or without an answer.
    Stale,
    Value(f64),
}

/// A series by its text, `name{label="value"}`, with labels in their order.
pub type Series = BTreeMap<String, Vec<Point>>;

/// What went wrong, or was done, in an interval of the day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happening {
    pub from_ms: i64,
    pub to_ms: i64,
    pub what: String,
}

/// One recording.
#[derive(Clone, Debug, PartialEq)]
pub struct Recording {
    pub case: String,
    /// What the day is, in words.
    pub title: String,
    /// Whether every alarm would be false.
    pub healthy: bool,
    /// How it was made.
    pub made: String,
    /// The first scrape's time.
    pub from_ms: i64,
    /// Scrapes, made or not.
    pub minutes: usize,
    pub happenings: Vec<Happening>,
    pub series: Series,
}

impl Recording {
    /// Reads a file that [`Self::write`] wrote.
    pub fn read(path: &Path) -> Result<Self, FileError> {
        let mut text = String::new();
        GzDecoder::new(fs::File::open(path)?).read_to_string(&mut text)?;
        Self::parse(&text)
    }

    /// Writes the file.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        // Neither a name nor a time in the head: the same scrapes are the same bytes.
        let mut packed = GzBuilder::new().write(fs::File::create(path)?, Compression::best());
        packed.write_all(self.text().as_bytes())?;
        packed.finish().map(drop)
    }

    /// The minute in which `at_ms` is, counted from 0.
    pub fn minute(&self, at_ms: i64) -> i64 {
        (at_ms - self.from_ms).div_euclid(STEP_MS)
    }

    /// The names of all metrics in it.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.series
            .keys()
            .map(|series| series.split('{').next().unwrap_or(series))
    }

    fn text(&self) -> String {
        let mut text = format!("{FORMAT}\n");
        // Writing to a string does not fail.
        let _ = writeln!(text, "# case: {}", self.case);
        let _ = writeln!(text, "# title: {}", self.title);
        let _ = writeln!(text, "# healthy: {}", self.healthy);
        let _ = writeln!(text, "# made: {}", self.made);
        let _ = writeln!(text, "# from: {}", log_time(self.from_ms));
        let _ = writeln!(text, "# minutes: {}", self.minutes);
        for happening in &self.happenings {
            let _ = writeln!(
                text,
                "# happening: {} {} {}",
                log_time(happening.from_ms),
                log_time(happening.to_ms),
                happening.what
            );
        }
        for (series, points) in &self.series {
            let _ = writeln!(text, "{series}\t{}", notation(points));
        }
        text
    }

    fn parse(text: &str) -> Result<Self, FileError> {
        let mut read = Self {
            case: String::new(),
            title: String::new(),
            healthy: false,
            made: String::new(),
            from_ms: 0,
            minutes: 0,
            happenings: Vec::new(),
            series: Series::new(),
        };
        for (index, line) in text.lines().enumerate() {
            let known = if index == 0 {
                line == FORMAT
            } else if let Some(head) = line.strip_prefix("# ") {
                read.head(head).is_some()
            } else {
                read.body(line).is_some()
            };
            if !known {
                return Err(FileError::Line {
                    line: index + 1,
                    what: format!(
                        "cannot be read: {}",
                        line.chars().take(80).collect::<String>()
                    ),
                });
            }
        }
        Ok(read)
    }

    fn head(&mut self, line: &str) -> Option<()> {
        let (name, value) = line.split_once(": ")?;
        match name {
            "case" => self.case = value.to_owned(),
            "title" => self.title = value.to_owned(),
            "healthy" => self.healthy = value.parse().ok()?,
            "made" => self.made = value.to_owned(),
            "from" => self.from_ms = parse_time(value)?,
            "minutes" => self.minutes = value.parse().ok()?,
            "happening" => {
                let mut parts = value.splitn(3, ' ');
                self.happenings.push(Happening {
                    from_ms: parse_time(parts.next()?)?,
                    to_ms: parse_time(parts.next()?)?,
                    what: parts.next()?.to_owned(),
                });
            }
            _ => return None,
        }
        Some(())
    }

    fn body(&mut self, line: &str) -> Option<()> {
        let (series, values) = line.rsplit_once('\t')?;
        let points = points(values)?;
        (points.len() == self.minutes).then_some(())?;
        self.series.insert(series.to_owned(), points);
        Some(())
    }
}

/// Points in promtool's notation.
pub fn notation(points: &[Point]) -> String {
    let mut parts = Vec::new();
    let mut at = 0;
    while at < points.len() {
        let run = points[at..]
            .iter()
            .take_while(|point| **point == points[at])
            .count();
        match points[at] {
            Point::NotAsked => parts.push(format!("_x{run}")),
            Point::Stale => parts.extend(std::iter::repeat_n("stale".to_owned(), run)),
            Point::Value(value) if run > 1 => parts.push(format!("{value}+0x{}", run - 1)),
            Point::Value(value) => {
                let (step, length) = slope(&points[at..]);
                if length > 2 {
                    let sign = if step < 0.0 { "" } else { "+" };
                    parts.push(format!("{value}{sign}{step}x{}", length - 1));
                    at += length;
                    continue;
                }
                parts.push(value.to_string());
            }
        }
        at += run;
    }
    parts.join(" ")
}

/// How far the points go up or down evenly, in whole numbers: promtool adds the step again and again,
/// which is exact for those alone.
fn slope(points: &[Point]) -> (f64, usize) {
    let [Point::Value(first), Point::Value(second), ..] = points else {
        return (0.0, 1);
    };
    let step = second - first;
    if first.fract() != 0.0 || step.fract() != 0.0 {
        return (0.0, 1);
    }
    let mut expected = *first;
    let length = points
        .iter()
        .take_while(|point| {
            let even = **point == Point::Value(expected);
            expected += step;
            even
        })
        .count();
    (step, length)
}

/// Reads promtool's notation, as much of it as [`notation`] writes.
fn points(text: &str) -> Option<Vec<Point>> {
    let mut points = Vec::new();
    for part in text.split(' ') {
        if let Some(count) = part.strip_prefix("_x") {
            let count: usize = count.parse().ok()?;
            points.extend(std::iter::repeat_n(Point::NotAsked, count));
        } else if part == "stale" {
            points.push(Point::Stale);
        } else if let Some((start, times)) = part.split_once('x') {
            let sign = start.rfind(['+', '-']).filter(|at| *at > 0)?;
            let (mut value, step): (f64, f64) =
                (start[..sign].parse().ok()?, start[sign..].parse().ok()?);
            for _ in 0..=times.parse::<usize>().ok()? {
                points.push(Point::Value(value));
                value += step;
            }
        } else {
            points.push(Point::Value(part.parse().ok()?));
        }
    }
    Some(points)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_written_short_and_read_back() {
        use Point::{NotAsked, Stale, Value};
        for (text, points_of_it) in [
            ("1", vec![Value(1.0)]),
            ("1+0x2", vec![Value(1.0); 3]),
            ("3+1x3", [3.0, 4.0, 5.0, 6.0].map(Value).to_vec()),
            ("6-2x3", [6.0, 4.0, 2.0, 0.0].map(Value).to_vec()),
            ("-2+1x2", [-2.0, -1.0, 0.0].map(Value).to_vec()),
            ("0.5 0.25+0x1", [0.5, 0.25, 0.25].map(Value).to_vec()),
            (
                "_x2 7 stale stale 1416276000 9",
                vec![
                    NotAsked,
                    NotAsked,
                    Value(7.0),
                    Stale,
                    Stale,
                    Value(1_416_276_000.0),
                    Value(9.0),
                ],
            ),
        ] {
            assert_eq!(notation(&points_of_it), text);
            assert_eq!(points(text), Some(points_of_it), "{text}");
        }
        assert_eq!(points("1+x"), None);
    }

    #[test]
    fn a_recording_reads_back_and_is_the_same_bytes_again() {
        let recording = Recording {
            case: "a-day".into(),
            title: "A day: all is well".into(),
            healthy: true,
            made: "by hand".into(),
            from_ms: 1_416_276_000_000,
            minutes: 3,
            happenings: vec![Happening {
                from_ms: 1_416_276_060_000,
                to_ms: 1_416_276_120_000,
                what: "the writer is deaf".into(),
            }],
            series: Series::from([(
                "up{job=\"a b\"}".to_owned(),
                vec![Point::Value(1.0), Point::NotAsked, Point::Stale],
            )]),
        };
        let dir = tempfile::tempdir().expect("a directory");
        let [one, two] = ["one.gz", "two.gz"].map(|name| dir.path().join(name));
        recording.write(&one).expect("written");
        let read = Recording::read(&one).expect("readable");
        assert_eq!(read, recording);
        read.write(&two).expect("written");
        assert_eq!(fs::read(one).ok(), fs::read(two).ok());
        assert!(Recording::parse("# a recording of Landfall, 1\nx\t1 2").is_err());
    }
}
