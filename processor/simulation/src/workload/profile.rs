//! How a workload is mixed.

/// What a record may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// Open a show, open it again, or open it with other or broken values.
    Open,
    /// Amend a show.
    Amend,
    /// Close a sale.
    Close,
    /// Cancel a show.
    Cancel,
    /// Reserve by name.
    ReserveSeats,
    /// Reserve the best available.
    ReserveBest,
    /// Reserve general admission.
    ReserveGeneral,
    /// Confirm.
    Confirm,
    /// Release.
    Release,
    /// Extend.
    Extend,
    /// Return.
    Return,
    /// Block places.
    Block,
    /// Unblock places.
    Unblock,
    /// A tick.
    Tick,
    /// A claim.
    Claim,
    /// A barrier.
    Barrier,
    /// A command of machine version 2.
    Newer,
    /// A command of machine version 3.
    Newest,
    /// Bytes that are not a command, or a truncated one.
    Garbage,
    /// An earlier request, the same or changed.
    Repeat,
}

/// How log time advances.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pace {
    /// By 0 or 1 ms, this many records per millisecond.
    Steady {
        /// Records in one millisecond on average.
        records_per_ms: u64,
    },
    /// Stands still, creeps, goes back, and leaps to the instants at which something ends.
    Leaping,
}

/// The mix of a workload.
#[derive(Clone, Debug)]
pub struct Profile {
    /// Events.
    pub events: u64,
    /// Shows over all events.
    pub shows: u64,
    /// Users.
    pub users: u64,
    /// Idempotency keys in use at a time; few make collisions.
    pub keys: u64,
    /// Bookings and requests that are remembered to return to.
    pub remembered_max: usize,
    /// Percentage of commands that break a rule on purpose.
    pub invalid_percent: u64,
    /// How time advances.
    pub pace: Pace,
    /// Whether staff is named.
    pub names_staff: bool,
    /// Whether there are offers, codes and orders: everything of machine version 3, which a barrier
    /// raises in the middle.
    pub sells_orders: bool,
    /// Whether somebody else raises that barrier. Clients then send the commands of version 3 before
    /// it as well as behind it.
    pub awaits_barrier: bool,
    /// Shows as large as real ones instead of small odd ones.
    pub large_shows: bool,
    /// Actions and their weights.
    pub weights: Vec<(Action, u64)>,
}

impl Profile {
    /// Few users, few seats, every rule and every boundary.
    pub fn adversarial() -> Self {
        Self {
            events: 3,
            shows: 7,
            users: 6,
            keys: 10,
            remembered_max: 64,
            invalid_percent: 8,
            pace: Pace::Leaping,
            names_staff: false,
            sells_orders: false,
            awaits_barrier: false,
            large_shows: false,
            weights: vec![
                (Action::Open, 4),
                (Action::Amend, 4),
                (Action::Close, 1),
                (Action::Cancel, 1),
                (Action::ReserveSeats, 18),
                (Action::ReserveBest, 18),
                (Action::ReserveGeneral, 12),
                (Action::Confirm, 16),
                (Action::Release, 7),
                (Action::Extend, 6),
                (Action::Return, 4),
                (Action::Block, 6),
                (Action::Unblock, 4),
                (Action::Tick, 5),
                (Action::Claim, 1),
                (Action::Barrier, 1),
                (Action::Garbage, 2),
                (Action::Repeat, 10),
            ],
        }
    }

    /// As [`Profile::adversarial`], with everything of machine version 2.
    pub fn adversarial_v2() -> Self {
        let mut profile = Self::adversarial();
        profile.names_staff = true;
        profile.weights.push((Action::Newer, 40));
        profile.weights.push((Action::Open, 6));
        profile.weights.push((Action::Barrier, 8));
        profile
    }

    /// As [`Profile::adversarial_v2`], with everything of machine version 3. The machine has to know
    /// that version.
    pub fn adversarial_v3() -> Self {
        Self {
            events: 6,
            shows: 12,
            users: 7,
            keys: 4_000,
            remembered_max: 16,
            invalid_percent: 3,
            sells_orders: true,
            weights: vec![
                (Action::Open, 12),
                (Action::Amend, 4),
                (Action::Close, 1),
                (Action::Cancel, 1),
                (Action::ReserveSeats, 16),
                (Action::ReserveBest, 12),
                (Action::ReserveGeneral, 12),
                (Action::Confirm, 50),
                (Action::Release, 12),
                (Action::Extend, 8),
                (Action::Return, 4),
                (Action::Block, 6),
                (Action::Unblock, 4),
                (Action::Tick, 8),
                (Action::Claim, 1),
                (Action::Barrier, 3),
                (Action::Newer, 20),
                (Action::Newest, 220),
                (Action::Garbage, 4),
                (Action::Repeat, 12),
            ],
            ..Self::adversarial_v2()
        }
    }

    /// The adversarial mix of a version, for worlds in which the real code makes claims and
    /// barriers. (The barriers that begin with version 2 and 3 are there nevertheless.)
    #[cfg(feature = "worlds")]
    pub(crate) fn of_clients(machine_version: u16) -> Self {
        let mut profile = match machine_version {
            0 | 1 => Self::adversarial(),
            2 => Self::adversarial_v2(),
            _ => Self::adversarial_v3(),
        };
        profile
            .weights
            .retain(|(action, _)| *action != Action::Barrier);
        profile
    }

    /// The mix of clients that use machine version 3 while their cluster is upgraded to it.
    #[cfg(feature = "worlds")]
    pub(crate) fn of_clients_ahead() -> Self {
        Self {
            awaits_barrier: true,
            ..Self::of_clients(3)
        }
    }

    /// Two users who let nearly every hold expire, at machine version 2.
    pub fn unpaid() -> Self {
        Self {
            events: 1,
            shows: 2,
            users: 2,
            weights: vec![
                (Action::Open, 2),
                (Action::Amend, 1),
                (Action::ReserveBest, 20),
                (Action::ReserveGeneral, 30),
                (Action::Confirm, 2),
                (Action::Release, 4),
                (Action::Tick, 20),
                (Action::Repeat, 2),
            ],
            ..Self::adversarial_v2()
        }
    }

    /// An on-sale: many users after the seats of some large shows.
    pub fn on_sale(shows: u64, users: u64) -> Self {
        Self {
            events: shows.div_ceil(2).max(1),
            shows,
            users,
            keys: u64::MAX,
            remembered_max: 4_096,
            invalid_percent: 0,
            pace: Pace::Steady { records_per_ms: 10 },
            names_staff: false,
            sells_orders: false,
            awaits_barrier: false,
            large_shows: true,
            weights: vec![
                (Action::ReserveSeats, 24),
                (Action::ReserveBest, 23),
                (Action::ReserveGeneral, 23),
                (Action::Confirm, 20),
                (Action::Release, 8),
                (Action::Extend, 1),
                (Action::Repeat, 1),
            ],
        }
    }

    /// The action that a random number below [`Profile::total_weight`] stands for.
    pub(super) fn action(&self, mut roll: u64) -> Action {
        for &(action, weight) in &self.weights {
            if roll < weight {
                return action;
            }
            roll -= weight;
        }
        Action::Tick
    }

    /// Sum of the weights.
    pub(super) fn total_weight(&self) -> u64 {
        self.weights.iter().map(|(_, weight)| weight).sum()
    }
}
