//! A cache of what is done with the fields of a name: events of one schema have the same names again and again.
//! The name itself is compared, never only its hash, so the cache can make a walk faster and never wrong.

use super::digest::FieldHasher;
use super::{Fields, NAME_BYTES_MAX};
use crate::tape::Tape;
use crate::tape::node::Node;
use crate::tape::short_name::ShortName;

/// Slots of the cache, a power of two; a new name replaces what its slot had. 64 KiB.
const NAMES: usize = 1024;

/// Scopes that are kept; when there are more, all are forgotten.
const SCOPES_MAX: usize = 64;

/// What is done with a field of a name.
#[derive(Clone, Copy)]
pub enum FieldHandling {
    /// The field is left out of the column.
    Excluded,
    /// The check gets the field, for its flattened name is long.
    NotHashed,
    /// The field may be hashed, its value with this seed, which is made of the name.
    Hashed(u64),
}

/// Identifies a scope. No number is given twice, for outer objects of a walk keep theirs when all scopes are
/// forgotten.
pub type NameScopeId = u64;

/// The cache. `Default` allocates nothing.
#[derive(Default)]
pub struct KnownNames {
    names: Vec<KnownName>,
    scopes: Vec<NameScope>,
    /// The last number that was given.
    last: NameScopeId,
}

#[derive(Clone, Copy)]
struct KnownName {
    name: ShortName,
    scope: NameScopeId,
    handling: FieldHandling,
}

/// Objects whose members' names are flattened alike: of the same fields, with the same hasher, and with the
/// same `base` before the names.
struct NameScope {
    id: NameScopeId,
    fields: u64,
    hasher: FieldHasher,
    base: Box<[u8]>,
}

impl KnownNames {
    /// No scope: nothing is cached.
    pub const NO_SCOPE: NameScopeId = 0;

    /// The scope of objects whose members' flattened names begin with `base`; `NO_SCOPE` if `base` is so long
    /// that no field in them is hashed.
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

    /// What is done with fields of the name, if the cache has it.
    #[inline]
    pub fn handling(&self, scope: NameScopeId, tape: &Tape, name: Node) -> Option<FieldHandling> {
        let known = self.names.get(slot(scope, name))?;
        let is_known = scope != Self::NO_SCOPE
            && known.scope == scope
            && known.name.is_at(&tape.bytes, &name.range());
        is_known.then_some(known.handling)
    }

    /// Puts it into the cache, if the name is short.
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

/// The slot of a name. The factor is odd, so that one name has different slots in different scopes.
#[inline]
fn slot(scope: NameScopeId, name: Node) -> usize {
    usize::from(name.name_hash()).wrapping_add((scope as usize).wrapping_mul(89)) % NAMES
}
