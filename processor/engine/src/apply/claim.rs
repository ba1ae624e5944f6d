//! `Claim`.

use onsale_schemas::{NodeName, Outcome};

use crate::state::State;

impl State {
    pub(super) fn claim(&mut self, node: NodeName, epoch: u64) -> Outcome {
        if epoch <= self.epoch {
            return Outcome::Nothing;
        }
        self.epoch = epoch;
        self.owner = Some(node.clone());
        Outcome::Claimed { node, epoch }
    }
}

#[cfg(test)]
mod tests {
    use onsale_schemas::Command;

    use super::*;
    use crate::testing::Machine;

    #[test]
    fn the_lowest_offset_with_a_higher_epoch_wins() {
        let mut m = Machine::new();
        let mut claim = |node: &str, epoch| {
            m.apply_machine(Command::Claim {
                node: NodeName(node.into()),
                epoch,
            });
            let records = std::mem::take(&mut m.records);
            let owner = m.partition.owner().map(|owner| owner.0.clone());
            (owner, m.partition.epoch(), records.len())
        };
        assert_eq!(claim("a", 0), (None, 0, 0));
        assert_eq!(claim("a", 3), (Some("a".into()), 3, 1));
        assert_eq!(claim("b", 3), (Some("a".into()), 3, 0));
        assert_eq!(claim("b", 2), (Some("a".into()), 3, 0));
        assert_eq!(claim("b", 9), (Some("b".into()), 9, 1));
    }
}
