//! `ClaimReference`.

use onsale_schemas::command::ClaimReference;
use onsale_schemas::rejection::FullTable;
use onsale_schemas::{Outcome, Rejection};

use super::Verdict;
use crate::references::Claimed;
use crate::state::State;

impl State {
    pub(super) fn claim_reference(&mut self, command: &ClaimReference) -> Verdict {
        let &ClaimReference {
            reference,
            partition,
            booking,
        } = command;
        if let Some(known) = self.references.find(&reference, self.now) {
            if (known.partition, known.booking) != (partition, booking) {
                return Err(Rejection::PaymentReferenceUsed);
            }
        } else {
            let references_max = self.limits.references_max;
            if !self.references.has_room(references_max, self.now) {
                return Err(Rejection::Full {
                    table: FullTable::References,
                });
            }
            self.references.add(Claimed {
                reference,
                booking,
                partition,
                claimed_at_ms: self.now,
            });
        }
        Ok(Outcome::ReferenceClaimed(command.clone()))
    }
}

#[cfg(test)]
mod tests {
    use onsale_schemas::limits::REFERENCE_KEPT_MS;
    use onsale_schemas::{Command, PartitionId, ReferenceHash};

    use super::*;
    use crate::limits::Limits;
    use crate::testing::{Machine, staff};

    fn claim(reference: u8, partition: u16, booking: u64) -> Command {
        Command::ClaimReference(ClaimReference {
            reference: ReferenceHash::from_bytes([reference; 16]),
            partition: PartitionId(partition),
            booking,
        })
    }

    #[test]
    fn refusals_in_order_of_precedence() {
        let mut m = Machine::second_with(Limits {
            references_max: 1,
            ..Limits::default()
        });
        let first = m.run_ok(claim(1, 3, 77));
        for other in [claim(1, 3, 78), claim(1, 4, 77)] {
            m.expect_refusal(other, Rejection::PaymentReferenceUsed);
        }
        m.expect_refusal(
            claim(2, 3, 77),
            Rejection::Full {
                table: FullTable::References,
            },
        );
        // A repeated claim is not a new one; a booking may have several references elsewhere.
        assert_eq!(m.run_ok(claim(1, 3, 77)), first);
        m.run_by(staff(Some(20)), claim(1, 3, 77));
    }

    #[test]
    fn is_forgotten_to_the_millisecond_whatever_is_repeated() {
        let mut m = Machine::second_with(Limits {
            references_max: 1,
            ..Limits::default()
        });
        m.run_ok(claim(1, 3, 77));
        m.advance(REFERENCE_KEPT_MS - 1);
        m.run_ok(claim(1, 3, 77));
        m.expect_refusal(claim(1, 3, 78), Rejection::PaymentReferenceUsed);
        m.advance(1);
        m.run_ok(claim(1, 3, 78));
        m.expect_refusal(claim(1, 3, 77), Rejection::PaymentReferenceUsed);
        assert_eq!(m.partition.stats().references, 1);
        m.partition.self_check().unwrap();
    }
}
