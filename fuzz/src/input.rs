//! An input taken apart. Knows nothing of what the parts are for.

/// A line that stands between two parts of a text.
const SEPARATOR: &[u8] = b"\n---\n";

/// What stands before the first separator, and what stands behind it.
pub fn parts(data: &[u8]) -> (&[u8], &[u8]) {
    let at = data
        .windows(SEPARATOR.len())
        .position(|window| window == SEPARATOR);
    match at {
        Some(at) => (&data[..at], &data[at + SEPARATOR.len()..]),
        None => (data, b""),
    }
}

/// Reads numbers and texts off bytes. Where nothing is left, all is 0 and empty.
pub struct Input<'a> {
    rest: &'a [u8],
}

impl<'a> Input<'a> {
    pub fn new(data: &'a [u8]) -> Self {
        Self { rest: data }
    }

    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub fn byte(&mut self) -> u8 {
        self.bytes(1).first().copied().unwrap_or_default()
    }

    pub fn small(&mut self) -> usize {
        usize::from(self.byte())
    }

    /// Mostly small, now and then anything.
    pub fn number(&mut self) -> u32 {
        match self.byte() {
            u8::MAX => {
                let bytes = self.bytes(4);
                let mut all = [0; 4];
                all[..bytes.len()].copy_from_slice(bytes);
                u32::from_le_bytes(all)
            }
            small => u32::from(small),
        }
    }

    /// Bytes whose number is said before them.
    pub fn sized(&mut self) -> &'a [u8] {
        let count = self.small();
        self.bytes(count)
    }

    pub fn text(&mut self) -> String {
        String::from_utf8_lossy(self.sized()).into_owned()
    }

    /// At most as many items as a byte says, and none where nothing is left.
    pub fn list<T>(&mut self, mut read: impl FnMut(&mut Self) -> T) -> Vec<T> {
        let count = self.small();
        let mut items = Vec::new();
        while items.len() < count && !self.is_empty() {
            items.push(read(self));
        }
        items
    }

    fn bytes(&mut self, count: usize) -> &'a [u8] {
        let (bytes, rest) = self.rest.split_at(count.min(self.rest.len()));
        self.rest = rest;
        bytes
    }
}
