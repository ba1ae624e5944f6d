//! How slowly a client may read its answer, or send its body.

use std::time::Duration;

/// The slowest that a client may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// How long it may take nothing.
    pub(crate) timeout: Duration,
    /// How much it has to take while something waits. 0: any progress is enough.
    pub(crate) bytes_per_second: u64,
}

/// How long a client may still read nothing, or send nothing. Waiting uses it up, and every byte
/// buys the time that it may take at the lowest rate, up to the whole time-out again. So a client
/// that reads nothing has exactly that time, and a slow one has it for the difference to the lowest
/// rate, in whatever steps its system reads.
#[derive(Debug)]
pub(crate) struct Patience {
    pace: Pace,
    left: Duration,
    /// On the caller's clock; `None` while nothing waits.
    waiting_since: Option<Duration>,
}

impl Patience {
    pub(crate) fn new(pace: Pace) -> Self {
        Self {
            pace,
            left: pace.timeout,
            waiting_since: None,
        }
    }

    /// True while nothing waits and none of it is used up.
    pub(crate) fn is_whole(&self) -> bool {
        self.waiting_since.is_none() && self.left == self.pace.timeout
    }

    /// Something waits for the client.
    pub(crate) fn wait(&mut self, now: Duration) {
        self.waiting_since.get_or_insert(now);
    }

    /// Nothing waits any more. Time that passes now does not count against the client.
    pub(crate) fn rest(&mut self, now: Duration) {
        self.settle(now);
        self.waiting_since = None;
    }

    /// The client took so much.
    pub(crate) fn take(&mut self, bytes: usize, now: Duration) {
        self.settle(now);
        if bytes > 0 {
            self.left = self
                .left
                .saturating_add(self.worth(bytes))
                .min(self.pace.timeout);
        }
    }

    /// When it is over, while something waits.
    pub(crate) fn due(&self) -> Option<Duration> {
        self.waiting_since
            .map(|since| since.saturating_add(self.left))
    }

    fn settle(&mut self, now: Duration) {
        if let Some(since) = &mut self.waiting_since {
            self.left = self.left.saturating_sub(now.saturating_sub(*since));
            *since = now;
        }
    }

    /// How long the client may take for this many bytes.
    fn worth(&self, bytes: usize) -> Duration {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        bytes
            .saturating_mul(1_000_000)
            .checked_div(self.pace.bytes_per_second)
            .map_or(self.pace.timeout, Duration::from_micros)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(20);

    /// How long a client with this rate and these steps lasts, if it ends within two hours.
    fn lasts(bytes_per_second: u64, step_bytes: u64) -> Option<Duration> {
        let mut patience = Patience::new(Pace {
            timeout: TIMEOUT,
            bytes_per_second: 1_024,
        });
        let step = Duration::from_micros(step_bytes * 1_000_000 / bytes_per_second);
        let mut now = Duration::ZERO;
        patience.wait(now);
        while now < Duration::from_secs(7_200) {
            let due = patience.due().unwrap();
            if due <= now + step {
                return Some(due);
            }
            now += step;
            patience.take(usize::try_from(step_bytes).unwrap(), now);
        }
        None
    }

    #[test]
    fn the_lowest_rate_is_what_the_setting_says_in_whatever_steps() {
        for step_bytes in [100, 1_460, 16_384] {
            assert_eq!(lasts(1_030, step_bytes), None, "{step_bytes}");
            assert!(lasts(1_000, step_bytes).is_some(), "{step_bytes}");
        }
        // A quarter below it uses the time-out up four times as slowly.
        assert_eq!(lasts(768, 768).map(|lasts| lasts.as_secs()), Some(77));
        assert_eq!(lasts(1, 100), Some(TIMEOUT));
    }

    #[test]
    fn time_in_which_nothing_waits_is_not_the_clients() {
        let mut patience = Patience::new(Pace {
            timeout: TIMEOUT,
            bytes_per_second: 1_024,
        });
        assert_eq!(patience.due(), None);
        patience.wait(Duration::from_secs(100));
        patience.rest(Duration::from_secs(115));
        assert_eq!(patience.due(), None);
        assert!(!patience.is_whole());
        patience.wait(Duration::from_secs(1_000));
        assert_eq!(patience.due(), Some(Duration::from_secs(1_005)));
        patience.take(10 * 1_024, Duration::from_secs(1_002));
        assert_eq!(patience.due(), Some(Duration::from_secs(1_015)));
        patience.take(1 << 20, Duration::from_secs(1_002));
        patience.rest(Duration::from_secs(1_002));
        assert!(patience.is_whole());
    }

    #[test]
    fn without_a_lowest_rate_anything_at_all_is_enough() {
        let mut patience = Patience::new(Pace {
            timeout: TIMEOUT,
            bytes_per_second: 0,
        });
        patience.wait(Duration::ZERO);
        patience.take(1, Duration::from_secs(19));
        assert_eq!(patience.due(), Some(Duration::from_secs(39)));
        patience.take(0, Duration::from_secs(20));
        assert_eq!(patience.due(), Some(Duration::from_secs(39)));
    }
}
