//! Walks an object's members and gives every value that is no object its flattened name.
//!
//! One pass, whatever its nesting: depth is the event's author's choice.

use landfall_guest::{Member, MemberKind, Members};

use crate::name::{FlatName, Mark};

/// Who hears of the members.
pub trait Visitor {
    /// A member is an object. Whether what is in it is wanted.
    fn enters(&mut self, name: &str) -> bool;

    /// Takes members of one object, as many as it can at once and perhaps none, that begin at the
    /// next one; the others are told. As for the rest see `field`.
    fn run(&mut self, base: &FlatName, members: &mut Members<'_>, follows: bool) -> bool;

    /// A value that is no object, of the object whose members' names begin with `base`. `follows`:
    /// the last one told is of the same object, so that this one's name is greater: members are
    /// sorted. Whether it was taken; if not, it is as if it had not been told.
    fn field(&mut self, base: &mut FlatName, member: Member<'_>, follows: bool) -> bool;
}

/// Tells `visitor` of every value of `object` that is no object itself. `name` holds the beginning of
/// its members' names.
pub fn flatten(
    object: Member<'_>,
    separator: &str,
    name: &mut FlatName,
    visitor: &mut impl Visitor,
) {
    // The objects around the one in hand, each with where the beginning of its members' names ends.
    let mut around: Vec<(Members<'_>, Mark)> = Vec::new();
    let mut members = object.members();
    let mut follows = false;
    loop {
        follows |= visitor.run(name, &mut members, follows);
        let Some(member) = members.next() else {
            let Some((outer, mark)) = around.pop() else {
                return;
            };
            members = outer;
            name.back_to(mark);
            follows = false;
            continue;
        };
        if member.kind != MemberKind::Object {
            follows |= visitor.field(name, member, follows);
            continue;
        }
        let mark = name.mark();
        name.push(member.name());
        if visitor.enters(name.as_str()) {
            name.push(separator);
            around.push((members, mark));
            members = member.members();
            follows = false;
        } else {
            name.back_to(mark);
        }
    }
}

#[cfg(test)]
mod tests {
    use landfall_guest::test::with_member;

    use super::{FlatName, Member, Members, Visitor, flatten};

    /// Writes down `name=value`; members `x` are not wanted.
    #[derive(Default)]
    struct Told {
        found: Vec<String>,
        last: String,
    }

    impl Visitor for Told {
        fn enters(&mut self, name: &str) -> bool {
            name != "x"
        }

        fn run(&mut self, _: &FlatName, _: &mut Members<'_>, _: bool) -> bool {
            false
        }

        fn field(&mut self, base: &mut FlatName, member: Member<'_>, follows: bool) -> bool {
            let name = format!("{}{}", base.as_str(), member.name());
            assert!(!follows || name > self.last, "{name} after {}", self.last);
            let kind = char::from(member.kind as u8);
            self.found.push(format!("{name}={kind}{}", member.value()));
            self.last = name;
            true
        }
    }

    fn names(object: &str, prefix: &str) -> Vec<String> {
        let mut told = Told::default();
        let mut name = FlatName::default();
        name.push(prefix);
        with_member(object, |object| {
            flatten(object, "_", &mut name, &mut told);
        });
        assert_eq!(name.as_str(), prefix, "it is as it was");
        told.found
    }

    #[test]
    fn nested_members_get_flat_names() {
        let cases = [
            ("{}", "", vec![]),
            (r#"{"a":1}"#, "", vec!["a=i1"]),
            (r#"{"a":{},"b":2}"#, "", vec!["b=i2"]),
            (
                r#"{"a":{"b":{"c":"x"},"d":[{"e":1},"]"]},"f":null,"g":{"h":true}}"#,
                "",
                vec!["a_b_c=sx", "a_d=a[{\"e\":1},\"]\"]", "f=z", "g_h=t"],
            ),
            (
                r#"{"a":{"x":1},"x":{"y":[{}],"z":{}},"y":2}"#,
                "",
                vec!["a_x=i1", "y=i2"],
            ),
            (r#"{"a":{"b":-1.5}}"#, "event_", vec!["event_a_b=d-1.5"]),
            (
                r#"{"a\"}":"\\","é":"{\"x\":1}"}"#,
                "",
                vec!["a\"}=s\\", "é=s{\"x\":1}"],
            ),
            // What is no object has no members.
            ("[1]", "", vec![]),
        ];
        for (object, prefix, expected) in cases {
            assert_eq!(names(object, prefix), expected, "{object}");
        }
    }

    #[test]
    fn deep_nesting_takes_one_pass() {
        let depth = 120;
        let object = format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
        let found = names(&object, "");
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].len(), depth * 2 - 1 + "=i1".len());
    }
}
