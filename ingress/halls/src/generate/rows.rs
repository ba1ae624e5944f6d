//! Rows along arcs.

use crate::format::{Gap, Line};
use crate::geometry::{point, rounded, sin_cos};
use crate::numbering::Numbering;

/// Smallest distance of neighbours, in centimetres. Rounding to whole centimetres takes one off.
pub(super) const PITCH_CM: f64 = 54.0;

/// Where rows are laid out: circles round a centre, and the direction from there to the middle of
/// each row.
pub(super) struct Fan {
    pub(super) centre: [f64; 2],
    /// In radians clockwise from the top of the page.
    pub(super) axis: f64,
}

impl Fan {
    /// A row that is `length` long from its first seat to its last, with its middle on the axis.
    /// `blocks` are the seats between aisles, which are wider by `aisle` than two seats are apart.
    pub(super) fn row(&self, radius: f64, length: f64, blocks: &[u16], aisle: u32) -> Line {
        let (axis_sine, axis_cosine) = sin_cos(self.axis);
        let outward = [axis_sine, -axis_cosine];
        // Of one who looks from the row to the centre.
        let left = [axis_cosine, axis_sine];
        let half = length / 2.0 / radius;
        let (sine, cosine) = sin_cos(half);
        let end = |side: f64| {
            let at = |axis: usize| {
                self.centre[axis] + radius * (cosine * outward[axis] + side * sine * left[axis])
            };
            point(at(0), at(1))
        };
        Line {
            from: end(1.0),
            to: end(-1.0),
            rise: rounded(radius * (1.0 - cosine)),
            seats: blocks.iter().sum(),
            numbering: Numbering::default(),
            gaps: gaps(blocks, aisle),
        }
    }
}

/// Aisles between blocks.
pub(super) fn gaps(blocks: &[u16], width: u32) -> Vec<Gap> {
    let mut after = 0;
    let mut gaps: Vec<Gap> = blocks
        .iter()
        .map(|block| {
            after += block;
            Gap { after, width }
        })
        .collect();
    gaps.pop();
    gaps
}

/// Seats in blocks, as equal as can be, and the same from left and right where that can be.
pub(super) fn in_blocks(seats: u16, blocks: u16) -> Vec<u16> {
    let each = seats / blocks;
    let mut rest = seats % blocks;
    let mut parts = vec![each; usize::from(blocks)];
    let count = parts.len();
    if rest % 2 == 1 {
        parts[count / 2] += 1;
        rest -= 1;
    }
    // Pairs from the middle outwards, beside the middle block where there is one.
    let inner = (count - 1) / 2;
    let inner = if count % 2 == 1 {
        inner.saturating_sub(1)
    } else {
        inner
    };
    for pair in 0..usize::from(rest / 2) {
        let place = inner.saturating_sub(pair);
        parts[place] += 1;
        parts[count - 1 - place] += 1;
    }
    parts
}

/// Takes seats from rows that have room for more than `seats`, each in proportion.
pub(super) fn thin_out(room: &[u16], seats: u32) -> Vec<u16> {
    let total: u64 = room.iter().map(|&row| u64::from(row)).sum();
    let mut before = 0u64;
    let mut given = 0u64;
    room.iter()
        .map(|&row| {
            before += u64::from(row);
            let until = u64::from(seats) * before / total.max(1);
            let here = until - given;
            given = until;
            u16::try_from(here).unwrap_or(u16::MAX).min(row)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_symmetrical() {
        assert_eq!(in_blocks(9, 3), [3, 3, 3]);
        assert_eq!(in_blocks(10, 3), [3, 4, 3]);
        assert_eq!(in_blocks(11, 3), [4, 3, 4]);
        assert_eq!(in_blocks(14, 5), [3, 3, 2, 3, 3]);
        assert_eq!(in_blocks(13, 5), [2, 3, 3, 3, 2]);
        assert_eq!(in_blocks(7, 1), [7]);
        assert_eq!(in_blocks(8, 2), [4, 4]);
        assert_eq!(in_blocks(6, 4), [1, 2, 2, 1]);
        for blocks in (1..20).step_by(2) {
            for seats in 0..200 {
                let parts = in_blocks(seats, blocks);
                let mut mirrored = parts.clone();
                mirrored.reverse();
                assert_eq!(parts, mirrored);
                assert_eq!(parts.iter().sum::<u16>(), seats);
            }
        }
    }

    #[test]
    fn rows_are_thinned_out_evenly() {
        assert_eq!(thin_out(&[10, 10, 10], 27), [9, 9, 9]);
        assert_eq!(thin_out(&[10, 20], 30), [10, 20]);
        assert_eq!(thin_out(&[10, 20], 29).iter().sum::<u16>(), 29);
    }
}
