//! Of two members with one name the last wins, as in a Python dict: the others leave the tape.

use crate::tape::Tape;

/// One member of the object that ends: where its name is, and how many nodes it takes.
#[derive(Clone, Copy)]
struct Member {
    at: usize,
    span: usize,
    kept: bool,
}

/// Working memory, reused from object to object.
#[derive(Default)]
pub(super) struct EqualNameFilter {
    members: Vec<Member>,
    order: Vec<u32>,
}

impl EqualNameFilter {
    /// Drops all but the last of the members with one name from the `entries` members that begin
    /// at node `first` and end the tape. Their names are unsealed strings. Answers how many are left.
    pub fn keep_last(&mut self, tape: &mut Tape, first: usize, entries: u32) -> u32 {
        self.members.clear();
        let mut at = first;
        for _ in 0..entries {
            let span = 1 + tape.nodes[at + 1].span() as usize;
            self.members.push(Member {
                at,
                span,
                kept: true,
            });
            at += span;
        }
        if !self.mark(tape) {
            return entries;
        }
        let mut write = first;
        let mut left = 0;
        for member in self.members.iter().filter(|member| member.kept) {
            tape.nodes
                .copy_within(member.at..member.at + member.span, write);
            write += member.span;
            left += 1;
        }
        tape.nodes.truncate(write);
        left
    }

    /// Whether any member was marked as not kept.
    fn mark(&mut self, tape: &Tape) -> bool {
        self.order.clear();
        self.order.extend(0..self.members.len() as u32);
        let members = &mut self.members;
        let name = |member: Member| tape.raw(tape.nodes[member.at]);
        // Within one name the latest comes first; the others go.
        self.order.sort_unstable_by(|left, right| {
            let names = (
                name(members[*left as usize]),
                name(members[*right as usize]),
            );
            names.0.cmp(names.1).then(right.cmp(left))
        });
        let mut found = false;
        for pair in self.order.windows(2) {
            let (winner, other) = (pair[0] as usize, pair[1] as usize);
            if name(members[winner]) == name(members[other]) {
                members[other].kept = false;
                found = true;
            }
        }
        found
    }

    pub fn memory_bytes(&self) -> usize {
        self.members.capacity() * size_of::<Member>() + self.order.capacity() * size_of::<u32>()
    }
}
