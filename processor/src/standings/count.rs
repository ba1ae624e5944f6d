//! Who was ahead of a request, as counts.

use std::collections::HashMap;

use onsale_schemas::limits::ITEMS_PER_ORDER_MAX;
use onsale_schemas::outcome::ZonePlaces;
use onsale_schemas::{
    Ahead, Command, LogTimeMs, Offset, Outcome, OutcomeRecord, Rejection, SeatIndex, ShowId,
    ZoneIndex,
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

    /// The zones whose counts a record changes; `asked` are those that its command asks places of.
    pub(super) fn zones_of(asked: &[Zone], record: &OutcomeRecord) -> Vec<Zone> {
        let mut zones = asked.to_vec();
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
            Outcome::ReservedV2(reserved) => {
                let lines = reserved.lines.iter();
                lines.for_each(|line| add((reserved.show, line.zone)));
            }
            Outcome::Released { booking, .. } => add((booking.show, booking.zone)),
            outcome => {
                if let Some((show, parts)) = given_back(outcome) {
                    parts.iter().for_each(|part| add((show, part.zone)));
                }
            }
        }
        zones
    }

    /// Takes a record into account; `asks` says whether its command asks for places of the zone.
    pub(super) fn record(&mut self, zone: Zone, asks: bool, record: &OutcomeRecord) {
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
                self.granted();
                self.taken(reserved.quantity, &reserved.seats, record.offset);
            }
            Outcome::ReservedV2(reserved) => {
                let lines = reserved.lines.iter();
                let mut lines = lines
                    .filter(|line| (reserved.show, line.zone) == zone)
                    .peekable();
                if lines.peek().is_some() {
                    self.granted();
                }
                for line in lines {
                    self.taken(line.quantity, &line.seats, record.offset);
                }
            }
            Outcome::Released { booking, .. } if (booking.show, booking.zone) == zone => {
                self.ahead.places_given_back += u64::from(booking.quantity);
            }
            // Requests from before the sale opened were ahead of no one.
            Outcome::Rejected(
                Rejection::SaleNotOpen { .. }
                | Rejection::TypeNotOnSale {
                    opens_at_ms: Some(_),
                    ..
                },
            ) => {}
            Outcome::Rejected(_) => self.ahead.requests += u64::from(asks),
            outcome => {
                if let Some((show, parts)) = given_back(outcome) {
                    let parts = parts.iter().filter(|part| (show, part.zone) == zone);
                    let places: u64 = parts.map(|part| u64::from(part.quantity)).sum();
                    self.ahead.places_given_back += places;
                }
            }
        }
    }

    fn granted(&mut self) {
        self.ahead.requests += 1;
        self.ahead.granted += 1;
    }

    fn taken(&mut self, places: u32, seats: &[SeatIndex], by: Offset) {
        self.ahead.places += u64::from(places);
        self.taken.extend(seats.iter().map(|seat| (*seat, by)));
    }

    /// The record that took a seat of the zone, if it was counted.
    fn taken_at(&self, seat: SeatIndex) -> Option<Offset> {
        self.taken.get(&seat).copied()
    }

    /// Who was ahead of a record that is not counted yet.
    fn ahead(&self, base_time: LogTimeMs, opened_at_ms: Option<LogTimeMs>) -> Ahead {
        let mut ahead = self.ahead.clone();
        let from_the_opening = opened_at_ms.is_none_or(|opens| base_time <= opens);
        ahead.complete = ahead.counted_from == 0 || from_the_opening;
        ahead
    }
}

/// A zone of a show.
pub(super) type Zone = (ShowId, ZoneIndex);

/// Places of an order that are free again, with their show.
fn given_back(outcome: &Outcome) -> Option<(ShowId, &[ZonePlaces])> {
    match outcome {
        Outcome::ReleasedV2(released) => Some((released.show, &released.parts[..])),
        Outcome::PlacesReturned(returned) => Some((returned.show, &returned.parts[..])),
        _ => None,
    }
}

/// The zones that a command asks places of, each once, in the order in which it does. One that asks for more than
/// an order may have is refused for that, and asks for no more of them here.
pub(super) fn asked_zones(command: &Command) -> Vec<Zone> {
    match command {
        Command::Reserve(reserve) => vec![(reserve.show, reserve.zone)],
        Command::ReserveV2(reserve) => {
            let mut zones = Vec::new();
            for item in reserve.items.iter().take(ITEMS_PER_ORDER_MAX) {
                let zone = (reserve.show, item.zone);
                if !zones.contains(&zone) {
                    zones.push(zone);
                }
            }
            zones
        }
        _ => Vec::new(),
    }
}

/// The zone whose requests are said to have been ahead: the one that the answer names, or else the first one that
/// was asked for.
fn decisive(asked: &[Zone], outcome: &Outcome) -> Option<Zone> {
    let named = match outcome {
        Outcome::Rejected(Rejection::InsufficientStockOf { zone, .. }) => {
            asked.iter().find(|(_, asked)| asked == zone)
        }
        _ => None,
    };
    named.or_else(|| asked.first()).copied()
}

/// Who was ahead of a request that is not counted yet, by the counts of the zones that it asks for.
pub(super) fn ahead_of<'a>(
    asked: &[Zone],
    record: &OutcomeRecord,
    count_of: impl Fn(Zone) -> Option<&'a Count>,
    base_time: LogTimeMs,
    opened_at_ms: Option<LogTimeMs>,
) -> Option<Ahead> {
    let count = count_of(decisive(asked, &record.outcome)?)?;
    let mut ahead = count.ahead(base_time, opened_at_ms);
    if let Outcome::Rejected(
        Rejection::SeatUnavailable { seats } | Rejection::SeatInOwnHold { seats, .. },
    ) = &record.outcome
    {
        // A seat is of one of the zones; which one, the answer does not say.
        let taken = |seat: &SeatIndex| {
            let mut counts = asked.iter().filter_map(|zone| count_of(*zone));
            (*seat, counts.find_map(|count| count.taken_at(*seat)))
        };
        ahead.taken_at = seats.iter().map(taken).collect();
    }
    Some(ahead)
}

#[cfg(test)]
mod tests;
