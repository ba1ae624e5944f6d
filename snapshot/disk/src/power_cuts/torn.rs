//! Writes of which only a part came through.

use std::ops::Range;

const SECTOR_BYTES: usize = 512;
/// Sectors of one write at which it is torn, at most: of a long one some of everywhere.
const SECTORS_MAX: usize = 64;

/// Which bytes of a write came through.
#[derive(Clone, Copy, Debug)]
pub(super) enum Tear {
    /// The first bytes, this many.
    First(usize),
    /// All but the first bytes, this many.
    Last(usize),
    /// Every other sector, beginning with the first or the second.
    Every(usize),
}

impl Tear {
    /// What of a write at a position came through.
    pub(super) fn parts(self, position: usize, len: usize) -> Vec<Range<usize>> {
        match self {
            Self::First(n) => std::iter::once(0..n).collect(),
            Self::Last(n) => std::iter::once(n..len).collect(),
            Self::Every(first) => {
                let mut cuts = sectors(position, len);
                cuts.push(len);
                let pairs = cuts.windows(2).skip(first).step_by(2);
                pairs.map(|pair| pair[0]..pair[1]).collect()
            }
        }
    }
}

/// Where the sectors of a write begin, in its bytes.
fn sectors(position: usize, len: usize) -> Vec<usize> {
    let first = SECTOR_BYTES - position % SECTOR_BYTES;
    std::iter::once(0)
        .chain((first..len).step_by(SECTOR_BYTES))
        .collect()
}

/// The ways in which a write of `len` bytes may be torn: at sectors, and within the first and the
/// last one.
pub(super) fn tears(position: usize, len: usize) -> Vec<Tear> {
    let sectors = sectors(position, len);
    let mut cuts = vec![1, 63, 64, 65, 300, len / 2, len.saturating_sub(1)];
    cuts.extend(sectors.iter().step_by(sectors.len().div_ceil(SECTORS_MAX)));
    cuts.retain(|cut| (1..len).contains(cut));
    cuts.sort_unstable();
    cuts.dedup();
    let mut tears = vec![Tear::Every(0), Tear::Every(1)];
    for cut in cuts {
        tears.push(Tear::First(cut));
        if sectors.contains(&cut) {
            tears.push(Tear::Last(cut));
        }
    }
    tears
}
