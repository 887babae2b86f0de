//! Objects in a column of members: names and values without quotes and escapes, each with its length.
//! So a check that goes through all of them neither parses nor copies.
//!
//! The only place that reads the packing of such a column, which `wit/check.wit` defines.

/// Bytes of a length.
const LENGTH: usize = size_of::<u32>();

/// Bytes before a name: the kind, the length of the name, and that of the value.
const HEAD_BYTES: usize = 1 + 2 * LENGTH;

/// The kind of a value. The numbers are those of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum MemberKind {
    /// `null`; its value has no bytes.
    Null = b'z',
    /// `false`; its value has no bytes.
    False = b'f',
    /// `true`; its value has no bytes.
    True = b't',
    /// A number written without fraction and exponent, of any size, as its digits.
    Integer = b'i',
    /// Any other number, as canonical text: `1.0`, `1e30`.
    Decimal = b'd',
    /// A string, without escapes.
    String = b's',
    /// An array, as canonical JSON text.
    Array = b'a',
    /// An object: its members, sorted by the bytes of their names.
    Object = b'o',
}

impl MemberKind {
    /// The kind of a byte.
    #[inline(always)]
    pub fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            b'z' => Self::Null,
            b'f' => Self::False,
            b't' => Self::True,
            b'i' => Self::Integer,
            b'd' => Self::Decimal,
            b's' => Self::String,
            b'a' => Self::Array,
            b'o' => Self::Object,
            _ => return None,
        })
    }
}

/// Some bytes, with the place of one value or of consecutive members in them.
///
/// An iterator over members; [`Member::members`] goes into those that are objects. It ends early if the
/// bytes break the contract, which the host never sends.
#[derive(Clone, Copy, Debug)]
pub struct Members<'a> {
    bytes: &'a [u8],
    at: usize,
    end: usize,
}

/// One member of an object.
#[derive(Clone, Copy, Debug)]
pub struct Member<'a> {
    pub kind: MemberKind,
    /// The bytes that it is a part of.
    bytes: &'a [u8],
    /// Where it begins, with its head of [`HEAD_BYTES`].
    start: usize,
    name_bytes: usize,
    value_bytes: usize,
}

impl<'a> Members<'a> {
    /// The members between two places.
    pub fn between(bytes: &'a [u8], start: usize, end: usize) -> Self {
        Self {
            bytes,
            at: start,
            end: end.min(bytes.len()),
        }
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = Member<'a>;

    #[inline(always)]
    fn next(&mut self) -> Option<Member<'a>> {
        let head = self.bytes.get(self.at..self.end)?;
        let head = head.first_chunk::<HEAD_BYTES>()?;
        let &[kind, n0, n1, n2, n3, v0, v1, v2, v3] = head;
        let name_bytes = u32::from_le_bytes([n0, n1, n2, n3]) as usize;
        let value_bytes = u32::from_le_bytes([v0, v1, v2, v3]) as usize;
        let start = self.at;
        let left = self.end - start - HEAD_BYTES;
        if name_bytes > left || value_bytes > left - name_bytes {
            return None;
        }
        let kind = MemberKind::from_byte(kind)?;
        self.at = start + HEAD_BYTES + name_bytes + value_bytes;
        Some(Member {
            kind,
            bytes: self.bytes,
            start,
            name_bytes,
            value_bytes,
        })
    }
}

