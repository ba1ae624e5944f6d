//! Who was ahead of a request, as counts.

use std::collections::HashMap;

use onsale_schemas::{
    Ahead, LogTimeMs, Offset, Outcome, OutcomeRecord, Rejection, SeatIndex, ShowId, ZoneIndex,
};

/// Requests and places of one zone, counted record by record.
#[derive(Debug)]
pub(super) struct Count {
    ahead: Ahead,
    taken: HashMap<SeatIndex, Offset>,
}

impl Count {
    pub(super) fn new(counted_from: Offset) -> Self {
        Self {
            ahead: Ahead {
                counted_from,
                ..Ahead::default()
            },
            taken: HashMap::new(),
        }
    }

    /// The zones whose counts a record changes; `asked` is the one that its command asks places of.
    pub(super) fn zones_of(
        asked: Option<(ShowId, ZoneIndex)>,
        record: &OutcomeRecord,
    ) -> Vec<(ShowId, ZoneIndex)> {
        let mut zones: Vec<_> = asked.into_iter().collect();
        let mut add = |zone| {
            if !zones.contains(&zone) {
                zones.push(zone);
            }
        };
        for ended in &record.expired {
            add((ended.show, ended.zone));
        }
        match &record.outcome {
            Outcome::Reserved(reserved) => add((reserved.show, reserved.zone)),
            Outcome::Released { booking, .. } => add((booking.show, booking.zone)),
            _ => {}
        }
        zones
    }

    /// Takes a record into account; `asks` says whether its command asks for places of the zone.
    pub(super) fn record(&mut self, zone: (ShowId, ZoneIndex), asks: bool, record: &OutcomeRecord) {
        for ended in &record.expired {
            if (ended.show, ended.zone) == zone {
                self.ahead.places_given_back += u64::from(ended.quantity);
            }
        }
        if record.replay_of.is_some() {
            return;
        }
        match &record.outcome {
            Outcome::Reserved(reserved) if (reserved.show, reserved.zone) == zone => {
                self.ahead.requests += 1;
                self.ahead.granted += 1;
                self.ahead.places += u64::from(reserved.quantity);
                let seats = reserved.seats.iter();
                self.taken.extend(seats.map(|seat| (*seat, record.offset)));
            }
            Outcome::Released { booking, .. } if (booking.show, booking.zone) == zone => {
                self.ahead.places_given_back += u64::from(booking.quantity);
            }
            // Requests from before the sale opened were ahead of no one.
            Outcome::Rejected(Rejection::SaleNotOpen { .. }) => {}
            Outcome::Rejected(_) => self.ahead.requests += u64::from(asks),
            _ => {}
        }
    }

    /// Who was ahead of a record that is not counted yet.
    pub(super) fn ahead(
        &self,
        record: &OutcomeRecord,
        base_time: LogTimeMs,
        opened_at_ms: Option<LogTimeMs>,
    ) -> Ahead {
        let mut ahead = self.ahead.clone();
        if let Outcome::Rejected(Rejection::SeatUnavailable { seats }) = &record.outcome {
            let taken = |seat: &SeatIndex| (*seat, self.taken.get(seat).copied());
            ahead.taken_at = seats.iter().map(taken).collect();
        }
        let from_the_opening = opened_at_ms.is_none_or(|opens| base_time <= opens);
        ahead.complete = ahead.counted_from == 0 || from_the_opening;
        ahead
    }
}
