//! Walks an object's members and gives every value that is no object its flattened name.
//!
//! One pass, whatever its nesting: the event's author chooses the depth.

use landfall_guest::{Member, MemberKind, Members};

use crate::name::{FlatName, Mark};

/// Gets the members.
pub trait Visitor {
    /// A value that is no object, with its flattened name.
    fn field(&mut self, name: &FlatName, member: Member<'_>);
}

/// Passes every value of `object` that is no object itself to `visitor`. `name` holds the beginning of
/// its members' names.
pub fn flatten(
    object: Member<'_>,
    separator: &str,
    name: &mut FlatName,
    visitor: &mut impl Visitor,
) {
    // The objects around the current one, each with the end of the common beginning of its members' names.
    let mut around: Vec<(Members<'_>, Mark)> = Vec::new();
    let mut members = object.members();
    loop {
        let Some(member) = members.next() else {
            let Some((outer, mark)) = around.pop() else {
                return;
            };
            members = outer;
            name.back_to(mark);
            continue;
        };
        let mark = name.mark();
        name.push(member.name());
        if member.kind == MemberKind::Object {
            name.push(separator);
            around.push((members, mark));
            members = member.members();
        } else {
            visitor.field(name, member);
            name.back_to(mark);
        }
    }
}

#[cfg(test)]
mod tests {
    use landfall_guest::test::with_member;

    use super::{FlatName, Member, Visitor, flatten};

    /// Records `name=value`.
    #[derive(Default)]
    struct Recorder(Vec<String>);

    impl Visitor for Recorder {
        fn field(&mut self, name: &FlatName, member: Member<'_>) {
            let kind = char::from(member.kind as u8);
            self.0
                .push(format!("{}={kind}{}", name.as_str(), member.value()));
        }
    }

    fn names(object: &str, prefix: &str) -> Vec<String> {
        let mut recorder = Recorder::default();
        let mut name = FlatName::default();
        name.push(prefix);
        with_member(object, |object| {
            flatten(object, "_", &mut name, &mut recorder);
        });
        assert_eq!(name.as_str(), prefix, "it is as it was");
        recorder.0
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
                vec!["a_x=i1", "x_y=a[{}]", "y=i2"],
            ),
            (r#"{"a":{"b":-1.5}}"#, "event_", vec!["event_a_b=d-1.5"]),
            (
                r#"{"a\"}":"\\","é":"{\"x\":1}"}"#,
                "",
                vec!["a\"}=s\\", "é=s{\"x\":1}"],
            ),
            // A value that is no object has no members.
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
