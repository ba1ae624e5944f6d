//! What outcomes change of shows, events and codes, and which places are blocked.

use onsale_schemas::outcome::BlockChange;
use onsale_schemas::{Outcome, OutcomeRecord, ShowId};

use super::super::{CatalogStep, CodesSaid, CodesStep, Grown, ShowEvent, ShowStep};
use super::Fold;

impl Fold {
    /// An answer of an earlier record again: what was written down under its request counts no more.
    pub(super) fn repeat(&mut self, record: &OutcomeRecord) {
        match (&record.outcome, record.request_id) {
            (
                Outcome::ShowAmended { show }
                | Outcome::SeatsAdded { show, .. }
                | Outcome::OfferSet { show },
                Some(id),
            ) => {
                self.step(*show, ShowEvent::AmendedBefore(id), record);
            }
            (Outcome::EventAmended { .. } | Outcome::EventCancelled { .. }, Some(id)) => {
                self.catalog.push(CatalogStep::EventChangedBefore(id));
            }
            (
                Outcome::CodesCreated { .. }
                | Outcome::CodesAmended { .. }
                | Outcome::CodesEnded { .. },
                Some(id),
            ) => self.catalog.push(CatalogStep::CodesChangedBefore(id)),
            _ => {}
        }
    }

    /// The codes of a show have changed; without an id nothing was written down of it.
    pub(super) fn codes(&mut self, show: ShowId, said: CodesSaid, record: &OutcomeRecord) {
        self.catalog.push(CatalogStep::Codes(CodesStep {
            show,
            said,
            request: record.request_id,
            at_ms: record.log_time_ms,
            offset: record.offset,
        }));
    }

    pub(super) fn step(&mut self, show: ShowId, event: ShowEvent, record: &OutcomeRecord) {
        self.catalog.push(CatalogStep::Show(ShowStep {
            show,
            event,
            at_ms: record.log_time_ms,
            offset: record.offset,
        }));
    }

    pub(super) fn block(&mut self, change: &BlockChange, blocked: bool) {
        if change.seats.is_empty() {
            let quantity = i64::from(change.quantity);
            *self
                .blocked_quantities
                .entry((change.show, change.zone))
                .or_default() += if blocked { quantity } else { -quantity };
        } else {
            for seat in change.seats.iter() {
                self.blocks.insert((change.show, *seat), blocked);
            }
        }
    }

    /// A show gets or loses places.
    pub(super) fn change_places(&mut self, record: &OutcomeRecord) {
        match &record.outcome {
            Outcome::SeatsAdded {
                show,
                zone,
                first_seat,
                places,
            } => {
                let grown = Grown {
                    request: record.request_id,
                    zone: *zone,
                    first_seat: *first_seat,
                    places: *places,
                };
                self.step(*show, ShowEvent::Grown(grown), record);
            }
            Outcome::SeatsTaken(change) => {
                // What was blocked before is gone now, and blocked no more.
                for seat in change.seats.iter() {
                    self.blocks.insert((change.show, *seat), false);
                }
                let taken = Box::new(change.clone());
                let step = CatalogStep::PlacesTaken(taken, record.offset);
                self.catalog.push(step);
            }
            _ => {}
        }
    }
}
