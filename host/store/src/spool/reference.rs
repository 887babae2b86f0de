//! A frame's reference in 64 bits: 24 bits for the number of its segment, 8 bits for about how many bytes it takes, and
//! 32 bits for the position of its index entry in the file. So the bytes of a released frame are known without reading
//! the file.

/// Bits of a reference below the segment's number.
pub const SEGMENT_SHIFT: u32 = 40;

/// Bits below its size.
const SIZE_SHIFT: u32 = 32;

/// Bits of a size that are kept below its highest one, so it is wrong by a sixteenth at most.
const MANTISSA_BITS: u32 = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reference(pub u64);

impl Reference {
    /// `bytes`: what the frame takes with its entry.
    pub fn new(segment: u32, entry_at: u32, bytes: u64) -> Self {
        let place = u64::from(segment) << SEGMENT_SHIFT | u64::from(entry_at);
        Self(place | class(bytes) << SIZE_SHIFT)
    }

    /// The number of the segment.
    pub fn segment(self) -> u32 {
        (self.0 >> SEGMENT_SHIFT) as u32
    }

    /// The position of the index entry in the segment's file, in bytes.
    pub fn entry_at(self) -> u64 {
        self.0 & u64::from(u32::MAX)
    }

    /// About how many bytes the frame takes.
    pub fn bytes(self) -> u64 {
        frame_bytes(self.0)
    }
}

/// The position of the index entry of a reference in the file of its segment.
pub fn entry_at(reference: u64) -> u32 {
    reference as u32
}

/// About how many bytes the frame of a reference takes in its segment.
pub fn frame_bytes(reference: u64) -> u64 {
    let class = reference >> SIZE_SHIFT & 0xff;
    let mantissa = 1 << MANTISSA_BITS | class & ((1 << MANTISSA_BITS) - 1);
    mantissa << (class >> MANTISSA_BITS)
}

/// Exponent and mantissa of a size, which is at least that of an index entry and fits 32 bits.
fn class(bytes: u64) -> u64 {
    let bytes = bytes.clamp(1 << MANTISSA_BITS, u64::from(u32::MAX));
    let exponent = bytes.ilog2() - MANTISSA_BITS;
    let half = if exponent == 0 {
        0
    } else {
        1 << (exponent - 1)
    };
    // Rounded up it may have one bit more, which is the next exponent's first.
    let rounded = (bytes + half) >> exponent;
    let largest = (32 << MANTISSA_BITS) - 1;
    ((u64::from(exponent) << MANTISSA_BITS) + rounded - (1 << MANTISSA_BITS)).min(largest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_tells_its_segment_its_place_and_nearly_its_size() {
        let sizes = (0..32).flat_map(|bits| {
            [
                1_u64 << bits,
                (1 << bits) + 1,
                (1 << bits) * 7 / 4,
                (2 << bits) - 1,
            ]
        });
        for bytes in sizes.filter(|bytes| (16..=u64::from(u32::MAX)).contains(bytes)) {
            for (segment, at) in [(0, 0), (1, u32::MAX), ((1 << 24) - 1, 7)] {
                let reference = Reference::new(segment, at, bytes);
                assert_eq!(
                    (reference.segment(), reference.entry_at()),
                    (segment, u64::from(at))
                );
                let wrong = reference.bytes().abs_diff(bytes);
                assert!(wrong * 16 <= bytes, "{bytes} {}", reference.bytes());
            }
        }
    }
}