impl<'a> Member<'a> {
    /// Its name; empty for the value of a row itself.
    pub fn name(&self) -> &'a str {
        let start = self.start + HEAD_BYTES;
        self.text(start, start + self.name_bytes)
    }

    /// Its value, in the form of its kind; empty for an object, which has members.
    pub fn value(&self) -> &'a str {
        match self.kind {
            MemberKind::Object => "",
            _ => self.text(self.value_start(), self.end()),
        }
    }

    /// The members of an object; none of any other value.
    pub fn members(&self) -> Members<'a> {
        let start = match self.kind {
            MemberKind::Object => self.value_start(),
            _ => self.end(),
        };
        Members::between(self.bytes, start, self.end())
    }

    /// Where its value begins.
    #[inline(always)]
    fn value_start(&self) -> usize {
        self.start + HEAD_BYTES + self.name_bytes
    }

    /// Where it ends.
    #[inline(always)]
    fn end(&self) -> usize {
        self.value_start() + self.value_bytes
    }

    /// Names and values are UTF-8.
    fn text(&self, start: usize, end: usize) -> &'a str {
        let bytes = self.bytes.get(start..end).unwrap_or_default();
        std::str::from_utf8(bytes).unwrap_or_default()
    }
}

/// Appends an entry, as the host writes it; for the harnesses.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn write(kind: MemberKind, name: &str, value: &[u8], out: &mut Vec<u8>) {
    crate::fields::write_field(kind as u8, name.as_bytes(), value, out);
}

#[cfg(test)]
mod tests {
    use super::{MemberKind, Members, write};

    const KINDS: [MemberKind; 8] = [
        MemberKind::Null,
        MemberKind::False,
        MemberKind::True,
        MemberKind::Integer,
        MemberKind::Decimal,
        MemberKind::String,
        MemberKind::Array,
        MemberKind::Object,
    ];

    #[test]
    fn an_object_is_gone_through_member_by_member() {
        let mut inner = Vec::new();
        write(MemberKind::Integer, "n", b"-7", &mut inner);
        write(MemberKind::Null, "z", b"", &mut inner);
        let mut members = Vec::new();
        write(MemberKind::Object, "é", &inner, &mut members);
        write(MemberKind::String, "s", "ü\n".as_bytes(), &mut members);
        let mut row = b"before".to_vec();
        write(MemberKind::Object, "", &members, &mut row);
        row.extend_from_slice(b"behind");

        let whole = Members::between(&row, 6, row.len() - 6)
            .next()
            .expect("a value");
        assert_eq!(
            (whole.kind, whole.name(), whole.value()),
            (MemberKind::Object, "", "")
        );
        let found: Vec<_> = whole
            .members()
            .map(|m| (m.kind, m.name(), m.value()))
            .collect();
        assert_eq!(
            found,
            [
                (MemberKind::Object, "é", ""),
                (MemberKind::String, "s", "ü\n")
            ]
        );
        let inner = whole.members().next().expect("a member").members();
        let found: Vec<_> = inner.map(|m| (m.kind, m.name(), m.value())).collect();
        assert_eq!(
            found,
            [
                (MemberKind::Integer, "n", "-7"),
                (MemberKind::Null, "z", "")
            ]
        );
        let text = whole.members().last().expect("a member");
        assert_eq!(text.members().count(), 0);
    }

    #[test]
    fn every_kind_has_its_byte() {
        for kind in KINDS {
            assert_eq!(MemberKind::from_byte(kind as u8), Some(kind));
        }
        let known = (0..=u8::MAX).filter(|&byte| MemberKind::from_byte(byte).is_some());
        assert_eq!(known.count(), KINDS.len());
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_end(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..60), end in 0usize..80) {
            for member in Members::between(&bytes, 0, end) {
                proptest::prop_assert!(member.end() <= bytes.len().min(end));
                let _ = (member.name(), member.value(), member.members().count());
            }
        }

        #[test]
        fn half_an_entry_is_none(name in "[a-zé]{0,5}", value in "[a-zé]{0,5}", cut in 1usize..30) {
            let mut bytes = Vec::new();
            write(MemberKind::String, &name, value.as_bytes(), &mut bytes);
            let end = bytes.len().saturating_sub(cut);
            proptest::prop_assert!(Members::between(&bytes, 0, end).next().is_none());
            bytes.truncate(end);
            proptest::prop_assert!(Members::between(&bytes, 0, usize::MAX).next().is_none());
        }
    }
}
