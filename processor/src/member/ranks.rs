//! Which nodes follow a partition, and in which order they would own it.

use onsale_schemas::{NodeName, PartitionId};

/// All nodes, the preferred owner of the partition first (rendezvous hashing: a node that joins or
/// leaves moves no partition between the others).
///
/// A node follows a partition when its rank, its place in this list, is below the number of
/// replicas. Every program must come to the same order, so it never changes.
fn rendezvous(partition: PartitionId, nodes: &[NodeName]) -> Vec<&NodeName> {
    let mut scored: Vec<(u64, &NodeName)> = nodes
        .iter()
        .map(|node| (score(partition, node), node))
        .collect();
    scored.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    scored.dedup();
    scored.into_iter().map(|(_, node)| node).collect()
}

/// The rank of a node for a partition: 0 is the preferred owner. `None` when it is not one of the
/// nodes.
pub fn rank(partition: PartitionId, node: &NodeName, nodes: &[NodeName]) -> Option<u32> {
    let place = rendezvous(partition, nodes)
        .into_iter()
        .position(|other| other == node)?;
    u32::try_from(place).ok()
}

fn score(partition: PartitionId, node: &NodeName) -> u64 {
    let mut key = node.0.as_bytes().to_vec();
    key.extend_from_slice(&partition.0.to_le_bytes());
    xxhash_rust::xxh3::xxh3_64(&key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes(names: &[&str]) -> Vec<NodeName> {
        names.iter().map(|name| NodeName((*name).into())).collect()
    }

    /// Golden: another order would move the partitions of running clusters.
    #[test]
    fn golden() {
        let all = nodes(&["processor-1", "processor-2", "processor-3"]);
        let order: String = (0..8)
            .map(|partition| {
                rendezvous(PartitionId(partition), &all)
                    .iter()
                    .map(|node| &node.0["processor-".len()..])
                    .collect::<String>()
                    + " "
            })
            .collect();
        assert_eq!(order, "231 312 231 231 321 213 123 312 ");
    }

    #[test]
    fn order_of_the_list_and_repeats_do_not_matter() {
        let one = nodes(&["a", "b", "c"]);
        let other = nodes(&["c", "a", "b", "a"]);
        for partition in (0..64).map(PartitionId) {
            assert_eq!(rendezvous(partition, &one), rendezvous(partition, &other));
        }
    }

    #[test]
    fn a_node_that_leaves_moves_nothing_between_the_others() {
        let before = nodes(&["a", "b", "c", "d"]);
        let after = nodes(&["a", "b", "d"]);
        for partition in (0..64).map(PartitionId) {
            let mut expected = rendezvous(partition, &before);
            expected.retain(|node| node.0 != "c");
            assert_eq!(rendezvous(partition, &after), expected);
        }
    }

    #[test]
    fn preferred_owners_are_spread_evenly() {
        let all = nodes(&["a", "b", "c"]);
        for node in &all {
            let owned = (0..300)
                .filter(|&partition| rank(PartitionId(partition), node, &all) == Some(0))
                .count();
            assert!((70..130).contains(&owned), "{node} owns {owned} of 300");
        }
        assert_eq!(rank(PartitionId(0), &NodeName("x".into()), &all), None);
    }
}
