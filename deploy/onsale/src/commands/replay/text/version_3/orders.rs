//! Orders: what is asked for, what was granted and what was given back, with seats, ticket types and amounts.

use onsale_schemas::command::Currency;
use onsale_schemas::order::{Item, PickV2, ReserveV2, ReturnPlaces};
use onsale_schemas::outcome::{Line, PlacesReturned, PriceRule, ReservedV2, ZonePlaces};
use onsale_schemas::{BookingId, SeatIndex, ShowId, TicketTypeId};
use serde_json::{Value, json};

use super::values::{item_json, item_words, lines_json};
use super::{Described, Teller, index_words, total};
use crate::{money, output};

impl Teller {
    pub(super) fn reserve_v2(&mut self, reserve: &ReserveV2) -> Described {
        let items: Vec<Value> = reserve.items.iter().map(item_json).collect();
        let words: Vec<String> = reserve
            .items
            .iter()
            .map(|item| {
                let zone = self.zone_words(reserve.show, item.zone);
                let types = self.types_words(reserve.show, item);
                format!("{} in {zone}{types}", self.item_words(reserve.show, item))
            })
            .collect();
        let mut described = Described::new("reserve").with("show", reserve.show).put(
            "items",
            json!(items),
            words.join("; "),
        );
        if let Some(code) = reserve.code {
            described = described.with("code_hash", code);
        }
        if let Some(total) = reserve.expected_total {
            let words = match reserve.items.first() {
                Some(item) => self.price(reserve.show, item.zone, total),
                None => format!("{total} minor units"),
            };
            let words = format!("at a total of {words}");
            described = described.put("expected_total", json!(total), words);
        }
        described.with("user", reserve.user)
    }

    pub(super) fn reserved_v2(&mut self, held: &ReservedV2) -> Described {
        let described = self
            .booking(Described::new("reserved"), held.booking)
            .with("show", held.show);
        let words = self.lines_words(held.show, &held.lines, held.currency);
        let described = described.put("lines", lines_json(&held.lines), words);
        let currency = held.currency.as_str();
        let fee = match held.order_fee {
            0 => String::new(),
            fee => format!("with a fee of {}", money::shown(fee, currency)),
        };
        let tax = match held.tax {
            0 => String::new(),
            tax => format!("tax of {} included", money::shown(tax, currency)),
        };
        let mut described = total(described, held.total, currency)
            .put("order_fee", json!(held.order_fee), fee)
            .put("tax", json!(held.tax), tax);
        if let Some(code) = held.code {
            described = described.with("code_hash", code);
        }
        let until = output::time(held.expires_at_ms);
        described
            .put("expires_at", json!(until), format!("until {until}"))
            .with("user", held.user)
    }

    /// The command does not name the show; the database may know the booking.
    pub(super) fn return_places(&mut self, command: &ReturnPlaces) -> Described {
        let booking = BookingId::new(self.partition, command.booking);
        let seats = match self.names.show_of(booking) {
            Some(show) => self.seats_words(show, &command.seats),
            None => index_words(&command.seats),
        };
        let lines: Vec<String> = command
            .places
            .iter()
            .map(|(line, places)| format!("{places} of line {line}"))
            .collect();
        let seats = Some(seats).filter(|_| !command.seats.is_empty());
        let words: Vec<String> = seats.into_iter().chain(lines).collect();
        self.booking(Described::new("return_places"), command.booking)
            .put("seats", json!(&command.seats[..]), words.join(", "))
            .put("places_of_lines", json!(command.places), String::new())
    }

    /// What a return has left, line by line.
    pub(super) fn left(&mut self, returned: &PlacesReturned) -> String {
        let left: Vec<Line> = returned
            .lines
            .iter()
            .filter(|line| line.quantity > 0)
            .cloned()
            .collect();
        if left.is_empty() {
            return String::new();
        }
        let words = self.lines_words(returned.show, &left, returned.currency);
        format!("left: {words}")
    }

    pub(super) fn parts(
        &mut self,
        described: Described,
        show: ShowId,
        parts: &[ZonePlaces],
    ) -> Described {
        let words: Vec<String> = parts
            .iter()
            .map(|part| {
                let zone = self.zone_words(show, part.zone);
                let seats = self.behind(show, &part.seats);
                format!("{} in {zone}{seats}", part.quantity)
            })
            .collect();
        let json: Vec<Value> = parts
            .iter()
            .map(|part| {
                json!({
                    "zone": part.zone, "seats": &part.seats[..], "quantity": part.quantity,
                })
            })
            .collect();
        described.put("parts", json!(json), words.join("; "))
    }

    fn lines_words(&mut self, show: ShowId, lines: &[Line], currency: Currency) -> String {
        let words: Vec<String> = lines
            .iter()
            .map(|line| self.line_words(show, line, currency))
            .collect();
        words.join("; ")
    }

