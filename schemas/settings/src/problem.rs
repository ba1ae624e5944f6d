//! What is wrong with a setting.

/// A setting that cannot be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{key} = {value}: expected {expected}")]
pub struct ConfigProblem {
    /// The setting, as `http.listen`.
    pub key: String,
    /// What it is set to; secrets are not shown.
    pub value: String,
    /// What it may be.
    pub expected: String,
}

impl ConfigProblem {
    /// A value of `key` that cannot be used, and what it may be.
    pub fn new(
        key: impl Into<String>,
        value: impl std::fmt::Display,
        expected: impl Into<String>,
    ) -> Self {
        Self {
            key: key.into(),
            value: value.to_string(),
            expected: expected.into(),
        }
    }
}

/// Adds a problem unless `value` lies in `range`.
pub fn check_range<T: PartialOrd + std::fmt::Display>(
    problems: &mut Vec<ConfigProblem>,
    key: &str,
    value: T,
    range: std::ops::RangeInclusive<T>,
) {
    if !range.contains(&value) {
        problems.push(ConfigProblem::new(
            key,
            value,
            format!("{} to {}", range.start(), range.end()),
        ));
    }
}
