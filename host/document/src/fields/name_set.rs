//! A set of flattened names, and of beginnings of names. A name is asked for in two parts, so that
//! nobody has to put them together.

/// Some names, and all that begin like one of some others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NameSet {
    whole: Vec<Box<str>>,
    beginnings: Vec<Box<str>>,
    /// Bit n: a name of n bytes may be one of them; the last bit: or more. Most are told by it.
    lengths: u64,
}

impl NameSet {
    pub fn new(whole: Vec<Box<str>>, beginnings: Vec<Box<str>>) -> Self {
        let lengths = match beginnings.is_empty() {
            true => whole
                .iter()
                .fold(0, |bits, name| bits | length_bit(name.len())),
            false => u64::MAX,
        };
        Self {
            whole,
            beginnings,
            lengths,
        }
    }

    /// Whether the name that is `base` and `name` together is one of them.
    #[inline]
    pub fn contains(&self, base: &[u8], name: &[u8]) -> bool {
        self.lengths & length_bit(base.len() + name.len()) != 0 && self.is_there(base, name)
    }

    fn is_there(&self, base: &[u8], name: &[u8]) -> bool {
        let is_it = |whole: &[u8]| whole.split_at_checked(base.len()) == Some((base, name));
        let begins = |beginning: &[u8]| match beginning.split_at_checked(base.len()) {
            Some((first, rest)) => first == base && name.starts_with(rest),
            None => base.starts_with(beginning),
        };
        self.whole.iter().any(|whole| is_it(whole.as_bytes()))
            || self.beginnings.iter().any(|text| begins(text.as_bytes()))
    }
}

fn length_bit(bytes: usize) -> u64 {
    1 << bytes.min(63)
}

#[cfg(test)]
mod tests {
    use super::NameSet;

    fn names(whole: &[&str], beginnings: &[&str]) -> NameSet {
        let list = |names: &[&str]| names.iter().map(|name| (*name).into()).collect();
        NameSet::new(list(whole), list(beginnings))
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
