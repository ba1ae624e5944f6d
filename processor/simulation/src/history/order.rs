//! Real time: what was answered before something else was sent precedes it in the log.

use onsale_schemas::{Offset, PartitionId};

use super::verdict::{Verdict, Violation};

/// A request with its place. Calls with the same idempotency key are one request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Placed {
    /// A call of it.
    pub(super) call: u64,
    /// When it was first sent: not in the log before.
    pub(super) sent_ms: u64,
    /// When it was first answered: in the log by then.
    pub(super) answered_ms: u64,
    pub(super) partition: PartitionId,
    pub(super) offset: Offset,
}

/// Finds, for each request, one that follows it and was answered before it was sent.
pub(super) fn check(mut placed: Vec<Placed>, verdict: &mut Verdict) {
    placed.sort_unstable_by_key(|one| (one.partition, std::cmp::Reverse(one.offset)));
    // From the end of the log: the one of those behind that was answered first.
    let mut earliest: Option<Placed> = None;
    for one in placed {
        match earliest {
            Some(found) if found.partition == one.partition => {
                verdict.ordered += 1;
                if found.answered_ms < one.sent_ms && found.offset > one.offset {
                    verdict.violation(Violation::Order {
                        first: found.call,
                        then: one.call,
                        partition: one.partition,
                        first_offset: found.offset,
                        then_offset: one.offset,
                    });
                }
                if one.answered_ms < found.answered_ms {
                    earliest = Some(one);
                }
            }
            _ => earliest = Some(one),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placed(call: u64, sent_ms: u64, answered_ms: u64, partition: u16, offset: u64) -> Placed {
        Placed {
            call,
            sent_ms,
            answered_ms,
            partition: PartitionId(partition),
            offset,
        }
    }

    #[test]
    fn only_what_was_over_before_the_other_began_is_ordered() {
        let cases = [
            // One after the other.
            (placed(1, 10, 20, 0, 5), placed(2, 30, 40, 0, 6), true),
            (placed(1, 10, 20, 0, 6), placed(2, 30, 40, 0, 5), false),
            // At the same time.
            (placed(1, 10, 30, 0, 6), placed(2, 30, 40, 0, 5), true),
            (placed(1, 10, 50, 0, 6), placed(2, 30, 40, 0, 5), true),
            // In different partitions there is no order.
            (placed(1, 10, 20, 1, 6), placed(2, 30, 40, 0, 5), true),
        ];
        for (number, (one, other, sound)) in cases.into_iter().enumerate() {
            for pair in [vec![one, other], vec![other, one]] {
                let mut verdict = Verdict::default();
                check(pair, &mut verdict);
                assert_eq!(verdict.is_sound(), sound, "{number}");
            }
        }
    }

    #[test]
    fn the_violation_names_both() {
        let mut verdict = Verdict::default();
        let late = placed(3, 100, 110, 0, 1);
        let calls = vec![placed(1, 10, 20, 0, 9), placed(2, 15, 200, 0, 12), late];
        check(calls, &mut verdict);
        let want = Violation::Order {
            first: 1,
            then: 3,
            partition: PartitionId(0),
            first_offset: 9,
            then_offset: 1,
        };
        assert_eq!(verdict.first, [want]);
    }
}
