//! What goes wrong at the simulated gateway, by its seed.

use super::random::{befalls, number};

/// How often what goes wrong, in calls of 1,000. All of it is drawn from the seed, by the number of the call.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Faults {
    /// From which everything is drawn.
    pub seed: u64,
    /// Calls that do not arrive; the caller does not know that.
    pub lost_calls: u32,
    /// Calls that are done, and whose answer does not arrive.
    pub lost_answers: u32,
    /// Calls that are answered with 500, not done; the answer is remembered for the key.
    pub errors_before: u32,
    /// Calls that are done and answered with 500, which is remembered for the key.
    pub errors_after: u32,
    /// Calls that are answered with 429, before anything is done or remembered.
    pub rate_limits: u32,
    /// Notices that are sent twice.
    pub notices_twice: u32,
    /// Notices that come up to 30 s late, behind those after them.
    pub notices_late: u32,
    /// Notices that are never sent.
    pub notices_lost: u32,
}

/// What befalls a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// It does not arrive.
    LostCall,
    /// It is done, its answer does not arrive.
    LostAnswer,
    /// 500, not done.
    ErrorBefore,
    /// 500, done.
    ErrorAfter,
    /// 429.
    RateLimit,
}

/// The longest that a notice is late, in milliseconds.
pub const NOTICE_LATE_MAX_MS: u64 = 30_000;
const CALLS: u64 = 1;
const NOTICES: u64 = 2;

impl Faults {
    /// What befalls the call of a number.
    pub fn of_call(&self, count: u64) -> Option<Fault> {
        let drawn = number(self.seed, CALLS, count) % 1_000;
        let mut from = 0;
        [
            (self.lost_calls, Fault::LostCall),
            (self.lost_answers, Fault::LostAnswer),
            (self.errors_before, Fault::ErrorBefore),
            (self.errors_after, Fault::ErrorAfter),
            (self.rate_limits, Fault::RateLimit),
        ]
        .into_iter()
        .find_map(|(per_mille, fault)| {
            from += u64::from(per_mille);
            (drawn < from).then_some(fault)
        })
    }

    /// After how many milliseconds the notice of a number is sent, each time that it is.
    pub fn of_notice(&self, count: u64) -> Vec<u64> {
        let draw = |what: u64| number(self.seed, NOTICES + what, count);
        if befalls(draw(0), self.notices_lost) {
            return Vec::new();
        }
        let delay_ms = |what: u64| {
            if befalls(draw(what), self.notices_late) {
                draw(what + 1) % (NOTICE_LATE_MAX_MS + 1)
            } else {
                0
            }
        };
        let mut sent = vec![delay_ms(1)];
        if befalls(draw(3), self.notices_twice) {
            sent.push(sent[0] + draw(4) % (NOTICE_LATE_MAX_MS + 1));
        }
        sent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_follow_from_the_seed_and_are_as_frequent_as_told() {
        let faults = Faults {
            seed: 7,
            lost_calls: 100,
            errors_after: 50,
            rate_limits: 10,
            notices_twice: 200,
            notices_late: 300,
            notices_lost: 100,
            ..Faults::default()
        };
        let calls = |faults: &Faults| -> Vec<_> {
            (0..10_000).map(|count| faults.of_call(count)).collect()
        };
        let drawn = calls(&faults);
        assert_eq!(drawn, calls(&faults));
        assert_ne!(drawn, calls(&Faults { seed: 8, ..faults }));
        for (fault, few, many) in [
            (Some(Fault::LostCall), 850, 1_150),
            (Some(Fault::ErrorAfter), 400, 600),
            (Some(Fault::RateLimit), 60, 140),
            (Some(Fault::LostAnswer), 0, 0),
        ] {
            let count = drawn.iter().filter(|drawn| **drawn == fault).count();
            assert!((few..=many).contains(&count), "{fault:?}: {count}");
        }
        let notices: Vec<_> = (0..10_000).map(|count| faults.of_notice(count)).collect();
        let share = |is: &dyn Fn(&Vec<u64>) -> bool| notices.iter().filter(|sent| is(sent)).count();
        for (what, count, few, many) in [
            ("lost", share(&|sent| sent.is_empty()), 850, 1_150),
            ("twice", share(&|sent| sent.len() == 2), 1_600, 2_000),
            ("late", share(&|sent| sent.first() > Some(&0)), 2_400, 3_000),
        ] {
            assert!((few..=many).contains(&count), "{what}: {count}");
        }
    }

    #[test]
    fn without_faults_nothing_befalls() {
        let faults = Faults {
            seed: 1,
            ..Faults::default()
        };
        assert!((0..1_000).all(|count| faults.of_call(count).is_none()));
        assert!((0..1_000).all(|count| faults.of_notice(count) == [0]));
    }
}
