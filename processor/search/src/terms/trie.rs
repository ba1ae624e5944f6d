//! Terms by their letters.

use super::TermId;

/// Number of a node.
pub(super) type NodeId = u32;

/// None: no node, no term.
const NONE: u32 = u32::MAX;

#[derive(Clone, Copy)]
struct Node {
    char: char,
    first_child: NodeId,
    next_sibling: NodeId,
    term: TermId,
}

/// A node for each beginning of a term. Nodes are never taken out: what is gone from the catalog
/// mostly comes back, and an index with too much of it is built anew.
pub(super) struct Trie {
    nodes: Vec<Node>,
}

impl Default for Trie {
    fn default() -> Self {
        let root = Node {
            char: '\0',
            first_child: NONE,
            next_sibling: NONE,
            term: NONE,
        };
        Self { nodes: vec![root] }
    }
}

impl Trie {
    pub(super) const ROOT: NodeId = 0;

    pub(super) fn insert(&mut self, term: &str, id: TermId) {
        let mut node = Self::ROOT;
        for char in term.chars() {
            let known = self.children(node).find(|(_, other)| *other == char);
            node = match known {
                Some((child, _)) => child,
                None => self.add_child(node, char),
            };
        }
        if let Some(node) = self.nodes.get_mut(node as usize) {
            node.term = id;
        }
    }

    fn add_child(&mut self, parent: NodeId, char: char) -> NodeId {
        let id = NodeId::try_from(self.nodes.len()).unwrap_or(NONE);
        let Some(parent) = self.nodes.get_mut(parent as usize) else {
            return Self::ROOT;
        };
        let next_sibling = std::mem::replace(&mut parent.first_child, id);
        self.nodes.push(Node {
            char,
            first_child: NONE,
            next_sibling,
            term: NONE,
        });
        id
    }

    /// The nodes below, each with its letter.
    pub(super) fn children(&self, node: NodeId) -> impl Iterator<Item = (NodeId, char)> {
        let mut next = self
            .nodes
            .get(node as usize)
            .map_or(NONE, |n| n.first_child);
        std::iter::from_fn(move || {
            let node = self.nodes.get(next as usize)?;
            let id = std::mem::replace(&mut next, node.next_sibling);
            Some((id, node.char))
        })
    }

    /// The term that ends here.
    pub(super) fn term(&self, node: NodeId) -> Option<TermId> {
        let term = self.nodes.get(node as usize)?.term;
        (term != NONE).then_some(term)
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.nodes.capacity() * size_of::<Node>()
    }

    pub(super) fn shrink(&mut self) {
        self.nodes.shrink_to_fit();
    }
}
