//! Which keys the store may know as missing: a Bloom filter over missing keys that the ledger no longer
//! remembers. It contains every key that was added. Now and then it seems to contain another one, which costs
//! one look-up in the store and changes no verdict. Knows keys by their 64 bits alone.
//!
//! It grows in layers, each for twice as many keys as the one before, so that a ledger without old
//! losses takes no memory for it. No key is removed: one that landed in the meantime costs a look-up.

/// Bits for each key, and places that a key sets: a full layer takes 0.3 % of other keys for one of its
/// own (Bloom's formula, (1 - e^(-8/12))^8).
const KEY_BITS: usize = 12;
const KEY_PLACES: u32 = 8;

/// Keys of the first layer.
const LAYER_KEYS_MIN: usize = 1 << 10;

/// Bytes of all layers of a shard. Sixteen million keys have room in them; with more, look-ups become more.
const BYTES_MAX: usize = 24 << 20;

/// The filter. `Default` allocates nothing.
#[derive(Debug, Default)]
pub(crate) struct UnlandedFilter {
    layers: Vec<Layer>,
}

#[derive(Debug)]
struct Layer {
    words: Vec<u64>,
    keys: usize,
    keys_max: usize,
}

impl Layer {
    fn new(keys_max: usize) -> Self {
        Self {
            words: vec![0; words(keys_max)],
            keys: 0,
            keys_max,
        }
    }

    /// The places of a key: by double hashing, for a key is a keyed hash already.
    fn places(&self, key: u64) -> impl Iterator<Item = (usize, u64)> + use<> {
        let bits = self.words.len() as u64 * 64;
        let step = key.rotate_left(32) | 1;
        (0..KEY_PLACES).map(move |number| {
            let hash = key.wrapping_add(step.wrapping_mul(u64::from(number)));
            let bit = ((u128::from(hash) * u128::from(bits)) >> 64) as u64;
            ((bit / 64) as usize, 1 << (bit % 64))
        })
    }

    fn insert(&mut self, key: u64) {
        self.keys += 1;
        for (word, bit) in self.places(key) {
            self.words[word] |= bit;
        }
    }

    fn contains(&self, key: u64) -> bool {
        self.places(key)
            .all(|(word, bit)| self.words[word] & bit != 0)
    }
}

fn words(keys_max: usize) -> usize {
    (keys_max * KEY_BITS).div_ceil(64)
}

impl UnlandedFilter {
    pub(crate) fn insert(&mut self, key: u64) {
        self.insert_within(key, BYTES_MAX);
    }

    fn insert_within(&mut self, key: u64, bytes_max: usize) {
        if self.contains(key) {
            return;
        }
        let is_full = self
            .layers
            .last()
            .is_none_or(|layer| layer.keys >= layer.keys_max);
        if is_full {
            let last = self.layers.last().map(|layer| layer.keys_max * 2);
            let keys_max = last.unwrap_or(LAYER_KEYS_MIN);
            if self.memory_bytes() + words(keys_max) * size_of::<u64>() <= bytes_max {
                self.layers.push(Layer::new(keys_max));
            }
        }
        if let Some(layer) = self.layers.last_mut() {
            layer.insert(key);
        }
    }

    #[inline]
    pub(crate) fn contains(&self, key: u64) -> bool {
        // Mostly nothing is missing.
        !self.layers.is_empty() && self.layers_contain(key)
    }

    #[cold]
    #[inline(never)]
    fn layers_contain(&self, key: u64) -> bool {
        self.layers.iter().any(|layer| layer.contains(key))
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        let bytes = |layer: &Layer| size_of_val(&*layer.words);
        self.layers.iter().map(bytes).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u64) -> u64 {
        (number + 1)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .rotate_left(17)
            .wrapping_mul(0xff51_afd7_ed55_8ccd)
    }

    #[test]
    fn a_key_that_was_added_is_always_found_and_few_others_are() {
        let mut unlanded = UnlandedFilter::default();
        assert!(!unlanded.contains(key(0)));
        assert_eq!(unlanded.memory_bytes(), 0);
        let count = 300_000;
        (0..count).for_each(|number| unlanded.insert(key(number)));
        assert!((0..count).all(|number| unlanded.contains(key(number))));
        let others = (count..2 * count).filter(|number| unlanded.contains(key(*number)));
        let taken = others.count() as f64 / count as f64;
        // Nine layers.
        assert!(taken < 0.04, "{taken}");
        assert!(
            unlanded.memory_bytes() < 1 << 20,
            "{}",
            unlanded.memory_bytes()
        );
    }

    #[test]
    fn it_never_takes_more_memory_than_its_bound_and_still_finds_all() {
        let mut unlanded = UnlandedFilter::default();
        let bytes_max = 20_000;
        let keys = (bytes_max * 8 / KEY_BITS) as u64;
        for number in 0..2 * keys {
            unlanded.insert_within(key(number), bytes_max);
        }
        assert!(unlanded.memory_bytes() <= bytes_max);
        assert!((0..2 * keys).all(|number| unlanded.contains(key(number))));
    }
}
