//! Of two members with one name the last wins, as in a Python dict: the others leave the tape, all
//! at once when the document has ended. Object by object each of them would move what an inner one
//! had already moved, level after level.

use crate::tape::Tape;
use crate::tape::node::{Node, NodeKind};

/// One member of the object that ends: where its name is, and how many nodes it takes.
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
    /// Members that lost: the nodes from here up to there. Objects end inner ones first.
    lost: Vec<(usize, usize)>,
    open: Vec<MovedContainer>,
}

/// A container that is being moved: its new place, and where its nodes ended before.
struct MovedContainer {
    at: usize,
    end: usize,
}

impl DuplicateNameFilter {
    pub fn begin(&mut self) {
        self.lost.clear();
    }

    /// Notes all but the last of the members with one name among the `entries` members that begin at
    /// node `first` and end the tape. Their names are unsealed strings. Answers how many are left.
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
        // Within one name the latest comes first; the others go.
        self.order
            .sort_unstable_by(|left, right| name(*left).cmp(name(*right)).then(right.cmp(left)));
        let mut left = entries;
        for pair in self.order.windows(2) {
            if name(pair[0]) == name(pair[1]) {
                let MemberSpan { at, span } = self.members[pair[1] as usize];
                self.lost.push((at, at + span));
                left -= 1;
            }
        }
        left
    }

    /// Drops what was noted from the document that begins at node `root` and ends the tape. Each node
    /// is looked at once.
    pub fn compact(&mut self, tape: &mut Tape, root: usize) {
        if self.lost.is_empty() {
            return;
        }
        // What lies within a member that lost has the larger beginning, so it comes up too late.
        self.lost.sort_unstable();
        let mut lost = self.lost.iter().copied().peekable();
        self.open.clear();
        let (mut read, mut write) = (root, root);
        while read < tape.nodes.len() {
            close(&mut self.open, &mut tape.nodes, read, write);
            while lost.next_if(|(begin, _)| *begin < read).is_some() {}
            if let Some((_, end)) = lost.next_if(|(begin, _)| *begin == read) {
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
            + self.lost.capacity() * size_of::<(usize, usize)>()
            + self.open.capacity() * size_of::<MovedContainer>()
    }
}

/// Ends the containers whose nodes are behind us. Their number of entries was right before.
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
