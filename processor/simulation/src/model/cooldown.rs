//! Users who let holds end unpaid wait before they hold again.

use onsale_schemas::limits::{
    COOLDOWN_DOUBLINGS_MAX, COOLDOWN_MAX_MS, ENDED_BOOKING_KEPT_MS, UNPAID_HOLDS_FREE,
};
use onsale_schemas::{EventId, LogTimeMs, Rejection, UserId};

use super::bookings::Booking;
use super::machine::Model;
use crate::table::Table;

/// What a user let end unpaid at one event.
#[derive(Clone, Copy, Debug)]
struct Unpaid {
    in_a_row: u8,
    last_at_ms: LogTimeMs,
    until_ms: LogTimeMs,
}

/// The users who did.
#[derive(Clone, Default, Debug)]
pub(super) struct Cooldowns(Table<(EventId, UserId), Unpaid>);

impl Cooldowns {
    fn get(&self, event: EventId, user: UserId, now: LogTimeMs) -> Option<Unpaid> {
        self.0
            .get(&(event, user))
            .copied()
            .filter(|unpaid| now.saturating_sub(unpaid.last_at_ms) < ENDED_BOOKING_KEPT_MS)
    }

    pub(super) fn clamp(&mut self, now: LogTimeMs) {
        let latest = now.saturating_add(u64::from(COOLDOWN_MAX_MS) << COOLDOWN_DOUBLINGS_MAX);
        for unpaid in self.0.values_mut() {
            unpaid.last_at_ms = unpaid.last_at_ms.min(now);
            unpaid.until_ms = unpaid.until_ms.min(latest);
        }
    }
}

impl Model {
    /// A hold ended unpaid.
    pub(super) fn note_unpaid(&mut self, booking: &Booking) {
        let cooldown_ms = self.show(booking.show).map_or(0, |show| show.cooldown_ms);
        if cooldown_ms == 0 {
            return;
        }
        let (now, key) = (self.now, (booking.event, booking.user));
        let before = self.cooldowns.get(booking.event, booking.user, now);
        let in_a_row = before
            .map_or(0, |unpaid| unpaid.in_a_row)
            .saturating_add(1)
            .min(UNPAID_HOLDS_FREE + 1 + COOLDOWN_DOUBLINGS_MAX);
        let mut until_ms = before.map_or(0, |unpaid| unpaid.until_ms);
        if let Some(doublings) = in_a_row.checked_sub(UNPAID_HOLDS_FREE + 1) {
            let wait_ms = u64::from(cooldown_ms) << doublings;
            until_ms = until_ms.max(now.saturating_add(wait_ms));
        }
        self.cooldowns.0.insert(
            key,
            Unpaid {
                in_a_row,
                last_at_ms: now,
                until_ms,
            },
        );
    }

    /// The user paid.
    pub(super) fn note_paid(&mut self, booking: &Booking) {
        self.cooldowns.0.remove(&(booking.event, booking.user));
    }

    /// Refuses a user who has to wait.
    pub(super) fn check_cooldown(&self, event: EventId, user: UserId) -> Result<(), Rejection> {
        match self.cooldowns.get(event, user, self.now) {
            Some(unpaid) if self.now < unpaid.until_ms => Err(Rejection::CoolingDown {
                until_ms: unpaid.until_ms,
            }),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use onsale_schemas::command::OpenShowV2;
    use onsale_schemas::{Command, Outcome, Rejection, TenantId};

    use crate::model::testing::{HOLD_MS, Script, confirm, reserve_general, show};

    const COOLDOWN_MS: u32 = 10_000;

    fn script() -> Script {
        let mut script = Script::new();
        script.machine(Command::Barrier { machine_version: 2 });
        script.run(Command::OpenShowV2(OpenShowV2 {
            show: show(2),
            tenant: TenantId::from_bytes([1; 16]),
            cooldown_ms: COOLDOWN_MS,
        }));
        script
    }

    fn let_one_expire(script: &mut Script) {
        script.hold(reserve_general(2, 1, 1));
        script.now += u64::from(HOLD_MS);
        script.machine(Command::Tick { epoch: 0 });
    }

    #[test]
    fn the_second_unpaid_hold_in_a_row_and_each_later_one_cost_longer() {
        let mut script = script();
        let_one_expire(&mut script);
        for (other, times) in (10..).zip([1, 2, 4, 8, 8]) {
            let_one_expire(&mut script);
            let until_ms = script.now + u64::from(COOLDOWN_MS) * times;
            let refused = Outcome::Rejected(Rejection::CoolingDown { until_ms });
            assert_eq!(script.run(reserve_general(2, 1, 1)), refused);
            // Other users and other events are not affected.
            assert_eq!(script.run(reserve_general(1, 1, 1)), refused);
            script.hold(reserve_general(2, other, 1));
            script.now = until_ms - 1;
            assert_eq!(script.run(reserve_general(2, 1, 1)), refused);
            script.now = until_ms;
        }
    }

    #[test]
    fn paying_resets_the_count() {
        let mut script = script();
        let_one_expire(&mut script);
        let booking = script.hold(reserve_general(2, 1, 1));
        script.run(confirm(booking, "p"));
        let_one_expire(&mut script);
        script.hold(reserve_general(2, 1, 1));
    }
}
