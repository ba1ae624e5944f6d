//! How much of what was paid goes back: by the time that is left before the show. Integers alone.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// All of it, in basis points.
pub const ALL_BP: u32 = 10_000;
/// Most compensation, in basis points of what was paid.
pub const COMPENSATION_MAX_BP: u32 = 10_000;
/// Most steps of one set of rules.
pub const STEPS_MAX: usize = 10;
/// Longest name of a step, in bytes.
pub const NAME_MAX_BYTES: usize = 64;
/// The rule of a cancelled show.
pub const SHOW_CANCELLED: &str = "show_cancelled";
/// The rule where no step fits: nothing goes back.
pub const TOO_LATE: &str = "too_late";

const DAY_MS: u64 = 86_400_000;

/// The rules of an event. Those by default are: more than 7 days before the show everything, 3 to 7 days half of it,
/// later nothing; when the organizer has cancelled, everything.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// Each from when on it holds, the longest time first. The first one that fits counts; when none does, nothing
    /// goes back.
    pub steps: Vec<Step>,
    /// What is added when the organizer has cancelled the show, in basis points of what was paid.
    pub compensation_bp: u32,
}

/// One step.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Its name, as a refund keeps it.
    pub name: Cow<'static, str>,
    /// How much time is left before the show at least, in milliseconds.
    pub left_min_ms: u64,
    /// How much goes back, in basis points.
    pub share_bp: u32,
}

/// What goes back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refundable {
    /// Of what was paid, in the smallest unit of the currency.
    pub amount: i64,
    /// Beyond what was paid, in the smallest unit of the currency.
    pub compensation: i64,
    /// The name of the rule.
    pub rule: String,
}

/// Why rules cannot be.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum RulesError {
    /// Too many steps.
    #[error("steps: {0} of them; at most {STEPS_MAX}")]
    TooMany(usize),
    /// A name that is empty, too long or not of the letters of names.
    #[error(
        "steps[{index}].name: {name:?}; expected 1 to {NAME_MAX_BYTES} lower-case letters, digits and underscores"
    )]
    Name {
        /// Which step, from 0.
        index: usize,
        /// The name.
        name: String,
    },
    /// More than everything.
    #[error("steps[{index}].share_bp: {share_bp}; expected 0 to {ALL_BP}")]
    Share {
        /// Which step, from 0.
        index: usize,
        /// What it says.
        share_bp: u32,
    },
    /// A step that never counts.
    #[error(
        "steps[{index}].left_min_ms: {left_min_ms}; expected less than that of the step before"
    )]
    Order {
        /// Which step, from 0.
        index: usize,
        /// What it says.
        left_min_ms: u64,
    },
    /// More for waiting longer.
    #[error("steps[{index}].share_bp: {share_bp}; expected no more than that of the step before")]
    Rising {
        /// Which step, from 0.
        index: usize,
        /// What it says.
        share_bp: u32,
    },
    /// Too much is added.
    #[error("compensation_bp: {0}; expected 0 to {COMPENSATION_MAX_BP}")]
    Compensation(u32),
}

impl Default for Rules {
    fn default() -> Self {
        let step = |name, left_min_ms, share_bp| Step {
            name: Cow::Borrowed(name),
            left_min_ms,
            share_bp,
        };
        Self {
            steps: vec![
                step("more_than_7_days", 7 * DAY_MS + 1, ALL_BP),
                step("3_to_7_days", 3 * DAY_MS, ALL_BP / 2),
                step("less_than_3_days", 0, 0),
            ],
            compensation_bp: 0,
        }
    }
}

impl Rules {
    /// Whether they can be.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self) -> Result<(), RulesError> {
        if self.steps.len() > STEPS_MAX {
            return Err(RulesError::TooMany(self.steps.len()));
        }
        let mut before: Option<&Step> = None;
        for (index, step) in self.steps.iter().enumerate() {
            let is_letter = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_');
            let is_name =
                (1..=NAME_MAX_BYTES).contains(&step.name.len()) && step.name.bytes().all(is_letter);
            let Step {
                left_min_ms,
                share_bp,
                ..
            } = *step;
            if !is_name {
                let name = step.name.chars().take(NAME_MAX_BYTES).collect();
                return Err(RulesError::Name { index, name });
            }
            if share_bp > ALL_BP {
                return Err(RulesError::Share { index, share_bp });
            }
            if before.is_some_and(|before| before.left_min_ms <= left_min_ms) {
                return Err(RulesError::Order { index, left_min_ms });
            }
            if before.is_some_and(|before| before.share_bp < share_bp) {
                return Err(RulesError::Rising { index, share_bp });
            }
            before = Some(step);
        }
        if self.compensation_bp > COMPENSATION_MAX_BP {
            return Err(RulesError::Compensation(self.compensation_bp));
        }
        Ok(())
    }

    /// What goes back of `paid`, the price of a booking or of some of its places, when a buyer asks at `now_ms`. A
    /// show that has begun has no time left.
    pub fn refund(&self, paid: i64, show_starts_at_ms: u64, now_ms: u64) -> Refundable {
        let step = show_starts_at_ms
            .checked_sub(now_ms)
            .filter(|left_ms| *left_ms > 0)
            .and_then(|left_ms| self.steps.iter().find(|step| left_ms >= step.left_min_ms));
        Refundable {
            amount: step.map_or(0, |step| share(paid, step.share_bp.min(ALL_BP))),
            compensation: 0,
            rule: step.map_or(TOO_LATE, |step| &step.name).to_owned(),
        }
    }

    /// What goes back of `paid` when the organizer has cancelled the show.
    pub fn cancelled(&self, paid: i64) -> Refundable {
        Refundable {
            amount: paid.max(0),
            compensation: share(paid, self.compensation_bp.min(COMPENSATION_MAX_BP)),
            rule: SHOW_CANCELLED.to_owned(),
        }
    }
}

/// A share of a sum, to the nearest unit, half up; of less than nothing it is nothing.
fn share(of: i64, share_bp: u32) -> i64 {
    let all = i128::from(ALL_BP);
    let doubled = 2 * i128::from(of.max(0)) * i128::from(share_bp) + all;
    i64::try_from(doubled / (2 * all)).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
