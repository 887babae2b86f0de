//! What was found out about names before: events of one schema say the same ones again and again. A
//! name is compared, never only its hash, so what is remembered can make walking fast and never wrong.

use super::digest::FieldHasher;
use super::{Fields, NAME_BYTES_MAX};
use crate::tape::Tape;
use crate::tape::node::Node;
use crate::tape::short_name::ShortName;

/// Names remembered, a power of two; a new one takes the place of another. 64 KiB.
const NAMES: usize = 1024;

/// Objects whose names are told apart; when there are more, all are forgotten.
const SCOPES_MAX: usize = 64;

/// What becomes of a field of this name.
#[derive(Clone, Copy)]
pub enum FieldHandling {
    /// It is left out of the column.
    Excluded,
    /// Its flattened name is long: it is the check's.
    NotHashed,
    /// It may be taken: what its name makes of its value's hash.
    Hashed(u64),
}

/// Where names stand: in objects whose members' names are flattened alike. None is ever given twice:
/// objects around the one in hand keep theirs while others are forgotten.
pub type NameScopeId = u64;

/// `Default` allocates nothing.
#[derive(Default)]
pub struct KnownNames {
    names: Vec<KnownName>,
    scopes: Vec<NameScope>,
    /// The last one that was given.
    last: NameScopeId,
}

#[derive(Clone, Copy)]
struct KnownName {
    name: ShortName,
    scope: NameScopeId,
    handling: FieldHandling,
}

struct NameScope {
    id: NameScopeId,
    fields: u64,
    hasher: FieldHasher,
    base: Box<[u8]>,
}

impl KnownNames {
    /// No place: nothing is known there.
    pub const NO_SCOPE: NameScopeId = 0;

    /// The objects of these fields whose members' names begin with `base`. One with a long beginning is
    /// none: there is nothing to remember of its fields, and much of it.
    pub fn scope(&mut self, fields: &Fields, hasher: &FieldHasher, base: &[u8]) -> NameScopeId {
        if base.len() > NAME_BYTES_MAX {
            return Self::NO_SCOPE;
        }
        let is_it = |scope: &NameScope| {
            scope.fields == fields.id && scope.hasher == *hasher && *scope.base == *base
        };
        if let Some(scope) = self.scopes.iter().find(|scope| is_it(scope)) {
            return scope.id;
        }
        if self.scopes.len() >= SCOPES_MAX {
            self.scopes.clear();
        }
        if self.names.is_empty() {
            let none = KnownName {
                name: ShortName::EMPTY,
                scope: Self::NO_SCOPE,
                handling: FieldHandling::Excluded,
            };
            self.names.resize(NAMES, none);
        }
        self.last += 1;
        self.scopes.push(NameScope {
            id: self.last,
            fields: fields.id,
            hasher: *hasher,
            base: base.into(),
        });
        self.last
    }

    pub fn memory_bytes(&self) -> usize {
        let bases = self.scopes.iter().map(|scope| scope.base.len());
        self.names.capacity() * size_of::<KnownName>()
            + self.scopes.capacity() * size_of::<NameScope>()
            + bases.sum::<usize>()
    }

    /// What becomes of fields of the name, if that is known.
    #[inline]
    pub fn handling(&self, scope: NameScopeId, tape: &Tape, name: Node) -> Option<FieldHandling> {
        let known = self.names.get(slot(scope, name))?;
        let is_known = scope != Self::NO_SCOPE
            && known.scope == scope
            && known.name.is_at(&tape.bytes, &name.range());
        is_known.then_some(known.handling)
    }

    /// Remembers it, if the name is not too long.
    pub fn learn(&mut self, scope: NameScopeId, tape: &Tape, name: Node, handling: FieldHandling) {
        if scope == Self::NO_SCOPE {
            return;
        }
        let short = ShortName::new(tape.raw(name));
        if let (Some(name), Some(known)) = (short, self.names.get_mut(slot(scope, name))) {
            *known = KnownName {
                name,
                scope,
                handling,
            };
        }
    }
}

/// An odd number, so that one name in two places has two.
#[inline]
fn slot(scope: NameScopeId, name: Node) -> usize {
    usize::from(name.name_hash()).wrapping_add((scope as usize).wrapping_mul(89)) % NAMES
}
