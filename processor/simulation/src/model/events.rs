//! What all shows of an event have in common, from machine version 2 on.

use std::collections::BTreeMap;

use onsale_schemas::command::AmendEvent;
use onsale_schemas::{EventId, Outcome, Rejection, ShowId, Staff, TenantId};

use super::machine::Model;

/// The version that knows events.
pub(super) const VERSION: u16 = 2;

/// An event.
#[derive(Clone, Default, Debug)]
pub struct Event {
    /// Most tickets per user over all its shows, once it has a limit of its own.
    pub limit: Option<u16>,
    /// Whose staff may touch it, once one of its shows said so.
    pub tenant: Option<TenantId>,
    /// True once it was cancelled.
    pub cancelled: bool,
}

/// All known events.
pub(super) type Events = BTreeMap<EventId, Event>;

/// True when the caller belongs to another tenant than the object.
fn is_foreign(by: Option<Staff>, tenant: Option<TenantId>) -> bool {
    match (by.and_then(|staff| staff.tenant), tenant) {
        (Some(asker), Some(owner)) => asker != owner,
        _ => false,
    }
}

impl Model {
    /// An event; `None` when it is unknown.
    pub fn event(&self, event: EventId) -> Option<&Event> {
        self.events.get(&event)
    }

    /// Refuses staff of other tenants than the event's.
    pub(super) fn check_event(&self, event: EventId) -> Result<(), Rejection> {
        let tenant = self.event(event).and_then(|event| event.tenant);
        if is_foreign(self.by, tenant) {
            return Err(Rejection::UnknownShow);
        }
        Ok(())
    }

    /// Refuses staff of other tenants than the show's.
    pub(super) fn check_show(&self, show: ShowId) -> Result<(), Rejection> {
        if self.is_foreign_show(show) {
            return Err(Rejection::UnknownShow);
        }
        Ok(())
    }

    /// True when the caller may not know of the show.
    pub(super) fn is_foreign_show(&self, show: ShowId) -> bool {
        let tenant = self.show(show).and_then(|show| show.tenant);
        is_foreign(self.by, tenant)
    }

    pub(super) fn is_cancelled_event(&self, event: EventId) -> bool {
        self.event(event).is_some_and(|event| event.cancelled)
    }

    pub(super) fn amend_event(&mut self, amend: &AmendEvent) -> Result<Outcome, Rejection> {
        self.check_event(amend.event)?;
        if self.is_cancelled_event(amend.event) {
            return Err(Rejection::ShowCancelled);
        }
        self.limit_event(amend.event, amend.max_tickets_per_user);
        Ok(Outcome::EventAmended {
            event: amend.event,
            max_tickets_per_user: amend.max_tickets_per_user,
        })
    }

    pub(super) fn cancel_event(&mut self, event: EventId) -> Result<Outcome, Rejection> {
        self.check_event(event)?;
        self.events.entry(event).or_default().cancelled = true;
        let shows: Vec<ShowId> = self
            .shows()
            .filter(|show| show.event() == event)
            .map(|show| show.id())
            .collect();
        for show in shows {
            self.void_show(show);
        }
        Ok(Outcome::EventCancelled { event })
    }

    /// Gives the event and all its shows a limit.
    pub(super) fn limit_event(&mut self, event: EventId, limit: u16) {
        self.events.entry(event).or_default().limit = Some(limit);
        self.users.note_limit(event, limit);
        for show in self.shows.iter_mut() {
            if show.event() == event {
                show.max_tickets_per_user = limit;
            }
        }
    }
}
