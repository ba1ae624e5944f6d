//! The counts in Redis: compared with what the engine holds, and written again from it.
//!
//! What is not there is no difference: quiet shows are not kept, and nothing but an early refusal
//! depends on it.

use std::collections::BTreeMap;

use onsale_counts::{Counts, CountsError, UserTickets, UserWrite, ZonePlaces, ZoneWrite};
use onsale_engine::{BookingState, Partition};
use onsale_schemas::{EventId, ShowId, UserId, ZoneIndex};

use super::report::{Finding, Report};

const CAUSE_AHEAD: &str =
    "the version is ahead of the log: it was written from outside, or the log was set back";
const CAUSE_BEHIND: &str = "the feed has not written this position yet, or has stopped";

impl Report {
    /// Forgets counts that are as of another position than the machine: where everything moves on
    /// while it is compared, they say nothing.
    pub(crate) fn forget_counts_of_other_positions(&mut self) {
        self.differences.retain(|difference| {
            !difference.cause.starts_with(CAUSE_AHEAD)
                && !difference.cause.starts_with(CAUSE_BEHIND)
        });
    }
}

/// Tickets of one buyer by the engine.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Tickets {
    places: u32,
    first_hold_ends_ms: Option<u64>,
}

/// What the counts should be, by a machine that stands still.
pub(super) struct EngineCounts<'a> {
    machine: &'a Partition,
    /// Every record before this offset is taken into account.
    version: u64,
    /// Everybody with a booking that the engine remembers, ended ones included.
    tickets: BTreeMap<(EventId, UserId), Tickets>,
}

impl<'a> EngineCounts<'a> {
    pub(super) fn of(machine: &'a Partition) -> Self {
        let mut tickets: BTreeMap<(EventId, UserId), Tickets> = BTreeMap::new();
        for booking in machine.bookings() {
            let buyer = tickets.entry((booking.event, booking.user)).or_default();
            match booking.state {
                BookingState::Reserved => {
                    buyer.places += booking.quantity;
                    let ends_ms = booking.expires_at_ms;
                    buyer.first_hold_ends_ms = Some(
                        buyer
                            .first_hold_ends_ms
                            .map_or(ends_ms, |first| first.min(ends_ms)),
                    );
                }
                BookingState::Confirmed => buyer.places += booking.quantity,
                BookingState::Cancelled | BookingState::Expired => {}
            }
        }
        Self {
            machine,
            version: machine.last_outcome().map_or(0, |offset| offset + 1),
            tickets,
        }
    }

    /// (available, all) places of each zone of a show that is on sale.
    fn places(&self, show: ShowId) -> Option<(EventId, Vec<(u32, u32)>)> {
        let view = self.machine.show(show).filter(|view| !view.cancelled)?;
        let zones = view.zones.iter().map(|zone| {
            let counts = zone.counts;
            let total = counts.available + counts.held + counts.sold + counts.blocked;
            (counts.available, total)
        });
        Some((view.event, zones.collect()))
    }

    /// Adds what differs to a report.
    pub(super) async fn compare(
        &self,
        counts: &Counts,
        report: &mut Report,
    ) -> Result<(), CountsError> {
        for view in self.machine.shows() {
            let Some((event, zones)) = self.places(view.show) else {
                continue;
            };
            let keys: Vec<_> = (0..)
                .zip(&zones)
                .map(|(zone, _)| (event, view.show, zone))
                .collect();
            let found = counts.read_zones(&keys).await?;
            for (((_, show_id, zone), (available, total)), found) in
                keys.iter().zip(&zones).zip(found)
            {
                let Some(found) = found else { continue };
                let (redis, version) = match &found {
                    Ok(places) if (places.available, places.total) == (*available, *total) => {
                        continue;
                    }
                    Ok(places) => (
                        format!(
                            "{} of {} as of {}",
                            places.available, places.total, places.version
                        ),
                        Some(places.version),
                    ),
                    Err(text) => (format!("{text:?}"), None),
                };
                let finding = Finding::RedisPlacesDiffer {
                    show_id: *show_id,
                    zone: *zone,
                    engine: *available,
                    redis,
                };
                report.add(self.machine.id(), finding, self.cause(version));
            }
        }
        let buyers: Vec<_> = self.tickets.keys().copied().collect();
        let found = counts.read_users(&buyers).await?;
        for (((event_id, user_id), engine), found) in self.tickets.iter().zip(found) {
            let Some(found) = found else { continue };
            let (redis, version) = match &found {
                Ok(tickets) if tickets.tickets == engine.places => continue,
                Ok(tickets) => (
                    format!("{} as of {}", tickets.tickets, tickets.version),
                    Some(tickets.version),
                ),
                Err(text) => (format!("{text:?}"), None),
            };
            let finding = Finding::RedisTicketsDiffer {
                event_id: *event_id,
                user_id: *user_id,
                engine: engine.places,
                redis,
            };
            report.add(self.machine.id(), finding, self.cause(version));
        }
        Ok(())
    }

    fn cause(&self, version: Option<u64>) -> &'static str {
        match version {
            None => "the value was written from outside",
            Some(version) if version > self.version => CAUSE_AHEAD,
            Some(version) if version < self.version => CAUSE_BEHIND,
            Some(_) => "the value was changed from outside, or the feed lost an update",
        }
    }

    /// Writes a zone's places as they are now; false when they were right by now.
    pub(super) async fn repair_places(
        &self,
        show: ShowId,
        zone: ZoneIndex,
        counts: &Counts,
    ) -> Result<bool, CountsError> {
        let Some((event, zones)) = self.places(show) else {
            return Ok(false);
        };
        let Some((available, total)) = zones.get(usize::from(zone)).copied() else {
            return Ok(false);
        };
        let found = counts.read_zones(&[(event, show, zone)]).await?;
        let users_from = match found.into_iter().next().flatten() {
            None => return Ok(false),
            Some(Ok(places))
                if (places.available, places.total) == (available, total)
                    && places.version <= self.version =>
            {
                return Ok(false);
            }
            Some(Ok(places)) => places.users_from.min(self.version),
            // Nothing can be vouched for that was written before.
            Some(Err(_)) => self.version,
        };
        let places = ZonePlaces {
            version: self.version,
            available,
            total,
            users_from,
        };
        let write = ZoneWrite {
            event,
            show,
            zone,
            places,
        };
        counts.write_zones(&[write], self.version).await?;
        Ok(true)
    }

    /// Writes a buyer's tickets as they are now; false when they were right by now.
    pub(super) async fn repair_tickets(
        &self,
        event: EventId,
        user: UserId,
        counts: &Counts,
    ) -> Result<bool, CountsError> {
        let engine = self
            .tickets
            .get(&(event, user))
            .copied()
            .unwrap_or_default();
        match counts
            .read_users(&[(event, user)])
            .await?
            .into_iter()
            .next()
            .flatten()
        {
            None => return Ok(false),
            Some(Ok(found)) if found.tickets == engine.places && found.version <= self.version => {
                return Ok(false);
            }
            Some(_) => {}
        }
        let tickets = UserTickets {
            version: self.version,
            tickets: engine.places,
            until_ms: engine.first_hold_ends_ms,
        };
        let write = UserWrite {
            event,
            user,
            tickets,
        };
        counts.write_users(&[write], self.version).await?;
        Ok(true)
    }
}
