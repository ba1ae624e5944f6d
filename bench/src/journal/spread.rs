//! Minimum, median and maximum of several runs.

/// Figures of several runs.
#[derive(Default, Debug)]
pub(super) struct Spread {
    sorted: Vec<f64>,
}

impl Spread {
    pub(super) fn add(&mut self, figure: f64) {
        let at = self.sorted.partition_point(|other| *other < figure);
        self.sorted.insert(at, figure);
    }

    /// The median, 0 when there is none.
    pub(super) fn median(&self) -> f64 {
        self.sorted
            .get(self.sorted.len() / 2)
            .copied()
            .unwrap_or(0.0)
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let min = self.sorted.first().copied().unwrap_or(0.0);
        let max = self.sorted.last().copied().unwrap_or(0.0);
        write!(f, "{min:>12.0} {:>12.0} {max:>12.0}", self.median())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        let mut spread = Spread::default();
        assert!((spread.median() - 0.0).abs() < f64::EPSILON);
        for figure in [5.0, 1.0, 9.0] {
            spread.add(figure);
        }
        assert!((spread.median() - 5.0).abs() < f64::EPSILON);
    }
}
