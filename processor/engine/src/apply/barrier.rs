//! `Barrier`.

use onsale_schemas::Outcome;

use crate::state::State;

impl State {
    /// Raises the machine version. A version that this program does not know is only noted: the
    /// replica stops, and the state it leaves behind is still the same on all replicas of this
    /// program.
    pub(super) fn barrier(&mut self, machine_version: u16) -> Outcome {
        if machine_version > self.limits.machine_version_known {
            self.unsupported_version = self.unsupported_version.max(Some(machine_version));
        } else {
            self.machine_version = self.machine_version.max(machine_version);
        }
        Outcome::BarrierPassed {
            machine_version: self.machine_version,
        }
    }
}

#[cfg(test)]
mod tests {
    use onsale_schemas::Command;

    use super::*;
    use crate::limits::Limits;
    use crate::testing::Machine;

    #[test]
    fn raises_up_to_what_is_known_and_tells_of_more() {
        let mut m = Machine::with_limits(Limits {
            machine_version_known: 1,
            ..Limits::default()
        });
        for (asked, unsupported) in [(0, None), (1, None), (3, Some(3)), (2, Some(3))] {
            m.apply_machine(Command::Barrier {
                machine_version: asked,
            });
            let outcome = &m.records.last().unwrap().outcome;
            assert_eq!(*outcome, Outcome::BarrierPassed { machine_version: 1 });
            assert_eq!(m.partition.machine_version(), 1);
            assert_eq!(m.partition.unsupported_version(), unsupported);
        }
    }
}
