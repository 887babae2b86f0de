//! The room that an item takes up in its lane: until nobody holds the item any more, and not only until it is taken. So
//! the bound of a lane bounds what its items take of memory, wherever they are.

use std::fmt;
use std::sync::Arc;

/// Gives its room back when it is dropped.
pub struct Room {
    channel: Arc<dyn GiveBack>,
    lane: usize,
    bytes: usize,
}

impl Room {
    pub(super) fn new(channel: Arc<dyn GiveBack>, lane: usize, bytes: usize) -> Self {
        Self {
            channel,
            lane,
            bytes,
        }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.channel.give_back(self.lane, self.bytes);
    }
}

impl fmt::Debug for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Room({} bytes of lane {})", self.bytes, self.lane)
    }
}

/// A channel whose lanes have bounds.
pub(super) trait GiveBack: Send + Sync {
    fn give_back(&self, lane: usize, bytes: usize);
}

/// What a queue carries.
pub trait Queued: Send + 'static {
    /// The item was taken: it is handed the room that it takes up. To drop that is to give it back at once.
    fn keep(&mut self, room: Room) {
        drop(room);
    }
}
