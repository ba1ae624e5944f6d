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

    /// Lays the children of each node side by side, so that a walk reads memory in order, and gives
    /// back what growing has set aside. What is inserted later lies behind.
    pub(super) fn shrink(&mut self) {
        let mut laid = Self::default();
        laid.nodes.reserve_exact(self.nodes.len() - 1);
        // Old and new number of the nodes whose children are still to come.
        let mut open = std::collections::VecDeque::from([(Self::ROOT, Self::ROOT)]);
        while let Some((old, new)) = open.pop_front() {
            // The last that is added is the first sibling: backwards, they are in their order.
            for (child, char) in self.children(old) {
                let place = laid.add_child(new, char);
                if let (Some(to), Some(from)) = (
                    laid.nodes.get_mut(place as usize),
                    self.nodes.get(child as usize),
                ) {
                    to.term = from.term;
                }
                open.push_back((child, place));
            }
        }
        *self = laid;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(trie: &Trie, node: NodeId, prefix: &str, out: &mut Vec<(String, TermId)>) {
        if let Some(term) = trie.term(node) {
            out.push((prefix.to_owned(), term));
        }
        for (child, char) in trie.children(node) {
            all(trie, child, &format!("{prefix}{char}"), out);
        }
    }

    #[test]
    fn laying_it_out_anew_changes_nothing() {
        let mut trie = Trie::default();
        let mut expected = Vec::new();
        for (term, id) in ["lion", "lio", "lamp", "เสียง", "a", "ab", "zebra"]
            .iter()
            .zip(1..)
        {
            trie.insert(term, id);
            expected.push(((*term).to_owned(), id));
        }
        for (term, id) in [("lamps", 8), ("b", 9)] {
            trie.shrink();
            trie.insert(term, id);
            expected.push((term.to_owned(), id));
        }
        let nodes = trie.nodes.len();
        trie.shrink();
        assert_eq!(trie.nodes.len(), nodes);
        let mut found = Vec::new();
        all(&trie, Trie::ROOT, "", &mut found);
        found.sort();
        expected.sort();
        assert_eq!(found, expected);
    }
}
