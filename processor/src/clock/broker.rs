//! The broker's clock, which stamps the records of the distributed mode.

use super::machine::{LEAP_MAX_MS, Turn};

/// Samples in a row that have to be wrong before the broker is said to be behind. A record that is
/// read late looks like one that was stamped by a clock that is slow; one that was stamped in the
/// future can be explained by nothing else.
const BEHIND_SAMPLES: u32 = 3;

/// Holds the broker's clock to that of this node.
///
/// The machines take the broker's time whatever it is, as every replica has to; this only says so
/// loudly. It reads no clock itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct BrokerClock {
    ahead_ms: i64,
    behind_samples: u32,
    is_wrong: bool,
}

impl BrokerClock {
    /// Takes the time of a record that was read at `own_ms`. `is_newest` says that it was the last
    /// one of its partition then, so that it was stamped just now.
    pub fn see(&mut self, record_ms: u64, own_ms: u64, is_newest: bool) -> Option<Turn> {
        let apart = i64::try_from(record_ms.abs_diff(own_ms)).unwrap_or(i64::MAX);
        let ahead_ms = if record_ms >= own_ms { apart } else { -apart };
        let is_apart = apart.unsigned_abs() > LEAP_MAX_MS;
        let was_wrong = self.is_wrong;
        if ahead_ms > 0 && is_apart {
            self.ahead_ms = ahead_ms;
            self.is_wrong = true;
        } else if is_newest {
            self.ahead_ms = ahead_ms;
            self.behind_samples = if is_apart { self.behind_samples + 1 } else { 0 };
            self.is_wrong = self.behind_samples >= BEHIND_SAMPLES;
        }
        match (was_wrong, self.is_wrong) {
            (false, true) => Some(Turn::Left),
            (true, false) => Some(Turn::Returned),
            _ => None,
        }
    }

    /// How far it is ahead of this node's clock, in milliseconds; negative where it is behind.
    pub fn ahead_ms(&self) -> i64 {
        self.ahead_ms
    }

    /// Whether it is beyond [`LEAP_MAX_MS`].
    pub fn is_wrong(&self) -> bool {
        self.is_wrong
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: u64 = 1_800_000_000_000;
    const YEAR: u64 = 365 * 24 * 3_600_000;

    #[test]
    fn a_broker_is_wrong_as_soon_as_nothing_else_explains_it() {
        use Turn::{Left, Returned};
        for (name, samples) in [
            (
                "right",
                vec![
                    (T, true, None),
                    (T - 20, true, None),
                    (T + 5_000, true, None),
                ],
            ),
            (
                "read late",
                vec![(T - 60_000, false, None), (T - 10, true, None)],
            ),
            (
                "a year ahead and back",
                vec![
                    (T, true, None),
                    (T + YEAR, false, Some(Left)),
                    (T + YEAR, true, None),
                    (T, true, Some(Returned)),
                ],
            ),
            (
                "an hour behind and back",
                vec![
                    (T - 3_600_000, true, None),
                    (T - 3_600_000, true, None),
                    (T - 3_600_000, true, Some(Left)),
                    (T - 3_600_000, true, None),
                    (T, true, Some(Returned)),
                ],
            ),
            (
                "a pause of this node now and then",
                vec![
                    (T - 9_000, true, None),
                    (T, true, None),
                    (T - 9_000, true, None),
                    (T - 9_000, true, None),
                    (T, true, None),
                ],
            ),
        ] {
            let mut clock = BrokerClock::default();
            for (index, (record_ms, is_newest, turn)) in samples.into_iter().enumerate() {
                assert_eq!(
                    clock.see(record_ms, T, is_newest),
                    turn,
                    "{name}, sample {index}"
                );
            }
        }
    }
}
