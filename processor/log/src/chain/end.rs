//! Finds the end of the chain among records of which some may be foreign.

use onsale_schemas::{LogTimeMs, Offset};

use super::candidates::Candidates;

/// The highest outcome of a partition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ChainEnd {
    /// Offset of its command.
    pub offset: Offset,
    /// Offset of the command that yielded the outcome before it.
    pub previous: Option<Offset>,
    /// Log time of its command.
    pub log_time_ms: LogTimeMs,
    /// Whether it names another outcome that was read too. One that does not may be foreign.
    pub is_linked: bool,
}

/// Finds the end of the chain in a stretch of the topic: the highest outcome that names another one
/// of the stretch, else the highest one. The newest record need not be the end: it may be a repeat
/// by a publisher that is gone, or foreign.
#[derive(Clone, Debug, Default)]
pub struct EndFinder {
    /// With the log time of the last record.
    candidates: Candidates<LogTimeMs>,
}

impl EndFinder {
    /// Looks at the next record.
    pub fn take(&mut self, offset: Offset, previous: Option<Offset>, log_time_ms: LogTimeMs) {
        let candidate = self.candidates.take(offset, previous, || log_time_ms);
        if let Some(candidate) = candidate {
            candidate.note = log_time_ms;
        }
    }

    /// The end, if there was any outcome.
    pub fn end(&self) -> Option<ChainEnd> {
        let ends = self.candidates.iter().map(|candidate| ChainEnd {
            offset: candidate.end,
            previous: candidate.previous,
            log_time_ms: candidate.note,
            is_linked: candidate.records > 1,
        });
        ends.max_by_key(|end| (end.is_linked, end.offset))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end_of(records: &[(Offset, Option<Offset>)]) -> Option<(Offset, bool)> {
        let mut finder = EndFinder::default();
        for (offset, previous) in records {
            finder.take(*offset, *previous, *offset);
        }
        finder.end().map(|end| (end.offset, end.is_linked))
    }

    #[test]
    fn the_end_is_found_behind_repeats_and_foreign_records() {
        assert_eq!(end_of(&[]), None);
        assert_eq!(end_of(&[(7, None)]), Some((7, false)));
        let chain = [(7, Some(5)), (8, Some(7)), (9, Some(8))];
        assert_eq!(end_of(&chain), Some((9, true)));
        // Repeats of a publisher that is gone.
        let repeats = [&chain[..], &[(5, Some(4)), (7, Some(5)), (8, Some(7))]].concat();
        assert_eq!(end_of(&repeats), Some((9, true)));
        // And the next owner continues.
        let on = [&repeats[..], &[(12, Some(9))]].concat();
        assert_eq!(end_of(&on), Some((12, true)));
        // Records that name nothing that was read.
        let foreign = [
            &chain[..],
            &[(1_000, Some(900)), (2_000, None), (1, Some(0))],
        ]
        .concat();
        assert_eq!(end_of(&foreign), Some((9, true)));
    }

    #[test]
    fn many_foreign_records_do_not_crowd_out_the_chain() {
        let mut finder = EndFinder::default();
        finder.take(1, None, 1);
        finder.take(2, Some(1), 2);
        for i in 0..1_000u64 {
            finder.take(1_000 + 10 * i, Some(10 * i + 3), 1);
        }
        assert_eq!(finder.end().map(|end| end.offset), Some(2));
    }
}
