//! Drops members with duplicate names: the last one counts, as in a Python dict. They leave the tape all at
//! once, when the document has ended. Dropped object by object, nodes of inner objects would be moved once for
//! each level.

use crate::tape::Tape;
use crate::tape::node::{Node, NodeKind};

/// A member of an object: the node of its name, and how many nodes it has with it.
#[derive(Clone, Copy)]
struct MemberSpan {
    at: usize,
    span: usize,
}

/// Working memory, reused from document to document.
#[derive(Default)]
pub(super) struct DuplicateNameFilter {
    members: Vec<MemberSpan>,
    order: Vec<u32>,
    /// The members to drop, as ranges of nodes.
    dropped: Vec<(usize, usize)>,
    open: Vec<MovedContainer>,
}

/// A container that is being moved: its new place, and where its nodes ended before the move.
struct MovedContainer {
    at: usize,
    end: usize,
}

impl DuplicateNameFilter {
    pub fn begin(&mut self) {
        self.dropped.clear();
    }

    /// Notes the members to drop of an object whose `entries` members begin at node `first` and end the tape:
    /// all but the last of each name. Names are unsealed strings. Answers how many members are left.
    pub fn keep_last(&mut self, tape: &Tape, first: usize, entries: u32) -> u32 {
        self.members.clear();
        let mut at = first;
        for _ in 0..entries {
            let span = 1 + tape.nodes[at + 1].span() as usize;
            self.members.push(MemberSpan { at, span });
            at += span;
        }
        self.order.clear();
        self.order.extend(0..entries);
        let name = |member: u32| tape.raw(tape.nodes[self.members[member as usize].at]);
        // Among members of one name the latest comes first; the others are dropped.
        self.order
            .sort_unstable_by(|left, right| name(*left).cmp(name(*right)).then(right.cmp(left)));
        let mut left = entries;
        for pair in self.order.windows(2) {
            if name(pair[0]) == name(pair[1]) {
                let MemberSpan { at, span } = self.members[pair[1] as usize];
                self.dropped.push((at, at + span));
                left -= 1;
            }
        }
        left
    }

    /// Drops the members that were noted from the document that begins at node `root` and ends the tape. Reads
    /// each node once.
    pub fn compact(&mut self, tape: &mut Tape, root: usize) {
        if self.dropped.is_empty() {
            return;
        }
        // A range within another one begins behind it, and is skipped below.
        self.dropped.sort_unstable();
        let mut dropped = self.dropped.iter().copied().peekable();
        self.open.clear();
        let (mut read, mut write) = (root, root);
        while read < tape.nodes.len() {
            close(&mut self.open, &mut tape.nodes, read, write);
            while dropped.next_if(|(begin, _)| *begin < read).is_some() {}
            if let Some((_, end)) = dropped.next_if(|(begin, _)| *begin == read) {
                read = end;
                continue;
            }
            let node = tape.nodes[read];
            if node.is_container() {
                self.open.push(MovedContainer {
                    at: write,
                    end: read + node.span() as usize,
                });
            }
            tape.nodes[write] = node;
            read += 1;
            write += 1;
        }
        close(&mut self.open, &mut tape.nodes, read, write);
        tape.nodes.truncate(write);
    }

    pub fn memory_bytes(&self) -> usize {
        self.members.capacity() * size_of::<MemberSpan>()
            + self.order.capacity() * size_of::<u32>()
            + self.dropped.capacity() * size_of::<(usize, usize)>()
            + self.open.capacity() * size_of::<MovedContainer>()
    }
}

/// Ends the containers all of whose nodes were moved. Their numbers of entries are right already.
fn close(open: &mut Vec<MovedContainer>, nodes: &mut [Node], read: usize, write: usize) {
    while let Some(MovedContainer { at, .. }) = open.pop_if(|container| container.end <= read) {
        let (entries, span) = (nodes[at].entries() as u32, (write - at) as u32);
        nodes[at] = if nodes[at].kind() == NodeKind::Object {
            Node::object(entries, span)
        } else {
            Node::array(entries, span)
        };
    }
}
