//! How long to wait after a failed attempt.

use std::time::Duration;

/// Before the second attempt.
const FIRST: Duration = Duration::from_secs(1);
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(3_600);

/// The pause after attempt `number`, from 1. It doubles from attempt to attempt, and `chance` (0 to 1)
/// picks a point in its second half, so that jobs which failed together do not come back together.
/// This is what the AWS Architecture Blog calls equal jitter in "Exponential Backoff And Jitter".
pub(crate) fn pause(number: u32, chance: f64) -> Duration {
    let doublings = number.saturating_sub(1).min(31);
    let whole = FIRST.saturating_mul(1 << doublings).min(LONGEST);
    whole.mul_f64(0.5 + chance.clamp(0.0, 1.0) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_doubles_up_to_an_hour() {
        let longest = |number| pause(number, 1.0);
        assert_eq!(longest(1), FIRST);
        assert_eq!(longest(2), 2 * FIRST);
        assert_eq!(longest(12), 2_048 * FIRST);
        for number in [13, 40, u32::MAX] {
            assert_eq!(longest(number), LONGEST);
        }
    }

    #[test]
    fn chance_takes_up_to_a_half_of_it() {
        assert_eq!(pause(3, 0.0), Duration::from_secs(2));
        assert_eq!(pause(3, 0.5), Duration::from_secs(3));
        assert_eq!(pause(3, 7.0), Duration::from_secs(4));
    }
}
