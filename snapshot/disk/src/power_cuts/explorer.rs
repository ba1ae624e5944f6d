//! Opens every state, and what a second cut during the opening leaves.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::{Moment, Op, Recorder};

/// Opens states, each one once.
#[derive(Default, Debug)]
pub struct Explorer {
    seen: HashSet<u64>,
    /// States opened.
    pub opened: usize,
    /// Openings during which the power was cut a second time, everywhere.
    pub again: usize,
}

impl Explorer {
    /// Opens every disk that a cut at any moment of `ops` may leave, which began with `content`.
    /// `open` opens one, judges what it finds by the moment, and gives it. Each `every`th
    /// time, what a second cut during the opening leaves is opened too.
    ///
    /// # Errors
    /// The first complaint of `open`, with the operation after which the power was cut.
    pub fn explore<C: Clone + Hash>(
        &mut self,
        ops: &[Op<C>],
        content: &C,
        every: Option<usize>,
        mut open: impl FnMut(&Recorder<C>, &Moment<C>) -> Result<C, String>,
    ) -> Result<(), String> {
        for end in 0..=ops.len() {
            let moment = Moment::after(&ops[..end], content);
            let cut = |why| format!("after operation {end}: {why}");
            for files in moment.disks() {
                if !self.is_new((&files, &moment.acknowledged, &moment.attempted)) {
                    continue;
                }
                let recorder = Recorder::of(&files);
                let before = recorder.recorded().ops.len();
                let found = open(&recorder, &moment).map_err(cut)?;
                if every.is_some_and(|every| self.opened.is_multiple_of(every)) {
                    self.again += 1;
                    let ops = recorder.ops();
                    self.cut_again(&ops, before, &moment, &found, &mut open)
                        .map_err(cut)?;
                }
            }
        }
        Ok(())
    }

    /// The power is cut again during an opening that would have found `found`.
    fn cut_again<C: Clone + Hash>(
        &mut self,
        ops: &[Op<C>],
        before: usize,
        first: &Moment<C>,
        found: &C,
        open: &mut impl FnMut(&Recorder<C>, &Moment<C>) -> Result<C, String>,
    ) -> Result<(), String> {
        for end in before..=ops.len() {
            // What the first opening found was reported to nobody: both may remain.
            let mut moment = Moment::after(&ops[..end], &first.acknowledged);
            moment.attempted.clone_from(found);
            for files in moment.disks() {
                if self.is_new((&files, &moment.acknowledged, &moment.attempted, 2)) {
                    open(&Recorder::of(&files), &moment)
                        .map_err(|why| format!("and again after {end} in the opening: {why}"))?;
                }
            }
        }
        Ok(())
    }

    fn is_new(&mut self, state: impl Hash) -> bool {
        let mut hasher = DefaultHasher::new();
        state.hash(&mut hasher);
        let is_new = self.seen.insert(hasher.finish());
        self.opened += usize::from(is_new);
        is_new
    }
}
