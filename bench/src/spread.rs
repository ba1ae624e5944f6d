//! Several runs in three numbers.

use std::fmt;

/// Minimum, median and maximum of several runs.
#[derive(Clone, Copy, Debug, serde::Serialize)]
pub(crate) struct Spread {
    /// The least.
    pub(crate) min: f64,
    /// The middle one.
    pub(crate) median: f64,
    /// The greatest.
    pub(crate) max: f64,
}

impl Spread {
    /// Of at least one run.
    pub(crate) fn of(mut runs: Vec<f64>) -> Self {
        runs.sort_by(f64::total_cmp);
        let at = |i: usize| runs.get(i).copied().unwrap_or(f64::NAN);
        Self {
            min: at(0),
            median: at(runs.len() / 2),
            max: at(runs.len().saturating_sub(1)),
        }
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = if self.max >= 1_000.0 { 0 } else { 3 };
        write!(
            f,
            "min {:.digits$}  median {:.digits$}  max {:.digits$}",
            self.min, self.median, self.max
        )
    }
}
