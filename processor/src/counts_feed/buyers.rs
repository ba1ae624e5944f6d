//! Tickets of buyers that were read from the store once: further reservations are added here, so that
//! a buyer with many bookings is not summed up anew for each.

use std::collections::HashMap;

use onsale_counts::UserTickets;
use onsale_schemas::{EventId, Offset, UserId};

/// Buyers that are remembered; then all are forgotten, which costs a read of each that comes again.
const BUYERS_MAX: usize = 100_000;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Buyers {
    /// The tickets of each for one event. `version`: records before it are taken into account, if
    /// they are about the buyer.
    known: HashMap<UserId, (EventId, UserTickets)>,
}

/// A hold that began.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Held {
    pub(super) event: EventId,
    pub(super) user: UserId,
    pub(super) places: u32,
    pub(super) ends_ms: u64,
}

impl Buyers {
    /// A hold began with the record at `at`.
    pub(super) fn reserved(&mut self, at: Offset, held: &Held) {
        if let Some((event, known)) = self.known.get_mut(&held.user)
            && *event == held.event
            && at >= known.version
        {
            let ends_ms = held.ends_ms;
            known.version = at + 1;
            known.tickets = known.tickets.saturating_add(held.places);
            known.until_ms = Some(known.until_ms.map_or(ends_ms, |first| first.min(ends_ms)));
        }
    }

    /// Something else happened to the buyer: only a look at all bookings shows which hold ends first
    /// now.
    pub(super) fn forget(&mut self, user: UserId) {
        self.known.remove(&user);
    }

    /// Something happened to buyers that it does not name.
    pub(super) fn forget_all(&mut self) {
        self.known.clear();
    }

    /// What was read of a buyer of whom no record from `read.version` on was seen yet.
    pub(super) fn read(&mut self, event: EventId, user: UserId, read: UserTickets) {
        if self.known.len() >= BUYERS_MAX {
            self.known.clear();
        }
        self.known.insert(user, (event, read));
    }

    /// The tickets of a buyer when every record before `version` was seen.
    pub(super) fn tickets(
        &self,
        event: EventId,
        user: UserId,
        version: Offset,
    ) -> Option<UserTickets> {
        let (of, known) = self.known.get(&user)?;
        (*of == event).then(|| UserTickets {
            version: known.version.max(version),
            ..*known
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: EventId = EventId::from_bytes([1; 16]);
    const USER: UserId = UserId::from_bytes([3; 16]);

    fn held(places: u32, ends_ms: u64) -> Held {
        Held {
            event: EVENT,
            user: USER,
            places,
            ends_ms,
        }
    }

    fn tickets(version: Offset, tickets: u32, until_ms: Option<u64>) -> UserTickets {
        UserTickets {
            version,
            tickets,
            until_ms,
        }
    }

    #[test]
    fn reservations_are_added_once_to_what_was_read() {
        let mut buyers = Buyers::default();
        buyers.reserved(4, &held(1, 50));
        assert_eq!(buyers.tickets(EVENT, USER, 5), None, "nothing was read");
        buyers.read(EVENT, USER, tickets(8, 2, None));
        buyers.reserved(7, &held(9, 10));
        let known = buyers.tickets(EVENT, USER, 5);
        assert_eq!(known, Some(tickets(8, 2, None)), "the read had seen it");
        buyers.reserved(8, &held(1, 70));
        buyers.reserved(8, &held(1, 70));
        buyers.reserved(10, &held(3, 60));
        let known = buyers.tickets(EVENT, USER, 20);
        assert_eq!(known, Some(tickets(20, 6, Some(60))));
        let other = EventId::from_bytes([9; 16]);
        assert_eq!(buyers.tickets(other, USER, 20), None);
        buyers.forget(USER);
        assert_eq!(buyers.tickets(EVENT, USER, 20), None);
    }

    #[test]
    fn its_size_is_bounded() {
        let mut buyers = Buyers::default();
        for n in 0..=u64::try_from(BUYERS_MAX).unwrap() {
            let mut bytes = [0; 16];
            bytes[..8].copy_from_slice(&n.to_le_bytes());
            buyers.read(EVENT, UserId::from_bytes(bytes), tickets(1, 1, None));
        }
        assert_eq!(buyers.known.len(), 1);
    }
}
