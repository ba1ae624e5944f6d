//! What each outcome changes.

use onsale_schemas::outcome::{EndedBooking, ReleasedV2, ReservedV2, ZonePlaces};
use onsale_schemas::{Offset, Outcome, OutcomeRecord, PartitionId, ShowId, UserId};

use super::{Change, Fold};
use crate::counts_feed::buyers::Held;

impl Fold {
    pub(super) fn record(&mut self, partition: PartitionId, record: &OutcomeRecord) {
        let at = record.offset;
        for ended in &record.expired {
            self.ended(partition, at, ended);
        }
        if record.replay_of.is_some() {
            return;
        }
        let mut change = |show, zone, freed| {
            let change = Change {
                offset: at,
                zone,
                freed,
            };
            self.change(partition, show, change);
        };
        match &record.outcome {
            Outcome::Reserved(reserved) => {
                let places = i64::from(reserved.quantity);
                change(reserved.show, reserved.zone, -places);
                let held = Held {
                    event: reserved.event,
                    user: reserved.user,
                    places: reserved.quantity,
                    ends_ms: reserved.expires_at_ms,
                };
                self.buyers.reserved(at, &held);
                self.user(partition, reserved.show, reserved.user);
            }
            Outcome::ReservedV2(reserved) => self.order(partition, at, reserved),
            Outcome::Confirmed(confirmed) if confirmed.first => {
                let taken = if confirmed.revived {
                    i64::from(confirmed.quantity)
                } else {
                    0
                };
                change(confirmed.show, confirmed.zone, -taken);
                self.buyers.forget(confirmed.user);
                self.user(partition, confirmed.show, confirmed.user);
            }
            Outcome::ConfirmedV2(confirmed) if confirmed.first => {
                for part in &confirmed.parts {
                    let taken = if confirmed.revived {
                        i64::from(part.quantity)
                    } else {
                        0
                    };
                    change(confirmed.show, part.zone, -taken);
                }
                self.buyers.forget(confirmed.user);
                self.user(partition, confirmed.show, confirmed.user);
            }
            Outcome::Extended { show, user, .. } => {
                change(*show, 0, 0);
                self.buyers.forget(*user);
                self.user(partition, *show, *user);
            }
            Outcome::Released { booking, .. } => self.ended(partition, at, booking),
            Outcome::ReleasedV2(ReleasedV2 {
                show, user, parts, ..
            }) => self.freed(partition, at, (*show, *user), parts),
            Outcome::PlacesReturned(returned) => {
                let whose = (returned.show, returned.user);
                self.freed(partition, at, whose, &returned.parts);
            }
            Outcome::Blocked(block) => change(block.show, block.zone, -i64::from(block.quantity)),
            Outcome::Unblocked(block) => change(block.show, block.zone, i64::from(block.quantity)),
            // How many places there are is read with those that are free.
            Outcome::SeatsAdded { show, .. } => self.grown(partition, *show, at),
            Outcome::SeatsTaken(block) => self.grown(partition, block.show, at),
            Outcome::ShowCancelled { show } => {
                // Its bookings end without a line each: of every buyer of the event nothing is known.
                self.shows.remove(show);
                self.users_lost(partition);
            }
            Outcome::EventCancelled { .. } => {
                // Of shows that wait to be read it is not known whose they are.
                self.begin_again(partition);
                self.users_lost(partition);
            }
            // They change neither places nor tickets.
            Outcome::Confirmed(_)
            | Outcome::ConfirmedV2(_)
            | Outcome::Nothing
            | Outcome::ShowOpened { .. }
            | Outcome::ShowAmended { .. }
            | Outcome::ShowClosed { .. }
            | Outcome::Claimed { .. }
            | Outcome::BarrierPassed { .. }
            | Outcome::Rejected(_)
            | Outcome::EventAmended { .. }
            | Outcome::ReferenceClaimed(_)
            | Outcome::Described(_)
            | Outcome::ClockReset { .. }
            | Outcome::OfferSet { .. }
            | Outcome::CodesCreated { .. }
            | Outcome::CodesAmended { .. }
            | Outcome::CodesEnded { .. } => {}
        }
    }

    /// An order is held.
    fn order(&mut self, partition: PartitionId, at: Offset, reserved: &ReservedV2) {
        let mut places = 0u32;
        for line in &reserved.lines {
            let change = Change {
                offset: at,
                zone: line.zone,
                freed: -i64::from(line.quantity),
            };
            self.change(partition, reserved.show, change);
            places = places.saturating_add(line.quantity);
        }
        let held = Held {
            event: reserved.event,
            user: reserved.user,
            places,
            ends_ms: reserved.expires_at_ms,
        };
        self.buyers.reserved(at, &held);
        self.user(partition, reserved.show, reserved.user);
    }

    /// Places of an order are free again.
    fn freed(
        &mut self,
        partition: PartitionId,
        at: Offset,
        (show, user): (ShowId, UserId),
        parts: &[ZonePlaces],
    ) {
        for part in parts {
            let change = Change {
                offset: at,
                zone: part.zone,
                freed: i64::from(part.quantity),
            };
            self.change(partition, show, change);
        }
        self.buyers.forget(user);
        self.user(partition, show, user);
    }

    fn ended(&mut self, partition: PartitionId, at: Offset, ended: &EndedBooking) {
        let change = Change {
            offset: at,
            zone: ended.zone,
            freed: i64::from(ended.quantity),
        };
        self.change(partition, ended.show, change);
        self.buyers.forget(ended.user);
        self.user(partition, ended.show, ended.user);
    }
}
