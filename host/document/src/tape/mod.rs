//! The tape: all documents of a batch as one flat vector of nodes over one vector of bytes. Both are reused
//! from batch to batch. This file has the crate's only unchecked conversion of bytes to `str`. Knows no parser.

pub(crate) mod name_orders;
pub(crate) mod names;
pub(crate) mod node;
pub(crate) mod short_name;

use name_orders::NameOrders;
use names::DuplicateName;
use node::{NameHash, Node, NodeKind};
use short_name::ShortName;

/// A member's name to look for, hashed once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreparedName {
    text: Box<str>,
    /// The same text, if it is short.
    short: Option<ShortName>,
    hash: NameHash,
}

impl PreparedName {
    pub(crate) fn new(text: &str) -> Self {
        Self {
            text: text.into(),
            short: ShortName::new(text.as_bytes()),
            hash: names::hash(text.as_bytes()),
        }
    }
}

/// Nodes and bytes of a batch of documents.
#[derive(Default, Debug)]
pub struct Tape {
    pub(crate) nodes: Vec<Node>,
    /// The text of the batch; strings are unescaped in place.
    pub(crate) bytes: Vec<u8>,
    /// For each large object, the nodes of its names, ascending by their bytes.
    sorted: Vec<u32>,
    orders: NameOrders,
    /// Nodes of the objects of the current document that have yet to be sealed.
    pub(crate) objects: Vec<u32>,
    /// The text of the only document, if errors of a validation may need it; else empty.
    pub(crate) whole: Vec<u8>,
}

impl Tape {
    pub(crate) fn clear(&mut self) {
        self.nodes.clear();
        self.bytes.clear();
        self.sorted.clear();
        self.whole.clear();
    }

    /// Finishes a document: makes names of its members' strings, and sorts those of large objects. Only the
    /// objects in `objects` need it.
    pub(crate) fn seal(&mut self) -> Result<(), DuplicateName> {
        names::seal(
            &mut self.nodes,
            &self.bytes,
            &self.objects,
            &mut self.sorted,
            &mut self.orders,
        )
    }

    /// As `seal`, for all objects of the document that begins at node `root` and ends the tape.
    pub(crate) fn seal_from(&mut self, root: usize) -> Result<(), DuplicateName> {
        self.objects.clear();
        for (at, node) in self.nodes.iter().enumerate().skip(root) {
            if node.kind() == NodeKind::Object {
                self.objects.push(at as u32);
            }
        }
        self.seal()
    }

    /// The node at a place; `null` beyond the end.
    pub(crate) fn node(&self, at: u32) -> Node {
        self.nodes.get(at as usize).copied().unwrap_or(Node::NULL)
    }

    /// The bytes of a node that has a text, of any kind.
    pub(crate) fn raw(&self, node: Node) -> &[u8] {
        self.bytes.get(node.range()).unwrap_or_default()
    }

    /// The text of a `String`, `Name` or `Digits` node; `None` for all others.
    pub(crate) fn text(&self, node: Node) -> Option<&str> {
        if !matches!(
            node.kind(),
            NodeKind::String | NodeKind::Name | NodeKind::Digits
        ) {
            return None;
        }
        // SAFETY: such a node is made by `Node::text` alone, whose caller promises UTF-8 in this range (the
        // fast reader has checked it, the lenient one wrote it from a `&str`). `bytes` changes only in `clear`,
        // which drops all nodes, and while a reader writes the strings of a later document, whose range lies
        // behind this one. `raw` checks the range itself.
        Some(unsafe { std::str::from_utf8_unchecked(self.raw(node)) })
    }

    /// The node of the value of the member `name` of the object at `object`.
    pub(crate) fn member(&self, object: u32, name: &PreparedName) -> Option<u32> {
        let text = name.text.as_bytes();
        self.find(object, text, name.hash, name.short.as_ref())
    }

    /// As `member`, for a name that is looked for once.
    pub(crate) fn member_named(&self, object: u32, name: &str) -> Option<u32> {
        let text = name.as_bytes();
        self.find(object, text, names::hash(text), None)
    }

    /// The nodes of a large object's names, ascending by their bytes; `None` for a small object.
    pub(crate) fn sorted_names(&self, object: Node) -> Option<&[u32]> {
        let start = object.sorted_names()?;
        self.sorted.get(start..start + object.entries())
    }

    fn find(
        &self,
        object: u32,
        name: &[u8],
        hash: NameHash,
        short: Option<&ShortName>,
    ) -> Option<u32> {
        let node = self.node(object);
        if let Some(names) = self.sorted_names(node) {
            let found = names
                .binary_search_by(|at| self.raw(self.node(*at)).cmp(name))
                .ok()?;
            return Some(names[found] + 1);
        }
        let mut at = object + 1;
        for _ in 0..node.entries() {
            let candidate = self.node(at);
            if candidate.may_be_name(hash, name.len())
                && (short.is_some_and(|short| short.is_at(&self.bytes, &candidate.range()))
                    || self.raw(candidate) == name)
            {
                return Some(at + 1);
            }
            at += candidate.next_name();
        }
        None
    }

    /// The node of the element `index` of the array at `array`.
    pub(crate) fn element(&self, array: u32, index: usize) -> Option<u32> {
        if index >= self.node(array).entries() {
            return None;
        }
        let mut at = array + 1;
        for _ in 0..index {
            at += self.node(at).span();
        }
        Some(at)
    }

    /// Whether the value at `at` holds something that JSON does not have.
    pub(crate) fn is_odd(&self, at: u32) -> bool {
        (at..at + self.node(at).span()).any(|at| {
            matches!(
                self.node(at).kind(),
                NodeKind::NotFinite | NodeKind::OddString | NodeKind::OddName
            )
        })
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.nodes.capacity() * size_of::<Node>()
            + self.bytes.capacity()
            + self.whole.capacity()
            + self.orders.memory_bytes()
            + (self.sorted.capacity() + self.objects.capacity()) * size_of::<u32>()
    }
}
