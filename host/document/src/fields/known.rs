//! What was found out about names before: events of one schema say the same ones again and again. A
//! name is compared, never only its hash, so what is remembered can make walking fast and never wrong.

use super::digest::FieldHasher;
use super::{Fields, NAME_BYTES_MAX};
use crate::tape::Tape;
use crate::tape::node::Node;
use crate::tape::short::Short;

/// Names remembered, a power of two; a new one takes the place of another. 64 KiB.
const NAMES: usize = 1024;

/// Objects whose names are told apart; when there are more, all are forgotten.
const PLACES_MAX: usize = 64;

/// What becomes of a field of this name.
#[derive(Clone, Copy)]
pub enum Fate {
    /// It is left out of the column.
    LeftOut,
    /// Its flattened name is long: it is the check's.
    Long,
    /// It may be taken: what its name makes of its value's hash.
    Known(u64),
}

/// Where names stand: in objects whose members' names are flattened alike. None is ever given twice:
/// objects around the one in hand keep theirs while others are forgotten.
pub type PlaceId = u64;

/// `Default` allocates nothing.
#[derive(Default)]
pub struct KnownNames {
    names: Vec<Known>,
    places: Vec<Place>,
    /// The last one that was given.
    last: PlaceId,
}

#[derive(Clone, Copy)]
struct Known {
    name: Short,
    place: PlaceId,
    fate: Fate,
}

struct Place {
    id: PlaceId,
    fields: u64,
    hasher: FieldHasher,
    base: Box<[u8]>,
}

impl KnownNames {
    /// No place: nothing is known there.
    pub const NOWHERE: PlaceId = 0;

    /// The objects of these fields whose members' names begin with `base`. One with a long beginning is
    /// none: there is nothing to remember of its fields, and much of it.
    pub fn place(&mut self, fields: &Fields, hasher: &FieldHasher, base: &[u8]) -> PlaceId {
        if base.len() > NAME_BYTES_MAX {
            return Self::NOWHERE;
        }
        let is_it = |place: &Place| {
            place.fields == fields.id && place.hasher == *hasher && *place.base == *base
        };
        if let Some(place) = self.places.iter().find(|place| is_it(place)) {
            return place.id;
        }
        if self.places.len() >= PLACES_MAX {
            self.places.clear();
        }
        if self.names.is_empty() {
            let none = Known {
                name: Short::EMPTY,
                place: Self::NOWHERE,
                fate: Fate::LeftOut,
            };
            self.names.resize(NAMES, none);
        }
        self.last += 1;
        self.places.push(Place {
            id: self.last,
            fields: fields.id,
            hasher: *hasher,
            base: base.into(),
        });
        self.last
    }

    pub fn memory_bytes(&self) -> usize {
        let bases = self.places.iter().map(|place| place.base.len());
        self.names.capacity() * size_of::<Known>()
            + self.places.capacity() * size_of::<Place>()
            + bases.sum::<usize>()
    }

    /// What becomes of fields of the name, if that is known.
    #[inline]
    pub fn fate(&self, place: PlaceId, tape: &Tape, name: Node) -> Option<Fate> {
        let known = self.names.get(slot(place, name))?;
        let is_known = place != Self::NOWHERE
            && known.place == place
            && known.name.is_at(&tape.bytes, &name.range());
        is_known.then_some(known.fate)
    }

    /// Remembers it, if the name is not too long.
    pub fn learn(&mut self, place: PlaceId, tape: &Tape, name: Node, fate: Fate) {
        if place == Self::NOWHERE {
            return;
        }
        let short = Short::new(tape.raw(name));
        if let (Some(name), Some(known)) = (short, self.names.get_mut(slot(place, name))) {
            *known = Known { name, place, fate };
        }
    }
}

/// An odd number, so that one name in two places has two.
#[inline]
fn slot(place: PlaceId, name: Node) -> usize {
    usize::from(name.name_hash()).wrapping_add((place as usize).wrapping_mul(89)) % NAMES
}
