//! What is played, by name.

use std::sync::Arc;
use std::time::Duration;

use crate::answer::Answer;
use crate::draft::{Draft, Who};
use crate::random::Random;
use crate::scenarios;
use crate::schedule::{Pace, Schedule};
use crate::world::{World, WorldSize};

/// Creates requests. Each thread has its own.
pub trait Scenario: Send {
    /// Fills in the next request; it is sent right away.
    fn next(&mut self, draft: &mut Draft);

    /// Takes the answer to a request; `None` when there was none.
    fn answered(&mut self, _draft: &Draft, _answer: Option<&Answer<'_>>) {}

    /// What it found wrong, after the run.
    fn findings(&mut self) -> Vec<Finding> {
        Vec::new()
    }
}

/// A promise that a scenario watched.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The promise.
    pub promise: &'static str,
    /// How often it was looked at.
    pub looked: u64,
    /// How often it was broken.
    pub broken: u64,
    /// One example of it.
    pub example: Option<String>,
}

/// The scenarios.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ScenarioKind {
    /// Named seats, each asked for once, at a steady rate.
    Named,
    /// The best two seats next to each other.
    Best,
    /// General admission on one zone that everyone wants.
    HotZone,
    /// Ten thousand users on ten seats.
    LastSeats,
    /// General admission at the rate, twenty times the rate, the rate again.
    Spike,
    /// Reservations that are confirmed, cancelled or left to expire.
    Life,
    /// Every request several times under one idempotency key.
    RetryStorm,
    /// Four reads of availability to a reservation.
    Mixed,
    /// Orders over two zones with ticket types and codes.
    Orders,
    /// Whole purchases with payments at the simulated gateway.
    Purchases,
}

/// What a scenario knows when it is created for one thread.
pub(crate) struct Stage {
    pub(crate) world: Arc<World>,
    users: usize,
    workers: usize,
    user_turn: usize,
    turn: u64,
    pub(crate) random: Random,
}

impl Stage {
    pub(crate) fn new(
        world: Arc<World>,
        users: usize,
        worker: usize,
        workers: usize,
        seed: u64,
    ) -> Self {
        let seed = seed.wrapping_add(u64::try_from(worker).unwrap_or(0).wrapping_mul(0x9e37));
        Self {
            world,
            users: users.max(1),
            workers: workers.max(1),
            user_turn: worker,
            turn: u64::try_from(worker).unwrap_or(0),
            random: Random::new(seed),
        }
    }

    /// The next user, all of them in turn; no two threads have the same one.
    pub(crate) fn user(&mut self) -> Who {
        let user = self.user_turn % self.users;
        self.user_turn = self.user_turn.wrapping_add(self.workers);
        Who::User(user)
    }

    /// Numbers 0, 1, 2 …, each given to one thread only.
    pub(crate) fn number(&mut self) -> u64 {
        let number = self.turn;
        self.turn = self
            .turn
            .wrapping_add(u64::try_from(self.workers).unwrap_or(1));
        number
    }
}

impl ScenarioKind {
    /// All of them, in the order of the documentation.
    pub const ALL: [Self; 10] = [
        Self::Named,
        Self::Best,
        Self::HotZone,
        Self::LastSeats,
        Self::Spike,
        Self::Life,
        Self::RetryStorm,
        Self::Mixed,
        Self::Orders,
        Self::Purchases,
    ];

    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Named => "named",
            Self::Best => "best",
            Self::HotZone => "hot-zone",
            Self::LastSeats => "last-seats",
            Self::Spike => "spike",
            Self::Life => "life",
            Self::RetryStorm => "retry-storm",
            Self::Mixed => "mixed",
            Self::Orders => "orders",
            Self::Purchases => "purchases",
        }
    }

    /// What it does, in one line.
    #[must_use]
    pub fn about(self) -> &'static str {
        match self {
            Self::Named => "named seats, each asked for once",
            Self::Best => "the best two seats next to each other",
            Self::HotZone => "general admission on one zone that everyone wants",
            Self::LastSeats => "everyone (10,000 users) on the last ten seats",
            Self::Spike => "the rate, twenty times the rate for a fifth of the time, the rate",
            Self::Life => "reserve, then confirm, cancel or let the hold expire",
            Self::RetryStorm => "every request several times under one idempotency key",
            Self::Mixed => "four reads of availability to a reservation",
            Self::Orders => "orders over two zones with ticket types, half of them with a code",
            Self::Purchases => {
                "reserve, pay at the simulated gateway, follow the payment to its end"
            }
        }
    }

    /// By its name.
    ///
    /// # Errors
    /// Says which names there are.
    pub fn parse(name: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.name() == name)
            .ok_or_else(|| {
                let names: Vec<&str> = Self::ALL.iter().map(|kind| kind.name()).collect();
                format!("expected one of {}", names.join(", "))
            })
    }

    /// The intended starts of its requests; a rate of 0 is a closed loop.
    #[must_use]
    pub fn pace(self, per_second: u64, duration: Duration) -> Pace {
        match (self, per_second) {
            (_, 0) => Pace::Closed(duration),
            (Self::Spike, rate) => Pace::Open(Schedule::spike(rate, duration)),
            (_, rate) => Pace::Open(Schedule::constant(rate, duration)),
        }
    }

    /// The shows that it needs for about this many requests.
    #[must_use]
    pub(crate) fn world_size(self, requests: u64) -> WorldSize {
        match self {
            Self::Named => scenarios::named::world_size(requests),
            Self::Best => scenarios::best::world_size(requests),
            Self::HotZone => scenarios::hot_zone::world_size(),
            Self::LastSeats => scenarios::last_seats::world_size(),
            Self::Spike => scenarios::spike::world_size(),
            Self::Life => scenarios::life::world_size(),
            Self::RetryStorm => scenarios::retry_storm::world_size(),
            Self::Mixed => scenarios::mixed::world_size(),
            Self::Orders => scenarios::orders::world_size(),
            Self::Purchases => scenarios::purchases::world_size(),
        }
    }

    pub(crate) fn play(self, stage: Stage) -> Box<dyn Scenario> {
        match self {
            Self::Named => Box::new(scenarios::named::Named::new(stage)),
            Self::Best => Box::new(scenarios::best::Best::new(stage)),
            Self::HotZone => Box::new(scenarios::hot_zone::HotZone::new(stage)),
            Self::LastSeats => Box::new(scenarios::last_seats::LastSeats::new(stage)),
            Self::Spike => Box::new(scenarios::spike::Spike::new(stage)),
            Self::Life => Box::new(scenarios::life::Life::new(stage)),
            Self::RetryStorm => Box::new(scenarios::retry_storm::RetryStorm::new(stage)),
            Self::Mixed => Box::new(scenarios::mixed::Mixed::new(stage)),
            Self::Orders => Box::new(scenarios::orders::Orders::new(stage)),
            Self::Purchases => Box::new(scenarios::purchases::Purchases::new(stage)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for kind in ScenarioKind::ALL {
            assert_eq!(ScenarioKind::parse(kind.name()), Ok(kind));
        }
        assert!(ScenarioKind::parse("x").unwrap_err().contains("hot-zone"));
    }
}