    /// Such as `2 Adult in zone Stalls (seats A-1 A-2) at 36.72 CHF (phase Early, fee 1.00 CHF)`.
    fn line_words(&mut self, show: ShowId, line: &Line, currency: Currency) -> String {
        let zone = self.zone_words(show, line.zone);
        let seats = self.behind(show, &line.seats);
        let name = self.type_words(show, line.ticket_type);
        let shown = |amount| money::shown(amount, currency.as_str());
        let price = shown(line.unit_price);
        let mut why = Vec::new();
        if let PriceRule::Phase(id) = line.rule {
            why.push(match self.names.phase(show, id) {
                Some(name) => format!("phase {name}"),
                None => format!("phase {id}"),
            });
        }
        if let Some(id) = line.bundle {
            let off = shown(line.bundle_off);
            why.push(match self.names.bundle(show, id) {
                Some(name) => format!("bundle {name} {off} off"),
                None => format!("bundle {id} {off} off"),
            });
        }
        if line.code_off > 0 {
            why.push(format!("code {} off", shown(line.code_off)));
        }
        if line.unit_fee > 0 {
            why.push(format!("fee {}", shown(line.unit_fee)));
        }
        if line.unit_tax > 0 {
            why.push(format!("tax {} included", shown(line.unit_tax)));
        }
        let why = match why.as_slice() {
            [] => String::new(),
            why => format!(" ({})", why.join(", ")),
        };
        format!("{}{name} in {zone}{seats} at {price}{why}", line.quantity)
    }

    /// The name of a ticket type behind a number of places; nothing for the ordinary one of a show without any.
    fn type_words(&mut self, show: ShowId, id: TicketTypeId) -> String {
        match (self.names.ticket_type(show, id), id) {
            (Some(name), _) => format!(" {name}"),
            (None, 0) => String::new(),
            (None, id) => format!(" of type {id}"),
        }
    }

    /// Seats in brackets, where there are any.
    fn behind(&mut self, show: ShowId, seats: &[SeatIndex]) -> String {
        if seats.is_empty() {
            return String::new();
        }
        format!(" ({})", self.seats_words(show, seats))
    }

    /// Seats by their labels, or by their indexes where one is not known.
    fn seats_words(&mut self, show: ShowId, seats: &[SeatIndex]) -> String {
        let labels: Option<Vec<String>> = seats
            .iter()
            .map(|seat| self.names.seat(show, *seat).map(str::to_owned))
            .collect();
        match labels {
            Some(labels) => {
                let what = if labels.len() == 1 { "seat" } else { "seats" };
                format!("{what} {}", labels.join(" "))
            }
            None => index_words(seats),
        }
    }

    fn item_words(&mut self, show: ShowId, item: &Item) -> String {
        match &item.pick {
            PickV2::Seats(seats) => self.seats_words(show, seats),
            PickV2::BestAvailable { .. } | PickV2::General { .. } => item_words(item),
        }
    }

    /// How many of which ticket type, where that is said.
    fn types_words(&mut self, show: ShowId, item: &Item) -> String {
        let types: Vec<String> = item
            .types
            .iter()
            .map(|(id, places)| format!("{places}{}", self.type_words(show, *id)))
            .collect();
        if types.is_empty() {
            return String::new();
        }
        format!(" as {}", types.join(" and "))
    }
}

#[cfg(test)]
mod tests {
    use onsale_schemas::{Outcome, PartitionId, SeatList, UserId};

    use super::*;
    use crate::commands::replay::names::Names;
    use crate::config::Config;

    #[test]
    fn an_order_is_told_with_its_seats_types_and_amounts() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        config.data.dir = folder.path().to_owned();
        let mut teller = Teller::new(PartitionId(6), Names::open(&config));
        let seats: SeatList = [4, 5].into_iter().collect();
        let mut line = Line::plain(0, seats, 2, 3_672);
        line.ticket_type = 1;
        line.rule = PriceRule::Phase(3);
        (line.code_off, line.unit_fee, line.unit_tax) = (400, 100, 280);
        let held = ReservedV2 {
            booking: 3,
            show: ShowId::from_bytes([1; 16]),
            event: onsale_schemas::EventId::from_bytes([3; 16]),
            user: UserId::from_bytes([2; 16]),
            lines: vec![line, Line::plain(1, SeatList::new(), 1, 1_000)],
            order_fee: 150,
            order_fee_tax: 0,
            total: 8_694,
            tax: 560,
            currency: Currency(*b"CHF"),
            code: None,
            expires_at_ms: 600_000,
        };
        let outcome = Outcome::ReservedV2(Box::new(held));
        let text = teller.bare_outcome(&outcome, None).to_string();
        for part in [
            "2 of type 1 in zone index 0 (seat indexes 4 5) at 36.72 CHF (phase 3, code 4.00 CHF off, \
             fee 1.00 CHF, tax 2.80 CHF included)",
            "; 1 in zone index 1 at 10.00 CHF",
            "with a fee of 1.50 CHF",
            "tax of 5.60 CHF included",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    #[test]
    fn a_return_tells_what_is_asked_for_and_what_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        config.data.dir = folder.path().to_owned();
        let mut teller = Teller::new(PartitionId(6), Names::open(&config));
        let command = ReturnPlaces {
            booking: 3,
            seats: [4].into_iter().collect(),
            places: vec![(1, 2)],
        };
        let text = teller.return_places(&command).to_string();
        assert!(text.contains("seat index 4, 2 of line 1"), "{text}");
    }
}
