//! Which part of a message is the frame. Pure.

use crate::flow::Refusal;

/// How a publisher wraps its frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Envelope {
    /// No envelope: a message has one part, the frame.
    #[default]
    None,
    /// A message is `[topic, payload]`, ZeroMQ's pub-sub envelope; the payload is the frame.
    Topic,
}

/// What a part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MessagePart {
    Frame,
    /// The topic, or the rest of a message that was refused.
    Skipped,
    /// The message is refused; given once for each message.
    RefusedCounts(Refusal),
}

/// Follows the parts of one message after the other.
#[derive(Debug, Default)]
pub(super) struct MessageParts {
    envelope: Envelope,
    /// Number of parts of this message before the next one. Counts no further than it matters.
    before: u8,
}

impl MessageParts {
    /// Begins with the first part of a message.
    pub fn new(envelope: Envelope) -> Self {
        Self {
            envelope,
            before: 0,
        }
    }

    /// The next part is the first of a message, whatever came before.
    pub fn begin_anew(&mut self) {
        self.before = 0;
    }

    /// Classifies the next part. `has_more`: the same message has more parts.
    pub fn next(&mut self, has_more: bool) -> MessagePart {
        let part = match (self.envelope, self.before, has_more) {
            (Envelope::None, 0, false) | (Envelope::Topic, 1, false) => MessagePart::Frame,
            (Envelope::None, 0, true) => MessagePart::RefusedCounts(Refusal::Multipart),
            (Envelope::Topic, 0, false) => MessagePart::RefusedCounts(Refusal::NoPayload),
            (Envelope::Topic, 1, true) => MessagePart::RefusedCounts(Refusal::TooManyParts),
            (Envelope::None, 1.., _) | (Envelope::Topic, 0, true) | (Envelope::Topic, 2.., _) => {
                MessagePart::Skipped
            }
        };
        self.before = if has_more {
            self.before.saturating_add(1)
        } else {
            0
        };
        part
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_frame_is_the_only_part_or_the_second_of_two_and_a_refusal_is_given_once() {
        use MessagePart::{Frame, RefusedCounts, Skipped};
        let cases: [(Envelope, usize, &[MessagePart]); 8] = [
            (Envelope::None, 1, &[Frame]),
            (
                Envelope::None,
                2,
                &[RefusedCounts(Refusal::Multipart), Skipped],
            ),
            (
                Envelope::None,
                3,
                &[RefusedCounts(Refusal::Multipart), Skipped, Skipped],
            ),
            (Envelope::Topic, 1, &[RefusedCounts(Refusal::NoPayload)]),
            (Envelope::Topic, 2, &[Skipped, Frame]),
            (
                Envelope::Topic,
                3,
                &[Skipped, RefusedCounts(Refusal::TooManyParts), Skipped],
            ),
            (
                Envelope::Topic,
                4,
                &[
                    Skipped,
                    RefusedCounts(Refusal::TooManyParts),
                    Skipped,
                    Skipped,
                ],
            ),
            (Envelope::Topic, 2, &[Skipped, Frame]),
        ];
        for envelope in [Envelope::None, Envelope::Topic] {
            // One message after the other through the same.
            let mut parts = MessageParts::new(envelope);
            for (_, count, expected) in cases.iter().filter(|case| case.0 == envelope) {
                let found: Vec<MessagePart> =
                    (1..=*count).map(|n| parts.next(n < *count)).collect();
                assert_eq!(found, *expected, "{envelope:?} {count}");
            }
            // However many parts it has, the next message is a new one.
            (0..1000).for_each(|_| assert_ne!(parts.next(true), Frame));
            assert_eq!(parts.next(false), Skipped);
            assert_eq!(
                parts.next(envelope == Envelope::Topic) == Skipped,
                envelope == Envelope::Topic
            );
        }
    }
}
