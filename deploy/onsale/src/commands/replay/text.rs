//! Commands and outcomes as an operator reads them: seats by label, zones by name, money as money.

mod commands;
mod outcomes;
mod version_3;

use onsale_schemas::{BookingId, Offset, PartitionId, ShowId, ZoneIndex};
use serde_json::json;

use super::described::Described;
use super::names::Names;
use crate::money;

/// Puts the records of one partition into words.
pub(super) struct Teller {
    partition: PartitionId,
    names: Names,
}

impl Teller {
    pub(super) fn new(partition: PartitionId, names: Names) -> Self {
        Self { partition, names }
    }

    fn booking(&self, described: Described, booking: Offset) -> Described {
        described.with("booking", BookingId::new(self.partition, booking))
    }

    fn zone(&mut self, described: Described, show: ShowId, zone: ZoneIndex) -> Described {
        let words = self.zone_words(show, zone);
        let described = described.put("zone", json!(zone), words);
        match self.names.zone(show, zone) {
            Some(name) => described.put("zone_name", json!(name), String::new()),
            None => described,
        }
    }

    fn zone_words(&mut self, show: ShowId, zone: ZoneIndex) -> String {
        match self.names.zone(show, zone) {
            Some(name) => format!("zone {name}"),
            None => format!("zone index {zone}"),
        }
    }

    fn price(&mut self, show: ShowId, zone: ZoneIndex, minor: i64) -> String {
        match self.names.currency(show, zone) {
            Some(currency) => money::shown(minor, currency),
            None => format!("{minor} minor units"),
        }
    }

    fn seats(&mut self, described: Described, show: ShowId, seats: &[u32]) -> Described {
        let described = described.put("seats", json!(seats), String::new());
        let labels: Option<Vec<String>> = seats
            .iter()
            .map(|seat| self.names.seat(show, *seat).map(str::to_owned))
            .collect();
        match labels {
            Some(labels) => {
                let what = if labels.len() == 1 { "seat" } else { "seats" };
                let words = format!("{what} {}", labels.join(" "));
                described.put("seat_labels", json!(labels), words)
            }
            None => described.put("seats", json!(seats), index_words(seats)),
        }
    }

    fn seats_or_places(
        &mut self,
        described: Described,
        show: ShowId,
        seats: &[u32],
        quantity: u32,
    ) -> Described {
        if seats.is_empty() {
            return places(described, quantity);
        }
        self.seats(described, show, seats)
            .put("quantity", json!(quantity), String::new())
    }
}

fn places(described: Described, quantity: u32) -> Described {
    let what = if quantity == 1 { "place" } else { "places" };
    described.put("quantity", json!(quantity), format!("{quantity} {what}"))
}

fn index_words(seats: &[u32]) -> String {
    let seats: Vec<String> = seats.iter().map(u32::to_string).collect();
    let what = if seats.len() == 1 { "index" } else { "indexes" };
    format!("seat {what} {}", seats.join(" "))
}

#[cfg(test)]
mod tests {
    use onsale_schemas::command::{Currency, Pick, Reserve};
    use onsale_schemas::order::{Item, PickV2, ReserveV2};
    use onsale_schemas::seating::SeatKind;
    use onsale_schemas::{Command, Envelope, Outcome, Rejection, SeatList, UserId};

    use super::outcomes::snake;
    use super::*;
    use crate::config::Config;

    fn teller() -> (tempfile::TempDir, Teller) {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        config.data.dir = folder.path().to_owned();
        let teller = Teller::new(PartitionId(6), Names::open(&config));
        (folder, teller)
    }

    /// Without a database there are plain numbers, and never the program's identifiers.
    #[test]
    fn without_a_database_indexes_are_called_indexes() {
        let (_folder, mut teller) = teller();
        let command = Command::Reserve(Reserve {
            show: ShowId::from_bytes([1; 16]),
            user: UserId::from_bytes([2; 16]),
            zone: 0,
            pick: Pick::Seats([19, 20].into_iter().collect::<SeatList>()),
            expected_unit_price: Some(320_000),
        });
        let described = teller.command(&Envelope::machine(command.clone()));
        let text = described.to_string();
        assert!(text.contains("zone index 0, seat indexes 19 20"), "{text}");
        assert!(text.contains("320000 minor units"), "{text}");
        assert_eq!(described.json()["seats"], json!([19, 20]));
        let reserved = Outcome::Reserved(onsale_schemas::outcome::Reserved {
            booking: 3,
            show: ShowId::from_bytes([1; 16]),
            event: onsale_schemas::EventId::from_bytes([3; 16]),
            user: UserId::from_bytes([2; 16]),
            zone: 0,
            seats: [19, 20].into_iter().collect(),
            quantity: 2,
            unit_price: 320_000,
            currency: Currency(*b"THB"),
            expires_at_ms: 600_000,
        });
        let text = teller.bare_outcome(&reserved, Some(&command)).to_string();
        assert!(
            text.contains("for 6,400.00 THB, until 1970-01-01T00:10:00.000Z"),
            "{text}"
        );
        let refused = Outcome::Rejected(Rejection::PriceChanged { unit_price: 5 });
        let text = teller.bare_outcome(&refused, None).to_string();
        assert_eq!(
            text,
            "rejected  PRICE_CHANGED, the unit price is 5 minor units"
        );
        assert_eq!(snake("UnknownZone"), "unknown_zone");
    }

    #[test]
    fn orders_are_told_item_by_item() {
        let (_folder, mut teller) = teller();
        let command = Command::ReserveV2(ReserveV2 {
            show: ShowId::from_bytes([1; 16]),
            user: UserId::from_bytes([2; 16]),
            items: vec![
                Item {
                    zone: 0,
                    pick: PickV2::BestAvailable {
                        quantity: 2,
                        together: true,
                        kind: SeatKind::Accessible,
                    },
                    types: vec![(1, 2)],
                },
                Item {
                    zone: 1,
                    pick: PickV2::General { quantity: 3 },
                    types: Vec::new(),
                },
            ],
            code: None,
            expected_total: Some(5),
        });
        let described = teller.command(&Envelope::machine(command.clone()));
        let text = described.to_string();
        let items =
            "the best 2 accessible together in zone index 0 as 2 of type 1; 3 in zone index 1";
        assert!(text.contains(items), "{text}");
        assert!(text.contains("at a total of 5 minor units"), "{text}");
        assert_eq!(described.json()["items"][0]["types"], json!([[1, 2]]));
        let refused = Outcome::Rejected(Rejection::LeavesSingleSeat {
            seats: [2].into_iter().collect(),
            own: vec![9],
        });
        let text = teller.bare_outcome(&refused, Some(&command)).to_string();
        let own = BookingId::new(PartitionId(6), 9);
        assert_eq!(
            text,
            format!("rejected  LEAVES_SINGLE_SEAT, seat index 2, own {own}")
        );
    }
}
