//! Tickets held and owned by user and event.

use std::collections::{BTreeMap, BTreeSet};

use onsale_schemas::{EventId, UserId};

use crate::table::Table;

/// The counters.
#[derive(Clone, Default, Debug)]
pub(super) struct Users {
    pub(super) tickets: Table<(EventId, UserId), u32>,
    /// The most generous limit that any show of the event ever had; 0 is none. The invariant may
    /// rely on it even after limits changed.
    pub(super) widest_limit: BTreeMap<EventId, u16>,
    /// Users who got seats back by a late confirm, which ignores the limit.
    pub(super) revived: BTreeSet<(EventId, UserId)>,
}

impl Users {
    pub(super) fn tickets(&self, event: EventId, user: UserId) -> u32 {
        self.tickets.get(&(event, user)).copied().unwrap_or(0)
    }

    pub(super) fn add(&mut self, event: EventId, user: UserId, quantity: u32) {
        *self.tickets.entry((event, user)).or_insert(0) += quantity;
    }

    pub(super) fn subtract(&mut self, event: EventId, user: UserId, quantity: u32) {
        let left = self.tickets(event, user).saturating_sub(quantity);
        if left == 0 {
            self.tickets.remove(&(event, user));
        } else {
            self.tickets.insert((event, user), left);
        }
    }

    pub(super) fn note_limit(&mut self, event: EventId, limit: u16) {
        let widest = self.widest_limit.entry(event).or_insert(limit);
        if *widest != 0 {
            *widest = if limit == 0 { 0 } else { limit.max(*widest) };
        }
    }
}
