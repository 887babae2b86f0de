//! What identifies an event: a keyed 128-bit fingerprint of its key, and of its normal form.

use std::hash::Hasher as _;

use landfall_document::{FieldHasher, Value};
use landfall_ledger::Fingerprint;
use siphasher::sip128::{Hasher128 as _, SipHasher13};

/// The secret under which keys are hashed. Without it nobody can make two keys collide on purpose.
#[derive(Clone, Copy)]
pub struct Secret([u8; 16]);

impl Secret {
    /// The secret of a store: 16 random bytes.
    pub fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// SipHash-1-3 with 128 bits of output; None if the value cannot identify an event. A string
    /// counts by its characters, a number by its exact decimal value. So a writer that turns `1`
    /// into `1.0` or `"1"` does not change the key.
    pub fn fingerprint(&self, key: Value<'_>, scratch: &mut Vec<u8>) -> Option<Fingerprint> {
        if !key.is_key() {
            return None;
        }
        match key.as_str() {
            Some(text) => Some(self.fingerprint_text(text.as_bytes())),
            None => {
                scratch.clear();
                key.write_key(scratch)
                    .then(|| self.fingerprint_text(scratch))
            }
        }
    }

    /// The fingerprint of a key given as text.
    pub fn fingerprint_text(&self, key: &[u8]) -> Fingerprint {
        let mut hasher = SipHasher13::new_with_key(&self.0);
        hasher.write(key);
        Fingerprint(hasher.finish128().as_u128())
    }

    /// Hashes fields, for normal forms that are made of them.
    pub fn fields(&self) -> FieldHasher {
        FieldHasher::new(self.0)
    }

    /// Hashes the normal forms that several parity checks gave for one event, in their order.
    pub fn forms(&self) -> FormHasher {
        FormHasher(SipHasher13::new_with_key(&self.0))
    }
}

/// Collects the normal forms of one side of an event.
pub struct FormHasher(SipHasher13);

impl FormHasher {
    /// Adds one form.
    pub fn add(&mut self, form: &[u8]) {
        // The length makes ("ab","c") and ("a","bc") different.
        self.0.write(&(form.len() as u64).to_le_bytes());
        self.0.write(form);
    }

    /// The hash of all forms that were added.
    pub fn finish(self) -> u128 {
        self.0.finish128().as_u128()
    }
}
