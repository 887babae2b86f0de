//! A set of flattened names and of prefixes of names. A name is looked for in two parts, so that nobody has to
//! join them.

/// Names: those of `whole`, and all that begin with one of `prefixes`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NameSet {
    whole: Vec<Box<str>>,
    prefixes: Vec<Box<str>>,
    /// Bit n is set if a name of n bytes may be in the set; the last bit stands for 63 bytes and more. It rules
    /// out most names.
    lengths: u64,
}

impl NameSet {
    pub fn new(whole: Vec<Box<str>>, prefixes: Vec<Box<str>>) -> Self {
        let lengths = match prefixes.is_empty() {
            true => whole
                .iter()
                .fold(0, |bits, name| bits | length_bit(name.len())),
            false => u64::MAX,
        };
        Self {
            whole,
            prefixes,
            lengths,
        }
    }

    /// Whether the set has the name that is `base` followed by `name`.
    #[inline]
    pub fn contains(&self, base: &[u8], name: &[u8]) -> bool {
        self.lengths & length_bit(base.len() + name.len()) != 0 && self.is_there(base, name)
    }

    fn is_there(&self, base: &[u8], name: &[u8]) -> bool {
        let is_it = |whole: &[u8]| whole.split_at_checked(base.len()) == Some((base, name));
        let begins = |prefix: &[u8]| match prefix.split_at_checked(base.len()) {
            Some((first, rest)) => first == base && name.starts_with(rest),
            None => base.starts_with(prefix),
        };
        self.whole.iter().any(|whole| is_it(whole.as_bytes()))
            || self.prefixes.iter().any(|text| begins(text.as_bytes()))
    }
}

fn length_bit(bytes: usize) -> u64 {
    1 << bytes.min(63)
}

#[cfg(test)]
mod tests {
    use super::NameSet;

    fn names(whole: &[&str], prefixes: &[&str]) -> NameSet {
        let list = |names: &[&str]| names.iter().map(|name| (*name).into()).collect();
        NameSet::new(list(whole), list(prefixes))
    }

    #[test]
    fn names_and_beginnings_are_found_wherever_a_name_is_parted() {
        let long = "l".repeat(80);
        let set = names(&["uuid", "a_b", "é", "", &long], &["user"]);
        let cases = [
            ("uuid", true),
            ("uuids", false),
            ("uui", false),
            ("a_b", true),
            ("a_c", false),
            ("é", true),
            ("user", true),
            ("userAgent", true),
            ("use", false),
            ("", true),
            (&long, true),
            (&long[1..], false),
        ];
        for (name, expected) in cases {
            for at in 0..=name.len() {
                let (base, name) = name.as_bytes().split_at(at);
                assert_eq!(
                    set.contains(base, name),
                    expected,
                    "{name:?} parted at {at}"
                );
            }
        }
        assert!(!names(&[], &[]).contains(b"", b""));
        assert!(!names(&["ab"], &[]).contains(b"a", b"c"));
        assert!(names(&[], &[""]).contains(b"", b"anything"));
    }
}
