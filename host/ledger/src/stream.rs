//! The two streams that are joined, and what there is of each.

use std::fmt;
use std::ops::{Index, IndexMut};

use serde::{Deserialize, Serialize};

/// One of the two points at which events are observed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stream {
    /// What enters the pipeline.
    Raw,
    /// What the writer reports as written.
    Written,
}

impl Stream {
    /// Both streams, in the order in which an event passes them.
    pub const ALL: [Stream; 2] = [Stream::Raw, Stream::Written];

    /// Its name in configuration, metrics, logs and the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Stream::Raw => "raw",
            Stream::Written => "written",
        }
    }

    /// Its place in a list of both.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The stream of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stream| stream.as_str() == name)
    }
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One value for each stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PerStream<T> {
    pub raw: T,
    pub written: T,
}

impl<T> PerStream<T> {
    /// What `make` gives for each stream.
    pub fn of(mut make: impl FnMut(Stream) -> T) -> Self {
        Self {
            raw: make(Stream::Raw),
            written: make(Stream::Written),
        }
    }

    /// The same streams with other values.
    pub fn map<U>(self, mut change: impl FnMut(Stream, T) -> U) -> PerStream<U> {
        PerStream {
            raw: change(Stream::Raw, self.raw),
            written: change(Stream::Written, self.written),
        }
    }

    /// Streams and values, raw first.
    pub fn iter(&self) -> impl Iterator<Item = (Stream, &T)> {
        [(Stream::Raw, &self.raw), (Stream::Written, &self.written)].into_iter()
    }

    /// Streams and values, raw first.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (Stream, &mut T)> {
        [
            (Stream::Raw, &mut self.raw),
            (Stream::Written, &mut self.written),
        ]
        .into_iter()
    }

    /// The values, raw first.
    pub fn values(&self) -> impl Iterator<Item = &T> {
        [&self.raw, &self.written].into_iter()
    }
}

impl<T> Index<Stream> for PerStream<T> {
    type Output = T;

    fn index(&self, stream: Stream) -> &T {
        match stream {
            Stream::Raw => &self.raw,
            Stream::Written => &self.written,
        }
    }
}

impl<T> IndexMut<Stream> for PerStream<T> {
    fn index_mut(&mut self, stream: Stream) -> &mut T {
        match stream {
            Stream::Raw => &mut self.raw,
            Stream::Written => &mut self.written,
        }
    }
}

impl<T> IntoIterator for PerStream<T> {
    type Item = (Stream, T);
    type IntoIter = std::array::IntoIter<(Stream, T), 2>;

    fn into_iter(self) -> Self::IntoIter {
        [(Stream::Raw, self.raw), (Stream::Written, self.written)].into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stream_has_its_own_and_is_found_by_its_name() {
        let mut names = PerStream::of(Stream::as_str);
        assert_eq!(
            names
                .map(|stream, name| (stream, Stream::named(name)))
                .into_iter()
                .map(|(stream, found)| found == (stream, Some(stream)))
                .collect::<Vec<_>>(),
            [true; 2]
        );
        names[Stream::Written] = "other";
        assert_eq!((names.raw, names.written), ("raw", "other"));
        assert_eq!(Stream::named("neither"), None);
    }
}
